"""What may be said of a flavor. The sentences are those of a running Nova 34."""

from __future__ import annotations

from typing import Any

import pytest

from fractus.model.errors import Invalid
from fractus.services.compute.dialect.api.versions import document_table
from fractus.services.compute.dialect.schema.bodies import check_create, values
from fractus.services.compute.flavors import schema
from fractus.services.compute.flavors.kind import FIELDS, KIND
from fractus.web.microversion import Version

NEWEST = Version(2, 104)
GOOD: dict[str, Any] = {"name": "x", "ram": 12, "vcpus": 5, "disk": 1}
_YES = [True, "True", "TRUE", "true", "1", "ON", "On", "on", "YES", "Yes", "yes"]
_NO = [False, "False", "FALSE", "false", "0", "OFF", "Off", "off", "NO", "No", "no"]


def at(field: str, value: Any, why: str) -> str:
    return f"Invalid input for field/attribute {field}. Value: {value}. {why}"


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ([], "[] is not of type 'object'"),
        ({}, "'flavor' is a required property"),
        ({"flavor": []}, at("flavor", [], "[] is not of type 'object'")),
        (
            {"flavor": {"name": "x", "ram": 1, "vcpus": 1}},
            at("flavor", {"name": "x", "ram": 1, "vcpus": 1}, "'disk' is a required property"),
        ),
        ({"flavor": {**GOOD, "name": ""}}, at("name", "", "'' should be non-empty")),
        ({"flavor": {**GOOD, "name": 5}}, at("name", 5, "5 is not of type 'string'")),
        ({"flavor": {**GOOD, "name": "a" * 256}}, at("name", "a" * 256, f"{'a' * 256!r} is too long")),
        (
            {"flavor": {**GOOD, "name": " x"}},
            "An invalid 'name' value was provided. The name must be: printable characters. "
            "Can not start or end with whitespace.",
        ),
        ({"flavor": {**GOOD, "ram": 0}}, at("ram", 0, "0 is less than the minimum of 1")),
        ({"flavor": {**GOOD, "ram": "a"}}, at("ram", "a", "'a' does not match '^[0-9]+$'")),
        ({"flavor": {**GOOD, "vcpus": True}}, at("vcpus", True, "True is not of type 'integer', 'string'")),
        ({"flavor": {**GOOD, "vcpus": 1.5}}, at("vcpus", 1.5, "1.5 is not of type 'integer', 'string'")),
        (
            {"flavor": {**GOOD, "vcpus": 5000000000}},
            at("vcpus", 5000000000, "5000000000 is greater than the maximum of 2147483647"),
        ),
        (
            {"flavor": {**GOOD, "id": " a"}},
            at("id", " a", "' a' does not match '^(?! )[a-zA-Z0-9. _-]+(?<! )$'"),
        ),
        (
            {"flavor": {**GOOD, "os-flavor-access:is_public": "perhaps"}},
            at("os-flavor-access:is_public", "perhaps", f"'perhaps' is not one of {[*_YES, *_NO]}"),
        ),
        (
            {"flavor": {**GOOD, "rxtx_factor": 0}},
            at("rxtx_factor", 0, "0 is less than or equal to the minimum of 0"),
        ),
        (
            {"flavor": {**GOOD, "rxtx_factor": "x"}},
            at("rxtx_factor", "x", r"'x' does not match '^[0-9]+(\\.[0-9]+)?$'"),
        ),
        (
            {"flavor": {**GOOD, "description": 5}},
            at("description", 5, "5 is not of type 'string', 'null'"),
        ),
        (
            {"flavor": {**GOOD, "colour": "red"}},
            at(
                "flavor",
                {**GOOD, "colour": "red"},
                "Additional properties are not allowed ('colour' was unexpected)",
            ),
        ),
    ],
)
def test_a_wrong_flavor_is_refused_in_novas_words(body: Any, sentence: str) -> None:
    with pytest.raises(Invalid) as refusal:
        check_create("flavor", FIELDS.values(), body, NEWEST)
    assert refusal.value.message == sentence


def test_numbers_may_come_as_texts_and_booleans_as_words() -> None:
    body = {
        "flavor": {
            **GOOD,
            "ram": "12",
            "swap": "3",
            "rxtx_factor": "2.5",
            "os-flavor-access:is_public": "off",
        }
    }
    check_create("flavor", FIELDS.values(), body, NEWEST)
    kept = values(FIELDS.values(), body["flavor"], create=True)
    assert (kept["ram"], kept["swap"], kept["rxtx_factor"], kept["is_public"]) == (12, 3, 2.5, False)


@pytest.mark.parametrize(
    ("field", "value", "version", "allowed"),
    [
        ("description", "x", Version(2, 54), False),
        ("description", "x", Version(2, 55), True),
        ("rxtx_factor", 1.0, Version(2, 101), True),
        ("rxtx_factor", 1.0, Version(2, 102), False),
    ],
)
def test_fields_belong_to_versions(field: str, value: Any, version: Version, allowed: bool) -> None:
    body = {"flavor": {**GOOD, field: value}}
    if allowed:
        document_table(KIND).request_check(body, version, "create")
    else:
        with pytest.raises(Invalid, match=f"'{field}' was unexpected"):
            document_table(KIND).request_check(body, version, "create")


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (
            {"extra_specs": {"a/b": "zz"}},
            at(
                "extra_specs",
                {"a/b": "zz"},
                "'a/b' does not match any of the regexes: '^[a-zA-Z0-9-_:. ]{1,255}$'",
            ),
        ),
        ({"extra_specs": {"a": {}}}, at("a", {}, "{} is not of type 'string', 'number'")),
        ({"extra_specs": {"a": "b" * 256}}, at("a", "b" * 256, f"{'b' * 256!r} is too long")),
        ({}, "'extra_specs' is a required property"),
    ],
)
def test_wrong_extra_specs_are_refused_in_novas_words(body: Any, sentence: str) -> None:
    with pytest.raises(Invalid) as refusal:
        schema.specs(body)
    assert refusal.value.message == sentence


@pytest.mark.parametrize(
    ("body", "sentence"),
    [({}, "{} should be non-empty"), ({"a": "1", "b": "2"}, "{'a': '1', 'b': '2'} has too many properties")],
)
def test_one_spec_is_one(body: Any, sentence: str) -> None:
    with pytest.raises(Invalid) as refusal:
        schema.spec(body)
    assert refusal.value.message == sentence
