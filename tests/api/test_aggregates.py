"""Aggregates: sets of hosts of any clouds, kept here alone; a host's zone is its cloud."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from fractus.testing.user import COMPUTE
from fractus.testing.world import World

ROOT = f"{COMPUTE}/os-aggregates"


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with World(2, tmp_path=tmp_path, shape={"hosts": 2, "host_lists": True}) as made:
        await made.sweep(full=True)
        yield made


async def make(world: World, name: str = "ssd", zone: str | None = None, version: str = "2.104") -> Any:
    body = {"aggregate": {"name": name, "availability_zone": zone}}
    return (await world.admin.post(ROOT, body, version=version)).ok()["aggregate"]


async def act(world: World, id: Any, verb: str, **said: Any) -> Any:
    return await world.admin.post(f"{ROOT}/{id}/action", {verb: said}, version="2.104")


async def shown(world: World, id: Any, version: str = "2.104") -> dict[str, Any]:
    return dict((await world.admin.get(f"{ROOT}/{id}", version=version)).ok()["aggregate"])


async def test_an_aggregate_is_made_shown_listed_changed_and_deleted(world: World) -> None:
    made = await make(world, "ssd", version="2.40")
    assert set(made) == {
        "availability_zone", "created_at", "deleted", "deleted_at", "id", "name", "updated_at",
    }  # fmt: skip
    one = await shown(world, made["id"])
    uuid = one.pop("uuid")
    assert one == {**made, "hosts": [], "metadata": {}}
    assert await shown(world, made["id"], "2.40") == one
    every = (await world.admin.get(ROOT, version="2.104")).ok()["aggregates"]
    assert every == [{**one, "uuid": uuid}]
    await world.run_for(2)
    url = f"{ROOT}/{made['id']}"
    body = {"aggregate": {"name": " nvme ", "availability_zone": "a"}}
    changed = (await world.admin.put(url, body, version="2.104")).ok()["aggregate"]
    assert (changed["name"], changed["availability_zone"]) == ("nvme", "a")
    assert changed["metadata"] == {"availability_zone": "a"}
    assert changed["updated_at"] > changed["created_at"]
    assert (await world.admin.delete(url)).status == 200
    gone = await world.admin.get(url)
    assert gone.json["itemNotFound"]["message"] == f"Aggregate {made['id']} could not be found."
    assert (await make(world, "nvme"))["id"] != made["id"], "the name may be used again"
    assert (await world.user("ann").get(ROOT)).status == 403


async def test_hosts_of_several_clouds_are_in_one_aggregate_by_the_names_that_they_have_here(
    world: World,
) -> None:
    id = (await make(world))["id"]
    for host in ("host-1.a", "host-2.b"):
        reply = await act(world, id, "add_host", host=host)
    assert reply.ok()["aggregate"]["hosts"] == ["host-1.a", "host-2.b"]
    again = await act(world, id, "add_host", host="host-2.b")
    assert again.json["conflictingRequest"]["message"] == f"Aggregate {id} already has host host-2.b."
    held = await world.admin.delete(f"{ROOT}/{id}")
    assert held.json["badRequest"]["message"] == (
        f"Cannot remove host from aggregate {id}. Reason: Host aggregate is not empty."
    )
    left = (await act(world, id, "remove_host", host="host-1.a")).ok()["aggregate"]
    assert left["hosts"] == ["host-2.b"]
    zone = {"availability_zone": "a"}
    said = (await act(world, id, "set_metadata", metadata=zone)).json["badRequest"]["message"]
    why = "Reason: One or more hosts already in availability zone(s) ['b']."
    assert said == f"Cannot update metadata of aggregate {id}. {why}"
    assert (await act(world, id, "set_metadata", metadata={**zone, "availability_zone": "b"})).status == 200
    other = await act(world, id, "add_host", host="host-1.a")
    assert other.json["conflictingRequest"]["message"] == (
        f"Cannot add host to aggregate {id}. Reason: One or more hosts already in availability zone(s) ['a']."
    )


async def test_metadata_is_added_and_taken_away(world: World) -> None:
    id = (await make(world, zone="b"))["id"]
    both = (await act(world, id, "set_metadata", metadata={"ssd": "true", "raid": "1"})).ok()["aggregate"]
    assert both["metadata"] == {"availability_zone": "b", "ssd": "true", "raid": "1"}
    one = (await act(world, id, "set_metadata", metadata={"ssd": None})).ok()["aggregate"]
    assert one["metadata"] == {"availability_zone": "b", "raid": "1"}


async def test_images_are_brought_to_the_clouds_of_the_hosts_ahead_of_use(world: World) -> None:
    image = await world.admin.makes_image()
    id = (await make(world))["id"]
    await act(world, id, "add_host", host="host-1.b")
    url, body = f"{ROOT}/{id}/images", {"cache": [{"id": image}]}
    assert (await world.admin.post(url, body, version="2.80")).status == 404
    assert (await world.admin.post(url, body, version="2.81")).status == 202
    await world.settle()
    assert [cloud for cloud in "ab" if world.cloud(cloud).marked("image", image)] == ["b"]
    twice = await world.admin.post(url, {"cache": [{"id": image}] * 2}, version="2.104")
    assert twice.json["badRequest"]["message"] == "Duplicate images in request"


#: Method, path after the collection, body, status, sentence.
WRONG: list[tuple[str, str, Any, int, str]] = [
    ("post", "", {"aggregate": {}}, 400,
     "Invalid input for field/attribute aggregate. Value: {}. 'name' is a required property"),
    ("post", "", {"aggregate": {"name": "n", "availability_zone": "a:b"}}, 400,
     "Invalid input for field/attribute availability_zone. Value: a:b. "
     "'a:b' is not valid under any of the given schemas"),
    ("post", "", {"aggregate": {"name": "taken"}}, 409, "Aggregate taken already exists."),
    ("put", "/{id}", {"aggregate": {}}, 400,
     "Invalid input for field/attribute aggregate. Value: {}. {} is not valid under any of the given schemas"),
    ("put", "/{id}", {"aggregate": {"name": "  "}}, 400,
     "An invalid 'name' value was provided. The name must be: printable characters with at least one non space "
     "character"),
    ("put", "/{id}", {"aggregate": {"name": "taken"}}, 409, "Aggregate taken already exists."),
    ("put", "/{id}", {"aggregate": {"availability_zone": None}}, 400,
     "Cannot update aggregate {id}. Reason: Aggregate one does not support empty named availability zone."),
    ("put", "/x", {"aggregate": {"name": "n"}}, 400, "Invalid input received: id must be an integer"),
    ("put", "/7", {"aggregate": {"name": "n"}}, 404, "Aggregate 7 could not be found."),
    ("post", "/{id}/action", {"add_host": {"host": "none"}}, 404, "Compute host none could not be found."),
    ("post", "/{id}/action", {"add_host": {"host": "host-1"}}, 404, "Compute host host-1 could not be found."),
    ("post", "/{id}/action", {"add_host": {"host": "a b"}}, 400,
     "Invalid input for field/attribute host. Value: a b. 'a b' does not match '^[a-zA-Z0-9-._]*$'"),
    ("post", "/7/action", {"add_host": {"host": "host-1.a"}}, 404, "Aggregate 7 could not be found."),
    ("post", "/7/action", {"remove_host": {"host": "host-1.a"}}, 404,
     "Cannot remove host host-1.a in aggregate 7"),
    ("post", "/{id}/action", {"remove_host": {"host": "host-1.a"}}, 404,
     "Cannot remove host host-1.a in aggregate {id}"),
    ("post", "/{id}/action", {"set_metadata": {"metadata": {"a": 5}}}, 400,
     "Invalid input for field/attribute a. Value: 5. 5 is not of type 'string', 'null'"),
    ("post", "/{id}/action", {"set_metadata": {"metadata": {"é": "5"}}}, 400,
     "Invalid input for field/attribute metadata. Value: {'é': '5'}. "
     "'é' does not match any of the regexes: '^[a-zA-Z0-9-_:. ]{1,255}$'"),
    ("post", "/{id}/images", {"cache": []}, 400,
     "Invalid input for field/attribute cache. Value: []. [] should be non-empty"),
    ("post", "/{id}/images", {"cache": [{"id": "x"}]}, 400,
     "Invalid input for field/attribute id. Value: x. 'x' is not a 'uuid'"),
]  # fmt: skip


async def test_wrong_requests_are_refused_as_nova_does(world: World) -> None:
    await make(world, "taken")
    id = (await make(world, "one"))["id"]
    for method, path, body, status, sentence in WRONG:
        ask = getattr(world.admin, method)
        reply = await ask(f"{ROOT}{path.format(id=id)}", body, version="2.104")
        (fault,) = reply.json.values()
        assert (reply.status, fault["message"]) == (status, sentence.replace("{id}", str(id)))
