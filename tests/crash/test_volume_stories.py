"""Stories of block storage in which the worker is killed at every step: volumes made of something, and ones in use."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import cast

import pytest
from msgspec import structs

from fractus.clouds.simulated.records import VolumeTypeRecord
from fractus.testing.crash import CrashMatrix, Spot, Story
from fractus.testing.user import COMPUTE, VOLUME, User
from fractus.testing.world import World

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


async def _ends(user: User, collection: str, *ids: str) -> None:
    for id in ids:
        (await user.delete(f"{VOLUME}/{collection}/{id}", version="3.71")).ok()


async def are_made_of_others(world: World) -> AsyncIterator[None]:
    """One of an image, one of a snapshot, one of a volume, and one that a backup is written to; then all ends."""
    ann = world.user("ann")
    image = await ann.makes_image("own")
    first = await ann.makes_volume("first", zone="a")
    await world.settle()
    snapshot = await ann.makes_snapshot(first)
    asked = {"backup": {"volume_id": first, "name": "kept"}}
    backup = (await ann.post(f"{VOLUME}/backups", asked, version="3.71")).ok()["backup"]["id"]
    await world.settle()
    yield
    made = [
        await ann.makes_volume("of an image", zone="a", imageRef=image),
        await ann.makes_volume("of a snapshot", snapshot_id=snapshot),
        await ann.makes_volume("of a volume", source_volid=first),
    ]
    await world.settle()
    restored = await ann.post(
        f"{VOLUME}/backups/{backup}/restore", {"restore": {"name": "new"}}, version="3.71"
    )
    made.append(restored.ok()["restore"]["volume_id"])
    await world.settle()
    for id in made:
        assert (await ann.volume(id))["status"] == "available"
        assert len(world.cloud("a").marked("volume", id)) == 1
    await _ends(ann, "volumes", *made)
    await _ends(ann, "backups", backup)
    await _ends(ann, "snapshots", snapshot)
    await world.settle()
    await _ends(ann, "volumes", first)
    await world.settle()
    for kind in ("volume", "snapshot", "backup"):
        assert not world.cloud("a").of(kind), kind


async def grows_in_use(world: World) -> AsyncIterator[None]:
    """A volume that a server has grows, and is free as it is when the server has gone."""
    ann = world.user("ann")
    server = await ann.boots_server("vm", zone="a")
    volume = await ann.makes_volume("data", zone="a")
    await world.settle()
    attached = {"volumeAttachment": {"volumeId": volume}}
    (await ann.post(f"{COMPUTE}/servers/{server}/os-volume_attachments", attached)).ok()
    await world.settle()
    yield
    body = {"os-extend": {"new_size": 3}}
    (await ann.post(f"{VOLUME}/volumes/{volume}/action", body, version="3.71")).ok()
    await world.settle()
    shown = await ann.volume(volume)
    assert (shown["status"], shown["size"]) == ("in-use", 3)
    await ann.deletes_server(server)
    await world.settle()
    shown = await ann.volume(volume)
    assert (shown["status"], shown["size"], shown["attachments"]) == ("available", 3, [])
    [there] = world.cloud("a").marked("volume", volume)
    assert there.size == 3  # type: ignore[attr-defined]


async def gets_other_contents(world: World) -> AsyncIterator[None]:
    """A volume becomes an image, goes back to its snapshot, and another image is written to it."""
    ann = world.user("ann")
    volume = await ann.makes_volume("data", zone="a")
    image = await world.default_image()
    await world.settle()
    snapshot = await ann.makes_snapshot(volume)
    await world.settle()
    yield
    at = f"{VOLUME}/volumes/{volume}/action"
    asked = {"image_name": "kept", "disk_format": "raw", "visibility": "private", "protected": False}
    for body in (
        {"os-volume_upload_image": asked},
        {"revert": {"snapshot_id": snapshot}},
        {"os-reimage": {"image_id": image}},
    ):
        (await ann.post(at, body, version="3.71")).ok()
        await world.settle()
        assert (await ann.volume(volume))["status"] == "available"
    assert (await ann.volume(volume))["volume_image_metadata"]["image_id"] == image
    assert [one.name for one in world.cloud("a").of("image") if one.name == "kept"] == ["kept"]


async def is_connected_to_a_host(world: World) -> AsyncIterator[None]:
    """A volume is reserved and, when a host has it, marked as attached; then it is given back."""
    ann = world.user("ann")
    volume = await ann.makes_volume("data", zone="a")
    await world.settle()
    yield
    asked = {"attachment": {"volume_uuid": volume, "instance_uuid": "5d60cd77-5424-4512-981f-5be437aa51ee"}}
    made = (await ann.post(f"{VOLUME}/attachments", asked, version="3.54")).ok()["attachment"]["id"]
    await world.settle()
    at = f"{VOLUME}/attachments/{made}"
    (await ann.put(at, {"attachment": {"connector": {"host": "h1"}}}, version="3.54")).ok()
    await world.settle()
    (await ann.post(f"{at}/action", {"os-complete": None}, version="3.54")).ok()
    await world.settle()
    assert (await ann.volume(volume))["status"] == "in-use"
    (await ann.delete(at, version="3.54")).ok()
    await world.settle()
    assert (await ann.volume(volume))["status"] == "available"
    assert not world.cloud("a").of("volume_attachment")


async def brings_its_type(world: World) -> AsyncIterator[None]:
    """A private type comes to a cloud with its first volume, changes there, and leaves."""
    ann, admin = world.user("ann"), world.admin
    backend = world.cloud("a").backend
    backend.shape = structs.replace(backend.shape, make_volume_types=True)
    asked = {"name": "gold", "extra_specs": {"old": "1"}, "os-volume-type-access:is_public": False}
    made = await admin.post(f"{VOLUME}/types", {"volume_type": asked}, version="3.71")
    gold = made.ok()["volume_type"]["id"]
    at, ours = f"{VOLUME}/types/{gold}", {"project": ann.project_id}
    (await admin.post(f"{at}/action", {"addProjectAccess": ours}, version="3.71")).ok()
    yield
    volume = await ann.makes_volume(zone="a", volume_type=gold)
    await world.settle()
    assert (await ann.volume(volume))["status"] == "available"
    await _ends(ann, "volumes", volume)
    await world.settle()
    (await admin.put(at, {"volume_type": {"description": "new"}}, version="3.71")).ok()
    await world.settle()
    (await admin.post(f"{at}/extra_specs", {"extra_specs": {"new": "2"}}, version="3.71")).ok()
    await world.settle()
    (await admin.delete(f"{at}/extra_specs/old", version="3.71")).ok()
    await world.settle()
    (await admin.post(f"{at}/action", {"removeProjectAccess": ours}, version="3.71")).ok()
    await world.settle()
    [there] = cast("list[VolumeTypeRecord]", world.cloud("a").marked("volume_type", gold))
    assert (there.description, there.extra_specs, there.access) == ("new", {"new": "2"}, [])
    (await admin.delete(at, version="3.71")).ok()
    await world.settle()
    assert not world.cloud("a").marked("volume_type", gold)


@pytest.mark.parametrize(
    "story",
    [are_made_of_others, grows_in_use, gets_other_contents, is_connected_to_a_host, brings_its_type],
)
async def test_a_killed_worker_leaves_no_trace(story: Story, tmp_path: Path) -> None:
    kinds: set[str] = set()

    def of_storage(spot: Spot) -> bool:
        """What else the stories need has stories of its own."""
        if spot.kind in ("volume", "snapshot", "backup", "volume_attachment", "volume_type"):
            kinds.add(spot.kind)
            return True
        return (spot.kind, spot.method) == ("image", "apply upload")

    matrix = CrashMatrix(story, lambda directory: World(clouds=2, tmp_path=directory), tmp_path)
    wrongs = await matrix.run(at=of_storage)
    assert kinds & {"volume", "volume_attachment"}, "each is struck"
    assert not wrongs, f"{len(wrongs)} wrongs:\n" + "\n".join(wrongs)
