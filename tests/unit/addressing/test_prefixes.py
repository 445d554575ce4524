"""Sets of prefixes: joined, subtracted, and the first that is free."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fractus.addressing.prefixes import first_free, inside, nets, overlap, without


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
