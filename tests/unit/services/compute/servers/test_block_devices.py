"""Block devices of new servers: what Nova refuses, in its words, and what is written of the rest."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from sqlalchemy import func, select

from fractus.model.errors import Conflict, Invalid
from fractus.model.resource import Need
from fractus.services.compute.servers.table import SERVER
from fractus.services.volume.attachments.kind import TABLE as ATTACHMENT
from fractus.store.transaction import Query
from tests.unit.services.compute.servers.house import House, derived
from tests.unit.services.compute.servers.storage import VOLUMES

ELSEWHERE = derived("elsewhere")
WRONG = "Block Device Mapping is Invalid: "
ORDER = f"{WRONG}Boot sequence for the instance and image/block device mapping combination is not valid."
IMAGE, VOLUME, SNAPSHOT, FOREIGN, BUSY, PLAIN = (
    "<image>",
    "<volume>",
    "<snapshot>",
    "<foreign>",
    "<busy>",
    "<plain>",
)

ROOT: dict[str, Any] = {"source_type": "image", "destination_type": "local", "uuid": IMAGE, "boot_index": 0}
ON_VOLUME: dict[str, Any] = {
    "source_type": "volume",
    "destination_type": "volume",
    "uuid": VOLUME,
    "boot_index": 0,
}
MORE = {**ON_VOLUME, "boot_index": -1}
BLANK: dict[str, Any] = {"source_type": "blank", "destination_type": "local"}
UNSIZED = {"source_type": "image", "destination_type": "volume", "uuid": IMAGE, "boot_index": 0}
OF_IMAGE = {**UNSIZED, "volume_size": 1}
SMALL = {**BLANK, "volume_size": 1}


async def _fill(house: House) -> dict[str, str]:
    house.add_flavor("roomy", ephemeral=2, swap=128)
    house.add_image("wide", min_disk=9)
    volume = await house.storage.add_volume(zone="west")
    return {
        IMAGE: house.image,
        VOLUME: volume,
        SNAPSHOT: await house.storage.add_snapshot(volume),
        FOREIGN: await house.storage.add_volume(owner="bob-project"),
        BUSY: await house.storage.add_volume(status="in-use"),
        PLAIN: await house.storage.add_volume(bootable=False),
    }


def _named(value: Any, names: dict[str, str]) -> Any:
    text = msgspec.json.encode(value).decode()
    for name, id in names.items():
        text = text.replace(name, id)
    return msgspec.json.decode(text)


#: (of the server, the sentence; `{}` stands for the id that the first device names).
REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"imageRef": "", "block_device_mapping_v2": [{**BLANK, "uuid": "x"}]}, f"{WRONG}Invalid device UUID."),
    ({"block_device_mapping_v2": [{"source_type": "volume"}]}, f"{WRONG}Missing device UUID."),
    ({"block_device_mapping_v2": [{**ROOT, "boot_index": 1}]}, f"{WRONG}Mapping image to local is not supported."),
    ({"imageRef": "", "block_device_mapping_v2": [ROOT]}, f"{WRONG}Mapping image to local is not supported."),
    (
        {"block_device_mapping_v2": [ROOT, {**BLANK, "volume_type": "fast"}]},
        f"{WRONG}Specifying a volume_type with destination_type=local is not supported.",
    ),
    (
        {"block_device_mapping_v2": [{**ON_VOLUME, "volume_type": "fast"}]},
        f"{WRONG}Specifying volume type to existing volume is not supported.",
    ),
    ({"block_device_mapping": [{}], "block_device_mapping_v2": [{}]}, "Using different block_device_mapping syntaxes"),
    ({"block_device_mapping": [{"device_name": "vdb"}]}, f"{WRONG}Unrecognized legacy format."),
    ({"block_device_mapping_v2": [MORE]}, ORDER),
    ({"block_device_mapping_v2": [ROOT, {**ON_VOLUME, "boot_index": 2}]}, ORDER),
    ({"imageRef": "", "block_device_mapping": [{"volume_id": VOLUME, "device_name": "vdb"}]}, ORDER),
    ({"imageRef": "", "block_device_mapping_v2": [{**ON_VOLUME, "uuid": PLAIN}]}, "Block Device {} is not bootable."),
    (
        {"imageRef": "", "block_device_mapping_v2": [{**ON_VOLUME, "uuid": FOREIGN}]},
        f"{WRONG}failed to get volume {{}}.",
    ),
    ({"block_device_mapping_v2": [{**MORE, "uuid": FOREIGN}, ROOT]}, "Volume {} could not be found."),
    (
        {"block_device_mapping_v2": [{**MORE, "uuid": BUSY}, ROOT]},
        "Invalid volume: Invalid input received: Invalid volume: Volume {} status must be available or downloading to"
        " reserve, but the current status is in-use. (HTTP 400)",
    ),
    (
        {"imageRef": "", "block_device_mapping_v2": [{**OF_IMAGE, "uuid": ELSEWHERE}]},
        f"{WRONG}failed to get image {{}}.",
    ),
    (
        {"imageRef": "", "block_device_mapping_v2": [UNSIZED]},
        "Images with destination_type 'volume' need to have a non-zero size specified",
    ),
    (
        {"imageRef": "", "block_device_mapping_v2": [{**OF_IMAGE, "uuid": derived("wide")}]},
        "Volume is smaller than the minimum size specified in image metadata. Volume size is 1073741824 bytes,"
        " minimum size is 9663676416 bytes.",
    ),
    (
        {"block_device_mapping_v2": [ROOT, {**OF_IMAGE, "boot_index": -1, "volume_type": "slow"}]},
        "Volume type slow could not be found.",
    ),
    (
        {"block_device_mapping_v2": [ROOT, {**OF_IMAGE, "source_type": "snapshot", "uuid": VOLUME, "boot_index": -1}]},
        f"{WRONG}failed to get snapshot ",
    ),
    (
        {"block_device_mapping_v2": [ROOT, {"source_type": "blank", "destination_type": "volume"}]},
        "Blank volumes (source: 'blank', dest: 'volume') need to have non-zero size",
    ),
    (
        {"block_device_mapping_v2": [ROOT, {**MORE, "destination_type": "local"}]},
        f"{WRONG}Mapping volume to local is not supported.",
    ),
    ({"block_device_mapping_v2": [{**ROOT, "disk_bus": "parallel"}]}, "Block Device Mapping is Invalid."),
    (
        {"block_device_mapping_v2": [ROOT, {**BLANK, "volume_size": 3}]},
        "Ephemeral disks requested are larger than the instance type allows.",
    ),
    (
        {"block_device_mapping_v2": [ROOT, {**BLANK, "volume_size": 3, "guest_format": "swap"}]},
        "Swap drive requested is larger than instance type allows.",
    ),
    (
        {"block_device_mapping_v2": [ROOT, *2 * [{**BLANK, "guest_format": "swap"}]]},
        f"{WRONG}More than one swap drive requested.",
    ),
    (
        {"flavorRef": "roomy", "block_device_mapping_v2": [ROOT, SMALL, SMALL]},
        f"{WRONG}You specified more local devices than the limit allows",
    ),
    (
        {"block_device_mapping_v2": [ROOT, {**MORE, "device_name": "vda"}]},
        "The volume cannot be assigned the same device name as the root device vda",
    ),
    (
        {"block_device_mapping_v2": [ROOT, MORE], "max_count": 2},
        "Cannot attach one or more volumes to multiple instances",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("server", "says"), REFUSED)
async def test_what_nova_refuses(house: House, server: dict[str, Any], says: str) -> None:
    asked = _named(server, await _fill(house))
    (first, *_) = asked.get("block_device_mapping_v2") or [{}]
    said = await house.bad_create(**asked)
    assert said.startswith(says.replace("{}", str(first.get("uuid", "")))), said
    for table in (SERVER, ATTACHMENT):
        assert await house.store.row(Query(select(func.count()).select_from(table))) == (0,)


async def test_a_zone_other_than_the_volumes_is_a_conflict_that_says_what_to_do(house: House) -> None:
    names = await _fill(house)
    near, far = names[VOLUME], await house.storage.add_volume(zone="east")
    body = house.body(
        block_device_mapping_v2=_named([ON_VOLUME], names), imageRef="", availability_zone="east"
    )
    said = await house.refused(Conflict, "POST", "/servers", body)
    assert said.endswith(
        "Server is in: east. Volumes are in: west. Create the server in west, or its volumes in east."
    )
    body = house.body(block_device_mapping_v2=_named([ON_VOLUME, {**MORE, "uuid": far}], names), imageRef="")
    said = await house.refused(Conflict, "POST", "/servers", body)
    assert f"Volumes are in different availability zones: east,west: volume {far} is in east" in said
    assert f"volume {near} is in west" in said


async def test_a_server_on_a_volume_needs_it_and_no_image(house: House) -> None:
    names = await _fill(house)
    device = {**ON_VOLUME, "delete_on_termination": True, "tag": "root", "disk_bus": "scsi"}
    id = await house.create(imageRef="", flavorRef="1", block_device_mapping_v2=_named([device], names))
    server = await house.fetch(id)
    needs = await house.resources.needs(house.store, "server", id)
    assert Need("volume", names[VOLUME], mode="await") in needs
    assert "image" not in {need.kind for need in needs}
    (disk,) = server.desired["disks"]
    assert (disk["volume_id"], disk["boot_index"], disk["disk_bus"]) == (names[VOLUME], 0, "scsi")
    (shown,) = server.desired["volumes"]
    assert (shown["id"], shown["delete_on_termination"], shown["tag"]) == (names[VOLUME], True, "root")
    assert (await house.ask("GET", f"/servers/{id}"))["server"]["image"] == ""
    (found,) = (await house.ask("GET", f"/servers/{id}/os-volume_attachments"))["volumeAttachments"]
    assert found["volumeId"] == names[VOLUME]


async def test_each_of_several_servers_gets_volumes_of_its_own(house: House) -> None:
    names = await _fill(house)
    blank = {"source_type": "blank", "destination_type": "volume", "volume_size": 3, "boot_index": -1}
    devices = _named([{**OF_IMAGE, "volume_type": "fast"}, blank], names)
    id = await house.create(imageRef="", block_device_mapping_v2=devices, max_count=2)
    first, second, third, fourth = house.storage.asked
    assert (first["imageRef"], first["size"], first["volume_type"]) == (house.image, 1, "fast")
    assert (second["name"], second["size"]) == (f"{id}-blank-vol", 3)
    assert (third["imageRef"], fourth["size"]) == (house.image, 3)
    assert await house.store.row(Query(select(func.count()).select_from(ATTACHMENT))) == (4,)
    rows = await house.store.row(Query(select(func.count()).select_from(VOLUMES)))
    assert rows == (8,)


async def test_the_older_form_names_the_root_by_its_device(house: House) -> None:
    names = await _fill(house)
    asked = _named([{"volume_id": VOLUME, "device_name": "/dev/vda", "delete_on_termination": "True"}], names)
    server = await house.fetch(await house.create(imageRef="", block_device_mapping=asked))
    (disk,) = server.desired["disks"]
    assert (disk["boot_index"], disk["device"]) == (0, "/dev/vda")
    assert server.desired["volumes"][0]["delete_on_termination"] is True
    asked = _named([{"virtual_name": "swap"}, {"snapshot_id": SNAPSHOT, "device_name": "vdc"}], names)
    server = await house.fetch(await house.create(flavorRef="roomy", block_device_mapping=asked))
    root, swap, volume = server.desired["disks"]
    assert (root["source"], root["boot_index"]) == ("image", 0)
    assert (swap["source"], swap["guest_format"]) == ("blank", "swap")
    assert (volume["source"], volume["device"]) == ("snapshot", "/dev/vdc")


async def test_an_image_may_name_the_devices_of_its_servers(house: House) -> None:
    names = await _fill(house)
    mapping = [
        {"source_type": "snapshot", "destination_type": "volume", "snapshot_id": SNAPSHOT, "boot_index": 0,
         "volume_size": 1, "delete_on_termination": False, "device_name": "/dev/vda", "no_device": None},
    ]  # fmt: skip
    properties = {
        "bdm_v2": "True",
        "block_device_mapping": msgspec.json.encode(_named(mapping, names)).decode(),
    }
    image = house.add_image("volumes", size=0, properties=properties)
    server = await house.fetch(await house.create(imageRef=image))
    (disk,) = server.desired["disks"]
    assert (disk["source"], disk["boot_index"]) == ("snapshot", 0)
    assert house.storage.asked[0]["snapshot_id"] == names[SNAPSHOT]
    # What the client says of the image as its local root is replaced.
    root = {**ROOT, "uuid": image}
    again = await house.fetch(await house.create(imageRef=image, block_device_mapping_v2=[root]))
    assert [one["source"] for one in again.desired["disks"]] == ["snapshot"]


@pytest.mark.parametrize("more", [{"disk_bus": "scsi"}, {"device_type": "disk"}, {}])
async def test_an_image_may_be_restated_as_the_local_disk(house: House, more: dict[str, str]) -> None:
    id = await house.create(block_device_mapping_v2=[{**ROOT, "uuid": house.image, **more}])
    (disk,) = (await house.fetch(id)).desired["disks"]
    assert {name: disk[name] for name in more} == more
    assert Need("image", house.image) in await house.resources.needs(house.store, "server", id)
    assert "volumes" not in (await house.fetch(id)).desired


async def test_tags_of_disks_are_not_taken_where_nova_had_lost_them(house: House) -> None:
    body = house.body(block_device_mapping_v2=[{**ROOT, "uuid": house.image, "tag": "a"}])
    said = await house.refused(Invalid, "POST", "/servers", body, version="2.40")
    assert "'tag' was unexpected" in said
