"""What copies what is on a volume, or replaces it, and what is reported of failures, in simulated clouds."""

from __future__ import annotations

from typing import Any

import pytest

from fractus.testing.asgi import HttpReply
from fractus.testing.user import IMAGE, VOLUME, User
from fractus.testing.world import World

ELSEWHERE = "5d60cd77-5424-4512-981f-5be437aa51ee"


async def _act(user: User, volume: str, name: str, said: Any = None, version: str = "3.71") -> HttpReply:
    return await user.post(f"{VOLUME}/volumes/{volume}/action", {name: said}, version=version)


async def _volume(world: World, user: User, **more: Any) -> str:
    volume = await user.makes_volume(zone="a", **more)
    await world.settle()
    return volume


async def test_an_image_of_a_volume_is_there_at_once(world: World) -> None:
    ann = world.user("ann")
    volume = await _volume(world, ann)
    asked = {"image_name": "kept", "disk_format": "raw", "visibility": "private", "protected": False}
    made = (await _act(ann, volume, "os-volume_upload_image", asked)).ok()["os-volume_upload_image"]
    assert (made["id"], made["status"], made["image_name"], made["size"]) == (volume, "uploading", "kept", 1)
    image = (await ann.get(f"{IMAGE}/images/{made['image_id']}")).ok()
    assert (image["status"], image["name"], image["disk_format"]) == ("queued", "kept", "raw")
    assert (await ann.volume(volume))["status"] == "uploading"
    again = await _act(ann, volume, "os-volume_upload_image", asked)
    assert again.status == 400
    await world.settle()
    image = (await ann.get(f"{IMAGE}/images/{made['image_id']}")).ok()
    assert (image["status"], image["size"] > 0, image["name"]) == ("active", True, "kept")
    assert (await ann.volume(volume))["status"] == "available"
    await world.assert_no_orphans()


async def test_nobody_makes_a_public_image_of_his_volume(world: World) -> None:
    ann = world.user("ann")
    volume = await _volume(world, ann)
    asked = {"image_name": "kept", "visibility": "public"}
    assert (await _act(ann, volume, "os-volume_upload_image", asked)).status == 403


async def test_a_volume_is_as_its_newest_snapshot(world: World) -> None:
    ann = world.user("ann")
    volume = await _volume(world, ann)
    none = await _act(ann, volume, "revert", {"snapshot_id": ELSEWHERE})
    assert (none.status, none.json["badRequest"]["message"]) == (
        400, f"Volume {volume} doesn't have any snapshots.",
    )  # fmt: skip
    older = await ann.makes_snapshot(volume, "older")
    await world.settle()
    newer = await ann.makes_snapshot(volume, "newer")
    await world.settle()
    assert (await _act(ann, volume, "revert", {"snapshot_id": older})).status == 400
    assert (await _act(ann, volume, "revert", {"snapshot_id": newer})).status == 202
    assert (await ann.volume(volume))["status"] == "reverting"
    await world.settle()
    assert (await ann.volume(volume))["status"] == "available"


async def test_another_image_is_written_to_a_volume(world: World) -> None:
    ann = world.user("ann")
    volume, image = await _volume(world, ann), await world.default_image()
    assert (await _act(ann, volume, "os-reimage", {"image_id": image}, "3.67")).status == 404
    assert (await _act(ann, volume, "os-reimage", {"image_id": ELSEWHERE})).status == 404
    assert (await _act(ann, volume, "os-reimage", {"image_id": image})).status == 202
    assert (await ann.volume(volume))["status"] == "downloading"
    await world.settle()
    shown = await ann.volume(volume)
    assert (shown["status"], shown["volume_image_metadata"]["image_id"]) == ("available", image)


async def test_what_is_not_encrypted_says_so(world: World) -> None:
    ann = world.user("ann")
    volume = await _volume(world, ann)
    reply = await ann.get(f"{VOLUME}/volumes/{volume}/encryption")
    assert reply.ok() == {"encryption_key_id": None}


