"""Sets of prefixes: joined, subtracted, and the first that is free."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fractus.addressing.prefixes import CannotCut, PrefixPool, first_free, inside, nets, overlap, without


def texts(found: object) -> list[str]:
    assert isinstance(found, list)
    return [str(one) for one in found]


def test_what_touches_is_joined_and_families_stay_apart() -> None:
    assert texts(nets(["10.0.1.0/24", "10.0.0.5/24", "fd00::/64"])) == ["10.0.0.0/23", "fd00::/64"]


def test_what_is_taken_leaves_gaps() -> None:
    left = without(nets(["10.0.0.0/22"]), nets(["10.0.1.0/24", "10.9.0.0/16"]))
    assert texts(left) == ["10.0.0.0/24", "10.0.2.0/23"]
    assert without(nets(["10.0.0.0/24"]), nets(["10.0.0.0/16"])) == []


@pytest.mark.parametrize(
    ("length", "found"), [(24, "10.0.0.0/24"), (23, "10.0.2.0/23"), (25, "10.0.0.0/25"), (22, "None")]
)
def test_the_smallest_gap_with_room_is_cut_first(length: int, found: str) -> None:
    assert str(first_free(nets(["10.0.0.0/24", "10.0.2.0/23"]), length)) == found


def test_families_have_nothing_in_common() -> None:
    assert not overlap(nets(["10.0.0.0/8"]), nets(["fd00::/8"]))
    assert not inside(nets(["fd00::/64"])[0], nets(["0.0.0.0/0"]))
    assert inside(nets(["10.1.0.0/16"])[0], nets(["10.0.0.0/8"]))


REFUSALS = [
    ("max", 29, None, None, "longer than the pool cuts"),
    ("min", 23, None, None, "shorter than the pool cuts"),
    ("quota", 25, None, 128, "the project has a network of that size already"),
    ("taken", 24, "10.0.0.0/24", None, "the one asked for is not free"),
    ("taken", 24, "10.9.0.0/24", None, "the one asked for is not of the pool"),
    ("full", 24, None, None, "no gap is large enough"),
]


@pytest.mark.parametrize(("reason", "length", "asked", "quota", "why"), REFUSALS)
def test_a_pool_says_why_it_cuts_none(
    reason: str, length: int, asked: str | None, quota: int | None, why: str
) -> None:
    pool = PrefixPool(prefixes=["10.0.0.0/24"], min=24, max=28, quota=quota)
    taken = nets(["10.0.0.0/25"])
    with pytest.raises(CannotCut) as refused:
        pool.cut(taken, taken, length, ipaddress.ip_network(asked) if asked else None)
    assert refused.value.reason == reason, why


def test_a_pool_cuts_what_is_asked_for_or_what_is_free() -> None:
    pool = PrefixPool(prefixes=["10.0.0.0/24"], min=24, max=28, quota=256)
    taken = nets(["10.0.0.0/25"])
    asked = ipaddress.ip_network("10.0.0.192/26")
    assert pool.cut(taken, taken, 26, asked) == asked
    assert str(pool.cut(taken, taken, 26)) == "10.0.0.128/26"


#: Networks of a small space of addresses, so that they often meet.
SOME = st.lists(
    st.builds(lambda at, length: f"10.0.0.{at}/{length}", st.integers(0, 63), st.integers(26, 32)), max_size=8
)


@given(SOME, SOME)
def test_sets_are_those_of_their_addresses(have: list[str], taken: list[str]) -> None:
    mine, gone = ({one for net in nets(some) for one in net} for some in (have, taken))
    left = without(nets(have), nets(taken))
    assert {one for net in left for one in net} == mine - gone
    assert left == list(ipaddress.collapse_addresses(left)), "joined, in order"  # type: ignore[type-var]
    assert overlap(nets(have), nets(taken)) == bool(mine & gone)
