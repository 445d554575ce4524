"""Actions that cannot be done end, and leave their server as it was; those asked at once are done one by one."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from fractus.services.image.images.made_there import Asked, ImageMaker, Source
from fractus.testing.natives import Natives
from fractus.testing.user import COMPUTE, User
from fractus.testing.world import World


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with World(clouds=2, tmp_path=tmp_path) as world:
        yield world


async def has_server(world: World) -> tuple[User, str]:
    ann = world.user("ann")
    server = await ann.boots_server("vm", zone="a")
    await world.settle()
    return ann, server


async def reported(user: User, server: str) -> list[tuple[str, str | None]]:
    """The actions of a server, the newest first, with what is said of them."""
    path = f"{COMPUTE}/servers/{server}/os-instance-actions"
    listed = (await user.get(path)).ok()["instanceActions"]
    return [(one["action"], one["message"]) for one in listed]


async def used(user: User) -> tuple[int, int]:
    limits = (await user.get(f"{COMPUTE}/limits")).ok()["limits"]["absolute"]
    return limits["totalCoresUsed"], limits["totalRAMUsed"]


async def snapshot_in(world: World, cloud: str, user: User) -> str:
    """An image that a cloud has made: its bits are only there."""
    asked = Asked(name="snap", project_id=user.project_id, user_id="u-ann")
    async with world.core.store.transaction() as tx:
        source = Source(kind="server", id="s1", cloud=cloud, project_id=user.project_id)
        image = await ImageMaker(world.core.ledger).make(tx, source, asked)
    Natives(world.cloud(cloud), user.project_id).image("snap", marker=image.id)
    await world.sweep(full=True)
    await world.settle()
    return image.id


@pytest.mark.parametrize(("verb", "key"), [("rescue", "rescue_image_ref"), ("rebuild", "imageRef")])
async def test_an_image_that_is_only_in_another_cloud(world: World, verb: str, key: str) -> None:
    ann, server = await has_server(world)
    image = await snapshot_in(world, "b", ann)
    for _ in range(2):
        (await ann.acts(server, verb, {key: image})).ok()
        await world.settle()
        shown = await ann.server(server)
        assert (shown["status"], shown["OS-EXT-STS:task_state"]) == ("ACTIVE", None)
        assert (await reported(ann, server))[0] == (verb, "Error")


async def test_what_its_cloud_refuses_to_have(world: World) -> None:
    ann, server = await has_server(world)
    image, flavor = (
        await ann.makes_image("mender"),
        await world.admin.makes_flavor("larger", vcpus=2, ram=512),
    )
    before = await used(ann)
    faults = world.cloud("a").faults
    requests: list[tuple[str, dict[str, Any]]] = [
        ("resize", {"flavorRef": flavor}),
        ("rescue", {"rescue_image_ref": image}),
    ]
    for kind in ("image", "flavor"):
        faults.refuses("none of these here", kind=kind)
    for verb, body in requests:
        (await ann.acts(server, verb, body)).ok()
        await world.settle()
        assert (await ann.server(server))["status"] == "ACTIVE"
        assert (await reported(ann, server))[0] == (verb, "Error")
    assert await used(ann) == before
    faults.heals()
    (await ann.acts(server, "reboot", {"type": "HARD"})).ok()
    await world.settle()
    assert ((await ann.server(server))["status"], (await reported(ann, server))[0]) == (
        "ACTIVE",
        ("reboot", None),
    )


async def test_one_that_shows_nothing_is_not_overtaken(world: World) -> None:
    ann, server = await has_server(world)
    dump = {"trigger_crash_dump": None}
    (await ann.post(f"{COMPUTE}/servers/{server}/action", dump, version="2.17")).ok()
    (await ann.acts(server, "os-stop", None)).ok()
    await world.settle()
    log = world.cloud("a").faults.log
    done = [call.method for call in log if call.change and call.kind == "server"]
    assert done == ["create", "apply trigger_crash_dump", "apply stop"]


async def test_what_was_confirmed_is_not_reverted(world: World) -> None:
    ann, server = await has_server(world)
    flavor = await world.admin.makes_flavor("larger", vcpus=2, ram=512)
    (await ann.acts(server, "resize", {"flavorRef": flavor})).ok()
    await world.settle()
    (await ann.acts(server, "confirmResize", None)).ok()
    for again in ("revertResize", "confirmResize"):
        answer = await ann.acts(server, again, None)
        assert (answer.status, b"Instance has not been resized." in answer.body) == (400, True)
    await world.settle()
    assert ((await ann.server(server))["flavor"]["vcpus"], await used(ann)) == (2, (2, 512))


async def test_the_state_that_was_set_is_over_when_something_is_done(world: World) -> None:
    ann, server = await has_server(world)
    at = f"{COMPUTE}/servers/{server}/action"
    assert (await world.admin.post(at, {"os-resetState": {"state": "error"}})).status == 202
    await world.settle()
    shown = await ann.server(server)
    assert shown["status"] == "ERROR"
    assert (await ann.post(at, {"rebuild": {"imageRef": shown["image"]["id"]}})).status == 202
    assert (await ann.server(server))["status"] == "REBUILD"
    await world.settle()
    assert (await ann.server(server))["status"] == "ACTIVE"
