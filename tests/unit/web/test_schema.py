"""Nova's sentences about bodies. Those marked as recorded are what Nova 34 answered."""

from __future__ import annotations

import enum
from typing import Annotated, Any, Literal

import pytest
from msgspec import UNSET, Meta, UnsetType

from fractus.model.errors import Invalid
from fractus.web.microversion import RequestFieldAdded, Version, VersionTable
from fractus.web.schema import Body, body_schema, convert


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Network(Body):
    uuid: str
    tag: str | UnsetType = UNSET
    policy: Literal["auto", "none"] = "auto"


class Server(Body):
    name: Annotated[str, Meta(min_length=1, max_length=8)]
    code: Annotated[str, Meta(pattern=r"^[a-zé\\]+$")] = "a"
    count: Annotated[int, Meta(ge=0, le=5)] = 0
    share: Annotated[float, Meta(gt=1, lt=3)] = 2
    note: str | None = None
    metadata: dict[Annotated[str, Meta(max_length=3)], Annotated[str, Meta(max_length=3)]] = {}
    networks: Annotated[list[Network], Meta(min_length=2, max_length=3)] | str = "auto"
    colour: Colour = Colour.RED
    colours: dict[str, Colour] = {}


class ServerBody(Body, rename={"hints": "os:scheduler_hints"}):
    server: Server
    hints: dict[str, Any] = {}


def sentence(body: Any) -> str:
    with pytest.raises(Invalid) as caught:
        convert(body, ServerBody)
    return caught.value.message


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (None, "None is not of type 'object'"),
        ([1], "[1] is not of type 'object'"),
        ({"servr": {"flavorRef": "1"}}, "'server' is a required property"),
        (
            {"server": {"foo": 3, "name": 1}},
            "Invalid input for field/attribute name. Value: 1. 1 is not of type 'string'",
        ),
        ({}, "'server' is a required property"),
        (
            {"server": {"count": 1}},
            "Invalid input for field/attribute server. Value: {'count': 1}. 'name' is a required property",
        ),
        (
            {"server": {"name": 1}},
            "Invalid input for field/attribute name. Value: 1. 1 is not of type 'string'",
        ),
    ],
)
def test_recorded(body: Any, expected: str) -> None:
    assert sentence(body) == expected


@pytest.mark.parametrize(
    ("field", "value", "at", "why"),
    [
        ("name", "", "name", "'' should be non-empty"),
        ("name", "123456789", "name", "'123456789' is too long"),
        ("code", "A\\b", "code", "'A\\\\b' does not match '^[a-zé\\\\\\\\]+$'"),
        ("count", -1, "count", "-1 is less than the minimum of 0"),
        ("count", 9, "count", "9 is greater than the maximum of 5"),
        ("count", 10**40, "count", f"{10**40} is greater than the maximum of 5"),
        ("count", "1", "count", "'1' is not of type 'integer'"),
        ("count", True, "count", "True is not of type 'integer'"),
        ("count", 1.5, "count", "1.5 is not of type 'integer'"),
        ("share", 1, "share", "1 is less than or equal to the minimum of 1"),
        ("share", 3.0, "share", "3.0 is greater than or equal to the maximum of 3"),
        ("note", 1, "note", "1 is not of type 'string', 'null'"),
        ("metadata", {"a": "x", "b": 1}, "b", "1 is not of type 'string'"),
        ("metadata", {"a": "x", "b": "long"}, "b", "'long' is too long"),
        ("colour", "green", "colour", "'green' is not one of ['red', 'blue']"),
        ("colours", {"a": "red", "b": "green"}, "b", "'green' is not one of ['red', 'blue']"),
    ],
)
def test_what_is_wrong_with_a_field(field: str, value: Any, at: str, why: str) -> None:
    bad = value[at] if isinstance(value, dict) else value
    expected = f"Invalid input for field/attribute {at}. Value: {bad}. {why}"
    assert sentence({"server": {"name": "x", field: value}}) == expected


def test_what_is_wrong_with_a_list() -> None:
    def networks(*given: Any) -> str:
        return sentence({"server": {"name": "x", "networks": list(given)}})

    good = {"uuid": "u"}
    assert (
        networks(good)
        == f"Invalid input for field/attribute networks. Value: {[good]}. {[good]!r} is too short"
    )
    assert networks(good, good, good, good).endswith("is too long")
    assert (
        networks(good, {}) == "Invalid input for field/attribute 1. Value: {}. 'uuid' is a required property"
    )
    assert networks(good, 5) == "Invalid input for field/attribute 1. Value: 5. 5 is not of type 'object'"
    assert networks({"uuid": "u", "policy": "x"}, good) == (
        "Invalid input for field/attribute policy. Value: x. 'x' is not one of ['auto', 'none']"
    )


def test_what_is_too_much() -> None:
    server = {"name": "x", "a": 1, "b": 2}
    many = "Additional properties are not allowed ('a', 'b' were unexpected)"
    assert (
        sentence({"server": server}) == f"Invalid input for field/attribute server. Value: {server}. {many}"
    )
    assert (
        sentence({"server": {"name": "x"}, "c": 1})
        == "Additional properties are not allowed ('c' was unexpected)"
    )
    inner = [{"uuid": "u"}, {"uuid": "v", "z": 1}]
    assert sentence({"server": {"name": "x", "networks": inner}, "c": 1}).startswith(
        "Invalid input for field/attribute 1. Value: {'uuid': 'v', 'z': 1}. Additional properties"
    )
    flood = {f"x{n}": n for n in range(50_000)}
    few = sentence({"server": {"name": "x"}, **flood})
    assert "'x0'" in few
    assert len(few) < 200


def test_what_is_wrong_with_a_name_in_an_object() -> None:
    metadata = {"a": "x", "long": "x"}
    assert sentence({"server": {"name": "x", "metadata": metadata}}) == (
        f"Invalid input for field/attribute metadata. Value: {metadata}. 'long' is too long"
    )


def test_a_good_body_comes_back_typed() -> None:
    body = {
        "server": {"name": "x", "networks": [{"uuid": "u"}, {"uuid": "v"}]},
        "os:scheduler_hints": {"a": 1},
    }
    made = convert(body, ServerBody)
    assert (made.server.networks[1].uuid, made.hints) == ("v", {"a": 1})


def test_a_schema_also_looks_at_the_version() -> None:
    table = VersionTable([RequestFieldAdded(Version(2, 32), "server.networks[].tag", on="create")])
    check = body_schema(ServerBody, table, "create")
    body = {"server": {"name": "x", "networks": [{"uuid": "u", "tag": "t"}, {"uuid": "v"}]}}
    check(body, Version(2, 32))
    with pytest.raises(Invalid, match=r"\('tag' was unexpected\)"):
        check(body, Version(2, 31))
    body_schema(ServerBody)(body, Version(2, 31))
    with pytest.raises(Invalid, match="is not of type 'object'"):
        check(None, Version(2, 32))
