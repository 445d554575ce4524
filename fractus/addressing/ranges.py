"""Arithmetic of addresses: what lies in a subnet, what is left between others, how much of it a cloud gets. Pure.

An address is an `int` here; its version is known from the subnet. Outside it is text.
"""

from __future__ import annotations

import ipaddress
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

Network: TypeAlias = "ipaddress.IPv4Network | ipaddress.IPv6Network"

_V4, _V6 = 4, 6

_SELF_ADDRESSED = ("slaac", "dhcpv6-stateless")


class Range(NamedTuple):
    """All addresses from `first` to `last`, both included."""

    first: int
    last: int

    @property
    def size(self) -> int:
        """How many they are."""
        return self.last - self.first + 1


def number(ip: str) -> int:
    """The number of an address; ValueError where it is none."""
    return int(ipaddress.ip_address(ip))


def text(value: int, version: int) -> str:
    """An address in its one canonical form."""
    return str(ipaddress.IPv4Address(value) if version == _V4 else ipaddress.IPv6Address(value))


def key(value: int, version: int) -> str:
    """The address as text that sorts like its number: databases have no integers of 128 bits."""
    return f"{value:08x}" if version == _V4 else f"{value:032x}"


def number_of_key(text_key: str) -> int:
    """The number behind a `key`."""
    return int(text_key, 16)


def version_of_key(text_key: str) -> int:
    """4 or 6: keys of IPv4 are shorter."""
    return _V4 if len(text_key) == 8 else _V6


def usable(net: Network) -> Range:
    """What may be given out at all: not the network's own address and, in IPv4, not the broadcast (Neutron's rule)."""
    first, last = int(net.network_address), int(net.broadcast_address)
    if first == last:
        return Range(first, last)
    if net.version == _V4:
        return Range(first + 1, last - 1) if net.prefixlen <= 30 else Range(first, last)
    return Range(first + 1, last)


def without(ranges: Iterable[Range], taken: Iterable[int]) -> list[Range]:
    """`ranges` less single addresses, in order."""
    values = sorted(set(taken))
    return [part for one in sorted(ranges) for part in _cut(one, values)]


def _cut(one: Range, values: Sequence[int]) -> Iterator[Range]:
    """What is left of a range without those of `values` (in order) that are in it."""
    first = one.first
    for place in range(bisect_left(values, one.first), bisect_right(values, one.last)):
        if first < values[place]:
            yield Range(first, values[place] - 1)
        first = values[place] + 1
    if first <= one.last:
        yield Range(first, one.last)


def default_pools(net: Network, gateway: int | None) -> list[Range]:
    """The pools of a subnet whose maker named none: all that is usable, around the gateway; of one address, that."""
    if net.num_addresses == 1:
        return [usable(net)]
    return without([usable(net)], [] if gateway is None else [gateway])


def default_gateway(net: Network) -> str:
    """The gateway of a subnet whose maker named none: the first address, in IPv6 the network's own (Neutron's rule)."""
    return str(net.network_address + (1 if net.version == _V4 else 0))


def ranges_of(pools: Iterable[Mapping[str, str]]) -> list[Range]:
    """Allocation pools (`{"start", "end"}`) as ranges."""
    return [Range(number(pool["start"]), number(pool["end"])) for pool in pools]


def pools_of(ranges: Iterable[Range], version: int) -> list[dict[str, str]]:
    """Ranges as allocation pools."""
    return [{"start": text(one.first, version), "end": text(one.last, version)} for one in ranges]


def overlapping(ranges: Sequence[Range]) -> tuple[Range, Range] | None:
    """The first two that share an address, in the order given."""
    order = sorted(range(len(ranges)), key=ranges.__getitem__)
    sharing: set[int] = set()
    furthest: int | None = None  # of those before, the one that ends last
    for place in order:
        if furthest is not None and ranges[place].first <= ranges[furthest].last:
            sharing |= {furthest, place}
        if furthest is None or ranges[place].last > ranges[furthest].last:
            furthest = place
    if not sharing:
        return None
    # Whatever comes before it shares with nobody, so the other one comes after it.
    index = min(sharing)
    one = ranges[index]
    return one, next(
        other for other in ranges[index + 1 :] if one.first <= other.last and other.first <= one.last
    )


def join(values: Iterable[int]) -> list[Range]:
    """Single addresses as ranges, in order."""
    return merged(Range(value, value) for value in values)


def merged(ranges: Iterable[Range]) -> list[Range]:
    """The same addresses in as few ranges as there can be, in order."""
    found: list[Range] = []
    for one in sorted(ranges):
        if found and one.first <= found[-1].last + 1:
            found[-1] = Range(found[-1].first, max(found[-1].last, one.last))
        else:
            found.append(one)
    return found


def cloud_share(pools: Iterable[Range]) -> int:
    """How many addresses each cloud gets for ports of its own (DHCP, metadata) in a subnet with DHCP.

    Neutron runs up to three DHCP agents a network in common set-ups, OVN one metadata port; a small subnet has to do
    with fewer, and a subnet of one address keeps it for its servers.
    """
    size = sum(pool.size for pool in pools)
    if size >= 64:
        return 4
    if size >= 8:
        return 2
    return 1 if size >= 2 else 0


def is_self_addressed(*modes: Any) -> bool:
    """Whether machines of a subnet give themselves addresses, by its `ipv6_ra_mode` and `ipv6_address_mode`."""
    return any(mode in _SELF_ADDRESSED for mode in modes)


def eui64(cidr: str, mac: str) -> str:
    """The address that a machine with `mac` gives itself in an IPv6 /64 (RFC 4291, appendix A)."""
    octets = bytes.fromhex(mac.replace(":", ""))
    interface = bytes([octets[0] ^ 0x02]) + octets[1:3] + b"\xff\xfe" + octets[3:]
    prefix = int(ipaddress.IPv6Network(cidr).network_address)
    return str(ipaddress.IPv6Address(prefix + int.from_bytes(interface, "big")))
