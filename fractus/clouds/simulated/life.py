"""What happens in a simulated cloud by itself: servers come up, stop and go, images are taken in.

Nothing runs in the background: whoever looks first moves every record on to the present, event after event, each
stamped with the moment at which it was due.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from fractus.base.clock import iso, iso_micro
from fractus.clouds.simulated.record_store import Records
from fractus.clouds.simulated.records import (
    BackupRecord,
    FloatingIpRecord,
    ImageRecord,
    PortRecord,
    Record,
    ServerRecord,
    SnapshotRecord,
    VolumeAttachmentRecord,
    VolumeRecord,
)
from fractus.clouds.simulated.shape import Shape
from fractus.model.servers import ServerFault

RUNNING, SHUTDOWN, NO_STATE = 1, 4, 0


def schedule(thing: Record, event: str, at: float) -> None:
    """Have `event` happen to `thing` at `at`."""
    thing.next, thing.next_at = event, at


def move_on(records: Records, shape: Shape, now: float) -> None:
    """Bring everything up to `now`."""
    # Read under the lock: another process may be moving the same records on.
    with records.changing():
        while (thing := records.due(now)) is not None:
            event, at = thing.next, thing.next_at
            thing.next, thing.next_at = "", 0.0
            thing.changed_at = at
            if isinstance(thing, ServerRecord):
                happen(records, shape, thing, event, at)
            elif isinstance(thing, VolumeAttachmentRecord):
                move_attachment(records, thing, event, at)
                continue
            elif isinstance(thing, ImageRecord):
                thing.status = "active"
            elif isinstance(thing, VolumeRecord | SnapshotRecord | BackupRecord):
                if event == "deleted":
                    records.drop(thing)
                    continue
                # What happens to it next is the state that it comes to.
                thing.status = event
            records.put(thing)


def happen(records: Records, shape: Shape, server: ServerRecord, event: str, at: float) -> None:
    """Have something happen to a server now; the caller writes it."""
    _SERVER_EVENTS[event](records, shape, server, at)


def bind_ports(records: Records, server: ServerRecord, status: str, at: float, *, take: bool = False) -> None:
    """The server's ports follow its state: bound to its host, ACTIVE while it runs. `take`: they become its own."""
    for port_id in server.port_ids:
        port = records.get(PortRecord, port_id)
        if port is not None and take:
            port.device_id, port.device_owner = server.id, "compute:nova"
        if port is not None and port.device_id == server.id:
            port.status, port.host, port.vif_type = status, server.host, "ovs" if server.host else "unbound"
            port.changed_at = at
            records.put(port)


def release_ports(records: Records, server: ServerRecord, at: float) -> None:
    """Ports that were there before the server outlive it, unbound, as Nova leaves them; its own it takes away."""
    for port_id in server.port_ids:
        port = records.get(PortRecord, port_id)
        if port is not None and port.device_id == server.id and port.of_nova:
            records.drop(port)
            release_port(records, port.id, at)
        elif port is not None and port.device_id == server.id:
            port.device_id = port.device_owner = port.host = ""
            port.status, port.vif_type, port.changed_at = "DOWN", "unbound", at
            records.put(port)


def release_port(records: Records, port_id: str, at: float) -> None:
    """A port is gone: floating IPs that led to it lead nowhere."""
    for kind, id in records.tied(f"port/{port_id}"):
        thing = records.get(FloatingIpRecord, id) if kind == "floatingip" else None
        if thing is not None:
            thing.port_id = thing.fixed_ip_address = None
            thing.status, thing.changed_at = "DOWN", at
            records.put(thing)


def move_attachment(records: Records, thing: VolumeAttachmentRecord, event: str, at: float) -> None:
    """A server has a volume from now on, or has it no longer; the volume shows it."""
    if event == "attached":
        thing.status, thing.attached_at = "attached", at
        records.put(thing)
    else:
        records.drop(thing)
    server = None if thing.direct else records.get(ServerRecord, thing.server_id)
    if server is not None:
        others = [id for id in server.volumes if id != thing.volume_id]
        server.volumes = [*others, thing.volume_id] if event == "attached" else others
        records.put(server)
    volume = records.get(VolumeRecord, thing.volume_id)
    if volume is None:
        return
    left = [
        one
        for one in volume.attachments
        if one["attachment_id"] != thing.id and (thing.direct or one["server_id"] != thing.server_id)
    ]
    if event == "attached":
        holder = {"server_id": thing.server_id or None, "host_name": thing.host or None}
        shown = {**holder, "device": thing.device, "attached_at": iso_micro(at)}
        left.append({"id": volume.id, "volume_id": volume.id, "attachment_id": thing.id, **shown})
    volume.attachments, volume.changed_at = left, at
    volume.status = "in-use" if left else "available"
    records.put(volume)


