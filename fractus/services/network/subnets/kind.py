"""Subnets, declared (neutron_lib.api.definitions.subnet and the extensions that are served)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import UNSET
from sqlalchemy import Boolean, Column, Index

from fractus.auth.base_rules import (
    NEUTRON_ADMIN,
    NEUTRON_ADMIN_OR_NET_OWNER_MEMBER,
    NEUTRON_ADMIN_OR_NET_OWNER_READER,
)
from fractus.auth.policy import RuleDefault
from fractus.model.carried import CARRIED, OURS
from fractus.model.network import EXTERNAL_TO, SHARED_WITH
from fractus.model.network import SUBNET as VOCABULARY
from fractus.model.resource import Need, Presence, Resource
from fractus.services.field import Field, Match, flag, named, text
from fractus.services.kind import Kind, column, table_of
from fractus.services.network.dialect import kind as neutron
from fractus.services.network.dialect.schema import values
from fractus.services.network.dialect.schema.addresses import routes_in_order
from fractus.services.network.dialect.schema.attributes import exhausted, standard, stated
from fractus.services.network.dialect.table import external_to, shared_with, standard_columns
from fractus.services.network.dialect.view import among
from fractus.services.network.subnets import schema

#: Neutron's own defaults of `max_dns_nameservers` and `max_subnet_host_routes`.
NAMESERVERS, ROUTES = 5, 20

#: Whether its network is external; NULL where a process of before wrote it.
_EXTERNAL = Column("external", Boolean, nullable=True)

SEGMENT = "get_subnet:segment_id"
"""The rule of those who see of which segment a subnet is."""

_OWNER = "role:member and project_id:%(project_id)s"
_VISIBLE = f"rule:shared or rule:external_network or {NEUTRON_ADMIN_OR_NET_OWNER_READER}"


def _mode(name: str) -> Field:
    modes = ("dhcpv6-stateful", "dhcpv6-stateless", "slaac", None)
    return Field(
        name, post=True, default=None, check=values.one_of(modes), match=Match(name), sort=name, column=text(name, 32)
    )  # fmt: skip


def _derived(_resource: Resource, presences: Sequence[Presence]) -> Mapping[str, Any]:
    """Of which segment it is in its cloud: only a subnet that is the cloud's own is of one."""
    there = (one.observed for one in presences if one.wanted and one.observed)
    return {"segment_id": next((seen["segment_id"] for seen in there if seen.get("segment_id")), None)}


def _target(resource: Resource) -> dict[str, Any]:
    return {
        **neutron.target(resource),
        "network:project_id": resource.desired["network_project_id"],
        "router:external": bool(resource.desired.get("external")),
        EXTERNAL_TO: resource.desired.get(EXTERNAL_TO),
    }


