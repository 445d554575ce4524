"""Volumes that servers are given and lose, end to end in simulated clouds."""

from __future__ import annotations

from typing import Any

import pytest

from fractus.testing.asgi import HttpReply
from fractus.testing.user import COMPUTE, User
from fractus.testing.world import World

NEWEST = "2.104"


def _at(server: str, volume: str = "") -> str:
    at = f"{COMPUTE}/servers/{server}/os-volume_attachments"
    return f"{at}/{volume}" if volume else at


async def _attach(user: User, server: str, volume: str, version: str = "2.99", **more: Any) -> HttpReply:
    return await user.post(_at(server), {"volumeAttachment": {"volumeId": volume, **more}}, version=version)


async def _both(world: World, user: User, zone: str = "a") -> tuple[str, str]:
    server = await user.boots_server(zone=zone)
    volume = await user.makes_volume(zone=zone)
    await world.settle()
    return server, volume


async def _states(user: User, volume: str) -> tuple[str, list[str]]:
    shown = await user.volume(volume)
    return shown["status"], [one["server_id"] for one in shown["attachments"]]


def _sentence(reply: HttpReply) -> str:
    (fault,) = reply.json.values()
    return str(fault["message"])


async def test_both_services_show_how_far_it_is(world: World) -> None:
    ann = world.user("ann")
    server, volume = await _both(world, ann)
    made = (await _attach(ann, server, volume, tag="data")).ok()["volumeAttachment"]
    assert made == {
        "id": volume, "volumeId": volume, "serverId": server, "device": "/dev/vdb", "tag": "data",
        "delete_on_termination": False,
    }  # fmt: skip
    assert await _states(ann, volume) == ("attaching", [])
    await world.settle()
    assert await _states(ann, volume) == ("in-use", [server])
    shown = (await ann.get(_at(server, volume), version=NEWEST)).ok()["volumeAttachment"]
    (attached,) = (await ann.volume(volume))["attachments"]
    assert (shown["attachment_id"], shown["device"]) == (attached["attachment_id"], attached["device"])
    assert (await ann.server(server))["os-extended-volumes:volumes_attached"] == [
        {"id": volume, "delete_on_termination": False}
    ]
    assert (await ann.delete(_at(server, volume))).status == 202
    assert await _states(ann, volume) == ("detaching", [server])
    await world.settle()
    assert await _states(ann, volume) == ("available", [])
    assert (await ann.get(_at(server), version=NEWEST)).ok() == {"volumeAttachments": []}
    assert (await ann.server(server))["os-extended-volumes:volumes_attached"] == []
    await world.assert_no_orphans()


@pytest.mark.parametrize("ends", [False, True])
async def test_a_server_gives_its_volumes_back(world: World, ends: bool) -> None:
    ann = world.user("ann")
    server, volume = await _both(world, ann)
    (await _attach(ann, server, volume)).ok()
    await world.settle()
    body = {"volumeAttachment": {"volumeId": volume, "delete_on_termination": ends}}
    assert (await ann.put(_at(server, volume), body, version="2.85")).status == 202
    await ann.deletes_server(server)
    await world.settle()
    if ends:
        assert (await ann.get(f"/volume/v3/volumes/{volume}")).status == 404
        assert not world.cloud("a").of("volume")
    else:
        assert await _states(ann, volume) == ("available", [])


async def test_what_cannot_be_attached(world: World) -> None:
    ann, bob = world.user("ann", project="p1"), world.user("bob", project="p2")
    server, volume = await _both(world, ann)
    elsewhere, theirs = await ann.makes_volume(zone="b"), await bob.makes_volume(zone="a")
    await world.settle()
    refused = await _attach(ann, server, elsewhere)
    assert refused.status == 409
    assert "Instance is in a. Volume is in b." in _sentence(refused)
    refused = await _attach(ann, server, theirs)
    assert (refused.status, _sentence(refused)) == (404, f"Volume {theirs} could not be found.")
    new = await ann.makes_volume(zone="a")
    refused = await _attach(ann, server, new)
    assert refused.status == 400
    assert "status must be available or downloading to reserve, but the current status is creating" in (
        _sentence(refused)
    )
    refused = await ann.delete(_at(server, volume))
    said = f"Instance {server} is not attached to volume {volume}"
    assert (refused.status, _sentence(refused)) == (404, said)
    (await _attach(ann, server, volume)).ok()
    refused = await _attach(ann, server, volume)
    said = f"Invalid volume: volume {volume} is already attached to instances: {server}"
    assert (refused.status, _sentence(refused)) == (400, said)
    assert (await ann.delete(_at(server, volume))).status == 400  # it is not attached yet
    assert (await ann.delete(f"/volume/v3/volumes/{volume}")).status == 400
    await world.settle()
    device = (await ann.get(_at(server, volume))).ok()["volumeAttachment"]["device"]
    refused = await _attach(ann, server, new, device=device)
    said = f"The supplied device path ({device}) is in use."
    assert (refused.status, _sentence(refused)) == (409, said)
    assert (await ann.put(_at(server, volume), {"volumeAttachment": {"volumeId": new}})).status == 403
    await ann.acts(server, "suspend")
    await world.settle()
    refused = await _attach(ann, server, new)
    said = f"Cannot 'attach_volume' instance {server} while it is in vm_state suspended"
    assert (refused.status, _sentence(refused)) == (409, said)


