"""Stamps as OpenStack prints them, and how long to wait."""

from __future__ import annotations

import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fractus.base.clock import SystemClock, iso, iso_micro, parse_iso
from fractus.base.retry import backoff


def test_stamps() -> None:
    assert iso(0) == "1970-01-01T00:00:00Z"
    assert iso(1_800_000_000.9) == "2027-01-15T08:00:00Z"
    assert iso_micro(1_800_000_000.25) == "2027-01-15T08:00:00.250000"


@pytest.mark.parametrize(
    "text",
    [
        "2027-01-15T08:00:00Z",
        "2027-01-15T08:00:00",
        "2027-01-15T08:00:00.000000",
        "2027-01-15 08:00:00",
        "2027-01-15T09:00:00+01:00",
        "2027-01-15T08:00:00+00:00",
        " 2027-01-15T08:00:00Z ",
    ],
)
def test_stamps_of_all_services_are_read(text: str) -> None:
    assert parse_iso(text) == 1_800_000_000.0


@pytest.mark.parametrize("text", ["", "yesterday", "2027-13-01T00:00:00Z", "2027-01-15T08:00:00ZZ"])
def test_what_is_no_stamp(text: str) -> None:
    with pytest.raises(ValueError):
        parse_iso(text)


@given(st.integers(0, 4_000_000_000))
def test_a_stamp_comes_back(stamp: int) -> None:
    assert parse_iso(iso(stamp)) == stamp


@given(st.lists(st.integers(0, 4_000_000_000), min_size=2))
def test_stamps_sort_as_text_as_they_do_in_time(stamps: list[int]) -> None:
    """Cursors of sweeps are compared as text."""
    assert [parse_iso(text) for text in sorted(map(iso, stamps))] == sorted(stamps)


@given(st.integers(-5, 10_000))
def test_backoff_grows_to_its_cap_and_is_never_nothing(attempt: int) -> None:
    pause = backoff(attempt, base=1.0, cap=60.0)
    top = min(60.0, 2.0 ** max(attempt - 1, 0) if attempt < 20 else 60.0)
    assert top / 2 <= pause <= top


def test_backoff_spreads_those_who_wait() -> None:
    assert len({backoff(9) for _ in range(100)}) > 90


async def test_the_systems_clock() -> None:
    clock = SystemClock()
    began = clock.monotonic()
    await clock.sleep(0.01)
    assert clock.monotonic() - began >= 0.009
    assert clock.now() > 1_700_000_000


@given(st.floats(0, 4_000_000_000))
def test_stamps_are_those_of_datetime(stamp: float) -> None:
    moment = datetime.datetime.fromtimestamp(stamp, datetime.UTC)
    assert iso(stamp) == moment.strftime("%Y-%m-%dT%H:%M:%SZ")
