"""The image of a shelved server: its project sees it until the server is unshelved, or gone."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from fractus.clouds.simulated.records import ImageRecord
from fractus.testing.user import COMPUTE, IMAGE, User
from fractus.testing.world import World


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with World(clouds=2, tmp_path=tmp_path) as made:
        yield made


async def images(user: User) -> list[dict[str, Any]]:
    found = (await user.get(f"{IMAGE}/images?name=vm-shelved")).ok()
    listed: list[dict[str, Any]] = found["images"]
    return listed


async def asks(user: User, server: str, verb: str) -> None:
    (await user.post(f"{COMPUTE}/servers/{server}/action", {verb: None})).ok()


def there(world: World) -> list[ImageRecord]:
    """What the clouds have of them."""
    every = [one for name in "ab" for one in world.cloud(name).backend.records.every(ImageRecord)]
    return [one for one in every if one.name == "vm-shelved"]


async def shelved(world: World) -> tuple[User, str]:
    """A server that is shelved."""
    ann = world.user("ann")
    server = await ann.boots_server("vm")
    await world.settle()
    await asks(ann, server, "shelve")
    return ann, server


async def test_its_project_has_it_at_once_and_until_the_server_is_unshelved(world: World) -> None:
    ann, server = await shelved(world)
    [queued] = await images(ann)
    assert queued["status"] == "queued"
    await world.settle()
    await world.run_for(60)
    [image] = await images(ann)
    assert (image["id"], image["status"], image["owner"]) == (queued["id"], "active", ann.project_id)
    assert (image["instance_uuid"], image["image_type"]) == (server, "snapshot")
    assert await images(world.user("ben", "other")) == []
    assert len(there(world)) == 1
    await asks(ann, server, "unshelve")
    await world.settle()
    assert (await ann.server(server))["status"] == "ACTIVE"
    assert (await images(ann), there(world)) == ([], [])


async def test_it_goes_with_the_server(world: World) -> None:
    ann, server = await shelved(world)
    await world.settle()
    (await ann.delete(f"{COMPUTE}/servers/{server}")).ok()
    await world.settle()
    assert (await images(ann), there(world)) == ([], [])


async def test_one_that_is_unshelved_in_its_cloud_takes_its_image_along(world: World) -> None:
    """Somebody else has done it there: what is not there is not shown."""
    ann, _ = await shelved(world)
    await world.settle()
    await world.run_for(60)
    [image] = there(world)
    for name in "ab":
        records = world.cloud(name).backend.records
        if records.get(ImageRecord, image.id) is not None:
            records.drop(image)
    await world.sweep(full=True)
    await world.run_for(120)
    assert await images(ann) == []


async def test_what_is_shelved_again_has_another_image(world: World) -> None:
    ann, server = await shelved(world)
    await world.settle()
    [first] = await images(ann)
    await asks(ann, server, "unshelve")
    await world.settle()
    await asks(ann, server, "shelve")
    await world.settle()
    [second] = await images(ann)
    assert second["id"] != first["id"]
    assert len(there(world)) == 1


async def test_the_image_of_another_server_of_that_name_is_not_taken_for_it(world: World) -> None:
    """An image of another server with such a name is not taken for it."""
    ann, _ = await shelved(world)
    await world.settle()
    [image] = there(world)
    ben = world.user("ben", "other")
    other = await ben.boots_server("vm")
    await world.settle()
    await asks(ben, other, "shelve")
    await world.settle()
    assert len(await images(ben)) == 1
    assert {one.properties["instance_uuid"] for one in there(world)} - {image.properties["instance_uuid"]}
    assert len(await images(ann)) == 1