def _spawn(records: Records, shape: Shape, server: ServerRecord, at: float) -> None:
    """Spawning has begun, or nowhere is room."""
    server.task_state = "spawning"
    schedule(server, "built", max(at, server.created_at + shape.boot_seconds))


def _no_host(records: Records, shape: Shape, server: ServerRecord, at: float) -> None:
    server.vm_state, server.task_state, server.power_state = "error", None, NO_STATE
    server.fault = ServerFault(
        code=500,
        message="No valid host was found. There are not enough hosts available.",
        created=iso(at),
    )
    release_ports(records, server, at)


def _built(records: Records, shape: Shape, server: ServerRecord, at: float) -> None:
    server.vm_state, server.task_state, server.power_state = "active", None, RUNNING
    server.launched_at = at
    server.boots = [at]
    bind_ports(records, server, "ACTIVE", at)
    for attachment in records.holding(VolumeAttachmentRecord, f"server/{server.id}"):
        move_attachment(records, attachment, "attached", at)
        server.volumes = [*server.volumes, attachment.volume_id]


def _rested(records: Records, shape: Shape, server: ServerRecord, at: float, vm_state: str) -> None:
    """Paused, suspended or rescued: as Nova's fake driver has it, its power state is what it was."""
    server.vm_state, server.task_state = vm_state, None
    if vm_state == "rescued":
        server.power_state, server.boots = RUNNING, [*server.boots, at]


def _offloaded(records: Records, shape: Shape, server: ServerRecord, at: float) -> None:
    """Its place is free for others."""
    server.vm_state, server.task_state, server.power_state = "shelved_offloaded", None, SHUTDOWN
    server.host = ""
    bind_ports(records, server, "DOWN", at)


def _unchanged(records: Records, shape: Shape, server: ServerRecord, at: float) -> None:
    """What was asked changes nothing that is shown."""
    server.task_state = None


def _image_pending(records: Records, shape: Shape, server: ServerRecord, at: float) -> None:
    """Its disk is being read."""
    server.task_state = "image_pending_upload"
    schedule(server, "image uploading", at + shape.action_seconds / 2)


def _image_uploading(records: Records, shape: Shape, server: ServerRecord, at: float) -> None:
    server.task_state = "image_uploading"
    schedule(server, "unchanged", at + shape.action_seconds / 2)


def _resized(records: Records, shape: Shape, server: ServerRecord, at: float) -> None:
    """It runs with its new flavor, and waits for the decision whether to keep it."""
    server.vm_state, server.task_state = "resized", None


def _at_rest_again(records: Records, shape: Shape, server: ServerRecord, at: float) -> None:
    """As it was before it was resized or rebuilt: running, or stopped."""
    rests = server.was.pop("vm_state", "active")
    server.was = {}
    (_stopped if rests == "stopped" else _started)(records, shape, server, at)


def _stopped(records: Records, shape: Shape, server: ServerRecord, at: float) -> None:
    server.vm_state, server.task_state, server.power_state = "stopped", None, SHUTDOWN
    bind_ports(records, server, "DOWN", at)


def _started(records: Records, shape: Shape, server: ServerRecord, at: float) -> None:
    server.vm_state, server.task_state, server.power_state = "active", None, RUNNING
    server.boots = [*server.boots, at]
    bind_ports(records, server, "ACTIVE", at)


def drop_shelved_image(records: Records, server: ServerRecord) -> None:
    """It is shelved no longer."""
    image = records.get(ImageRecord, server.shelved_image) if server.shelved_image else None
    if image is not None:
        records.drop(image)
    server.shelved_image = ""


def _deleted(records: Records, shape: Shape, server: ServerRecord, at: float) -> None:
    release_ports(records, server, at)
    for attachment in records.holding(VolumeAttachmentRecord, f"server/{server.id}"):
        move_attachment(records, attachment, "detached", at)
        volume = records.get(VolumeRecord, attachment.volume_id)
        if volume is not None and attachment.delete_on_termination and volume.status == "available":
            records.drop(volume)
    drop_shelved_image(records, server)
    server.volumes = []
    server.vm_state, server.task_state, server.power_state = "deleted", None, NO_STATE
    server.terminated_at = at
    server.gone = True


_SERVER_EVENTS: dict[str, Callable[[Records, Shape, ServerRecord, float], None]] = {
    "spawn": _spawn,
    "no host": _no_host,
    "built": _built,
    "stopped": _stopped,
    "paused": partial(_rested, vm_state="paused"),
    "suspended": partial(_rested, vm_state="suspended"),
    "rescued": partial(_rested, vm_state="rescued"),
    "offloaded": _offloaded,
    "resized": _resized,
    "as before": _at_rest_again,
    "unchanged": _unchanged,
    "image pending upload": _image_pending,
    "image uploading": _image_uploading,
    "started": _started,
    "deleted": _deleted,
}
