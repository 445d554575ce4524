"""Block devices of a new server: what they are made of is looked up, and volumes that it brings with it are written.

Nova makes such volumes itself, while it builds a server. Here they are resources of ours from the first: they take of
their project's quota in the request's transaction, and the server is built of volumes that are there, so nothing is
made twice. Server and volumes are assigned to one cloud together.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Struct

from fractus.model.errors import Conflict, Forbidden, Invalid, NotFound
from fractus.model.resource import AWAIT, Need, Resource
from fractus.services.compute.servers import policy
from fractus.services.compute.servers.api.access import Dependencies
from fractus.services.compute.servers.schema import block_devices
from fractus.services.compute.servers.schema.block_devices import BLANK, IMAGE, SNAPSHOT, VOLUME, Device
from fractus.services.compute.servers.versions import REQUESTS
from fractus.store.transaction import Transaction
from fractus.web.routing import Call

_GIB = 1 << 30

#: What a volume says of its image that is no property of it.
_OF_IMAGE = frozenset(
    "image_id image_name size checksum container_format disk_format min_ram min_disk".split()
)


class Disks(Struct, frozen=True, kw_only=True):
    """The devices of each server of a request. `sources`: what they are made of, by its id."""

    devices: Sequence[Device] = ()
    sources: Mapping[str, Resource] = {}

    @property
    def on_volume(self) -> bool:
        """Whether the root disk is a volume."""
        return any(one.is_root and not one.local for one in self.devices)


def named(call: Call, server: Mapping[str, Any]) -> list[Device]:
    """The devices that a request names, and may name."""
    if not (server.get("block_device_mapping") or server.get("block_device_mapping_v2")):
        return []
    devices = block_devices.asked(server)
    call.enforce(policy.ATTACH_VOLUME)
    return devices


class DiskPlanning:
    """Looks up what the devices of a request are made of."""

    def __init__(self, given: Dependencies, call: Call, tx: Transaction) -> None:
        self._given, self._call, self._tx = given, call, tx
        self._project = None if call.principal.is_admin else call.principal.project_id
        self._sources: dict[str, Resource] = {}

    async def root(self, server: Mapping[str, Any], devices: Sequence[Device]) -> Resource:
        """What a server without an image of its own boots from, as an image of no id."""
        legacy = bool(server.get("block_device_mapping"))
        for one in devices:
            if one.name[-1:] == "a" if legacy else one.is_root:
                return await self._as_image(one)
        return _image({})

    async def _as_image(self, root: Device) -> Resource:
        if root.source == IMAGE:
            image = await self._image(root.id)
            return _image(image.desired)
        volume_id = root.id
        if root.source == SNAPSHOT:
            snapshot = await self._given.storage.snapshot(self._tx, self._project, root.id)
            if snapshot is None:
                raise Invalid(f"Snapshot {root.id} could not be found.")
            volume_id = snapshot.desired["volume_id"]
        elif root.source == BLANK:
            return _image({})
        volume = await self._given.attachments.volume(self._tx, self._project, volume_id)
        if volume is None:
            raise Invalid(f"Block Device Mapping is Invalid: failed to get volume {volume_id}.")
        shown: dict[str, Any] = msgspec.json.decode(volume.summary)
        if shown["bootable"] != "true":
            raise Invalid(f"Block Device {volume_id} is not bootable.")
        said = shown.get("volume_image_metadata", {})
        properties = {name: value for name, value in said.items() if name not in _OF_IMAGE}
        return _image({
            "properties": properties,
            "size": shown["size"] * _GIB,
            "min_ram": said.get("min_ram"),
            "min_disk": said.get("min_disk"),
        })  # fmt: skip

    async def _image(self, id: str) -> Resource:
        try:
            image = await self._given.images.usable(self._tx, self._call.principal, id)
        except (NotFound, Forbidden):
            raise Invalid(f"Block Device Mapping is Invalid: failed to get image {id}.") from None
        self._sources[id] = image
        return image

    async def all(self, devices: Sequence[Device], flavor: Mapping[str, Any], zone: str) -> Disks:
        """Judge the devices of a server, in Nova's order; nothing is written."""
        volumes = [await self._volume(one.id) for one in devices if one.source == VOLUME]
        await self._check_zones(zone, devices, volumes)
        block_devices.check_order(devices)
        for one in devices:
            await self._check(one)
            block_devices.check_bus(one)
        block_devices.check_local(devices, flavor)
        return Disks(devices=devices, sources=self._sources)

    async def _volume(self, id: str) -> Resource:
        found = await self._given.attachments.volume(self._tx, self._project, id)
        if found is None:
            raise Invalid(f"Volume {id} could not be found.")
        self._sources[id] = found
        return found

    async def _check_zones(self, zone: str, devices: Sequence[Device], volumes: Sequence[Resource]) -> None:
        """All that has a cloud has the same, and it is the one that is asked for."""
        snapshots = [await self._snapshot(one.id) for one in devices if one.source == SNAPSHOT]
        zones: dict[str, str] = {}
        for one in (*volumes, *snapshots):
            there = await self._given.attachments.zone_of(self._tx, one) or one.desired.get("zone", "")
            if there:
                zones.setdefault(there, f"{one.kind} {one.id}")
        if len(zones) > 1:
            parts = ", ".join(f"{what} is in {where}" for where, what in sorted(zones.items()))
            raise Conflict(
                "The availability zone between the server and its attached volumes do not match: Volumes are in"
                f" different availability zones: {','.join(sorted(zones))}: {parts}. A server and its volumes are in"
                " one zone: use volumes of one."
            )
        there = next(iter(zones), "")
        if zone and there and zone != there:
            raise Conflict(
                "The availability zone between the server and its attached volumes do not match: Server and volumes"
                f" are not in the same availability zone. Server is in: {zone}. Volumes are in: {there}. Create the"
                f" server in {there}, or its volumes in {zone}."
            )

    async def _snapshot(self, id: str) -> Resource:
        found = await self._given.storage.snapshot(self._tx, self._project, id)
        if found is None:
            raise Invalid(f"Block Device Mapping is Invalid: failed to get snapshot {id}.")
        self._sources[id] = found
        return found

    async def _check(self, one: Device) -> None:
        if one.volume_type:
            await self._given.storage.check_type(self._tx, self._call.principal, one.volume_type)
        if one.source == IMAGE and not one.local:
            await self._image(one.id)
            if not one.size:
                raise Invalid("Images with destination_type 'volume' need to have a non-zero size specified")
        elif one.source == BLANK and not one.local and not one.size:
            raise Invalid("Blank volumes (source: 'blank', dest: 'volume') need to have non-zero size")
        elif one.source in (VOLUME, SNAPSHOT) and one.local:
            # Nova takes it, and attaches nothing.
            raise Invalid(f"Block Device Mapping is Invalid: Mapping {one.source} to local is not supported.")
        elif one.source == VOLUME:
            check_reservable(self._call, self._sources[one.id], "Invalid volume: Invalid input received")


