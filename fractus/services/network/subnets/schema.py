"""What of a request about subnets fits together (neutron.db.db_base_plugin_v2, in its order). Pure."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping
from typing import Any

from msgspec import UNSET

from fractus.addressing import ranges
from fractus.addressing.ranges import Network, Range
from fractus.model.resource import Resource
from fractus.services.network.dialect.schema import addresses
from fractus.services.network.dialect.schema.attributes import Item
from fractus.services.network.dialect.schema.errors import (
    apart,
    bad_request,
    conflict,
    invalid,
    invalid_input,
    malformed,
)

NO_DHCP = "no_dhcp"
"""Key in a presence's memory: nothing was left of the subnet for the cloud's DHCP."""

_MODES = ("ipv6_ra_mode", "ipv6_address_mode")


def is_self_addressed(subnet: Mapping[str, Any]) -> bool:
    """Whether machines there give themselves addresses from their MAC (SLAAC, or DHCPv6 for the rest only)."""
    return ranges.is_self_addressed(*(subnet[name] for name in _MODES))


def cidr_of(item: Item) -> Network:
    """The network of a new subnet that is cut from no pool, without host bits."""
    if not item.set("cidr"):
        raise bad_request("subnets", "a subnetpool must be specified in the absence of a cidr")
    return ipaddress.ip_network(item.values["cidr"], strict=False)


def check_pools(
    others: Iterable[Mapping[str, Any]], version: int, pool: Resource | None, scope: str | None
) -> None:
    """Subnets of one family on a network are all of one pool, or all of pools of one address scope, or all of none.

    `others`: what they are desired to be; `scope`: that of the network.
    """
    if scope and pool is not None:
        if pool.desired["address_scope_id"] != scope:
            raise apart()
        return
    id = None if pool is None else pool.id
    if any(one["ip_version"] == version and one.get("subnetpool_id") != id for one in others):
        raise invalid(
            "Subnets hosted on the same network must be allocated from the same subnet pool.",
            "NetworkSubnetPoolAffinityError",
        )


def check_new(item: Item, net: Network) -> None:
    """Whether the parts of a new subnet fit together."""
    given, version = item.values, item.values["ip_version"]
    cidr = given["cidr"] if item.set("cidr") else str(net)
    addresses.check_version(version, cidr, net.version, "cidr")
    if version == 6 and int(net.network_address) == 0:
        raise invalid_input("IPv6 subnet '::' is not supported")
    if given["enable_dhcp"]:
        addresses.check_dhcp(net)
    _check_parts(item, version, net)
    addresses.check_modes(given["ipv6_ra_mode"], given["ipv6_address_mode"], net, dhcp=given["enable_dhcp"])
    if net.prefixlen == 0:
        raise invalid_input("0 is not allowed as CIDR prefix length")


def _check_parts(item: Item, version: int, net: Network) -> None:
    if item.set("gateway_ip"):
        addresses.check_gateway(item.values["gateway_ip"], version, net)
    addresses.check_each(item.values.get("dns_nameservers", ()), version, "dns_nameserver")
    addresses.check_routes(item.values.get("host_routes", ()), version)


def plan(item: Item, net: Network) -> tuple[str | None, list[Range]]:
    """The gateway of a new subnet, and the ranges of its pools."""
    gateway: str | None = item.values["gateway_ip"]
    if item.values["gateway_ip"] is UNSET:
        gateway = addresses.default_gateway(net)
    asked = item.values["allocation_pools"]
    if asked is not UNSET and asked:
        return gateway, addresses.allocation_pools(asked, net, gateway)
    return gateway, ranges.default_pools(net, ranges.number(gateway) if gateway else None)


def changed_pools(desired: Mapping[str, Any], item: Item) -> list[Range] | None:
    """Judge a change; the ranges of the new pools, or None where they stay."""
    version, net = desired["ip_version"], ipaddress.ip_network(desired["cidr"])
    if item.values.get("enable_dhcp") and not desired["enable_dhcp"]:
        addresses.check_dhcp(net)
    _check_parts(item, version, net)
    if any(desired[name] for name in _MODES) and item.values.get("enable_dhcp") is False:
        raise invalid_input("Cannot disable enable_dhcp with ipv6 attributes set")
    gateway = item.values.get("gateway_ip", desired["gateway_ip"])
    if "allocation_pools" in item.values:
        return addresses.allocation_pools(item.values["allocation_pools"], net, gateway)
    if gateway != desired["gateway_ip"]:
        addresses.check_gateway_apart(ranges.ranges_of(desired["allocation_pools"]), gateway, version)
    return None


#: Characters of the column.
SERVICE_TYPES_SIZE = 1024
#: What Neutron takes for the beginning of a device owner: it adds the characters of `compute:` to its prefixes, each.
_OWNERS = ("network:", "neutron:", *"compute:")


def to_service_types(value: Any) -> Any:
    """Device owners; null is none."""
    return [] if value is None else value


def service_types(value: Any) -> str | None:
    """Device owners whose ports alone may have addresses of a subnet."""
    if not isinstance(value, list):
        raise malformed("Subnet service types must be a list.")
    if sum(len(str(one)) + 2 for one in value) > SERVICE_TYPES_SIZE:
        raise malformed(f"Subnet service types must be {SERVICE_TYPES_SIZE} characters at most.")
    for one in value:
        if not isinstance(one, str):
            raise invalid(f"Subnet service type {one} is not a string.", "InvalidInputSubnetServiceType")
        if not one.startswith(_OWNERS):
            raise invalid(
                f"Subnet service type {one} does not correspond to a valid device owner.",
                "InvalidSubnetServiceType",
            )
        if value.count(one) > 1:
            raise conflict(
                "Failed to create a duplicate SubnetServiceType: for attribute(s) ['PRIMARY'] with value(s)"
                f" {one}",
                "NeutronDbObjectDuplicateEntry",
            )
    return None