async def test_why_a_volume_could_not_be_made_is_shown_once(world: World) -> None:
    ann, bob = world.user("ann"), world.user("bob", project="others")
    type_ = {"name": "nowhere", "extra_specs": {"vendor_name": "nobody"}}
    made = (await world.admin.post(f"{VOLUME}/types", {"volume_type": type_}, version="3.71")).ok()
    volume = await ann.makes_volume(volume_type=made["volume_type"]["id"])
    await world.run_for(120.0)
    assert (await ann.volume(volume))["status"] == "error"
    (message,) = (await ann.get(f"{VOLUME}/messages", version="3.3")).ok()["messages"]
    assert (message["event_id"], message["user_message"], message["resource_uuid"]) == (
        "VOLUME_VOLUME_001_003",
        "schedule allocate volume:Could not find any available weighted backend.",
        volume,
    )
    at = f"{VOLUME}/messages/{message['id']}"
    assert (await ann.get(at, version="3.3")).ok()["message"] == message
    assert (await bob.get(at, version="3.3")).status == 404
    assert (await bob.get(f"{VOLUME}/messages", version="3.3")).ok()["messages"] == []
    assert (await ann.delete(at, version="3.3")).status == 204
    assert (await ann.get(at, version="3.3")).status == 404


@pytest.mark.parametrize("status", ["creating", "deleting", "error_deleting"])
async def test_a_snapshot_that_hangs_is_forced_to_go(world: World, status: str) -> None:
    ann, at = world.user("ann"), f"{VOLUME}/snapshots"
    snapshot = await ann.makes_snapshot(await _volume(world, ann), "s")
    await world.settle()
    for body in ({"os-reset_status": {"status": status}}, {"os-force_delete": {}}):
        assert (await world.admin.post(f"{at}/{snapshot}/action", body)).status == 202
        await world.run_for(1.0)
    await world.settle()
    assert (await ann.get(f"{at}/{snapshot}")).status == 404


async def test_who_makes_a_snapshot_says_how_far_it_is(world: World) -> None:
    ann = world.user("ann")
    snapshot = await ann.makes_snapshot(await _volume(world, ann), "s")
    await world.settle()
    at = f"{VOLUME}/snapshots/{snapshot}"
    said = {"os-update_snapshot_status": {"status": "error", "progress": "80%"}}
    assert (await ann.post(f"{at}/action", said)).status == 400
    (await world.admin.post(f"{at}/action", {"os-reset_status": {"status": "creating"}})).ok()
    await world.run_for(5.0)
    wrong = {"os-update_snapshot_status": {"status": "deleting"}}
    assert (await ann.post(f"{at}/action", wrong)).status == 400
    assert (await ann.post(f"{at}/action", said)).status == 202
    shown = (await ann.get(at)).ok()["snapshot"]
    assert (shown["status"], shown["os-extended-snapshot-attributes:progress"]) == ("error", "80%")


async def test_group_types_and_their_specs(world: World) -> None:
    ann, at = world.user("ann"), f"{VOLUME}/group_types"
    asked = {"name": "g", "description": "d", "is_public": False, "group_specs": {"a": "1"}}
    made = (await world.admin.post(at, {"group_type": asked}, version="3.11")).ok()["group_type"]
    assert made == {"id": made["id"], **asked}
    again = await world.admin.post(at, {"group_type": asked}, version="3.11")
    assert (again.status, again.json["conflictingRequest"]["message"]) == (
        409, "Group Type g already exists.",
    )  # fmt: skip
    one = f"{at}/{made['id']}"
    assert (await ann.get(one, version="3.11")).status == 404
    changed = await world.admin.put(one, {"group_type": {"is_public": True, "name": "h"}}, version="3.11")
    assert changed.ok()["group_type"]["name"] == "h"
    assert "group_specs" not in (await ann.get(one, version="3.11")).ok()["group_type"]
    assert (await ann.post(at, {"group_type": asked}, version="3.11")).status == 403
    specs = f"{one}/group_specs"
    assert (await world.admin.post(specs, {"group_specs": {"b": "2"}}, version="3.11")).status == 202
    assert (await world.admin.put(f"{specs}/b", {"b": "3"}, version="3.11")).ok() == {"b": "3"}
    assert (await world.admin.put(f"{specs}/b", {"c": "3"}, version="3.11")).status == 400
    assert (await world.admin.get(specs, version="3.11")).ok() == {"group_specs": {"a": "1", "b": "3"}}
    assert (await world.admin.delete(f"{specs}/a", version="3.11")).status == 202
    assert (await world.admin.get(f"{specs}/a", version="3.11")).status == 404
    assert (await world.admin.delete(one, version="3.11")).status == 202
    assert (await world.admin.get(one, version="3.11")).status == 404
