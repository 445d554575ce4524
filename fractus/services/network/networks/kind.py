"""Networks, declared (neutron_lib.api.definitions.network and the extensions that are served)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from fractus.auth.base_rules import NEUTRON_ADMIN, NEUTRON_ADMIN_OR_MEMBER
from fractus.auth.policy import RuleDefault
from fractus.model.carried import CARRIED, OURS, carried
from fractus.model.network import EXTERNAL_TO, SHARED_WITH
from fractus.model.network import NETWORK as VOCABULARY
from fractus.model.resource import Presence, Resource
from fractus.services.field import Field, Match, named
from fractus.services.kind import Default, Kind, table_of
from fractus.services.network.dialect import kind as neutron
from fractus.services.network.dialect.schema import dns, values
from fractus.services.network.dialect.schema.attributes import read_only, standard
from fractus.services.network.dialect.schema.errors import conflict
from fractus.services.network.dialect.schema.outside import is_clouds_own
from fractus.services.network.dialect.schema.qos import QOS_POLICY, qos_needs
from fractus.services.network.dialect.schema.zones import HINTS
from fractus.services.network.dialect.table import external_to, shared_with, standard_columns

#: What Neutron says of a VXLAN network in the usual set-up; shown until a cloud has said its own.
DEFAULT_MTU = 1450
IS_DEFAULT = "is_default"
"""Whether it is the external network of topologies that are allocated for projects."""
_VISIBLE = "rule:shared or rule:external or rule:context_is_advsvc"
#: Which wires a network has: here none has those that a list asks for.
_NONE = Match("id", how="none")
_wire = partial(
    neutron.clouds_own, rule=NEUTRON_ADMIN, why="each cloud chooses the wires of its networks itself"
)


def _derived(resource: Resource, presences: Sequence[Presence]) -> Mapping[str, Any]:
    """The MTU asked for, or the smallest that any of its clouds has: what fits through everywhere."""
    scopes = resource.desired.get("address_scopes", {})
    there = [one for one in presences if one.wanted and one.remote_id is not None]
    known = [seen["mtu"] for one in there if (seen := one.observed) and seen.get("mtu")]
    return {
        "mtu": int(resource.desired["mtu"]) or min(known, default=DEFAULT_MTU),
        "availability_zones": sorted(one.cloud for one in there),
        "ipv4_address_scope": scopes.get("4"),
        "ipv6_address_scope": scopes.get("6"),
    }


FIELDS = named([
    *standard(tags_on_create=True),
    neutron.NAME,
    Field("subnets", desired="subnets", show=sorted),
    neutron.switch("admin_state_up", default=True, sort=True),
    read_only("status", "status"),
    neutron.switch("shared", rule=NEUTRON_ADMIN),
    neutron.switch(
        "router:external", column="external", rule=NEUTRON_ADMIN,
        carried=CARRIED, why="those of the clouds are taken over besides, and stay as they are",
    ),
    neutron.switch(
        IS_DEFAULT, rule=NEUTRON_ADMIN, carried=OURS, why="topologies that are allocated for a project lead there",
    ),
    neutron.amount("mtu", carried=CARRIED, why="0 leaves it to the cloud"),
    neutron.switch("port_security_enabled", default=True, column="", rule=NEUTRON_ADMIN_OR_MEMBER),
    QOS_POLICY,
    Field(
        "dns_domain", post=True, put=True, default="", convert=dns.canonical, check=dns.domain, carried=CARRIED,
    ),
    HINTS,
    *(read_only(name) for name in ("availability_zones", "ipv4_address_scope", "ipv6_address_scope")),
    _wire("provider:network_type", check=values.string(32), match=_NONE),
    _wire("provider:physical_network", check=values.string(64), match=_NONE),
    _wire("provider:segmentation_id", convert=values.to_int, match=Match("id", values.to_int, "none")),
    _wire("segments"),
])  # fmt: skip

KIND = Kind(
    name="network",
    service="network",
    collection="networks",
    extensions=("external-net", "net-mtu", "net-mtu-writable", "network_availability_zone"),
    fields=FIELDS,
    parts=(carried("RBAC policies", "each cloud is sent the projects that use it there"),),
    table=table_of(
        "network", FIELDS, *standard_columns(), shared_with(), external_to(),
        order=("shared", "external"), younger=(SHARED_WITH, IS_DEFAULT, EXTERNAL_TO),
    ),
    default=Default(
        among=lambda _network: {"external": True},
        taken=lambda _network, there: conflict(
            f"A default external network already exists: {there}.", "DefaultExternalNetworkExists"
        ),
    ),
    summarise=neutron.OutsideDocuments(
        FIELDS, derived=_derived, status=neutron.active, only_of={IS_DEFAULT: "router:external"}
    ),
    scope=neutron.own_or("shared", "external", by_name=True),
    target=neutron.network_target,
    rules=(
        RuleDefault("external", "field:networks:router:external=True", "The network leads outside."),
        *neutron.rules("network", FIELDS, visible_to=f"rule:service_api or {_VISIBLE}", read_tags=_VISIBLE),
    ),
    costs=neutron.cost("network"),
    needs=lambda network: qos_needs(network.desired),
    needs_from=frozenset({QOS_POLICY.key}),
    is_clouds_own=is_clouds_own,
    vocabulary=VOCABULARY,
)  # fmt: skip
