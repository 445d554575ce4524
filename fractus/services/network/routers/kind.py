"""Routers, declared (neutron_lib.api.definitions.l3 and the extensions that are served)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from msgspec import UNSET
from sqlalchemy import Index

from fractus.auth.base_rules import (
    NEUTRON_ADMIN,
    NEUTRON_ADMIN_OR_MEMBER,
    NEUTRON_ADMIN_OR_PARENT_OWNER_MEMBER,
    NEUTRON_ADMIN_OR_PARENT_OWNER_READER,
)
from fractus.auth.policy import RuleDefault
from fractus.model.carried import CARRIED, REFUSED, carried
from fractus.model.network import MADE_HERE
from fractus.model.resource import IF_PRESENT, Need, Presence, Resource
from fractus.model.routers import ROUTER as VOCABULARY
from fractus.model.routers import SHOWN_GATEWAY
from fractus.services.field import Field, Match, flag, named, text
from fractus.services.kind import Kind, table_of
from fractus.services.network.dialect import kind as neutron
from fractus.services.network.dialect.schema import values
from fractus.services.network.dialect.schema.addresses import routes_in_order
from fractus.services.network.dialect.schema.attributes import read_only, standard, stated
from fractus.services.network.dialect.schema.outside import Given
from fractus.services.network.dialect.schema.zones import HINTS
from fractus.services.network.dialect.table import standard_columns
from fractus.services.network.dialect.view import is_refused_everywhere
from fractus.services.network.routers import schema
from fractus.services.network.routers.schema.conntrack_helpers import HELPERS, in_document

ADMINS = "get_router:distributed"
"""The rule of those who see what sort of router it is. Upstream `get_router:ha` has the same default."""


GATEWAY_INFO = "external_gateway_info"


def gateway_holder(router_id: str) -> str:
    """As which a router holds its addresses outside."""
    return f"router/{router_id}"


def kept(given: Iterable[Given]) -> list[dict[str, str]]:
    """Addresses outside as they are kept: with the cloud whose gateway has them."""
    return [{"subnet_id": one.subnet_id, "ip_address": one.ip, "cloud": one.cloud} for one in given]


def addresses_of(gateway: Mapping[str, Any]) -> list[dict[str, str]]:
    """The addresses outside that are kept of a gateway. Code of before kept what was asked for, of which a part may be
    missing: that is no address.
    """
    every = gateway.get("external_fixed_ips", ())
    return [one for one in every if one.get("subnet_id") and one.get("ip_address")]


def in_cloud(addresses: Iterable[Mapping[str, str]], cloud: str) -> list[dict[str, str]]:
    """Those of a gateway, which are in this cloud from now on where they were in none."""
    return [{**one, "cloud": cloud} if one.get("cloud") == "" else dict(one) for one in addresses]


def by_cloud(gateway: Mapping[str, Any] | None) -> list[list[dict[str, str]]]:
    """The addresses that a gateway has, those of one cloud together, the oldest first."""
    held: dict[str, list[dict[str, str]]] = {}
    for one in addresses_of(gateway) if gateway else ():
        shown = {name: one[name] for name in ("subnet_id", "ip_address")}
        held.setdefault(one.get("cloud", ""), []).append(shown)
    return list(held.values())


def needs(router: Resource) -> list[Need]:
    """It is wherever one of its subnets is; where its external network is too, it has a gateway. An external network
    that was made through us comes there with it.
    """
    desired = router.desired
    found = [Need("subnet", id, mode=IF_PRESENT) for id in desired["subnets"]]
    gateway = desired["external_gateway_info"]
    if not gateway:
        return found
    if not gateway.get(MADE_HERE):
        return [*found, Need("network", gateway["network_id"], mode=IF_PRESENT)]
    outside = dict.fromkeys(one["subnet_id"] for one in addresses_of(gateway))
    found += [Need("subnet", id) for id in outside if id not in desired["subnets"]]
    return [*found, Need("network", gateway["network_id"])]


def _sort(name: str) -> Field:
    """What sort of router it is: None leaves it to the clouds."""
    return Field(
        name, post=True, put=True, default=UNSET, convert=schema.to_boolean_or_none, rule=NEUTRON_ADMIN,
        carried=CARRIED, why="not said, each cloud chooses",
    )  # fmt: skip


def _gateways(resource: Resource, presences: Sequence[Presence]) -> list[dict[str, Any]]:
    """A gateway for each cloud where it has an address, the oldest first; one without, where there is none."""
    wanted = resource.desired["external_gateway_info"]
    if not wanted:
        return []
    bare = {"network_id": wanted["network_id"], "enable_snat": wanted["enable_snat"]}
    if held := by_cloud(wanted):
        return [{**bare, "external_fixed_ips": ips} for ips in held]
    there = [one.memory.get(SHOWN_GATEWAY) for one in presences if one.wanted]
    given = [
        {**bare, "external_fixed_ips": one["external_fixed_ips"]}
        for one in there
        if one and one["network_id"] == bare["network_id"]
    ]
    return given or [{**bare, "external_fixed_ips": []}]


def _derived(resource: Resource, presences: Sequence[Presence]) -> Mapping[str, Any]:
    gateways = _gateways(resource, presences)
    observed = [one.observed for one in presences if one.wanted and one.observed]
    return {
        "external_gateway_info": gateways[0] if gateways else None,
        **({"external_gateways": gateways} if gateways[1:] else {}),
        "availability_zones": sorted(one.cloud for one in presences if one.wanted and one.remote_id),
        "enable_ndp_proxy": bool(gateways) and any(one.get("enable_ndp_proxy") for one in observed),
        **{name: _said(resource, name, observed) for name in ("distributed", "ha")},
    }


def _said(resource: Resource, name: str, observed: Sequence[Mapping[str, Any]]) -> bool:
    asked = resource.desired[name]
    return any(one.get(name) for one in observed) if asked is None else bool(asked)


def _status(_resource: Resource, presences: Sequence[Presence]) -> str:
    """Its clouds'; what is nowhere yet is ACTIVE as soon as it is asked for, as in Neutron."""
    there = list(presences)
    if is_refused_everywhere(there):
        return "ERROR"
    states = {str(one.observed.get("status") or "ACTIVE") for one in there if one.wanted and one.observed}
    return next(iter(sorted(states - {"ACTIVE"})), "ACTIVE")


