"""Images that a cloud makes itself, of a server or a volume, are images of ours from the first moment on."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from fractus.clouds.simulated.records import ImageRecord
from fractus.model.resource import Resource
from fractus.services.image.images.made_there import Asked, ImageMaker, Source
from fractus.store import presences
from fractus.testing.natives import Natives
from fractus.testing.user import IMAGE, User
from fractus.testing.world import World


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with World(clouds=2, tmp_path=tmp_path) as made:
        yield made


async def asks(world: World, user: User, **more: Any) -> Resource:
    """As `createImage` of a server in the cloud `a` does."""
    asked = Asked(name="snap", project_id=user.project_id, user_id="u-ann", **more)
    async with world.core.store.transaction() as tx:
        source = Source(kind="server", id="s1", cloud="a", project_id=user.project_id)
        return await ImageMaker(world.core.ledger).make(tx, source, asked)


def makes(world: World, image: Resource, **more: Any) -> ImageRecord:
    """The cloud does what it was asked."""
    cloud = world.cloud("a")
    native = Natives(cloud, image.project_id)
    about = {"marker": image.id, **more}
    return native.image("snap", **about)


async def shown(user: User, image: Resource) -> dict[str, Any]:
    return (await user.get(f"{IMAGE}/images/{image.id}")).ok()


async def test_it_is_there_at_once_and_followed_until_it_is_active(world: World) -> None:
    ann = world.user("ann")
    image = await asks(world, ann, translated={"instance_uuid": "s1"}, properties={"mine": "1"})
    assert (await shown(ann, image))["status"] == "queued"
    await world.run_for(30)
    assert (await shown(ann, image))["status"] == "queued", "nothing is there yet, and nothing is created"
    assert not world.cloud("a").marked("image", image.id)
    there = makes(
        world, image, status="saving", properties={"mine": "1", "instance_uuid": "there"}, min_disk=3
    )
    await world.run_for(10)
    assert (await shown(ann, image))["status"] == "saving"
    there.status, there.size = "active", 42
    world.cloud("a").backend.records.put(there)
    await world.run_for(60)
    found = await shown(ann, image)
    assert (found["status"], found["size"], found["min_disk"]) == ("active", 42, 3)
    assert found["checksum"] == there.checksum
    assert (found["mine"], found["instance_uuid"]) == ("1", "s1")
    (now,) = world.cloud("a").marked("image", image.id)
    assert now.properties["instance_uuid"] == "there", "the cloud keeps its own ids"  # type: ignore[attr-defined]
    assert not world.cloud("b").marked("image", image.id)


async def test_a_server_of_it_is_built_where_its_bits_are(world: World) -> None:
    ann = world.user("ann")
    image = await asks(world, ann)
    makes(world, image)
    await world.settle()
    server = await ann.boots_server(image=image.id)
    await world.settle()
    found = await ann.server(server)
    assert (found["status"], found["OS-EXT-AZ:availability_zone"]) == ("ACTIVE", "a")


async def test_one_that_its_cloud_gives_up_is_gone(world: World) -> None:
    ann = world.user("ann")
    image = await asks(world, ann)
    there = makes(world, image, status="saving")
    await world.run_for(10)
    world.cloud("a").backend.records.drop(there)
    await world.run_for(120)
    assert (await ann.get(f"{IMAGE}/images/{image.id}")).status == 404


async def test_a_refused_request_leaves_no_image(world: World) -> None:
    ann = world.user("ann")
    image = await asks(world, ann)
    async with world.core.store.transaction() as tx:
        await ImageMaker(world.core.ledger).failed(tx, image.id)
    assert (await ann.get(f"{IMAGE}/images/{image.id}")).status == 404
    await world.settle()
    assert await presences.of_resource(world.core.store, "image", image.id) == []


async def test_deleting_it_deletes_what_its_cloud_makes_of_it(world: World) -> None:
    ann = world.user("ann")
    image = await asks(world, ann)
    makes(world, image, status="saving")
    (await ann.delete(f"{IMAGE}/images/{image.id}")).ok()
    await world.settle()
    assert not world.cloud("a").marked("image", image.id)


async def copies(world: World, user: User, image: Resource) -> int:
    body = {"method": {"name": "copy-image"}}
    reply = await user.post(f"{IMAGE}/images/{image.id}/import", body)
    await world.core.kinds.images_api.copied()
    return reply.status


async def test_its_bits_are_given_out_from_the_cloud_that_has_them(world: World) -> None:
    ann = world.user("ann")
    image = await asks(world, ann)
    makes(world, image)
    await world.settle()
    url = f"{IMAGE}/images/{image.id}/file"
    whole = await ann.get(url)
    assert (whole.status, whole.body) == (200, b"snap")
    assert whole.headers["content-length"] == "4"
    part = await ann.call("GET", url, headers={"Range": "bytes=1-2"})
    assert (part.status, part.body) == (206, b"na")
    world.cloud("a").faults.unreachable()
    assert (await ann.get(url)).status == 503


async def test_copied_here_it_can_be_used_in_every_cloud(world: World) -> None:
    ann, ben = world.user("ann"), world.user("ben", project="p2")
    image = await asks(world, ann)
    assert await copies(world, ann, image) == 409, "it is not there yet"
    makes(world, image)
    await world.settle()
    assert await copies(world, ben, image) == 404
    assert await copies(world, ann, image) == 202
    server = await ann.boots_server(image=image.id, zone="b")
    await world.settle()
    assert (await ann.server(server))["status"] == "ACTIVE"
    (there,) = world.cloud("b").marked("image", image.id)
    assert there.checksum == hashlib.md5(b"snap", usedforsecurity=False).hexdigest()  # type: ignore[attr-defined]
    assert await copies(world, ann, image) == 400, "there is nothing to copy any more"


async def test_bits_that_are_not_the_images_are_not_kept(world: World) -> None:
    ann = world.user("ann")
    image = await asks(world, ann)
    there = makes(world, image)
    await world.settle()
    there.name, there.checksum = "span", hashlib.md5(b"span", usedforsecurity=False).hexdigest()
    world.cloud("a").backend.records.put(there)
    assert await copies(world, ann, image) == 202
    stored = await world.core.resources.fetch(world.core.store, "image", image.id)
    assert stored is not None
    assert (stored.desired["path"], stored.choice["only"]) == ("", ["a"])


async def test_where_bits_are_and_a_copy_that_leaves_its_cloud(world: World) -> None:
    """Locations are for other services; a copy stays while something there is built of it."""
    ann, root = world.user("ann"), world.admin
    image = await ann.makes_image(visibility="private")
    server = await ann.boots_server(image=image, zone="a")
    await world.settle()
    url = f"{IMAGE}/images/{image}/locations"
    assert (await ann.get(url)).status == 403
    (there,) = world.cloud("a").marked("image", image)
    places = (await root.get(url)).ok()
    assert [one["metadata"]["store"] for one in places] == ["fractus", "a"]
    assert places[1]["url"] == f"glance://a/{there.id}"
    assert (await ann.delete(f"{IMAGE}/stores/a/{image}")).status == 403
    assert (await root.delete(f"{IMAGE}/stores/c/{image}")).status == 409, "there is no such store"
    assert (await root.delete(f"{IMAGE}/stores/b/{image}")).status == 404, "it has no copy"
    assert (await root.delete(f"{IMAGE}/stores/a/{image}")).status == 409, "a server is built of it"
    (await ann.delete(f"/compute/v2.1/servers/{server}")).ok()
    await world.settle()
    (await root.delete(f"{IMAGE}/stores/a/{image}")).ok()
    await world.settle()
    assert not world.cloud("a").marked("image", image)
    assert [one["metadata"]["store"] for one in (await root.get(url)).ok()] == ["fractus"]
    server = await ann.boots_server(image=image, zone="a")
    await world.settle()
    assert (await ann.server(server))["status"] == "ACTIVE", "it comes again when it is needed"


async def test_the_only_copy_stays(world: World) -> None:
    ann = world.user("ann")
    image = await asks(world, ann)
    makes(world, image)
    await world.settle()
    reply = await world.admin.delete(f"{IMAGE}/stores/a/{image.id}")
    assert reply.status == 403
    assert b"only store containing it" in reply.body


@pytest.mark.parametrize(
    ("method", "path"), [("GET", ""), ("DELETE", ""), ("GET", "/nodes/x"), ("PUT", "/x"), ("DELETE", "/x")]
)
async def test_there_is_no_cache(world: World, method: str, path: str) -> None:
    assert (await world.user("ann").call(method, f"{IMAGE}/cache{path}")).status == 403
    reply = await world.admin.call(method, f"{IMAGE}/cache{path}")
    assert (reply.status, b"Caching via API is not supported at this site." in reply.body) == (404, True)