def check_reservable(call: Call, volume: Resource, what: str) -> None:
    """`Invalid` where Cinder reserves a volume for no server. `what`: how Nova begins the sentence."""
    many = msgspec.json.decode(volume.summary)["multiattach"]
    if many and not REQUESTS.behaviour("multiattach", call.version):
        raise Invalid("Multiattach volumes are only supported starting with compute API version 2.60.")
    usable = ("available", "in-use", "downloading") if many else ("available", "downloading")
    if volume.status not in usable:
        states = f"{', '.join(usable[:-1])} or {usable[-1]}"
        raise Invalid(
            f"{what}: Invalid volume: Volume {volume.id} status must be {states} to reserve, but"
            f" the current status is {volume.status}. (HTTP 400) (Request-ID: {call.request_id})"
        )


def _image(about: Mapping[str, Any]) -> Resource:
    return Resource(kind="image", id="", desired={"properties": {}, **about})


# --- writing --------------------------------------------------------------------------------------


async def write(
    given: Dependencies, call: Call, tx: Transaction, server: Resource, disks: Disks
) -> list[Need]:
    """Put the devices into what is desired of a new server, and write its volumes and their attachments."""
    needs, written = [], []
    for one in disks.devices:
        volume_id = ""
        if not one.local:
            volume = (
                disks.sources[one.id] if one.source == VOLUME else await _make(given, call, tx, server, one)
            )
            volume_id = volume.id
            needs.append(Need("volume", volume.id, mode=AWAIT))
            about = {
                "device": one.name,
                "tag": one.tag,
                "delete_on_termination": one.delete_on_termination,
                "boot": True,
                "root": one.is_root,
            }
            await given.attachments.attach(tx, server, volume, about, one.name)
        written.append(
            {
                "volume_id": volume_id,
                "source": one.source,
                "size": one.size,
                "boot_index": -1 if one.boot_index is None else one.boot_index,
                "device": one.name,
                "device_type": one.device_type,
                "disk_bus": one.disk_bus,
                "guest_format": one.guest_format,
                "tag": one.tag,
            }
        )
    server.desired.update(disks=written, volume_rooted=disks.on_volume)
    return needs


async def _make(given: Dependencies, call: Call, tx: Transaction, server: Resource, one: Device) -> Resource:
    """The volume that is made for a server, as Nova asks Cinder for it."""
    sources = {IMAGE: "imageRef", SNAPSHOT: "snapshot_id"}
    asked: dict[str, Any] = {
        "name": f"{server.id}-blank-vol" if one.source == BLANK else "",
        "description": "",
        "size": one.size,
        "availability_zone": server.desired["zone"] or None,
        "volume_type": one.volume_type or None,
        **({sources[one.source]: one.id} if one.source in sources else {}),
    }
    return await given.storage.make(call, tx, asked)
