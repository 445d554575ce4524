"""The ranges of a pattern hold every address that it is found in."""

from __future__ import annotations

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
    spans = matching.spans(part)
    if spans is not None:
        assert holds(spans, address)
        assert part not in other or holds(spans, other)


@pytest.mark.parametrize(("text", "expected"), [("10.0.0.5", 3 * 2), ("110.0.0.50", 1), ("0.0.0.7", 26 * 2)])
def test_they_are_few(text: str, expected: int) -> None:
    spans = matching.spans(text)
    assert spans is not None
    assert len(spans) <= expected


@pytest.mark.parametrize("text", ["10.0.0", ".0.0.5", "10"])
def test_what_may_be_in_very_many_is_left(text: str) -> None:
    assert matching.spans(text) is None


@pytest.mark.parametrize("text", ["1.2.3.4.5", "1.256.3.4", "1.2.x.4"])
def test_what_no_address_holds_is_nowhere(text: str) -> None:
    assert matching.spans(text) == []
