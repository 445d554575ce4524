"""What a request about subnets may say, and what of it fits together (neutron.db.db_base_plugin_v2, in its order)."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeAlias

from msgspec import UNSET

from fractus.addressing.ranges import Range, cloud_share, default_pools, number, overlapping, text, usable
from fractus.model.errors import ApiError
from fractus.model.resource import Resource
from fractus.services.field import Bound, Field, Fields, Match, named
from fractus.services.network.dialect.schema import values
from fractus.services.network.dialect.schema.attributes import Item, read_only, standard, stated
from fractus.services.network.dialect.schema.errors import (
    apart,
    bad_request,
    conflict,
    invalid,
    invalid_input,
)

Network: TypeAlias = "ipaddress.IPv4Network | ipaddress.IPv6Network"

_MODES = ("dhcpv6-stateful", "dhcpv6-stateless", "slaac")
#: Subnets whose machines give themselves addresses.
_AUTO = ("dhcpv6-stateless", "slaac")

#: Neutron's own defaults of `max_dns_nameservers` and `max_subnet_host_routes`.
_NAMESERVERS = 5
_ROUTES = 20


def _too_many_nameservers(of: str) -> ApiError:
    return invalid(
        f"Unable to complete operation for {of}. The number of DNS nameservers exceeds the limit {_NAMESERVERS}.",
        "DNSNameServersExhausted",
    )


def _too_many_routes(of: str) -> ApiError:
    return invalid(
        f"Unable to complete operation for {of}. The number of host routes exceeds the limit {_ROUTES}.",
        "HostRoutesExhausted",
    )


def _mode(column: str) -> Field:
    return Field(
        column,
        post=True,
        default=UNSET,
        check=values.one_of((*_MODES, None)),
        match=Match(column),
        sort=column,
    )


ATTRIBUTES: Fields = named([
    *standard(tags_on_create=True),
    Field(
        "name", post=True, put=True, default="", check=values.name(), match=Match("name"), sort="name"
    ),
    Field(
        "ip_version", post=True, convert=values.to_int, check=values.one_of((4, 6)),
        match=Match("ip_version", values.to_int), sort="ip_version",
    ),
    Field("network_id", post=True, check=values.uuid, match=Match("network_id"), sort="network_id"),
    Field(
        "subnetpool_id", post=True, default=UNSET,
        check=lambda value: None if value == "prefix_delegation" else values.uuid_or_none(value),
        match=Match("subnetpool_id"), sort="subnetpool_id",
    ),
    Field("use_default_subnetpool", post=True, default=False, convert=values.to_boolean),
    Field("prefixlen", post=True, default=UNSET, convert=values.to_int, check=values.not_negative),
    Field(
        "cidr", post=True, default=UNSET,
        convert=lambda value: value if value is None else values.canonical_cidr(value),
        check=values.subnet_or_none,
        match=Match("cidr", lambda value: str(ipaddress.ip_network(values.canonical_cidr(value), strict=False))),
        sort="cidr",
    ),
    Field(
        "gateway_ip", post=True, put=True, default=UNSET, convert=values.canonical_ip, check=values.ip_address_or_none,
        match=Match("gateway_ip", values.canonical_ip), sort="gateway_ip",
    ),
    Field(
        "allocation_pools", post=True, put=True, default=UNSET, convert=values.canonical_pools,
        bound=stated("allocation_pools"), check=values.pools,
    ),
    Field(
        "dns_nameservers", post=True, put=True, default=UNSET, convert=values.to_list,
        bound=Bound(_NAMESERVERS, _too_many_nameservers), check=values.nameservers,
    ),
    Field(
        "host_routes", post=True, put=True, default=UNSET, convert=values.to_list,
        bound=Bound(_ROUTES, _too_many_routes), check=values.host_routes,
    ),
    Field(
        "enable_dhcp", post=True, put=True, default=True, convert=values.to_boolean,
        match=Match("enable_dhcp", values.to_boolean), sort="enable_dhcp",
    ),
    _mode("ipv6_ra_mode"),
    _mode("ipv6_address_mode"),
    read_only("shared", match=Match("shared", values.to_boolean), sort=False),
])  # fmt: skip


def network(cidr: str) -> Network:
    """The network of a stored CIDR."""
    return ipaddress.ip_network(cidr)


def is_auto(subnet: Mapping[str, Any]) -> bool:
    """Whether machines there give themselves addresses from their MAC (SLAAC, or DHCPv6 for the rest only)."""
    return subnet.get("ipv6_address_mode") in _AUTO or subnet.get("ipv6_ra_mode") in _AUTO


def cloud_holder(cloud: str) -> str:
    """Who holds the addresses that a cloud may give to ports of its own."""
    return f"cloud/{cloud}"


def share(subnet: Mapping[str, Any]) -> int:
    """How many addresses a cloud gets of a subnet; none where ports address themselves."""
    return 0 if is_auto(subnet) else cloud_share(as_ranges(subnet["allocation_pools"]))


def cidr_of(item: Item) -> Network:
    """The network of a new subnet that is cut from no pool, without host bits."""
    if not item.set("cidr"):
        raise bad_request("subnets", "a subnetpool must be specified in the absence of a cidr")
    return ipaddress.ip_network(item.values["cidr"], strict=False)


def check_whole(item: Item) -> None:
    """A subnet is of the network that is asked for, or of one of a length."""
    if item.set("cidr") and item.set("prefixlen"):
        raise bad_request("subnets", "cidr and prefixlen must not be supplied together")


def check_pools(
    others: Iterable[Mapping[str, Any]], version: int, pool: Resource | None, scope: str | None
) -> None:
    """Subnets of one family on a network are all of one pool, or all of pools of one address scope, or all of none.

    `others`: what they are wished to be; `scope`: that of the network.
    """
    own, id = (pool.desired["address_scope_id"], pool.id) if pool is not None else (None, None)
    if scope and pool is not None and own != scope:
        raise apart()
    for other in others:
        theirs = other.get("subnetpool_id")
        if other["ip_version"] == version and theirs != id and not (scope and pool is not None):
            raise invalid(
                "Subnets hosted on the same network must be allocated from the same subnet pool.",
                "NetworkSubnetPoolAffinityError",
            )


def check_new(item: Item, net: Network) -> None:
    """Whether the parts of a new subnet fit together."""
    given = item.values
    version = given["ip_version"]
    _same_version(version, item.values["cidr"] if item.set("cidr") else str(net), net.version, "cidr")
    if version == 6 and int(net.network_address) == 0:
        raise invalid_input("IPv6 subnet '::' is not supported")
    if given["enable_dhcp"]:
        check_dhcp(net)
    check_gateway(item, version, net)
    check_services(item, version)
    if version == 4:
        for name in ("ipv6_ra_mode", "ipv6_address_mode"):
            if item.set(name):
                raise invalid_input(f"{name} is not valid when ip_version is 4")
    else:
        _check_modes(item, net)
    if net.prefixlen == 0:
        raise invalid_input("0 is not allowed as CIDR prefix length")


def _same_version(version: int, text: str, actual: int, name: str) -> None:
    if version != actual:
        raise invalid_input(f"{name} '{text}' does not match the ip_version '{version}'")


def check_dhcp(net: Network) -> None:
    """Whether DHCP can be served in such a network."""
    if net.prefixlen > (30 if net.version == 4 else 126):
        raise invalid_input("Subnet has a prefix length that is incompatible with DHCP service enabled")
    if net.is_multicast:
        raise invalid_input("Multicast IP subnet is not supported if enable_dhcp is True")
    if net.is_loopback:
        raise invalid_input("Loopback IP subnet is not supported if enable_dhcp is True")
    if net.version == 4 and int(net.network_address) == 0:
        raise invalid_input("First IP '0.0.0.0' of network is not supported if enable_dhcp is True.")


def check_gateway(item: Item, version: int, net: Network) -> None:
    """A gateway may lie outside; inside of an IPv4 subnet it may be neither its first nor its last address."""
    if not item.set("gateway_ip"):
        return
    gateway = ipaddress.ip_address(item.values["gateway_ip"])
    _same_version(version, item.values["gateway_ip"], gateway.version, "gateway_ip")
    if version == 4 and gateway in (net.network_address, net.broadcast_address):
        raise invalid_input("Gateway is not valid on subnet")


def check_services(item: Item, version: int) -> None:
    """DNS servers and host routes."""
    servers, routes = item.values.get("dns_nameservers", UNSET), item.values.get("host_routes", UNSET)
    for server in servers or []:
        _same_version(version, server, ipaddress.ip_address(server).version, "dns_nameserver")
    for route in routes or []:
        destination, nexthop = route["destination"], route["nexthop"]
        _same_version(version, nexthop, ipaddress.ip_address(nexthop).version, "nexthop")
        _same_version(version, destination, ipaddress.ip_network(destination).version, "destination")


def _check_modes(item: Item, net: Network) -> None:
    ra, address = item.values.get("ipv6_ra_mode"), item.values.get("ipv6_address_mode")
    some = item.set("ipv6_ra_mode") or item.set("ipv6_address_mode")
    if some and not item.values["enable_dhcp"]:
        raise invalid_input(
            "ipv6_ra_mode or ipv6_address_mode cannot be set when enable_dhcp is set to False"
        )
    if item.set("ipv6_ra_mode") and item.set("ipv6_address_mode") and ra != address:
        raise invalid_input(
            f"ipv6_ra_mode set to '{ra}' with ipv6_address_mode set to '{address}' is not valid. "
            "If both attributes are set, they must be the same value"
        )
    if is_auto(item.values) and net.prefixlen != 64:
        raise invalid_input(
            f"Invalid CIDR {net} for IPv6 address mode. OpenStack uses the EUI-64 address format, "
            "which requires the prefix to be /64"
        )


def default_gateway(net: Network) -> str:
    """The gateway of a subnet that names none: the first address, in IPv6 the network's own."""
    return str(net.network_address + (1 if net.version == 4 else 0))