FIELDS = named([
    *standard(tags_on_create=True),
    neutron.NAME,
    neutron.IP_VERSION,
    neutron.reference("network_id"),
    neutron.reference(
        "subnetpool_id", default=None,
        check=lambda value: None if value == "prefix_delegation" else values.uuid_or_none(value),
    ),
    Field("use_default_subnetpool", post=True, default=False, convert=values.to_boolean, desired=""),
    Field("prefixlen", post=True, default=UNSET, convert=values.to_int, check=values.not_negative, desired=""),
    Field(
        "cidr", post=True, default=UNSET,
        convert=values.canonical_cidr_or_none, check=values.subnet_or_none,
        match=Match("cidr", values.canonical_network), sort="cidr", column=text("cidr", 64),
    ),
    Field(
        "gateway_ip", post=True, put=True, default=UNSET, convert=values.canonical_ip, check=values.ip_address_or_none,
        match=Match("gateway_ip", values.canonical_ip), sort="gateway_ip", column=text("gateway_ip", 64),
        carried=CARRIED,
    ),
    Field(
        "allocation_pools", post=True, put=True, default=UNSET, convert=values.canonical_pools,
        bound=stated("allocation_pools"), check=values.pools, carried=OURS,
        why="addresses are given out here, and a cloud has only the few that its DHCP needs; kept there for a rebuild",
    ),
    Field(
        "dns_nameservers", post=True, put=True, default=[], convert=values.to_list, check=values.nameservers,
        bound=exhausted(NAMESERVERS, "DNS nameservers", "DNSNameServersExhausted"), carried=CARRIED,
    ),
    Field(
        "host_routes", post=True, put=True, default=[], convert=values.to_list, check=values.host_routes,
        bound=exhausted(ROUTES, "host routes", "HostRoutesExhausted"), carried=CARRIED, show=routes_in_order,
    ),
    neutron.switch("enable_dhcp", default=True, sort=True),
    Field(
        "service_types", post=True, put=True, default=[], convert=schema.to_service_types,
        bound=stated("service_types"), check=schema.service_types,
        column=text("service_types", schema.SERVICE_TYPES_SIZE, among),
        carried=OURS, why="addresses are given out here, by these; a cloud knows no owner of a port that it is sent",
    ),
    _mode("ipv6_ra_mode"),
    _mode("ipv6_address_mode"),
    neutron.clouds_own(
        "segment_id", rule=NEUTRON_ADMIN, check=values.uuid_or_none, match=Match("segment_id"), sort="segment_id",
        column=text("segment_id", 36), foreign=lambda given: given is not None,
        why="each cloud has segments of its own, and a subnet is in several",
    ),
    Field("shared", desired="shared", shown="", match=Match("shared", values.to_boolean), column=flag("shared")),
    Field("router:external", desired="external", show=bool, match=Match("external", values.to_boolean, "flag")),
])  # fmt: skip

KIND = Kind(
    name="subnet",
    service="network",
    collection="subnets",
    extensions=("subnet-external-network", "subnet-service-types"),
    fields=FIELDS,
    table=table_of(
        "subnet", FIELDS, column(neutron.NETWORK_PROJECT), *standard_columns(), shared_with(), _EXTERNAL, external_to(),
        Index("subnet_by_network", "network_id"), Index("subnet_by_pool", "subnetpool_id"),
        order=(
            "network_id", "network_project_id", "shared", "ip_version", "cidr", "gateway_ip", "enable_dhcp",
            "ipv6_ra_mode", "ipv6_address_mode",
        ),
        younger=(SHARED_WITH, _EXTERNAL.name, EXTERNAL_TO, "service_types", "segment_id"),
    ),
    summarise=neutron.OutsideDocuments(
        FIELDS, born=0, derived=_derived, privileged=("segment_id",),
        columns=(neutron.NETWORK_PROJECT, flag("external")),
        order=(
            "network_id", "ip_version", "enable_dhcp", "ipv6_ra_mode", "ipv6_address_mode", "gateway_ip", "cidr",
            "allocation_pools", "host_routes", "dns_nameservers", "subnetpool_id", "router:external", "service_types",
        ),
    ),
    scope=neutron.own_or("shared", "external", by_name=True, owners=neutron.ON_NETWORK),
    target=_target,
    rules=(
        RuleDefault("external_network", "field:subnets:router:external=True", "The subnet leads outside."),
        RuleDefault(SEGMENT, NEUTRON_ADMIN, "See of which segment a subnet is."),
        *neutron.rules(
            "subnet", FIELDS,
            create=NEUTRON_ADMIN_OR_NET_OWNER_MEMBER, write=f"{_OWNER} or {NEUTRON_ADMIN_OR_NET_OWNER_MEMBER}",
            read="role:reader and project_id:%(project_id)s", visible_to=f"{_VISIBLE} or rule:service_api",
            read_tags=_VISIBLE,
        ),
    ),
    costs=neutron.cost("subnet"),
    needs=lambda subnet: [Need("network", subnet.desired["network_id"])],
    needs_from=frozenset({"network_id"}),
    vocabulary=VOCABULARY,
)  # fmt: skip
