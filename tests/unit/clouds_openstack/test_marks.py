"""The marker, and what a rebuild of the parent must know besides, where a child has room for it."""

from __future__ import annotations

import pytest

from fractus.clouds.openstack import marks


def test_notes_stand_behind_the_marker_and_are_no_part_of_it() -> None:
    text = marks.noted("id-1", {"pools": ["a b"]}, 255)
    assert marks.from_tag(text) == "id-1"
    assert marks.notes_of(text) == {"pools": ["a b"]}


def test_where_there_is_no_room_the_marker_stands_alone() -> None:
    assert marks.noted("id-1", {"a": "x" * 300}, 255) == marks.tag("id-1")
    assert marks.noted("id-1", {}, 255) == marks.tag("id-1")


@pytest.mark.parametrize("text", ["fractus:id-1 {half", "somebody's own words", "", None])
def test_what_is_no_note_says_nothing(text: str | None) -> None:
    assert marks.notes_of(text) == {}


@pytest.mark.parametrize(
    ("name", "whole"),
    [("laptop", True), ("my laptop", True), ("me@home", False), ("two  blanks", False), ("x" * 255, False)],
)
def test_a_key_s_name_has_its_user_and_its_name_here(name: str, whole: bool) -> None:
    """Where every release of Nova takes it; else the key cannot be given back to its user after a rebuild."""
    text = marks.key_name("id-1", {"user_id": "u1", "name": name})
    assert len(text) <= 255
    assert marks.from_name(text) == "id-1"
    assert marks.key_notes(text) == ({"user_id": "u1", "name": name} if whole else {})


def test_users_see_their_own_tags_alone() -> None:
    tags = ["gold", marks.tag("id-1"), *marks.user_tag({"user_id": "u1"})]
    assert marks.own(tags) == ["gold"]
    assert marks.from_tags(tags) == "id-1"
    assert marks.user_of(tags) == {"user_id": "u1"}
    assert marks.user_tag({"user_id": "u" * 60}) == []
