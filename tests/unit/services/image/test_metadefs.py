"""Metadata definitions through the real pipeline. Sentences and statuses are those of a running Glance 33; where that
ends in a 500, a sentence of the same form stands here.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from fractus.auth import base_rules
from fractus.services import image
from fractus.services.image.metadefs import policy
from fractus.services.image.metadefs.api import MetadefsApi
from fractus.services.image.metadefs.table import NAMESPACE, RESOURCE_TYPE
from fractus.web.face import ServiceRoutes
from tests.unit.services.in_process import ANN, BOB, READER, ROOT, Door, Rows, said

URL = "/image/v2/metadefs/namespaces"
ONE = f"{URL}/one"
TYPES = "/image/v2/metadefs/resource_types"
WRONG = "Provided object does not match schema"
PROPERTY = {"title": "P", "type": "string"}
FULL: dict[str, Any] = {
    "namespace": "one",
    "display_name": "One",
    "description": "The first.",
    "visibility": "public",
    "owner": "project-a",
    "properties": {
        "colour": {"title": "Colour", "type": "string", "default": 5, "enum": ["red"], "minimum": 1.5},
        "shape": {"title": "Shape", "type": "array", "items": {"type": "string", "enum": ["x"]}},
    },
    "objects": [{"name": "thing", "required": ["size"], "properties": {"size": PROPERTY}}],
    "tags": [{"name": "t1"}, {"name": "T2"}],
    "resource_type_associations": [{"name": "OS::X", "prefix": "x_", "properties_target": "image"}],
}


@pytest.fixture
async def door(tmp_path: Path) -> AsyncIterator[Door]:
    rows = Rows(tmp_path, {"metadef_namespace": NAMESPACE, "metadef_resource_type": RESOURCE_TYPE})
    routes = MetadefsApi(rows.store, rows.resources).routes()
    rules = [*base_rules.GLANCE, *policy.RULES]
    service = ServiceRoutes(
        service=image.SERVICE, routes=routes, rules=rules, unserved=image.unserved(routes)
    )
    yield Door(rows, [service])
    await rows.store.close()


async def makes(door: Door, **more: Any) -> dict[str, Any]:
    reply = await door(ROOT, "POST", URL, {**FULL, **more})
    assert reply.status == 201, reply.body
    made: dict[str, Any] = reply.json
    return made


async def test_a_namespace_with_all_that_it_defines(door: Door) -> None:
    made = await makes(door)
    assert made["properties"]["colour"] == {
        "title": "Colour", "type": "string", "default": "5", "enum": ["red"], "minimum": 1,
    }  # fmt: skip
    assert made["tags"] == [{"name": "t1"}, {"name": "T2"}]
    assert made["objects"] == FULL["objects"], "without times, as it was said"
    assert made["resource_type_associations"] == FULL["resource_type_associations"]
    assert (made["self"], made["schema"]) == (
        "/v2/metadefs/namespaces/one",
        "/v2/schemas/metadefs/namespace",
    )
    shown = (await door(ANN, "GET", ONE)).ok()
    thing = shown["objects"][0]
    assert thing["self"] == "/v2/metadefs/namespaces/one/objects/thing"
    assert {"created_at", "updated_at"} <= thing.keys()
    assert shown["tags"] == made["tags"]
    prefixed = (await door(ANN, "GET", f"{ONE}?resource_type=OS::X")).ok()
    assert set(prefixed["properties"]) == {"x_colour", "x_shape"}
    assert prefixed["objects"][0]["required"] == ["x_size"]
    assert (await door(ANN, "GET", f"{ONE}?resource_type=none")).ok()["properties"].keys() == {
        "colour",
        "shape",
    }
    (listed,) = (await door(ANN, "GET", URL)).ok()["namespaces"]
    assert "properties" not in listed
    assert listed["resource_type_associations"][0]["name"] == "OS::X"


async def test_the_least_of_one(door: Door) -> None:
    reply = await door(ROOT, "POST", URL, {"namespace": "least"})
    made = reply.json
    assert reply.headers["location"] == "http://fractus.test/image/v2/metadefs/namespaces/least"
    assert (made["visibility"], made["protected"], made["owner"]) == ("private", False, "project-r")
    assert "display_name" not in made
    assert "properties" not in made


@pytest.mark.parametrize(
    ("body", "status", "sentence"),
    [
        (None, 400, "Body expected in request."),
        ({}, 400, WRONG + " 'namespace': 'namespace' is a required property"),
        ([], 400, WRONG + " 'namespace': [] is not of type 'object'"),
        ({"namespace": 1}, 400, WRONG + " 'namespace': 1 is not of type 'string'"),
        (
            {"namespace": "n", "foo": 1},
            400,
            WRONG + " 'namespace': Additional properties are not allowed ('foo' was "
            "unexpected)",
        ),
        ({"namespace": "n", "self": "x"}, 403, "Attribute 'self' is read-only."),
        ({"namespace": "n", "owner": None}, 400, WRONG + " 'namespace': None is not of type 'string'"),
        (
            {"namespace": "n", "visibility": "shared"},
            400,
            WRONG + " 'namespace': 'shared' is not one of ['public', 'private']",
        ),
        (
            {"namespace": "n", "properties": {"a": {"title": "A"}}},
            400,
            WRONG + " 'namespace': 'type' is a required property",
        ),
        (
            {"namespace": "n", "properties": {"a": {**PROPERTY, "maxLength": -1}}},
            400,
            WRONG + " 'namespace': -1 is less than the minimum of 0",
        ),
        (
            {"namespace": "n", "properties": {"a": {**PROPERTY, "odd": 1}}},
            400,
            WRONG + " 'property': Additional properties are not allowed "
            "('odd' was unexpected)",
        ),
        (
            {"namespace": "n", "properties": {"a": {**PROPERTY, "enum": [1]}}},
            400,
            WRONG + " 'property': 1 is not of type 'string'",
        ),
        (
            {"namespace": "n", "properties": {"a": {**PROPERTY, "items": {}}}},
            400,
            WRONG + " 'property': 'type' is a required property",
        ),
        ({"namespace": "n", "tags": [{}]}, 400, WRONG + " 'tag': 'name' is a required property"),
        ({"namespace": "n", "tags": [{"name": "x" * 81}]}, 400, WRONG + f" 'tag': '{'x' * 81}' is too long"),
        (
            {"namespace": "n", "tags": [{"name": "x"}, {"name": "X"}]},
            409,
            "A metadata tag with name=X already exists in namespace=n. "
            "(Please note that metadata tag names are case insensitive).",
        ),
        (
            {"namespace": "n", "objects": [{"name": "a"}, {"name": "a"}]},
            409,
            "A metadata definition object with name=a already exists in namespace=n.",
        ),
        (
            {"namespace": "n", "resource_type_associations": [{"name": "a"}, {"name": "a"}]},
            409,
            "The metadata definition resource-type association of resource-type=a to namespace=n "
            "already exists.",
        ),
        ({"namespace": "one"}, 409, "The metadata definition namespace=one already exists."),
    ],
)  # fmt: skip
async def test_wrong_namespaces(door: Door, body: Any, status: int, sentence: str) -> None:
    await makes(door)
    reply = await door(ROOT, "POST", URL, body)
    assert (reply.status, said(reply)) == (status, sentence)
    assert [one["namespace"] for one in (await door(ROOT, "GET", URL)).ok()["namespaces"]] == ["one"]


async def test_who_sees_and_who_writes(door: Door) -> None:
    await makes(door, namespace="mine", visibility="private")
    await makes(door, namespace="open")

    async def seen(who: Any) -> list[str]:
        return [one["namespace"] for one in (await door(who, "GET", URL)).ok()["namespaces"]]

    assert await seen(ROOT) == ["open", "mine"]
    assert await seen(READER) == ["open", "mine"]
    assert await seen(BOB) == ["open"]
    reply = await door(BOB, "GET", f"{URL}/mine")
    assert said(reply) == "Metadata definition namespace=mine was not found."
    reply = await door(BOB, "GET", f"{URL}/none")
    assert said(reply) == "Metadata definition namespace=none was not found."
    for method, path, body, rule in (
        ("POST", URL, {"namespace": "new"}, "add_metadef_namespace"),
        ("PUT", f"{URL}/mine", {"namespace": "mine"}, "modify_metadef_namespace"),
        ("DELETE", f"{URL}/mine", None, "delete_metadef_namespace"),
        ("POST", f"{URL}/mine/objects", {"name": "o"}, "add_metadef_object"),
        ("POST", f"{URL}/mine/tags/t9", None, "add_metadef_tag"),
        ("DELETE", f"{URL}/mine/tags", None, "delete_metadef_namespace"),
    ):
        reply = await door(ANN, method, path, body)
        assert (reply.status, said(reply)) == (403, f"You are not authorized to complete {rule} action.")
        if path != URL:
            reply = await door(BOB, method, path, body)
            object_ = "/objects" in path
            sentence = (
                "Metadata definition namespace=mine was not found." if object_ else "Namespace mine not found"
            )
            assert (reply.status, said(reply)) == (404, sentence)


async def test_lists(door: Door) -> None:
    for name in ("b", "a", "c"):
        door.rows.clock.jump(2.0)
        await makes(door, namespace=name, resource_type_associations=[{"name": f"OS::{name.upper()}"}])

    async def names(query: str) -> list[str]:
        return [one["namespace"] for one in (await door(ANN, "GET", f"{URL}?{query}")).ok()["namespaces"]]

    assert await names("") == ["c", "a", "b"]
    assert await names("sort_key=namespace&sort_dir=asc") == ["a", "b", "c"]
    assert await names("resource_types=OS::A,OS::C") == ["c", "a"]
    assert await names("visibility=private") == []
    first = (await door(ANN, "GET", f"{URL}?limit=2")).ok()
    assert first["next"] == "/v2/metadefs/namespaces?limit=2&marker=a"
    assert first["first"] == "/v2/metadefs/namespaces?limit=2"
    assert (await door(ANN, "GET", f"/image{first['next']}")).ok()["namespaces"][0]["namespace"] == "b"
    for query, status, sentence in (
        ("visibility=x", 400, "Invalid visibility value: x"),
        ("limit=-1", 400, "limit param must be positive"),
        ("sort_dir=x", 400, "Invalid sort direction: x"),
        ("marker=none", 404, "Metadata definition namespace=none was not found."),
    ):
        reply = await door(ANN, "GET", f"{URL}?{query}")
        assert (reply.status, said(reply)) == (status, sentence)


async def test_a_change_says_all_and_a_name_may_change(door: Door) -> None:
    await makes(door)
    await makes(door, namespace="two")
    reply = await door(ROOT, "PUT", ONE, {"namespace": "two"})
    assert said(reply).endswith("a duplicate metadata definition namespace with the same name of two")
    assert reply.status == 409
    changed = (await door(ROOT, "PUT", ONE, {"namespace": "uno", "description": "d"})).ok()
    assert (changed["namespace"], changed["visibility"], changed["owner"]) == ("uno", "private", "project-r")
    assert "display_name" not in changed
    assert "properties" not in changed
    assert (await door(ROOT, "GET", ONE)).status == 404
    assert (await door(ROOT, "GET", f"{URL}/uno")).ok()["tags"] == [{"name": "t1"}, {"name": "T2"}]


async def test_what_is_protected_stays(door: Door) -> None:
    await makes(door, protected=True)
    for path, what in (
        ("", "namespace one"),
        ("/objects", "namespace one"),
        ("/properties", "namespace one"),
        ("/tags", "namespace one"),
        ("/objects/thing", "object thing"),
        ("/properties/colour", "property colour"),
        ("/tags/t1", "tag t1"),
        ("/resource_types/OS::X", "resource-type-association OS::X"),
    ):
        reply = await door(ROOT, "DELETE", ONE + path)
        assert said(reply) == f"Metadata definition {what} is protected and cannot be deleted."
        assert reply.status == 403
    (await door(ROOT, "PUT", ONE, {"namespace": "one"})).ok()
    assert (await door(ROOT, "DELETE", ONE)).status == 204
    assert (await door(ROOT, "GET", URL)).ok()["namespaces"] == []


async def test_objects(door: Door) -> None:
    await makes(door)
    url = f"{ONE}/objects"
    made = (await door(ROOT, "POST", url, {"name": "o2", "description": "d"})).ok()
    assert "properties" not in made
    reply = await door(ROOT, "POST", url, {"name": "o2"})
    assert (reply.status, said(reply)) == (
        409,
        "A metadata definition object with name=o2 already exists in namespace=one.",
    )
    assert (await door(ANN, "GET", f"{url}/o2")).ok()["properties"] == {}
    reply = await door(ROOT, "PUT", f"{url}/o2", {"name": "thing"})
    assert reply.status == 409
    changed = (await door(ROOT, "PUT", f"{url}/o2", {"name": "o3", "properties": {"p": PROPERTY}})).ok()
    assert (changed["name"], changed["properties"]) == ("o3", {"p": PROPERTY})
    assert "description" not in changed
    listed = (await door(ANN, "GET", url)).ok()
    assert [one["name"] for one in listed["objects"]] == ["thing", "o3"]
    assert listed["schema"] == "v2/schemas/metadefs/objects"
    for query, sentence in (
        ("limit=0", "limit param must be positive"),
        ("visibility=x", "Invalid visibility value: x"),
    ):
        assert said(await door(ANN, "GET", f"{url}?{query}")) == sentence
    bad = {"name": "o4", "properties": {"x": {**PROPERTY, "weird": 1}}}
    assert "('weird' was unexpected)" in said(await door(ROOT, "POST", url, bad))
    assert (await door(ROOT, "DELETE", f"{url}/o3")).status == 204
    assert said(await door(ROOT, "DELETE", f"{url}/o3")) == "Could not find metadata object o3"
    assert (await door(ROOT, "DELETE", url)).status == 204
    assert (await door(ANN, "GET", url)).ok()["objects"] == []
    assert said(await door(ANN, "GET", f"{URL}/none/objects")) == (
        "Metadata definition namespace=none was not found."
    )  # fmt: skip


async def test_properties(door: Door) -> None:
    await makes(door)
    url = f"{ONE}/properties"
    assert (await door(ROOT, "POST", url, {"name": "new", **PROPERTY})).json == {"name": "new", **PROPERTY}
    assert (await door(ROOT, "POST", url, {"name": "new", **PROPERTY})).status == 409
    assert said(await door(ROOT, "POST", url, PROPERTY)).endswith("'name' is a required property")
    assert (await door(ANN, "GET", f"{url}/x_new?resource_type=OS::X")).ok()["name"] == "new"
    for path, sentence in (
        (
            "new?resource_type=OS::X",
            "Property new does not start with the expected resource type association prefix of 'x_'.",
        ),
        ("new?resource_type=none", "The metadata definition resource-type with name=none, was not found."),
        ("none", "Could not find property none"),
    ):  # fmt: skip
        reply = await door(ANN, "GET", f"{url}/{path}")
        assert (reply.status, said(reply)) == (404, sentence)
    assert (await door(ROOT, "PUT", f"{url}/new", {"name": "shape", **PROPERTY})).status == 409
    assert (await door(ROOT, "PUT", f"{url}/new", {"name": "old", **PROPERTY})).ok()["name"] == "old"
    assert set((await door(ANN, "GET", url)).ok()["properties"]) == {"colour", "shape", "old"}
    assert (await door(ROOT, "DELETE", f"{url}/old")).status == 204
    assert (await door(ROOT, "DELETE", url)).status == 204
    assert (await door(ANN, "GET", url)).ok() == {"properties": {}}


async def test_tags(door: Door) -> None:
    await makes(door)
    url = f"{ONE}/tags"

    async def names(query: str = "") -> list[str]:
        return [one["name"] for one in (await door(ANN, "GET", f"{url}{query}")).ok()["tags"]]

    assert (await door(ROOT, "POST", f"{url}/t3")).json.keys() == {"name", "created_at", "updated_at"}
    reply = await door(ROOT, "POST", f"{url}/T3")
    assert reply.status == 409
    assert "case insensitive" in said(reply)
    assert said(await door(ROOT, "POST", f"{url}/{'x' * 81}")).endswith("is too long")
    assert (await door(ROOT, "PUT", f"{url}/t3", {"name": "t1"})).status == 409
    assert (await door(ROOT, "PUT", f"{url}/t3", {"name": "t4"})).ok()["name"] == "t4"
    assert await names("?sort_key=name&sort_dir=asc") == ["t1", "T2", "t4"]
    assert await names("?sort_key=name&sort_dir=asc&limit=1&marker=T2") == ["t4"]
    assert said(await door(ANN, "GET", f"{url}?marker=none")) == "Could not find metadata tag none"
    assert said(await door(ANN, "GET", f"{url}?limit=x")) == "limit param must be an integer"
    append = {"X-Openstack-Append": "True", "Content-Type": "application/json"}
    more = b'{"tags": [{"name": "n1"}]}'
    assert (await door(ROOT, "POST", url, body=more, headers=append)).json == {"tags": [{"name": "n1"}]}
    assert set(await names()) == {"T2", "t1", "t4", "n1"}
    assert (await door(ROOT, "POST", url, {"tags": [{"name": "z"}, {"name": "Z"}]})).status == 409
    assert (await door(ROOT, "POST", url, {"tags": [{"name": "z"}]})).status == 201
    assert await names() == ["z"]
    assert (await door(ROOT, "POST", url, {"tags": []})).status == 201
    assert await names() == ["z"]
    assert (await door(ROOT, "DELETE", f"{url}/z")).status == 204
    assert said(await door(ANN, "GET", f"{url}/z")) == "Could not find metadata tag z"


async def test_types_of_resources_outlive_their_associations(door: Door) -> None:
    await makes(door)
    url = f"{ONE}/resource_types"
    assert (await door(ROOT, "POST", url, {"name": "OS::Y", "prefix": "y:"})).status == 201
    assert (await door(ROOT, "POST", url, {"name": "OS::Y"})).status == 409
    every = (await door(ANN, "GET", url)).ok()["resource_type_associations"]
    assert [(one["name"], one.get("prefix")) for one in every] == [("OS::X", "x_"), ("OS::Y", "y:")]
    assert (await door(ROOT, "DELETE", f"{url}/OS::Y")).status == 204
    assert said(await door(ROOT, "DELETE", f"{url}/OS::Y")) == "Failed to find resource type OS::Y to delete"
    types = (await door(ANN, "GET", TYPES)).ok()["resource_types"]
    assert [one["name"] for one in types] == ["OS::X", "OS::Y"]


@pytest.mark.parametrize(
    "name",
    "namespace namespaces object objects property properties resource_type resource_types tag tags".split(),
)
async def test_schemas(door: Door, name: str) -> None:
    schema = (await door(ANN, "GET", f"/image/v2/schemas/metadefs/{name}")).ok()
    assert schema["properties"]
