"""Block devices of a new server: what a request, its image and its flavor say of them, by Nova's rules; pure.

1. `asked` reads `block_device_mapping_v2`, or the older `block_device_mapping`, and refuses what is no device.
2. `merged` adds those that the image names, which the request replaces by the name of their device.
3. `check` judges all of them together, with those that the flavor brings.

What is looked up (volumes, snapshots, images, types) is judged by `servers/api/disks.py`. The sentences are Nova's
(`nova.block_device`, `nova.compute.api`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Struct, structs

from fractus.model.errors import Invalid
from fractus.model.resource import Resource
from fractus.services.compute.servers.schema.bodies import truth

IMAGE, VOLUME, SNAPSHOT, BLANK, NONE = "image", "volume", "snapshot", "blank", ""
"""Sources of a device; NONE: it only says that the image's device of this name is left out."""

#: Nova's `DiskBus`.
_BUSES = frozenset("fdc ide sata scsi usb virtio xen lxc uml".split())

#: Nova's default of `max_local_block_devices`.
_MOST_LOCAL = 3

_EPHEMERAL = re.compile(r"ephemeral(\d|[1-9]\d+)")

_GIB = 1 << 30


class Device(Struct, frozen=True, kw_only=True):
    """One of them. `id`: of the volume, snapshot or image that it is made of; `size` in GiB, None: not said."""

    source: str
    local: bool
    id: str = ""
    size: int | None = None
    boot_index: int | None = None
    name: str = ""
    """`/dev/vdb`; empty: whichever is free."""
    device_type: str = ""
    disk_bus: str = ""
    guest_format: str = ""
    tag: str = ""
    volume_type: str = ""
    delete_on_termination: bool = False

    @property
    def is_root(self) -> bool:
        """Whether the server boots from it first."""
        return self.boot_index == 0


def _wrong(details: str) -> Invalid:
    return Invalid(f"Block Device Mapping is Invalid: {details}")


def asked(server: Mapping[str, Any]) -> list[Device]:
    """The devices that a request names."""
    legacy, disks = server.get("block_device_mapping"), server.get("block_device_mapping_v2")
    if legacy and disks:
        raise Invalid("Using different block_device_mapping syntaxes is not allowed in the same request.")
    if legacy:
        return [_of_legacy(one) for one in legacy]
    return [_of_request(one, bool(server.get("imageRef"))) for one in disks or ()]


def _of_request(one: Mapping[str, Any], with_image: bool) -> Device:
    """Of `block_device_mapping_v2`."""
    if one.get("no_device"):
        return Device(source=NONE, local=True, name=_device(one))
    source, destination = one.get("source_type"), one.get("destination_type")
    if source is None:
        raise _wrong("Some required fields are missing")
    if source == BLANK and one.get("uuid"):
        raise _wrong("Invalid device UUID.")
    if source != BLANK and not one.get("uuid"):
        raise _wrong("Missing device UUID.")
    local = (destination or ("volume" if source in (VOLUME, SNAPSHOT) else "local")) == "local"
    index = _index(one)
    if source == IMAGE and local and not (with_image and index == 0):
        raise _wrong("Mapping image to local is not supported.")
    if local and one.get("volume_type"):
        raise _wrong("Specifying a volume_type with destination_type=local is not supported.")
    if source == VOLUME and one.get("volume_type"):
        raise _wrong("Specifying volume type to existing volume is not supported.")
    return _device_of(one, source=source, local=local, id=one.get("uuid") or "", boot_index=index)


def _device_of(one: Mapping[str, Any], **known: Any) -> Device:
    texts = ("device_type", "disk_bus", "guest_format", "tag", "volume_type")
    return Device(
        size=int(one["volume_size"]) if one.get("volume_size") else None,
        name=_device(one),
        delete_on_termination=truth(one.get("delete_on_termination", False)),
        **{**{name: one.get(name) or "" for name in texts}, **known},
    )


def _index(one: Mapping[str, Any]) -> int | None:
    index = one.get("boot_index")
    return None if index is None else int(index)


def _device(one: Mapping[str, Any]) -> str:
    name = str(one.get("device_name") or "").removeprefix("/dev/")
    return f"/dev/{name}" if name else ""


