"""Neutron's judgement of addresses: of a subnet's own ones, and of routes and servers (neutron.db.db_base_plugin_v2,
neutron.db.ipam_backend_mixin). Pure.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping, Sequence

from fractus.addressing import ranges
from fractus.addressing.prefixes import CannotCut, PrefixPool
from fractus.addressing.ranges import (
    Network,
    Range,
    is_self_addressed,
    number,
    overlapping,
    ranges_of,
    text,
    usable,
)
from fractus.model.errors import ApiError
from fractus.services.network.dialect.schema.errors import conflict, invalid, invalid_input


def check_version(version: int, text: str, actual: int, name: str) -> None:
    """What is called `name` is of the family that it stands in."""
    if version != actual:
        raise invalid_input(f"{name} '{text}' does not match the ip_version '{version}'")


def check_dhcp(net: Network) -> None:
    """DHCP can be served in such a network."""
    if net.prefixlen > (30 if net.version == 4 else 126):
        raise invalid_input("Subnet has a prefix length that is incompatible with DHCP service enabled")
    if net.is_multicast:
        raise invalid_input("Multicast IP subnet is not supported if enable_dhcp is True")
    if net.is_loopback:
        raise invalid_input("Loopback IP subnet is not supported if enable_dhcp is True")
    if net.version == 4 and int(net.network_address) == 0:
        raise invalid_input("First IP '0.0.0.0' of network is not supported if enable_dhcp is True.")


def check_modes(ra: str | None, address: str | None, net: Network, *, dhcp: bool) -> None:
    """`ipv6_ra_mode` and `ipv6_address_mode` fit together, and the network."""
    if net.version == 4:
        for name, mode in (("ipv6_ra_mode", ra), ("ipv6_address_mode", address)):
            if mode:
                raise invalid_input(f"{name} is not valid when ip_version is 4")
    if (ra or address) and not dhcp:
        raise invalid_input(
            "ipv6_ra_mode or ipv6_address_mode cannot be set when enable_dhcp is set to False"
        )
    if ra and address and ra != address:
        raise invalid_input(
            f"ipv6_ra_mode set to '{ra}' with ipv6_address_mode set to '{address}' is not valid. "
            "If both attributes are set, they must be the same value"
        )
    if is_self_addressed(ra, address) and net.prefixlen != 64:
        raise invalid_input(
            f"Invalid CIDR {net} for IPv6 address mode. OpenStack uses the EUI-64 address format, "
            "which requires the prefix to be /64"
        )


def check_gateway(gateway: str, version: int, net: Network) -> None:
    """A gateway may lie outside; inside of an IPv4 subnet it may be neither its first nor its last address."""
    address = ipaddress.ip_address(gateway)
    check_version(version, gateway, address.version, "gateway_ip")
    if version == 4 and address in (net.network_address, net.broadcast_address):
        raise invalid_input("Gateway is not valid on subnet")


def default_gateway(net: Network) -> str:
    """The gateway that a subnet gets by itself; `Conflict` where there is no address for it."""
    gateway = ranges.default_gateway(net)
    if net.version == 4 and gateway in (str(net.network_address), str(net.broadcast_address)):
        raise conflict(
            f"Gateway IP {gateway} cannot be the network or broadcast IP address {net}", "IpamValueInvalid"
        )
    return gateway


def check_each(addresses: Iterable[str], version: int, name: str) -> None:
    """What is called `name`, each, is of one family."""
    for one in addresses:
        check_version(version, one, ipaddress.ip_address(one).version, name)


def check_routes(routes: Iterable[Mapping[str, str]], version: int) -> None:
    """Both ends of each are of one family."""
    for route in routes:
        destination, nexthop = route["destination"], route["nexthop"]
        check_version(version, nexthop, ipaddress.ip_address(nexthop).version, "nexthop")
        check_version(version, destination, ipaddress.ip_network(destination).version, "destination")


def routes_in_order(routes: Iterable[dict[str, str]]) -> list[dict[str, str]]:
    """As Neutron reads them: in the order of their characters."""
    return sorted(routes, key=lambda one: (one["destination"], one["nexthop"]))


def allocation_pools(asked: Sequence[Mapping[str, str]], net: Network, gateway: str | None) -> list[Range]:
    """The pools that a request names, as ranges; `Invalid` or `Conflict` where they do not fit the subnet."""
    found, whole = ranges_of(asked), usable(net)
    for pool, one in zip(asked, found, strict=True):
        if one.size < 1 or {ipaddress.ip_address(pool[end]).version for end in pool} == {4, 6}:
            raise invalid(f"The allocation pool {dict(pool)} is not valid.", "InvalidAllocationPool")
    for pool, one in zip(asked, found, strict=True):
        shown = f"{pool['start']}-{pool['end']}"
        if ipaddress.ip_address(pool["start"]).version != net.version:
            raise invalid(f"The allocation pool {shown} is not valid.", "InvalidAllocationPool")
        if one.first < whole.first or one.last > whole.last:
            raise invalid(
                f"The allocation pool {shown} spans beyond the subnet cidr {net}.",
                "OutOfBoundsAllocationPool",
            )
    both = overlapping(found)
    if both is not None:
        shown = " ".join(_shown(one, net.version) for one in both)
        raise conflict(
            f"Found overlapping allocation pools: {shown} for subnet {net}.", "OverlappingAllocationPools"
        )
    check_gateway_apart(found, gateway, net.version)
    return found


def check_gateway_apart(pools: Iterable[Range], gateway: str | None, version: int) -> None:
    """A gateway is nobody else's address."""
    if not gateway:
        return
    at = number(gateway)
    for one in pools:
        if one.first <= at <= one.last:
            raise conflict(
                f"Gateway ip {gateway} conflicts with allocation pool {_shown(one, version)}.",
                "GatewayConflictWithAllocationPools",
            )


def _shown(one: Range, version: int) -> str:
    return f"{text(one.first, version)}-{text(one.last, version)}"


def check_apart(net: Network, others: Iterable[str], network_id: str) -> None:
    """Subnets of one network have no address in common."""
    for cidr in others:
        other = ipaddress.ip_network(cidr)
        if net.version == other.version and net.overlaps(other):
            raise invalid_input(
                f"Requested subnet with cidr: {net} for network: {network_id} overlaps with another subnet"
            )


def cut(
    pool: PrefixPool, taken: Sequence[Network], own: Iterable[Network], length: int, asked: Network | None
) -> Network:
    """A network of a pool (`PrefixPool.cut`); `Invalid` or `Conflict` where it gives none (neutron.ipam)."""
    try:
        return pool.cut(taken, own, length, asked)
    except CannotCut as refusal:
        raise _cannot_cut(refusal.reason, pool, length) from None


def _cannot_cut(reason: str, pool: PrefixPool, length: int) -> ApiError:
    if reason in ("max", "min"):
        bound = pool.max if reason == "max" else pool.min
        return invalid(
            f"Unable to allocate subnet with prefix length {length}, {reason}imum allowed prefix is {bound}.",
            f"{reason.capitalize()}PrefixSubnetAllocationError",
        )
    if reason == "quota":
        return conflict("Per-project subnet pool prefix quota exceeded.", "SubnetPoolQuotaExceeded")
    why = f"Insufficient prefix space to allocate subnet size /{length}"
    if reason == "taken":
        why = "Cannot allocate requested subnet from the available set of prefixes"
    # Neutron calls it a fault of its own (500), which it is not.
    return conflict(f"Failed to allocate subnet: {why}.", "SubnetAllocationError")
