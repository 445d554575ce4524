"""Metadata and tags."""

from __future__ import annotations

from typing import Any

import pytest

from fractus.model.errors import Conflict, Invalid, NotFound, QuotaExceeded
from fractus.services.compute.servers.api import ServerLimits
from tests.unit.services.compute.servers.house import BASE_URL, House, reader


async def running(house: House, **about: Any) -> str:
    id = await house.create(**about)
    await house.place(id)
    return f"/servers/{id}"


# --- metadata -------------------------------------------------------------------------------------


async def test_metadata_is_read(house: House) -> None:
    at = await running(house, metadata={"a": "1", "b": "2"})
    assert await house.ask("GET", f"{at}/metadata", who=reader()) == {"metadata": {"a": "1", "b": "2"}}
    assert await house.ask("GET", f"{at}/metadata/a", who=reader()) == {"meta": {"a": "1"}}
    assert await house.refused(NotFound, "GET", f"{at}/metadata/c") == "Metadata item was not found"


async def test_metadata_is_added_to_replaced_set_and_removed(house: House) -> None:
    at = await running(house, metadata={"a": "1"})
    answer = await house.ask("POST", f"{at}/metadata", {"metadata": {"b": "2"}})
    assert answer == {"metadata": {"a": "1", "b": "2"}}
    answer = await house.ask("PUT", f"{at}/metadata", {"metadata": {"c": "3"}})
    assert answer == {"metadata": {"c": "3"}}
    assert await house.ask("PUT", f"{at}/metadata/d", {"meta": {"d": "4"}}) == {"meta": {"d": "4"}}
    await house.ask("DELETE", f"{at}/metadata/c")
    assert house.last.status == 204
    assert (await house.ask("GET", at))["server"]["metadata"] == {"d": "4"}
    assert await house.refused(NotFound, "DELETE", f"{at}/metadata/c") == "Metadata item was not found"


@pytest.mark.parametrize(
    ("method", "path", "body", "says"),
    [
        ("POST", "metadata", {"metadata": {"k!": "v"}}, "'k!' does not match any of the regexes"),
        ("POST", "metadata", {"metadata": {"": "v"}}, "'' does not match any of the regexes"),
        ("POST", "metadata", {"metadata": {"k": None}}, "None is not of type 'string'"),
        ("PUT", "metadata", {"metadata": {"k": "v" * 256}}, "is too long"),
        ("PUT", "metadata", {}, "'metadata' is a required property"),
        ("PUT", "metadata/k", {"meta": {"other": "v"}}, "Request body and URI mismatch"),
        ("PUT", "metadata/k", {"meta": {}}, "{} should be non-empty"),
        ("PUT", "metadata/k", {"meta": {"k": "v", "l": "w"}}, "has too many properties"),
        ("PUT", "metadata/k", {"meta": {"k": "v"}, "x": 1}, "'x' was unexpected"),
    ],
)
async def test_bad_metadata(house: House, method: str, path: str, body: Any, says: str) -> None:
    at = await running(house)
    assert says in await house.refused(Invalid, method, f"{at}/{path}", body)


async def test_metadata_is_limited_and_needs_a_server_that_is_built(house: House) -> None:
    house.limits = ServerLimits(metadata=2)
    id = await house.create()
    body = {"metadata": {"a": "1", "b": "2", "c": "3"}}
    said = await house.refused(Conflict, "POST", f"/servers/{id}/metadata", body)
    assert said == f"Cannot 'update metadata' instance {id} while it is in vm_state building"
    await house.place(id)
    said = await house.refused(QuotaExceeded, "POST", f"/servers/{id}/metadata", body)
    assert said == "Maximum number of metadata items exceeds 2"


async def test_the_same_metadata_again_is_no_change(house: House) -> None:
    at = await running(house, metadata={"a": "1"})
    await house.ask("POST", f"{at}/metadata", {"metadata": {"a": "1"}})
    assert (await house.fetch(at.removeprefix("/servers/"))).generation == 1


# --- tags -----------------------------------------------------------------------------------------


async def test_tags(house: House) -> None:
    at = await running(house)
    assert await house.ask("GET", f"{at}/tags") == {"tags": []}
    answer = await house.ask("PUT", f"{at}/tags", {"tags": ["a", "b", "a"]})
    assert answer == {"tags": ["a", "b"]}
    await house.ask("PUT", f"{at}/tags/c d")
    assert house.last.status == 201
    assert house.last.headers == {"Location": f"{BASE_URL}/v2.1{at}/tags/c%20d"}
    await house.ask("PUT", f"{at}/tags/a")
    assert (house.last.status, house.last.body) == (204, None)
    await house.ask("GET", f"{at}/tags/a")
    assert house.last.status == 204
    await house.ask("DELETE", f"{at}/tags/a")
    assert house.last.status == 204
    assert (await house.ask("GET", at))["server"]["tags"] == ["b", "c d"]
    await house.ask("DELETE", f"{at}/tags")
    assert house.last.status == 204
    assert await house.ask("GET", f"{at}/tags") == {"tags": []}


async def test_tags_that_are_not_there(house: House) -> None:
    at = await running(house)
    id = at.removeprefix("/servers/")
    assert await house.refused(NotFound, "GET", f"{at}/tags/x") == f"Server {id} has no tag 'x'"
    assert await house.refused(NotFound, "DELETE", f"{at}/tags/x") == f"Instance {id} has no tag 'x'"


async def test_bad_tags(house: House) -> None:
    at = await running(house)
    said = await house.refused(Invalid, "PUT", f"{at}/tags", {"tags": ["a/b"]})
    assert "'a/b' does not match '^[^,/]*$'" in said
    said = await house.refused(Invalid, "PUT", f"{at}/tags/a,b")
    assert said.startswith(
        "Tag 'a,b' is invalid. It must be a non empty string without characters '/' and ','."
    )
    assert "is too long" in await house.refused(Invalid, "PUT", f"{at}/tags/{'x' * 61}")
    await house.ask("PUT", f"{at}/tags", {"tags": [f"t{n}" for n in range(50)]})
    said = await house.refused(Invalid, "PUT", f"{at}/tags/more")
    assert said == "The number of tags exceeded the per-server limit 50"


async def test_tags_need_a_server_that_is_built_and_version_2_26(house: House) -> None:
    id = await house.create()
    said = await house.refused(Conflict, "PUT", f"/servers/{id}/tags/x")
    assert said == f"Cannot 'update tag' instance {id} while it is in vm_state building"
    with pytest.raises(NotFound, match="The resource could not be found"):
        await house.ask("GET", f"/servers/{id}/tags", version="2.25")
