"""Networks, declared (neutron_lib.api.definitions.network and the extensions that are served)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import UNSET, structs

from fractus.auth.base_rules import NEUTRON_ADMIN, NEUTRON_ADMIN_OR_MEMBER
from fractus.auth.policy import RuleDefault
from fractus.model.carried import CARRIED, OURS, REFUSED, carried
from fractus.model.network import EXTERNAL_TO, SHARED_WITH
from fractus.model.network import NETWORK as VOCABULARY
from fractus.model.resource import Presence, Resource, Summary
from fractus.services.field import Field, Match, named, number, text
from fractus.services.kind import Default, Kind, table_of
from fractus.services.network.dialect import kind as neutron
from fractus.services.network.dialect.schema import dns, values
from fractus.services.network.dialect.schema.attributes import read_only, standard, stated
from fractus.services.network.dialect.schema.errors import conflict
from fractus.services.network.dialect.schema.outside import is_clouds_own
from fractus.services.network.dialect.schema.qos import QOS_POLICY, qos_needs
from fractus.services.network.dialect.schema.zones import HINTS
from fractus.services.network.dialect.table import external_to, shared_with, standard_columns
from fractus.services.network.networks import schema as providers

#: What Neutron says of a VXLAN network in the usual set-up; shown until a cloud has said its own.
DEFAULT_MTU = 1450
IS_DEFAULT = "is_default"
"""Whether it is the external network of topologies that are allocated for projects."""
_VISIBLE = "rule:shared or rule:external or rule:context_is_advsvc"
SEES_SEGMENTS = "get_network:provider:network_type"
"""The rule of those who see the provider attributes of a network."""
_SEGMENT = {
    providers.TYPE: text("network_type", 32),
    providers.PHYSICAL: text("physical_network", 64),
    providers.ID: number("segmentation_id", -1),
}


def _provider(name: str, **more: Any) -> Field:
    """A provider attribute: said once, when the network is made."""
    return Field(
        name, post=True, put=True, default=UNSET, rule=NEUTRON_ADMIN, shown="", carried=REFUSED,
        why="said when it is made, to the cloud of its zone; Neutron changes no more than the number of a VLAN", **more,
    )  # fmt: skip


class _Documents(neutron.OutsideDocuments):
    """With its provider attributes apart, for administrators; those of its first segment in columns."""

    def __call__(self, resource: Resource, presences: Sequence[Presence] = ()) -> Summary:
        """As of all kinds."""
        summary = super().__call__(resource, presences)
        found = providers.shown(resource, presences)
        first = found[providers.SEGMENTS][0] if providers.SEGMENTS in found else found
        columns = {one.name: one.of(first[name]) for name, one in _SEGMENT.items()}
        return structs.replace(summary, extra=found, columns={**summary.columns, **columns})


def _derived(resource: Resource, presences: Sequence[Presence]) -> Mapping[str, Any]:
    """The MTU asked for, or the smallest that any of its clouds has: what fits through everywhere."""
    scopes = resource.desired.get("address_scopes", {})
    there = [one for one in presences if one.wanted and one.remote_id is not None]
    known = [seen["mtu"] for one in there if (seen := one.observed) and seen.get("mtu")]
    return {
        "l2_adjacency": all(seen.get("l2_adjacency") is not False for one in there if (seen := one.observed)),
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
    *(read_only(name) for name in ("availability_zones", "ipv4_address_scope", "ipv6_address_scope", "l2_adjacency")),
    _provider(
        providers.TYPE, desired="network_type", check=values.string(32),
        match=Match("network_type"), column=_SEGMENT[providers.TYPE],
    ),
    _provider(
        providers.PHYSICAL, desired="physical_network", check=values.string(64),
        match=Match("physical_network"), column=_SEGMENT[providers.PHYSICAL],
    ),
    _provider(
        providers.ID, desired="segmentation_id", convert=values.to_int,
        match=Match("segmentation_id", values.to_int), column=_SEGMENT[providers.ID],
    ),
    _provider(providers.SEGMENTS, convert=providers.to_segments, bound=stated("segments"), check=providers.segments),
])  # fmt: skip

KIND = Kind(
    name="network",
    service="network",
    collection="networks",
    extensions=(
        "external-net", "l2_adjacency", "multi-provider", "net-mtu", "net-mtu-writable",
        "network_availability_zone", "provider",
    ),
    fields=FIELDS,
    parts=(carried("RBAC policies", "each cloud is sent the projects that use it there"),),
    table=table_of(
        "network", FIELDS, *standard_columns(), shared_with(), external_to(),
        order=("shared", "external"),
        younger=(SHARED_WITH, IS_DEFAULT, EXTERNAL_TO, *(one.name for one in _SEGMENT.values())),
    ),
    default=Default(
        among=lambda _network: {"external": True},
        taken=lambda _network, there: conflict(
            f"A default external network already exists: {there}.", "DefaultExternalNetworkExists"
        ),
    ),
    summarise=_Documents(
        FIELDS, derived=_derived, status=neutron.active, only_of={IS_DEFAULT: "router:external"}
    ),
    scope=neutron.own_or("shared", "external", by_name=True),
    target=neutron.network_target,
    rules=(
        RuleDefault("external", "field:networks:router:external=True", "The network leads outside."),
        *(
            RuleDefault(f"get_network:{name}", NEUTRON_ADMIN, f"See `{name}` of a network.")
            for name in (*providers.ATTRIBUTES, providers.SEGMENTS)
        ),
        *neutron.rules("network", FIELDS, visible_to=f"rule:service_api or {_VISIBLE}", read_tags=_VISIBLE),
    ),
    costs=neutron.cost("network"),
    needs=lambda network: qos_needs(network.desired),
    needs_from=frozenset({QOS_POLICY.key}),
    is_clouds_own=is_clouds_own,
    vocabulary=VOCABULARY,
)  # fmt: skip
