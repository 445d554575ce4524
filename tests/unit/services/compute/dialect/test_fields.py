"""What a kind's fields say of microversions: of a kind that is neither of the two that are declared."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from msgspec import UNSET, structs

from fractus.model.errors import Invalid
from fractus.services.compute.dialect.api.versions import document_table, partial_table
from fractus.services.compute.dialect.schema import values
from fractus.services.compute.dialect.schema.bodies import check_create, check_update
from fractus.services.compute.dialect.schema.fields import ComputeField
from fractus.services.compute.dialect.view import part_of
from fractus.services.compute.flavors.kind import KIND
from fractus.services.field import named
from fractus.web.microversion import Version

FIELDS = named(
    [
        ComputeField("name", post=True, put=True, check=values.name()),
        ComputeField("policies", post=True, default=UNSET, until="2.64"),
        ComputeField(
            "policy",
            post=True,
            default=UNSET,
            since="2.64",
            required_since="2.64",
            check=values.one_of("affinity"),
            check_since=("2.90", values.one_of("affinity", "soft-affinity")),
        ),
        ComputeField("user_id", post=True, default=UNSET, given_since="2.13"),
    ]
)
GROUP = structs.replace(KIND, name="group", fields=FIELDS)


@pytest.mark.parametrize(
    ("version", "shown"),
    [
        (Version(2, 1), {"name": "g", "user_id": "u", "policies": ["affinity"]}),
        (Version(2, 63), {"name": "g", "user_id": "u", "policies": ["affinity"]}),
        (Version(2, 64), {"name": "g", "user_id": "u", "policy": "affinity"}),
    ],
)
def test_a_document_has_the_fields_of_its_version(version: Version, shown: dict[str, Any]) -> None:
    newest = {"name": "g", "user_id": "u", "policy": "affinity"}
    table = document_table(GROUP)
    assert table.response_down(newest, version, {"policies": ["affinity"]}) == shown
    assert table.newest_at(version) is ("policy" in shown)


def test_a_list_that_shows_few_fields_changes_with_those_alone() -> None:
    table = partial_table(GROUP, ["name"], "group")
    assert table.newest_at(Version(2, 1))
    wrapped = partial_table(GROUP, ["policy"], "group")
    assert wrapped.response_down({"group": {"policy": "affinity"}}, Version(2, 63)) == {"group": {}}


@pytest.mark.parametrize(
    ("field", "version", "known"),
    [
        ("user_id", Version(2, 12), False),
        ("user_id", Version(2, 13), True),
        ("policy", Version(2, 63), False),
        ("policy", Version(2, 64), True),
        ("policies", Version(2, 63), True),
        ("policies", Version(2, 64), False),
    ],
)
def test_a_create_may_say_what_its_version_knows(field: str, version: Version, known: bool) -> None:
    body = {"group": {"name": "g", field: "x"}}
    if known:
        document_table(GROUP).request_check(body, version, "create")
    else:
        with pytest.raises(Invalid, match=f"'{field}' was unexpected"):
            document_table(GROUP).request_check(body, version, "create")


@pytest.mark.parametrize(
    ("group", "version", "sentence"),
    [
        ({}, Version(2, 1), "'name' is a required property"),
        ({"name": "g"}, Version(2, 63), ""),
        ({"name": "g"}, Version(2, 64), "'policy' is a required property"),
        ({"name": "g", "policy": "soft-affinity"}, Version(2, 89), "is not one of"),
        ({"name": "g", "policy": "soft-affinity"}, Version(2, 90), ""),
        ({"name": "g", "policy": "x", "colour": 1}, Version(2, 90), "'colour' was unexpected"),
    ],
)
def test_a_body_is_judged_as_its_version_does(group: Any, version: Version, sentence: str) -> None:
    if sentence:
        with pytest.raises(Invalid) as refusal:
            check_create("group", FIELDS.values(), {"group": group}, version)
        assert sentence in refusal.value.message
    else:
        check_create("group", FIELDS.values(), {"group": group}, version)


def test_a_change_says_only_what_can_change() -> None:
    check_update("group", FIELDS.values(), {"group": {"name": "h"}}, Version(2, 90))
    with pytest.raises(Invalid, match="'policy' was unexpected"):
        check_update("group", FIELDS.values(), {"group": {"name": "h", "policy": "affinity"}}, Version(2, 90))


def test_a_part_of_a_document_has_its_fields_in_the_order_asked_for() -> None:
    stored = msgspec.json.encode({"a:b": [1, {"x": None}], "other": 1, "name": "é"})
    assert part_of(["name", "a:b"])(stored) == '{"name":"é","a:b":[1,{"x":null}]}'.encode()
    assert part_of(["name"], "group")(stored) == '{"group":{"name":"é"}}'.encode()
