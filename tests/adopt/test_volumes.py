"""Volumes that servers of a cloud have already are taken over with both, and go on as they are."""

from __future__ import annotations

from fractus.clouds.simulated.records import ServerRecord, VolumeAttachmentRecord, VolumeRecord
from fractus.testing.natives import Natives
from fractus.testing.user import COMPUTE, VOLUME
from fractus.testing.world import World
from tests.adopt.takes import P1, changes, reported, take


def _attached(world: World, id: str, server: ServerRecord, device: str, *, bootable: bool = False) -> None:
    """A volume of the cloud's own that a server has."""
    records = world.cloud("a").backend.records
    at = world.cloud("a").backend.now()
    (kind,) = world.cloud("a").of("volume_type")
    there = {"server_id": server.id, "device": device, "attached_at": "2026-01-01T00:00:00.000000"}
    records.put(
        VolumeRecord(
            id=id, project_id=P1, name=id, size=2, status="in-use", type_id=kind.id, type_name=kind.name,
            bootable=bootable, created_at=at, changed_at=at,
            attachments=[{"id": id, "volume_id": id, "attachment_id": f"at-{id}", **there}],
        )
    )  # fmt: skip
    records.put(
        VolumeAttachmentRecord(
            id=f"{server.id}/{id}", project_id=P1, server_id=server.id, volume_id=id, device=device,
            status="attached", attached_at=at, created_at=at,
        )
    )  # fmt: skip


async def test_attachments_come_with_their_servers_and_volumes(world: World) -> None:
    natives = Natives(world.cloud("a"), P1)
    vm = natives.server("db", natives.network("office"), volumes=["root", "data"])
    _attached(world, "root", vm, "/dev/vda", bootable=True)
    _attached(world, "data", vm, "/dev/vdb")
    report = await take(world)
    assert reported(report) == []
    assert (report.taken["volume"], report.taken["volume_attachment"]) == (2, 2)
    await world.settle()
    assert changes(world) == []
    ann = world.user("ann")
    shown = await ann.server(vm.id)
    assert (shown["image"], [one["id"] for one in shown["os-extended-volumes:volumes_attached"]]) == (
        "", ["root", "data"],
    )  # fmt: skip
    volume = await ann.volume("data")
    assert (volume["status"], volume["attachments"][0]["server_id"]) == ("in-use", vm.id)
    at = f"{COMPUTE}/servers/{vm.id}/os-volume_attachments"
    assert [one["device"] for one in await ann.listed(at)] == ["/dev/vda", "/dev/vdb"]
    assert (await ann.delete(f"{at}/root")).status == 403
    assert (await ann.delete(f"{VOLUME}/volumes/data")).status == 400
    (await ann.delete(f"{at}/data")).ok()
    await world.settle()
    assert (await ann.volume("data"))["status"] == "available"
    await ann.deletes_server(vm.id)
    await world.settle()
    assert (await ann.volume("root"))["status"] == "available"
    second = await take(world)
    assert not second.taken, "what was taken over is known"


async def test_one_is_left_whose_server_is_left(world: World) -> None:
    natives = Natives(world.cloud("a"), P1)
    vm = natives.server("db", natives.network("office"), volumes=["data"])
    _attached(world, "data", vm, "/dev/vdb")
    report = await take(world, only={("volume", "data"), *_types(world)})
    assert report.taken["volume"] == 1
    assert "volume_attachment" not in report.taken
    assert (await world.user("ann").volume("data"))["status"] == "in-use"


def _types(world: World) -> set[tuple[str, str]]:
    return {("volume_type", one.id) for one in world.cloud("a").of("volume_type")}