def check_default_gateway(gateway: str, net: Network) -> None:
    """The gateway that a subnet gets by itself is an address of its own, and of an IPv4 subnet neither end."""
    if net.version == 4 and gateway in (str(net.network_address), str(net.broadcast_address)):
        raise conflict(
            f"Gateway IP {gateway} cannot be the network or broadcast IP address {net}", "IpamValueInvalid"
        )


# --- pools ---------------------------------------------------------------------------------------


def pools_of(asked: Sequence[Mapping[str, str]], net: Network, gateway: str | None) -> list[Range]:
    """The pools that a request names; `Invalid` or `Conflict` where they do not fit the subnet."""
    ranges, whole = [], usable(net)
    for pool in asked:
        one = Range(number(pool["start"]), number(pool["end"]))
        if one.size < 1 or {ipaddress.ip_address(pool[end]).version for end in pool} == {4, 6}:
            raise invalid(f"The allocation pool {dict(pool)} is not valid.", "InvalidAllocationPool")
        ranges.append(one)
    for pool, one in zip(asked, ranges, strict=True):
        shown = f"{pool['start']}-{pool['end']}"
        if ipaddress.ip_address(pool["start"]).version != net.version:
            raise invalid(f"The allocation pool {shown} is not valid.", "InvalidAllocationPool")
        if one.first < whole.first or one.last > whole.last:
            raise invalid(
                f"The allocation pool {shown} spans beyond the subnet cidr {net}.",
                "OutOfBoundsAllocationPool",
            )
    both = overlapping(ranges)
    if both is not None:
        shown = " ".join(_shown(one, net.version) for one in both)
        raise conflict(
            f"Found overlapping allocation pools: {shown} for subnet {net}.", "OverlappingAllocationPools"
        )
    check_gateway_outside(ranges, gateway, net.version)
    return ranges


