"""The attachments API of block storage, and the actions that were before it, end to end in simulated clouds."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from fractus.testing.asgi import HttpReply
from fractus.testing.user import COMPUTE, VOLUME, User
from fractus.testing.world import World

AT = f"{VOLUME}/attachments"
HOST = {"host": "h1", "initiator": "iqn.1993-08.org.debian:01:1"}
ELSEWHERE = "5d60cd77-5424-4512-981f-5be437aa51ee"


async def _post(user: User, version: str = "3.54", **said: Any) -> HttpReply:
    return await user.post(AT, {"attachment": said}, version=version)


async def _during(world: World, request: Any) -> HttpReply:
    """A request that waits for a worker."""
    task = asyncio.ensure_future(request)
    while not task.done():
        await world.settle()
        await asyncio.wait({task}, timeout=0.01)
        await world.clock.advance(0.2)
    return await task


async def _act(user: User, volume: str, name: str, said: Any = None) -> HttpReply:
    return await user.post(f"{VOLUME}/volumes/{volume}/action", {name: said}, version="3.59")


async def _volume(world: World, user: User) -> str:
    volume = await user.makes_volume(zone="a")
    await world.settle()
    return volume


def _sentence(reply: HttpReply) -> str:
    (fault,) = reply.json.values()
    return str(fault["message"])


async def test_what_a_server_has_is_listed(world: World) -> None:
    ann, bob = world.user("ann"), world.user("bob", project="others")
    server, volume = await ann.boots_server(zone="a"), await ann.makes_volume(zone="a")
    await world.settle()
    at = f"{COMPUTE}/servers/{server}/os-volume_attachments"
    (await ann.post(at, {"volumeAttachment": {"volumeId": volume}}, version="2.99")).ok()
    await world.settle()
    (attached,) = (await ann.volume(volume))["attachments"]
    brief = {
        "id": attached["attachment_id"], "status": "attached", "instance": server, "volume_id": volume,
    }  # fmt: skip
    assert (await ann.get(AT, version="3.27")).ok() == {"attachments": [brief]}
    (whole,) = (await ann.get(f"{AT}/detail?instance_id={server}", version="3.27")).ok()["attachments"]
    assert whole == {
        **brief, "attached_at": attached["attached_at"], "detached_at": "", "attach_mode": "rw", "connection_info": {},
    }  # fmt: skip
    assert (await ann.get(f"{AT}?volume_id={ELSEWHERE}", version="3.27")).ok() == {"attachments": []}
    assert (await ann.get(AT, version="3.26")).status == 404
    assert (await bob.get(AT, version="3.27")).ok() == {"attachments": []}
    assert (await bob.get(f"{AT}/{brief['id']}", version="3.27")).status == 404
    refused = await ann.delete(f"{AT}/{brief['id']}", version="3.27")
    assert (refused.status, _sentence(refused)) == (
        409, f"Detach volume from instance {server} using the Compute API",
    )  # fmt: skip


async def test_a_volume_is_reserved_connected_completed_and_given_back(world: World) -> None:
    ann = world.user("ann")
    volume = await _volume(world, ann)
    made = (await _post(ann, volume_uuid=volume, instance_uuid=ELSEWHERE)).ok()["attachment"]
    assert (made["status"], made["instance"], made["connection_info"]) == ("reserved", ELSEWHERE, {})
    assert (await ann.volume(volume))["status"] == "reserved"
    await world.settle()
    assert (await ann.volume(volume))["status"] == "reserved"
    again = await _post(ann, volume_uuid=volume)
    assert (again.status, _sentence(again)) == (
        400, f"Invalid volume: Volume {volume} status must be available or downloading to reserve, but the current"
        " status is reserved.",
    )  # fmt: skip
    at = f"{AT}/{made['id']}"
    connected = (await ann.put(at, {"attachment": {"connector": HOST}}, version="3.27")).ok()["attachment"]
    assert (connected["id"], connected["volume_id"], connected["status"]) == (made["id"], volume, "attaching")
    assert connected["connection_info"]["driver_volume_type"] == "simulated"
    await world.settle()
    assert (await ann.volume(volume))["status"] == "attaching"
    assert (await ann.post(f"{at}/action", {"os-complete": None}, version="3.44")).status == 204
    await world.settle()
    assert (await ann.volume(volume))["status"] == "in-use"
    shown = (await ann.get(at, version="3.27")).ok()["attachment"]
    assert (shown["status"], shown["connection_info"]["driver_volume_type"]) == ("attached", "simulated")
    assert (await ann.delete(at, version="3.27")).ok() == {"attachments": []}
    await world.settle()
    assert (await ann.volume(volume))["status"] == "available"
    assert (await ann.get(at, version="3.27")).status == 404
    await world.assert_no_orphans()


async def test_what_is_reserved_for_nobody_in_particular_is_reserved_once(world: World) -> None:
    """Two that name no server are two different callers."""
    ann = world.user("ann")
    volume = await _volume(world, ann)
    made = (await _post(ann, volume_uuid=volume)).ok()["attachment"]
    again = await _post(ann, volume_uuid=volume)
    assert (again.status, "the current status is reserved" in _sentence(again)) == (400, True)
    await world.settle()
    assert (await ann.get(f"{AT}/{made['id']}", version="3.27")).ok()["attachment"]["status"] == "reserved"


async def test_a_connector_may_come_with_the_reservation(world: World) -> None:
    ann = world.user("ann")
    volume = await _volume(world, ann)
    reply = await _during(world, _post(ann, volume_uuid=volume, connector=HOST, mode="ro"))
    made = reply.ok()["attachment"]
    assert (made["status"], made["attach_mode"]) == ("attaching", "ro")
    assert made["connection_info"]["driver_volume_type"] == "simulated"
    assert len(world.cloud("a").of("volume_attachment")) == 1


@pytest.mark.parametrize("to", [{"instance_uuid": ELSEWHERE}, {"host_name": "h1"}])
async def test_that_it_is_attached_is_written_down(world: World, to: dict[str, str]) -> None:
    ann = world.user("ann")
    volume = await _volume(world, ann)
    assert (await _act(ann, volume, "os-attach", {**to, "mountpoint": "/dev/vdz"})).status == 202
    await world.settle()
    shown = await ann.volume(volume)
    (attached,) = shown["attachments"]
    assert (shown["status"], attached["device"]) == ("in-use", "/dev/vdz")
    assert (attached["server_id"] or None, attached["host_name"]) == (
        to.get("instance_uuid"), to.get("host_name"),
    )  # fmt: skip
    more = await _act(ann, volume, "os-attach", {"instance_uuid": volume, "mountpoint": "/dev/vdy"})
    assert more.status == 400
    unknown = await _act(ann, volume, "os-detach", {"attachment_id": ELSEWHERE})
    assert unknown.status == 400
    assert (await _act(ann, volume, "os-detach", {})).status == 202
    await world.settle()
    assert ((await ann.volume(volume))["status"], (await ann.volume(volume))["attachments"]) == (
        "available",
        [],
    )


async def test_nobody_who_detaches_by_force_sees_the_error_before(world: World) -> None:
    ann, root = world.user("ann"), world.user("root", roles=("admin",))
    volume = await _volume(world, ann)
    await _act(ann, volume, "os-attach", {"instance_uuid": ELSEWHERE, "mountpoint": "/dev/vdz"})
    await world.settle()
    assert (await _act(root, volume, "os-reset_status", {"status": "error"})).status == 202
    assert (await ann.volume(volume))["status"] == "error"
    assert (await _act(root, volume, "os-force_detach", {})).status == 202
    assert (await ann.volume(volume))["status"] == "detaching"
    await world.settle()
    after = await ann.volume(volume)
    assert (after["status"], after["attachments"]) == ("available", [])


async def test_states_of_who_connects_it_himself(world: World) -> None:
    ann = world.user("ann")
    volume = await _volume(world, ann)

    async def states(*names: str) -> list[tuple[int, str]]:
        return [
            ((await _act(ann, volume, name)).status, (await ann.volume(volume))["status"]) for name in names
        ]

    assert await states("os-reserve", "os-reserve", "os-unreserve", "os-begin_detaching") == [
        (202, "attaching"), (400, "attaching"), (202, "available"), (400, "available"),
    ]  # fmt: skip
    (await _act(ann, volume, "os-reserve")).ok()
    await world.settle()
    assert (await ann.volume(volume))["status"] == "attaching"
    (await _act(ann, volume, "os-attach", {"instance_uuid": ELSEWHERE, "mountpoint": "/dev/vdz"})).ok()
    await world.settle()
    assert await states("os-begin_detaching", "os-roll_detaching") == [(202, "detaching"), (202, "in-use")]
    info = (await _act(ann, volume, "os-initialize_connection", {"connector": HOST})).ok()["connection_info"]
    assert info["data"] == {"volume_id": volume}
    assert (await _act(ann, volume, "os-terminate_connection", {"connector": HOST})).status == 202
