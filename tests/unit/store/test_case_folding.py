"""Ways in which the beginning of a text is written, found in an index by few looks."""

from __future__ import annotations

import asyncio
from bisect import bisect_left

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fractus.store import case_folding

TEXTS = st.text("aAbBzZ_-09é", max_size=4)


@given(texts=st.lists(TEXTS, max_size=30), text=st.text("aAbBzZ_-09", min_size=1, max_size=3))
def test_all_ways_are_found_and_no_other(texts: list[str], text: str) -> None:
    there, looks = sorted(texts), 0

    async def first(least: str) -> str | None:
        nonlocal looks
        looks += 1
        at = bisect_left(there, least)
        return there[at] if at < len(there) else None

    found = asyncio.run(case_folding.spellings(text, first))
    heads = {one[: len(text)] for one in there if one[: len(text)].lower() == text.lower()}
    assert found == sorted(heads)
    assert looks <= 2 * len(heads) + 2 ** len(text)


async def test_very_many_ways_are_not_distinguished() -> None:
    async def first(least: str) -> str | None:
        return least  # there is each of them

    assert await case_folding.spellings("a-4", first) == ["A-4", "a-4"]
    assert await case_folding.spellings("abcdefgh", first) is None


@pytest.mark.parametrize(
    ("like", "expected"),
    [
        ("web%", ("web", "%")),
        ("%web", ("", "%web")),
        ("a\\_b\\%c\\\\_d", ("a_b%c\\", "_d")),
        ("web", ("web", "")),
    ],
)
def test_what_a_like_begins_with(like: str, expected: tuple[str, str]) -> None:
    assert case_folding.beginning(like) == expected


@pytest.mark.parametrize(
    ("regex", "expected"),
    [
        ("^web-[0-9]+$", "web-%"),
        ("^web-?1", "web%"),
        ("^web+", "web%"),
        ("^w*", ""),
        ("^w{2}", ""),
        ("^a_b$", "a\\_b%"),
        ("^a|b", ""),
        ("web", ""),
        ("^(web)", ""),
        ("^a\\.b", "a%"),
    ],
)
def test_what_a_regular_expression_begins_with(regex: str, expected: str) -> None:
    assert case_folding.beginning_of(regex) == expected


def test_nothing_stands_between_a_beginning_and_what_is_after_it() -> None:
    for text in ("web-", "Z", "a~", "0"):
        assert text < text + "\U0010ffff" < case_folding.after(text)