def check_gateway_outside(ranges: Iterable[Range], gateway: str | None, version: int) -> None:
    """A gateway is nobody else's address."""
    if not gateway:
        return
    at = number(gateway)
    for one in ranges:
        if one.first <= at <= one.last:
            raise conflict(
                f"Gateway ip {gateway} conflicts with allocation pool {_shown(one, version)}.",
                "GatewayConflictWithAllocationPools",
            )


def made_pools(net: Network, gateway: str | None) -> list[Range]:
    """The pools of a subnet that names none."""
    inside = gateway if gateway and ipaddress.ip_address(gateway) in net else None
    return default_pools(net, None if inside is None else number(inside))


def _shown(one: Range, version: int) -> str:
    return f"{text(one.first, version)}-{text(one.last, version)}"


def as_pools(ranges: Iterable[Range], version: int) -> list[dict[str, str]]:
    """Ranges in Neutron's words."""
    return [{"start": text(one.first, version), "end": text(one.last, version)} for one in ranges]


def as_ranges(pools: Iterable[Mapping[str, str]]) -> list[Range]:
    """Neutron's words as ranges."""
    return [Range(number(pool["start"]), number(pool["end"])) for pool in pools]


def check_overlap(net: Network, others: Iterable[str], network_id: str) -> None:
    """Subnets of one network have no address in common."""
    for cidr in others:
        other = ipaddress.ip_network(cidr)
        if net.version == other.version and net.overlaps(other):
            raise invalid_input(
                f"Requested subnet with cidr: {net} for network: {network_id} overlaps with another subnet"
            )