def _of_legacy(one: Mapping[str, Any]) -> Device:
    """Of `block_device_mapping`: which is the root follows from the names of devices."""
    virtual = one.get("virtual_name") or ""
    plain = {
        name: one[name] for name in ("device_name", "volume_size", "delete_on_termination") if name in one
    }
    if virtual == "swap" or _EPHEMERAL.fullmatch(virtual):
        format = "swap" if virtual == "swap" else ""
        device = _device_of(plain, source=BLANK, local=True)
        return structs.replace(device, guest_format=format, delete_on_termination=True)
    if one.get("snapshot_id"):
        return _device_of(plain, source=SNAPSHOT, local=False, id=one["snapshot_id"])
    if one.get("volume_id"):
        return _device_of(plain, source=VOLUME, local=False, id=one["volume_id"])
    if one.get("no_device"):
        return Device(source=NONE, local=True, name=_device(one))
    raise _wrong("Unrecognized legacy format.")


# --- with those of the image ----------------------------------------------------------------------


def of_image(properties: Mapping[str, Any], flavor: Mapping[str, Any]) -> list[Device]:
    """The devices that an image names: those of a snapshot of a server whose root is a volume."""
    named = _listed(properties.get("block_device_mapping"))
    if truth(str(properties.get("bdm_v2", ""))):
        found = [_of_property(one) for one in named]
    else:
        found = with_root([_of_legacy(one) for one in named], "", root_device(properties))
    blanks = [
        Device(
            source=BLANK,
            local=True,
            size=size,
            boot_index=-1,
            name=f"/dev/{str(one.get('device', '')).removeprefix('/dev/')}",
            device_type="disk",
            guest_format="swap" if one["virtual"] == "swap" else str(one.get("guest_format") or ""),
            delete_on_termination=True,
        )
        for one in _listed(properties.get("mappings"))
        if one.get("virtual") == "swap" or _EPHEMERAL.fullmatch(str(one.get("virtual", "")))
        if (size := int(flavor["swap" if one["virtual"] == "swap" else "ephemeral"]))
    ]
    return _replaced(blanks, found)


def _of_property(one: Mapping[str, Any]) -> Device:
    source = one.get("source_type") or NONE
    known = {
        "source": source,
        "local": one.get("destination_type") != "volume",
        "id": str(one.get(f"{source}_id") or ""),
        "boot_index": _index(one),
    }
    return _device_of(one, **known)


def _listed(value: Any) -> list[dict[str, Any]]:
    """A list that an image's property holds, as Glance keeps it: a text."""
    if isinstance(value, str):
        try:
            value = msgspec.json.decode(value)
        except msgspec.DecodeError:
            return []
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def root_device(properties: Mapping[str, Any]) -> str:
    """How the root device is called, as far as the image says it: `vda` else."""
    said = properties.get("root_device_name")
    for one in _listed(properties.get("mappings")):
        if one.get("virtual") == "root":
            said = said or one.get("device")
    return str(said or "vda").removeprefix("/dev/")


def with_root(devices: Sequence[Device], image_id: str, root: str) -> list[Device]:
    """Older devices, and which of them is the root: the one of its name, else the image."""
    found, backed = [], False
    for one in devices:
        index = None if one.source == NONE else -1
        if one.source in (VOLUME, SNAPSHOT) and one.name.removeprefix("/dev/") == root:
            index, backed = 0, True
        found.append(structs.replace(one, boot_index=index))
    return found if backed or not image_id else [_root_of_image(image_id), *found]


def _root_of_image(image_id: str) -> Device:
    return Device(
        source=IMAGE, local=True, id=image_id, boot_index=0, device_type="disk", delete_on_termination=True
    )


def _replaced(replaceable: Sequence[Device], others: Sequence[Device]) -> list[Device]:
    """`others`, and those of `replaceable` whose device is none of theirs."""
    names = {one.name for one in others if one.name}
    return [*others, *(one for one in replaceable if one.name not in names)]