FIELDS = named([
    *standard(tags_on_create=False),
    neutron.NAME,
    neutron.switch("admin_state_up", default=True, sort=True),
    Field("status", sort="status"),
    Field(
        "external_gateway_info", post=True, put=True, default=None, bound=stated("external_gateway_info"),
        convert=schema.to_gateway, check=schema.gateway,
        rule=NEUTRON_ADMIN_OR_MEMBER, column=text("gateway_network_id", 36, lambda one: one["network_id"]),
        carried=CARRIED, why="a gateway in each cloud where the router and its external network are",
    ),
    Field(
        "routes", put=True, default=UNSET, convert=values.to_list, bound=stated("routes"), check=values.host_routes,
        show=routes_in_order, carried=CARRIED,
        why="each to the clouds where its next hop is on a network of the router",
    ),
    _sort("distributed"),
    _sort("ha"),
    neutron.clouds_own(
        "enable_ndp_proxy", convert=schema.to_boolean_or_none, foreign=bool,
        match=Match("enable_ndp_proxy", values.to_boolean), column=flag("enable_ndp_proxy"),
        why="NDP proxies need networks in an address scope, and those are in no cloud",
    ),
    Field(
        "flavor_id", post=True, default=UNSET, sort="flavor_id", column=text("flavor_id", 36),
        carried=REFUSED, why="Neutron has no way to change it; each cloud is sent the sort that it stands for",
    ),
    HINTS,
    read_only("availability_zones"),
    Field(HELPERS, desired=HELPERS, show=in_document),
])  # fmt: skip

_ACTIONS = ("add_router_interface", "remove_router_interface", "add_extraroutes", "remove_extraroutes")
_GATEWAY_RULES = (
    ("network_id", NEUTRON_ADMIN_OR_MEMBER),
    ("enable_snat", NEUTRON_ADMIN),
    ("external_fixed_ips", NEUTRON_ADMIN),
)

KIND = Kind(
    name="router",
    service="network",
    collection="routers",
    extensions=(
        "router", "ext-gw-mode", "extraroute", "extraroute-atomic", "dvr", "l3-flavors", "l3-ha",
        "router_availability_zone", "router-admin-state-down-before-update", "l3-port-ip-change-not-allowed",
        "l3-conntrack-helper", "expose-l3-conntrack-helper", "l3-ext-ndp-proxy",
    ),
    parts=(carried(HELPERS, "to each cloud where the router is"),),
    fields=FIELDS,
    table=table_of(
        "router", FIELDS, *standard_columns(), Index("router_by_gateway", "gateway_network_id"),
        younger=("flavor_id", "enable_ndp_proxy"),
    ),
    summarise=neutron.Documents(
        FIELDS,
        derived=_derived,
        status=_status,
        privileged=("distributed", "ha"),
    ),
    scope=neutron.own,
    target=neutron.target,
    rules=(
        *neutron.rules("router", FIELDS),
        *(
            RuleDefault(f"{verb}_router:external_gateway_info:{key}", rule, f"Give `{key}` of a gateway.")
            for verb in ("create", "update")
            for key, rule in _GATEWAY_RULES
        ),
        RuleDefault(ADMINS, NEUTRON_ADMIN, "See whether a router is distributed."),
        RuleDefault("get_router:ha", NEUTRON_ADMIN, "See whether a router is highly available."),
        *(
            RuleDefault(name, NEUTRON_ADMIN_OR_MEMBER, f"{name.replace('_', ' ').capitalize()} of a router.")
            for name in _ACTIONS
        ),
        *(
            RuleDefault(
                f"{verb}_router_conntrack_helper",
                NEUTRON_ADMIN_OR_PARENT_OWNER_READER if verb == "get" else NEUTRON_ADMIN_OR_PARENT_OWNER_MEMBER,
                f"{verb.capitalize()} conntrack helpers of a router.",
            )
            for verb in ("create", "get", "update", "delete")
        ),
    ),
    costs=neutron.cost("router"),
    needs=needs,
    vocabulary=VOCABULARY,
)  # fmt: skip
