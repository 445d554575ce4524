"""Images and backups of servers: ours at once, made by the server's cloud, followed, rotated, ended."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from fractus.testing.asgi import HttpReply
from fractus.testing.user import COMPUTE, IMAGE, User
from fractus.testing.world import World


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with World(clouds=2, tmp_path=tmp_path) as made:
        yield made


async def booted(world: World, user: User) -> str:
    server = await user.boots_server("vm", zone="a")
    await world.settle()
    return server


async def asks(user: User, server: str, action: str, version: str = "2.44", **about: Any) -> HttpReply:
    """Ask for an image."""
    body = {action: {"name": "snap", **about}}
    return await user.post(f"{COMPUTE}/servers/{server}/action", body, version=version)


async def images(user: User, server: str, action: str, **about: Any) -> str:
    """The same; its id."""
    reply = await asks(user, server, action, "2.45", **about)
    assert reply.status == 202
    id: str = reply.ok()["image_id"]
    return id


async def shown(user: User, image: str) -> dict[str, Any]:
    found: dict[str, Any] = (await user.get(f"{IMAGE}/images/{image}")).ok()
    return found


async def test_it_is_ours_at_once_and_made_in_the_server_s_cloud(world: World) -> None:
    ann = world.user("ann")
    server = await booted(world, ann)
    image = await images(ann, server, "createImage", metadata={"colour": "blue"})
    first = await shown(ann, image)
    assert (first["status"], first["name"], first["visibility"]) == ("queued", "snap", "private")
    assert (first["instance_uuid"], first["image_type"], first["colour"]) == (server, "snapshot", "blue")
    seen: list[str | None] = [(await ann.server(server))["OS-EXT-STS:task_state"]]
    for _ in range(40):
        await world.run_for(0.5)
        task = (await ann.server(server))["OS-EXT-STS:task_state"]
        if task != seen[-1]:
            seen.append(task)
    known = ["image_snapshot_pending", "image_pending_upload", "image_uploading", None]
    assert seen == [one for one in known if one in seen], "in this order"
    assert (seen[0], seen[-1]) == ("image_snapshot_pending", None)
    await world.settle()
    now = await shown(ann, image)
    assert (now["status"], now["size"], now["instance_uuid"]) == ("active", 4, server)
    (there,) = world.cloud("a").marked("image", image)
    assert there.properties["instance_uuid"] != server, "its cloud keeps its own ids"  # type: ignore[attr-defined]
    actions = (await ann.get(f"{COMPUTE}/servers/{server}/os-instance-actions")).ok()["instanceActions"]
    assert actions[0]["action"] == "createImage"
    again = await ann.boots_server("again", image=image)
    await world.settle()
    assert (await ann.server(again))["OS-EXT-AZ:availability_zone"] == "a"


async def test_where_it_is_shown(world: World) -> None:
    ann = world.user("ann")
    server = await booted(world, ann)
    reply = await asks(ann, server, "createImage")
    assert (reply.status, reply.body) == (202, b"")
    path, _, id = reply.headers["location"].rpartition("/")
    assert path.endswith("/image/v2/images")
    assert (await shown(ann, id))["name"] == "snap"
    await world.settle()
    kept = await asks(ann, server, "createBackup", backup_type="daily", rotation=1)
    path, _, id = kept.headers["location"].rpartition("/")
    assert path.endswith("/compute/v2.1/images")
    assert (await shown(ann, id))["backup_type"] == "daily"
    await world.settle()
    none = await asks(ann, server, "createBackup", backup_type="daily", rotation="0")
    assert "location" not in none.headers
    await world.settle()
    every = (await ann.get(f"{IMAGE}/images?visibility=private")).ok()["images"]
    assert [one["image_type"] for one in every] == ["snapshot"], "no backup of this type is kept"


async def test_backups_of_each_type_are_rotated_when_a_new_one_is_there(world: World) -> None:
    ann = world.user("ann")
    server = await booted(world, ann)
    made = {}
    for name, kind in (("d1", "daily"), ("w1", "weekly"), ("d2", "daily"), ("d3", "daily")):
        made[name] = await images(ann, server, "createBackup", name=name, backup_type=kind, rotation=2)
        await world.settle()
    every = (await ann.get(f"{IMAGE}/images?visibility=private")).ok()["images"]
    assert sorted(one["name"] for one in every) == ["d2", "d3", "w1"]
    assert not world.cloud("a").marked("image", made["d1"])
    assert len(world.cloud("a").marked("image", made["w1"])) == 1


async def test_a_refused_request_ends_the_image(world: World) -> None:
    ann = world.user("ann")
    server = await booted(world, ann)
    (there,) = world.cloud("a").marked("server", server)
    there.vm_state = "error"  # type: ignore[attr-defined]
    world.cloud("a").backend.records.put(there)
    image = await images(ann, server, "createImage")
    await world.settle()
    assert (await ann.get(f"{IMAGE}/images/{image}")).status == 404
    assert not world.cloud("a").marked("image", image)


async def test_a_failed_snapshot_ends_the_image_also_where_nobody_has_seen_it(world: World) -> None:
    ann = world.user("ann")
    server = await booted(world, ann)
    image = await images(ann, server, "createImage")
    for _ in range(60):
        await world.work_once()
        if found := world.cloud("a").marked("image", image):
            world.cloud("a").backend.records.drop(found[0])
            break
    else:
        pytest.fail("its cloud was never asked")
    await world.run_for(120)
    assert (await ann.get(f"{IMAGE}/images/{image}")).status == 404


async def test_a_server_that_goes_takes_the_image_with_it_that_was_not_begun(world: World) -> None:
    ann = world.user("ann")
    server = await booted(world, ann)
    world.cloud("a").faults.unreachable()
    image = await images(ann, server, "createImage")
    await ann.deletes_server(server)
    world.cloud("a").faults.heals()
    await world.run_for(200)
    assert (await ann.get(f"{IMAGE}/images/{image}")).status == 404


async def test_of_a_locked_server_and_for_another_project(world: World) -> None:
    """Nova does not look at the lock; the image is the caller's, and shared with the server's project."""
    ann = world.user("ann")
    server = await booted(world, ann)
    (await ann.acts(server, "lock")).ok()
    mine = await images(ann, server, "createImage")
    await world.settle()
    theirs = await images(world.admin, server, "createImage")
    await world.settle()
    assert (await shown(ann, mine))["owner"] == ann.project_id
    image = await shown(world.admin, theirs)
    assert (image["visibility"], image["instance_owner"]) == ("shared", ann.project_id)
    members = (await world.admin.get(f"{IMAGE}/images/{theirs}/members")).ok()["members"]
    assert [one["member_id"] for one in members] == [ann.project_id]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"createImage": {}}, 400),
        ({"createImage": {"name": ""}}, 400),
        ({"createImage": {"name": " x"}}, 400),
        ({"createImage": {"name": "x", "metadata": {"a/b": "c"}}}, 400),
        ({"createImage": {"name": "x", "metadata": {"a": 1}}}, 400),
        ({"createImage": {"name": "x", "more": 1}}, 400),
        ({"createBackup": {"name": "x", "backup_type": "daily"}}, 400),
        ({"createBackup": {"name": "x", "backup_type": "daily", "rotation": -1}}, 400),
        ({"createBackup": {"name": "x", "backup_type": "daily", "rotation": "many"}}, 400),
        ({"createBackup": {"name": "x", "backup_type": 1, "rotation": 1}}, 400),
        ({"createImage": {"name": "x", "metadata": {f"k{n}": "" for n in range(129)}}}, 403),
    ],
)
async def test_what_is_refused(world: World, body: dict[str, Any], status: int) -> None:
    ann = world.user("ann")
    server = await booted(world, ann)
    reply = await ann.post(f"{COMPUTE}/servers/{server}/action", body)
    assert reply.status == status
    assert (await ann.get(f"{IMAGE}/images?visibility=private")).ok()["images"] == []