def merged(
    server: Mapping[str, Any],
    devices: Sequence[Device],
    properties: Mapping[str, Any],
    flavor: Mapping[str, Any],
    most: int,
) -> list[Device]:
    """All devices of each of up to `most` servers, but for those that the flavor brings."""
    image_id, root = str(server.get("imageRef") or ""), root_device(properties)
    if image_id and any(not one.local and one.name.removeprefix("/dev/") == root for one in devices):
        raise Invalid(f"The volume cannot be assigned the same device name as the root device {root}")
    own = of_image(properties, flavor)
    rooted = any(one.is_root for one in own)
    if not server.get("block_device_mapping_v2"):
        # So it is also where the request names none: the image is the root, unless it names another.
        devices = (
            [structs.replace(one, boot_index=-1) for one in devices]
            if rooted
            else with_root(devices, image_id, root)
        )
    elif rooted:
        devices = [one for one in devices if not (one.is_root and one.source == IMAGE)]
    every = _replaced(own, devices)
    if most > 1 and any(one.source == VOLUME for one in every):
        raise Invalid("Cannot attach one or more volumes to multiple instances")
    return [one for one in every if one.source != NONE]


# --- all of them together -------------------------------------------------------------------------


def check_order(devices: Sequence[Device]) -> None:
    """Whether there is one to boot from, and their order is plain."""
    indexes = sorted(one.boot_index for one in devices if one.boot_index is not None and one.boot_index >= 0)
    if not indexes or indexes != list(range(len(indexes))):
        raise _wrong(
            "Boot sequence for the instance and image/block device mapping combination is not valid."
        )


def check_bus(device: Device) -> None:
    """Whether Nova knows its bus."""
    if device.disk_bus and device.disk_bus not in _BUSES:
        raise Invalid("Block Device Mapping is Invalid.")


def check_local(devices: Sequence[Device], flavor: Mapping[str, Any]) -> None:
    """Whether the flavor has room for the local ones, with those that it brings itself."""
    swaps = [one for one in devices if _is_blank(one) and one.guest_format == "swap"]
    ephemerals = [one for one in devices if _is_blank(one) and one.guest_format != "swap"]
    if sum(one.size or flavor["ephemeral"] for one in ephemerals) > flavor["ephemeral"]:
        raise Invalid(
            "Ephemeral disks requested are larger than the instance type allows. If no size is given in one block"
            " device mapping, flavor ephemeral size will be used."
        )
    if len(swaps) > 1:
        raise _wrong("More than one swap drive requested.")
    if swaps and (swaps[0].size or 0) > flavor["swap"]:
        raise Invalid("Swap drive requested is larger than instance type allows.")
    brought = bool(flavor["ephemeral"] and not ephemerals) + bool(flavor["swap"] and not swaps)
    if sum(one.local for one in devices) + brought > _MOST_LOCAL:
        raise _wrong("You specified more local devices than the limit allows")


def _is_blank(one: Device) -> bool:
    return one.source == BLANK and one.local


def check_least(device: Device, least: int) -> None:
    """Whether the image whose disk has at least `least` GiB fits into the volume that is to be made."""
    if not device.local and device.size is not None and least > device.size:
        raise Invalid(
            "Volume is smaller than the minimum size specified in image metadata. Volume size is"
            f" {device.size * _GIB} bytes, minimum size is {least * _GIB} bytes."
        )


def snapshot_mapping(
    snapshot: Resource, attached: Mapping[str, Any], disk: Mapping[str, Any]
) -> dict[str, Any]:
    """How an image of a server names the snapshot of one of its volumes, as Nova writes it. `attached`: how the server
    has the volume; `disk`: as it was built with it.
    """
    unsaid = dict.fromkeys(
        "guest_format image_id no_device tag volume_id volume_type encrypted encryption_secret_uuid encryption_format"
        " encryption_options".split()
    )
    return {
        **unsaid,
        "source_type": SNAPSHOT,
        "destination_type": "volume",
        "snapshot_id": snapshot.id,
        "volume_size": snapshot.desired["size"],
        "boot_index": 0 if attached.get("root") else disk.get("boot_index"),
        "device_name": attached["device"] or None,
        "device_type": disk.get("device_type") or None,
        "disk_bus": disk.get("disk_bus") or None,
        "delete_on_termination": attached["delete_on_termination"],
    }
