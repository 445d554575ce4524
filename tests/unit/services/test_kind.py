"""Rows of a declaration: where a field is kept and shown, and the columns of a table."""

from __future__ import annotations

import pytest
from msgspec import UNSET
from sqlalchemy import Boolean, Integer, String, Text

from fractus.services.field import Field, flag, given, named, number, text
from fractus.services.kind import column


def test_a_field_that_may_be_given_is_kept_and_shown_by_its_name() -> None:
    field = Field("mtu", post=True)
    assert (field.key, field.document) == ("mtu", "mtu")


def test_a_field_of_answers_only_is_neither_kept_nor_shown_as_kept() -> None:
    field = Field("status")
    assert (field.key, field.document) == ("", "")


def test_a_field_may_be_kept_and_shown_by_other_names() -> None:
    field = Field("admin_password", post=True, desired="secret", shown="")
    assert (field.key, field.document) == ("secret", "")


def test_what_is_kept_of_a_request_has_no_unset_values() -> None:
    fields = named(
        [Field("a", post=True), Field("b", put=True, desired="c"), Field("d"), Field("e", post=True)]
    )
    assert given(fields, {"a": 1, "b": 2, "d": 3, "e": UNSET}) == {"a": 1, "c": 2}


def test_two_fields_of_one_name_are_refused() -> None:
    with pytest.raises(ValueError, match="named twice"):
        named([Field("a"), Field("a", post=True)])


def test_columns_are_never_null() -> None:
    made = [column(one) for one in (text("a", 64), text("b"), flag("c", default=True), number("d", 7))]
    assert not any(one.nullable for one in made)
    assert [type(one.type) for one in made] == [String, Text, Boolean, Integer]


def test_a_column_holds_what_is_shown_or_its_default() -> None:
    joined = text("hints", 255, ",".join)
    assert (joined.of(["a", "b"]), joined.of(None), joined.of(UNSET)) == ("a,b", "", "")
    assert (number("mtu", 7).of(None), number("mtu", 7).of(0), flag("shared").of(True)) == (7, 0, True)
