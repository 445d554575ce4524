"""Servers that are built with volumes, end to end in simulated clouds."""

from __future__ import annotations

from typing import Any

import pytest

from fractus.testing.asgi import HttpReply
from fractus.testing.user import COMPUTE, User
from fractus.testing.world import World

VOLUME = "/volume/v3"
NEWEST = "2.104"


async def _asks(user: User, *devices: dict[str, Any], image: str = "", **more: Any) -> HttpReply:
    flavor = more.pop("flavor", None) or await user.makes_flavor(disk=0)
    body = {
        "name": "vm", "flavorRef": flavor, "networks": "none", "block_device_mapping_v2": list(devices),
        **({"imageRef": image} if image else {}), **more,
    }  # fmt: skip
    return await user.post(f"{COMPUTE}/servers", {"server": body}, version="2.90")


def _sentence(reply: HttpReply) -> str:
    (fault,) = reply.json.values()
    return str(fault["message"])


async def _bootable(user: User, zone: str = "a", **more: Any) -> str:
    image = await user.makes_image()
    volume = await user.makes_volume(zone=zone, imageRef=image, **more)
    return volume


def _of(volume: str, **more: Any) -> dict[str, Any]:
    return {"source_type": "volume", "destination_type": "volume", "uuid": volume, "boot_index": 0, **more}


async def test_a_server_boots_from_a_volume_and_goes_to_its_cloud(world: World) -> None:
    ann = world.user("ann", roles=("admin",))
    volume = await _bootable(ann, zone="b")
    await world.settle()
    server = (await _asks(ann, _of(volume))).ok()["server"]["id"]
    assert (await ann.volume(volume))["status"] == "attaching"
    await world.settle()
    shown = await ann.server(server)
    assert (shown["status"], shown["image"], shown["OS-EXT-AZ:availability_zone"]) == ("ACTIVE", "", "b")
    assert shown["os-extended-volumes:volumes_attached"] == [{"id": volume, "delete_on_termination": False}]
    (attached,) = (await ann.volume(volume))["attachments"]
    assert (attached["server_id"], attached["device"]) == (server, "/dev/vda")
    refused = await ann.delete(f"{COMPUTE}/servers/{server}/os-volume_attachments/{volume}")
    assert (refused.status, _sentence(refused)) == (403, "Cannot detach a root device volume")
    await ann.deletes_server(server)
    await world.settle()
    assert (await ann.volume(volume))["status"] == "available"
    assert (await ann.delete(f"{VOLUME}/volumes/{volume}")).status == 202
    await world.settle()
    await world.assert_no_orphans()


@pytest.mark.parametrize("source", ["image", "snapshot", "blank"])
async def test_volumes_that_a_server_brings_with_it_are_made_with_it(world: World, source: str) -> None:
    ann = world.user("ann", roles=("admin",))
    root = await _bootable(ann)
    await world.settle()
    snapshot = await ann.makes_snapshot(root)
    image = await ann.makes_image()
    await world.settle()
    ids = {"image": {"uuid": image}, "snapshot": {"uuid": snapshot}, "blank": {}}
    device = {
        "source_type": source, "destination_type": "volume", "boot_index": 0, "volume_size": 2,
        "delete_on_termination": True, **ids[source],
    }  # fmt: skip
    if source == "blank":
        device["boot_index"] = -1
    devices = [device] if source != "blank" else [_of(root), device]
    server = (await _asks(ann, *devices)).ok()["server"]["id"]
    await world.settle()
    shown = await ann.server(server)
    assert shown["status"] == "ACTIVE", shown
    (made,) = [one["id"] for one in shown["os-extended-volumes:volumes_attached"] if one["id"] != root]
    volume = await ann.volume(made)
    assert (volume["size"], volume["status"], volume["availability_zone"]) == (
        2, "in-use", shown["OS-EXT-AZ:availability_zone"],
    )  # fmt: skip
    assert volume["bootable"] == ("false" if source == "blank" else "true")
    await ann.deletes_server(server)
    await world.settle()
    assert (await ann.get(f"{VOLUME}/volumes/{made}")).status == 404
    await world.assert_no_orphans()


async def test_an_image_of_a_server_on_volumes_names_snapshots_of_them(world: World) -> None:
    ann = world.user("ann", roles=("admin", "member"))
    image = await ann.makes_image()
    device = {
        "source_type": "image", "destination_type": "volume", "uuid": image, "volume_size": 1, "boot_index": 0,
    }  # fmt: skip
    server = (await _asks(ann, device)).ok()["server"]["id"]
    await world.settle()
    made = (await ann.acts(server, "createImage", {"name": "copy"})).ok()["image_id"]
    shown = (await ann.get(f"/image/v2/images/{made}")).ok()
    assert (shown["status"], shown["size"], shown["bdm_v2"]) == ("active", 0, "True")
    (snapshot,) = await ann.listed(f"{VOLUME}/snapshots")
    assert snapshot["name"] == "snapshot for copy"
    await world.settle()
    assert (await ann.server(server))["OS-EXT-STS:task_state"] is None
    flavor = await ann.makes_flavor("other", disk=0)
    second = (await _asks(ann, image=made, flavor=flavor)).ok()["server"]["id"]
    await world.settle()
    again = await ann.server(second)
    assert again["status"] == "ACTIVE"
    (volume,) = [one["id"] for one in again["os-extended-volumes:volumes_attached"]]
    assert (await ann.volume(volume))["snapshot_id"] == snapshot["id"]
    refused = await ann.acts(server, "rebuild", {"imageRef": made})
    assert _sentence(refused).endswith("Unable to rebuild with a different image for a volume-backed server.")
    refused = await ann.acts(server, "rescue")
    assert (
        _sentence(refused) == f"Instance {server} cannot be rescued: Cannot rescue a volume-backed instance"
    )
    (await ann.acts(server, "rebuild", {"imageRef": image, "name": "anew"})).ok()
    await world.settle()
    rebuilt = await ann.server(server)
    assert (rebuilt["status"], rebuilt["name"], rebuilt["image"]) == ("ACTIVE", "anew", "")


async def test_an_image_beside_a_volume_to_boot_from_is_what_nova_looks_at(world: World) -> None:
    """Nova asks of a volume that it can be booted from only where no image is named."""
    ann = world.user("ann", roles=("admin",))
    blank = await ann.makes_volume(zone="a")
    image, flavor = await ann.makes_image(), await ann.makes_flavor(disk=0)
    await world.settle()
    refused = await _asks(ann, _of(blank), flavor=flavor)
    assert (refused.status, _sentence(refused)) == (400, f"Block Device {blank} is not bootable.")
    server = (await _asks(ann, _of(blank), image=image, flavor=flavor)).ok()["server"]["id"]
    await world.settle()
    shown = await ann.server(server)
    assert (shown["status"], shown["image"]["id"], shown["OS-EXT-AZ:availability_zone"]) == (
        "ACTIVE",
        image,
        "a",
    )
    (there,) = world.cloud("a").marked("server", server)
    assert there.image_id == world.cloud("a").marked("image", image)[0].id  # type: ignore[attr-defined]
