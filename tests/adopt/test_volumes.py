"""Volumes that servers of a cloud have already are taken over with both, and go on as they are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fractus.clouds.simulated.records import ServerRecord, VolumeAttachmentRecord, VolumeRecord
from fractus.testing.natives import Natives
from fractus.testing.user import COMPUTE, VOLUME
from fractus.testing.world import World
from tests.adopt.takes import P1, changes, reported, take
from tests.adopt.test_rebuild import rebuild


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


async def test_a_lost_database_has_a_server_on_its_volume_again(tmp_path: Path) -> None:
    async with World(clouds=2, tmp_path=tmp_path) as world:
        ann = world.user("ann")
        device = {
            "source_type": "image", "destination_type": "volume", "uuid": await ann.makes_image(), "volume_size": 1,
            "boot_index": 0, "delete_on_termination": True,
        }  # fmt: skip
        server = await ann.boots_server("db", imageRef="", block_device_mapping_v2=[device])
        await world.settle()

        async def shown() -> tuple[Any, ...]:
            of_server = await ann.server(server)
            (held,) = of_server["os-extended-volumes:volumes_attached"]
            volume = await ann.volume(held["id"])
            (attachment,) = volume["attachments"]
            at = f"{COMPUTE}/servers/{server}/os-volume_attachments"
            (listed,) = await ann.listed(at, version="2.85")
            return (
                of_server["status"], of_server["image"], held["id"], volume["status"], volume["bootable"],
                attachment["server_id"], attachment["device"], listed["device"],
            )  # fmt: skip

        before = await shown()
        await world.loses_database()
        await rebuild(world)
        await world.run_for(10)
        assert await shown() == before
        await ann.deletes_server(server)
        await world.settle()
        # A cloud never learns that a volume ends with its server: what nobody remembers is kept.
        assert (await ann.volume(before[2]))["status"] == "available"
