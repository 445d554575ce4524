"""Volumes that servers of a simulated cloud have."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from msgspec import structs

from fractus.base.clock import iso_micro
from fractus.clouds.simulated.actuator import Simulated
from fractus.clouds.simulated.life import move_attachment, schedule
from fractus.clouds.simulated.records import ServerRecord, VolumeAttachmentRecord, VolumeRecord
from fractus.model.cloud import Scope, Step
from fractus.model.errors import Missing, Refused, Throttled
from fractus.model.volumes import VolumeAttachmentObserved, VolumeAttachmentWanted

#: States of a server in which it takes volumes, and loses them.
_TAKES = frozenset({"active", "paused", "stopped", "resized", "shelved", "shelved_offloaded"})


class VolumeAttachments(Simulated[VolumeAttachmentRecord, VolumeAttachmentWanted, VolumeAttachmentObserved]):
    """The actuator of attachments."""

    record = VolumeAttachmentRecord
    dates_changes = False

    def observed(self, thing: VolumeAttachmentRecord) -> VolumeAttachmentObserved:
        """How the cloud shows it."""
        return VolumeAttachmentObserved(
            **self.common_fields(thing),
            status=thing.status,
            device=thing.device,
            attached_at=iso_micro(thing.attached_at) if thing.attached_at else "",
            server_id=thing.server_id,
            volume_id=thing.volume_id,
            delete_on_termination=thing.delete_on_termination,
            attachment_id=thing.id if thing.direct else "",
            mode=thing.mode,
        )

    async def list_changed(self, since: str) -> AsyncIterator[VolumeAttachmentObserved]:
        """All of them; as with Nova, only a look at one tells whether its volume ends with its server."""
        async for observed in super().list_changed(since):
            yield structs.replace(observed, delete_on_termination=False)

    async def find(self, scope: Scope, wanted: VolumeAttachmentWanted) -> VolumeAttachmentObserved | None:
        """Whether the server has the volume: who asked for that does not matter."""

        def work() -> VolumeAttachmentObserved | None:
            every = self.records.holding(VolumeAttachmentRecord, f"volume/{wanted.volume_id}")
            who = (wanted.direct, wanted.server_id or ("" if wanted.host else wanted.id), wanted.host)
            direct = (one for one in every if (one.direct, one.server_id, one.host) == who)
            id = f"{wanted.server_id}/{wanted.volume_id}"
            there = next(direct, None) if wanted.direct else self.records.get(VolumeAttachmentRecord, id)
            return None if there is None else structs.replace(self.observed(there), marker=wanted.id)

        return await self.injector.call(self.kind, "find", wanted.id, work, change=False)

    def make(self, project_id: str, wanted: VolumeAttachmentWanted) -> VolumeAttachmentRecord:
        """A server is given a volume that is free."""
        if wanted.direct:
            return self._direct(project_id, wanted)
        server = self.records.get(ServerRecord, wanted.server_id)
        if server is None or server.gone:
            raise Missing(f"Instance {wanted.server_id} could not be found.")
        volume = self.records.get(VolumeRecord, wanted.volume_id)
        if volume is None or volume.project_id != project_id:
            raise Missing(f"Volume {wanted.volume_id} could not be found.")
        self._check_at_rest(server, "attach_volume")
        if self.records.get(VolumeAttachmentRecord, f"{server.id}/{volume.id}") is not None:
            raise Refused(f"Invalid volume: volume {volume.id} already attached", status=400)
        if volume.status != "available" and not (volume.multiattach and volume.status == "in-use"):
            raise Refused(
                f"Invalid volume: Volume {volume.id} status must be available or downloading to reserve, but the"
                f" current status is {volume.status}.",
                status=400,
            )
        return VolumeAttachmentRecord(
            id=f"{server.id}/{volume.id}",
            project_id=project_id,
            server_id=server.id,
            volume_id=volume.id,
            device=wanted.device or self._free_device(server.id),
        )

    def _direct(self, project_id: str, wanted: VolumeAttachmentWanted) -> VolumeAttachmentRecord:
        """A volume is reserved, or it is written down that it is attached."""
        volume = self.records.get(VolumeRecord, wanted.volume_id)
        if volume is None or volume.project_id != project_id:
            raise Missing(f"Volume {wanted.volume_id} could not be found.")
        free = ("available", "attaching") if wanted.direct == "note" else ("available",)
        if volume.status not in free and not volume.multiattach:
            raise Refused(
                f"Invalid volume: Volume {volume.id} status must be available or downloading to reserve, but the"
                f" current status is {volume.status}.",
                status=400,
            )
        return VolumeAttachmentRecord(
            id=self.new_id(),
            project_id=project_id,
            server_id=wanted.server_id or ("" if wanted.host else wanted.id),
            volume_id=volume.id,
            device=wanted.device,
            direct=wanted.direct,
            host=wanted.host,
            mode=wanted.mode,
        )

    def connection(self, id: str, body: Any = None) -> dict[str, Any]:
        """How a volume is connected; with a `body` it is connected as that says."""
        thing = self.held(id, self.injector.home)
        if body is not None:
            thing.status = "attaching"
            self._mark(thing, "attaching")
            self.touch(thing)
        return {
            "id": thing.id,
            "status": thing.status,
            "instance": thing.server_id or None,
            "volume_id": thing.volume_id,
            "connection_info": {"driver_volume_type": "simulated", "volume_id": thing.volume_id},
        }

    def _free_device(self, server_id: str) -> str:
        taken = {one.device for one in self.records.holding(VolumeAttachmentRecord, f"server/{server_id}")}
        return next(f"/dev/vd{c}" for c in "bcdefghijklmnopqrstuvwxyz" if f"/dev/vd{c}" not in taken)

    def begin(self, thing: VolumeAttachmentRecord) -> None:
        """The volume is reserved, and attached a little later."""
        if thing.direct == "reserve":
            thing.status = "reserved"
            self._mark(thing, "reserved")
            return super().begin(thing)
        if thing.direct:
            super().begin(thing)
            return move_attachment(self.records, thing, "attached", self.now())
        schedule(thing, "attached", self.now() + self.injector.backend.shape.volume_seconds)
        self._mark(thing, "attaching")
        super().begin(thing)

    def change(self, thing: VolumeAttachmentRecord, step: Step) -> None:
        """The verbs are keep_volume and complete."""
        if step.verb == "complete":
            return move_attachment(self.records, thing, "attached", self.now())
        if step.verb != "keep_volume":
            raise Refused(f"{self.kind} has no verb {step.verb!r}", status=400)
        thing.delete_on_termination = False
        self.touch(thing)

    def end(self, thing: VolumeAttachmentRecord) -> None:
        """It is detached a little later. Asked again meanwhile, nothing more happens."""
        if thing.direct:
            return move_attachment(self.records, thing, "detached", self.now())
        if thing.status == "detaching":
            return
        if thing.status != "attached":
            raise Throttled(f"Volume {thing.volume_id} is {thing.status}.", after=1.0)
        server = self.records.get(ServerRecord, thing.server_id)
        if server is not None:
            self._check_at_rest(server, "detach_volume")
        thing.status = "detaching"
        self._mark(thing, "detaching")
        schedule(thing, "detached", self.now() + self.injector.backend.shape.volume_seconds)
        self.touch(thing)

    def _check_at_rest(self, server: ServerRecord, action: str) -> None:
        if server.task_state is not None:
            raise Throttled(f"Instance {server.id} is {server.task_state}.", after=1.0)
        if server.vm_state not in _TAKES:
            raise Refused(
                f"Cannot '{action}' instance {server.id} while it is in vm_state {server.vm_state}",
                status=409,
            )

    def _mark(self, thing: VolumeAttachmentRecord, status: str) -> None:
        volume = self.records.get(VolumeRecord, thing.volume_id)
        if volume is not None:
            volume.status, volume.changed_at = status, self.now()
            self.records.put(volume)

    def missing(self, id: str) -> str:
        """Nova's sentence, or Cinder's."""
        server_id, slash, volume_id = id.partition("/")
        if not slash:
            return f"Volume attachment could not be found with filter: attachment_id = {id}."
        return f"Instance {server_id} is not attached to volume {volume_id}"