async def test_what_its_cloud_refuses_ends(world: World) -> None:
    ann = world.user("ann")
    server, volume = await _both(world, ann)
    (there,) = world.cloud("a").of("volume")
    there.status = "in-use"  # type: ignore[attr-defined]
    world.cloud("a").backend.records.put(there)
    (await _attach(ann, server, volume)).ok()
    await world.settle()
    assert (await ann.get(_at(server), version=NEWEST)).ok() == {"volumeAttachments": []}
    assert await _states(ann, volume) == ("in-use", [])
    assert not world.cloud("a").of("volume_attachment")


async def test_what_is_to_be_attached_and_is_gone_ends(world: World) -> None:
    """Its cloud was put back to before the volume: nothing will say that it is free of its server."""
    ann = world.user("ann")
    server, volume = await _both(world, ann)
    (there,) = world.cloud("a").of("volume")
    world.cloud("a").backend.records.drop(there)
    (await _attach(ann, server, volume)).ok()
    await world.settle()
    await world.clock.advance(60.0)
    await world.settle()
    assert (await ann.get(_at(server), version=NEWEST)).ok() == {"volumeAttachments": []}
    assert await _states(ann, volume) == ("available", [])


async def _apart(world: World, user: User, **about: Any) -> tuple[str, str, str]:
    """A server, a volume for which nobody asked for a zone, and the zone that it has: another than the server's."""
    volume = await user.makes_volume(**about)
    await world.settle()
    there = (await user.volume(volume))["availability_zone"]
    server = await user.boots_server(zone="b" if there == "a" else "a")
    await world.settle()
    return server, volume, there


async def test_a_volume_that_nobody_has_written_to_comes_to_its_server(world: World) -> None:
    ann = world.user("ann")
    server, volume, there = await _apart(world, ann, name="data")
    other = "b" if there == "a" else "a"
    (await _attach(ann, server, volume)).ok()
    assert await _states(ann, volume) == ("attaching", [])
    await world.settle()
    assert await _states(ann, volume) == ("in-use", [server])
    shown = await ann.volume(volume)
    assert (shown["availability_zone"], shown["name"]) == (other, "data")
    assert not world.cloud(there).of("volume")
    assert len(world.cloud(other).of("volume")) == 1
    # From now on there is something in it that is nowhere else.
    (await ann.delete(_at(server, volume))).ok()
    await world.settle()
    back = await ann.boots_server(zone=there)
    await world.settle()
    refused = await _attach(ann, back, volume)
    assert (refused.status, f"Volume is in {other}." in _sentence(refused)) == (409, True)
    await world.assert_no_orphans()


async def test_a_volume_of_which_something_was_made_stays(world: World) -> None:
    ann = world.user("ann")
    server, volume, there = await _apart(world, ann)
    (await ann.post("/volume/v3/snapshots", {"snapshot": {"volume_id": volume}})).ok()
    await world.settle()
    refused = await _attach(ann, server, volume)
    assert (refused.status, f"Volume is in {there}." in _sentence(refused)) == (409, True)


async def test_a_volume_that_the_server_s_cloud_refuses_stays_and_is_free(world: World) -> None:
    ann = world.user("ann")
    server, volume, there = await _apart(world, ann)
    other = world.cloud("b" if there == "a" else "a")
    other.faults.refuses("no room", kind="volume", method="create")
    (await _attach(ann, server, volume)).ok()
    await world.settle()
    assert (await ann.get(_at(server), version=NEWEST)).ok() == {"volumeAttachments": []}
    assert await _states(ann, volume) == ("available", [])
    assert (await ann.volume(volume))["availability_zone"] == there
    assert len(world.cloud(there).of("volume")) == 1
    await world.assert_no_orphans()


@pytest.mark.parametrize(
    ("version", "names"),
    [
        ("2.69", "device id serverId volumeId"),
        ("2.70", "device id serverId tag volumeId"),
        ("2.79", "delete_on_termination device id serverId tag volumeId"),
        ("2.89", "attachment_id bdm_uuid delete_on_termination device serverId tag volumeId"),
    ],
)
async def test_what_each_version_shows(world: World, version: str, names: str) -> None:
    ann = world.user("ann")
    server, volume = await _both(world, ann)
    assert (await _attach(ann, server, volume, version="2.101")).status == 202
    (one,) = (await ann.get(_at(server), version=version)).ok()["volumeAttachments"]
    assert " ".join(sorted(one)) == names
    assert (await ann.get(f"{_at(server)}?offset=1", version=version)).ok() == {"volumeAttachments": []}
