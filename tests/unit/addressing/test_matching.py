"""The ranges of a pattern hold every address that it is found in."""

from __future__ import annotations

import ipaddress
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fractus.addressing import matching
from fractus.addressing.ranges import Range, number

OCTET = st.sampled_from([0, 1, 2, 5, 10, 11, 16, 19, 25, 100, 101, 110, 192, 200, 250, 255])
ADDRESS = st.lists(OCTET, min_size=4, max_size=4).map(lambda parts: ".".join(map(str, parts)))


def holds(spans: list[Range] | None, address: str) -> bool:
    return spans is not None and any(one.first <= number(address) <= one.last for one in spans)


@given(address=ADDRESS, other=ADDRESS, cut=st.integers(0, 2), end=st.integers(0, 2))
def test_a_part_with_three_dots_is_found_where_it_stands(
    address: str, other: str, cut: int, end: int
) -> None:
    part = address[cut : len(address) - end]
    spans = matching.spans(part, 4)
    if spans is not None:
        assert holds(spans, address)
        assert part not in other or holds(spans, other)


@given(address=ADDRESS, other=ADDRESS, length=st.integers(1, 15), whole=st.booleans(), escaped=st.booleans())
def test_what_an_address_begins_with_is_found_where_it_begins_so(
    address: str, other: str, length: int, whole: bool, escaped: bool
) -> None:
    text = address if whole else address[:length]
    pattern = f"^{re.escape(text) if escaped else text}{'$' if whole else ''}"
    spans = matching.spans(pattern, 4)
    assert spans is None or holds(spans, address)
    if re.search(pattern, other):
        assert spans is None or holds(spans, other)


@pytest.mark.parametrize(
    ("pattern", "version", "expected"),
    [
        ("10.0.0.5", 4, 3 * 2),
        ("110.0.0.50", 4, 1),
        ("^10\\.0\\.0\\.5$", 4, 1),
        ("^10.0.0.5$", 4, 1),
        ("^10\\.0\\.", 4, 1),
        ("^10\\.0\\.0\\.2", 4, 3),
        ("^192.168.1.", 4, 2 + 9),
        ("^fd00::5$", 6, 1),
        ("^FD00:0::5$", 6, 1),
    ],
)
def test_they_are_few(pattern: str, version: int, expected: int) -> None:
    spans = matching.spans(pattern, version)
    assert spans is not None
    assert len(spans) <= expected


@pytest.mark.parametrize(
    ("pattern", "version"),
    [
        ("10.0.0", 4),
        (".0.0.5", 4),
        ("10", 4),
        ("(10)", 4),
        ("fd00::5", 6),
        ("^fd00::", 6),
        ("5$", 4),
    ],
)
def test_what_may_be_in_very_many_is_left(pattern: str, version: int) -> None:
    assert matching.spans(pattern, version) is None


@pytest.mark.parametrize(
    "pattern", ["1.2.3.4.5", "10.0.0.256", "10.00.0.1", "^10\\.0\\.0\\.300$", "^10\\.0\\.0$", "^fe80"]
)
def test_what_is_in_no_address_is_in_no_range(pattern: str) -> None:
    assert matching.spans(pattern, 4) == []


def test_a_beginning_is_a_network() -> None:
    net = ipaddress.ip_network("10.0.0.0/16")
    assert matching.spans("^10\\.0\\.", 4) == [Range(int(net[0]), int(net[-1]))]
