from __future__ import annotations

import ipaddress
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fractus.addressing import ranges
from fractus.addressing.ranges import Range

USABLE = [
    ("10.0.0.0/24", "10.0.0.1", "10.0.0.254", "neither the network's address nor the broadcast"),
    ("10.0.0.0/30", "10.0.0.1", "10.0.0.2", "the smallest that has both"),
    ("10.0.0.0/31", "10.0.0.0", "10.0.0.1", "a point-to-point link has neither (RFC 3021)"),
    ("10.0.0.7/32", "10.0.0.7", "10.0.0.7", "one address"),
    ("fd00::/64", "fd00::1", "fd00::ffff:ffff:ffff:ffff", "IPv6 has no broadcast"),
    ("fd00::/126", "fd00::1", "fd00::3", "IPv6 has no broadcast, however small"),
]


@pytest.mark.parametrize(("cidr", "first", "last", "reason"), USABLE)
def test_usable(cidr: str, first: str, last: str, reason: str) -> None:
    expected = Range(ranges.number(first), ranges.number(last))
    assert ranges.usable(ipaddress.ip_network(cidr)) == expected, reason


POOLS = [
    ("10.0.0.0/24", "10.0.0.1", ["10.0.0.2-10.0.0.254"], "a gateway at the start shortens the pool"),
    ("10.0.0.0/24", "10.0.0.254", ["10.0.0.1-10.0.0.253"], "one at the end too"),
    ("10.0.0.0/29", "10.0.0.3", ["10.0.0.1-10.0.0.2", "10.0.0.4-10.0.0.6"], "one in the middle makes two"),
    ("10.0.0.0/24", "10.9.9.9", ["10.0.0.1-10.0.0.254"], "one outside changes nothing"),
    ("10.0.0.0/24", None, ["10.0.0.1-10.0.0.254"], "no gateway"),
    ("fd00::/64", "fd00::", ["fd00::1-fd00::ffff:ffff:ffff:ffff"], "Neutron's default gateway in IPv6"),
]


@pytest.mark.parametrize(("cidr", "gateway", "expected", "reason"), POOLS)
def test_default_pools(cidr: str, gateway: str | None, expected: list[str], reason: str) -> None:
    net = ipaddress.ip_network(cidr)
    found = ranges.default_pools(net, None if gateway is None else ranges.number(gateway))
    shown = [f"{ranges.text(one.first, net.version)}-{ranges.text(one.last, net.version)}" for one in found]
    assert shown == expected, reason


SHARES = [
    ("10.0.0.0/24", 4, "room enough"),
    ("10.0.0.0/26", 2, "62 addresses: fewer than 64"),
    ("10.0.0.0/28", 2, "14"),
    ("10.0.0.0/29", 1, "6: fewer than 8"),
    ("10.0.0.0/30", 1, "2: one for the cloud, one for a server"),
    ("10.0.0.0/32", 0, "the only one is for a server"),
]


@pytest.mark.parametrize(("cidr", "count", "reason"), SHARES)
def test_cloud_share(cidr: str, count: int, reason: str) -> None:
    assert ranges.cloud_share([ranges.usable(ipaddress.ip_network(cidr))]) == count, reason


def test_eui64_is_what_neutron_computes() -> None:
    # Read off a real Neutron 29: a port with this MAC in a SLAAC subnet.
    assert ranges.eui64("fd00:77::/64", "fa:16:3e:8e:cd:9e") == "fd00:77::f816:3eff:fe8e:cd9e"
    assert ranges.eui64("fd00:77::/64", "01:00:5e:00:00:01") == "fd00:77::300:5eff:fe00:1"


def test_overlapping_names_the_first_two() -> None:
    one, two, three = Range(1, 5), Range(6, 9), Range(9, 12)
    assert ranges.overlapping([one, two]) is None
    assert ranges.overlapping([one, two, three]) == (two, three)


@given(st.sets(st.integers(0, 200)))
def test_join_keeps_every_address_and_leaves_gaps_between_ranges(values: set[int]) -> None:
    joined = ranges.join(values)
    assert {value for one in joined for value in range(one.first, one.last + 1)} == values
    assert all(a.last + 1 < b.first for a, b in itertools.pairwise(joined))


@given(st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1))
def test_keys_sort_as_addresses_do(one: int, other: int) -> None:
    assert (ranges.key(one, 4) < ranges.key(other, 4)) == (one < other)
    assert ranges.number_of_key(ranges.key(one, 6)) == one
    assert ranges.version_of_key(ranges.key(one, 4)) == 4
    assert ranges.version_of_key(ranges.key(one, 6)) == 6


_some = st.lists(
    st.tuples(st.integers(0, 60), st.integers(0, 8)).map(lambda one: Range(one[0], one[0] + one[1])),
    max_size=9,
)


@given(_some)
def test_the_first_two_that_overlap_are_those_that_comparing_all_finds(some: list[Range]) -> None:
    every = (
        (one, other)
        for one, other in itertools.combinations(some, 2)
        if one.first <= other.last and other.first <= one.last
    )
    assert ranges.overlapping(some) == next(every, None)


@given(_some, st.lists(st.integers(0, 70), max_size=12))
def test_what_is_left_without_single_addresses(some: list[Range], taken: list[int]) -> None:
    left = ranges.without(some, taken)
    expected = [
        value for one in sorted(some) for value in range(one.first, one.last + 1) if value not in taken
    ]
    assert [value for one in left for value in range(one.first, one.last + 1)] == expected
    assert all(one.size > 0 for one in left)
