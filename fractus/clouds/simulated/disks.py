"""Volumes that servers of a simulated cloud are built with."""

from __future__ import annotations

from collections.abc import Sequence

from fractus.clouds.simulated.record_store import Records
from fractus.clouds.simulated.records import ServerRecord, VolumeAttachmentRecord, VolumeRecord
from fractus.model.errors import Refused
from fractus.model.servers import ServerDisk

_NAMES = tuple(f"/dev/vd{letter}" for letter in "abcdefghijklmnopqrstuvwxyz")


def check_disks(
    records: Records, project_id: str, disks: Sequence[ServerDisk], *, image_id: str = ""
) -> None:
    """`Refused` in Nova's words where a server cannot be built with them. With an image Nova does not ask whether a
    volume can be booted from.
    """
    for disk in disks:
        if disk.source != "volume":
            continue
        volume = records.get(VolumeRecord, disk.id)
        if volume is None or volume.project_id != project_id:
            raise Refused(f"Block Device Mapping is Invalid: failed to get volume {disk.id}.", status=400)
        if disk.boot_index == 0 and not volume.bootable and not image_id:
            raise Refused(f"Block Device {disk.id} is not bootable.", status=400)
        if volume.status != "available" and not (volume.multiattach and volume.status == "in-use"):
            raise Refused(
                f"Invalid volume: Volume {volume.id} status must be available or downloading to reserve, but the"
                f" current status is {volume.status}.",
                status=400,
            )


def reserve_volumes(records: Records, server: ServerRecord) -> None:
    """The volumes of a server that was accepted are nobody else's."""
    taken = {disk.device for disk in server.disks}
    free = iter([name for name in _NAMES if name not in taken])
    for disk in server.disks:
        device = disk.device or next(free)
        volume = records.get(VolumeRecord, disk.id) if disk.source == "volume" else None
        if volume is None:
            continue
        records.put(
            VolumeAttachmentRecord(
                id=f"{server.id}/{volume.id}",
                project_id=server.project_id,
                server_id=server.id,
                volume_id=volume.id,
                device=device,
                created_at=server.created_at,
            )
        )
        volume.status, volume.changed_at = "reserved", server.created_at
        records.put(volume)
