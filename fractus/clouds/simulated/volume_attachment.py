"""Volumes that servers of a simulated cloud have."""

from __future__ import annotations

from collections.abc import AsyncIterator

from msgspec import structs

from fractus.base.clock import iso_micro
from fractus.clouds.simulated.actuator import Simulated
from fractus.clouds.simulated.life import schedule
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
        )

    async def list_changed(self, since: str) -> AsyncIterator[VolumeAttachmentObserved]:
        """All of them; as with Nova, only a look at one tells whether its volume ends with its server."""
        async for observed in super().list_changed(since):
            yield structs.replace(observed, delete_on_termination=False)

    async def find(self, scope: Scope, wanted: VolumeAttachmentWanted) -> VolumeAttachmentObserved | None:
        """Whether the server has the volume: who asked for that does not matter."""

        def work() -> VolumeAttachmentObserved | None:
            there = self.records.get(VolumeAttachmentRecord, f"{wanted.server_id}/{wanted.volume_id}")
            return None if there is None else structs.replace(self.observed(there), marker=wanted.id)

        return await self.injector.call(self.kind, "find", wanted.id, work, change=False)

    def make(self, project_id: str, wanted: VolumeAttachmentWanted) -> VolumeAttachmentRecord:
        """A server is given a volume that is free."""
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

    def _free_device(self, server_id: str) -> str:
        taken = {one.device for one in self.records.holding(VolumeAttachmentRecord, f"server/{server_id}")}
        return next(f"/dev/vd{c}" for c in "bcdefghijklmnopqrstuvwxyz" if f"/dev/vd{c}" not in taken)

    def begin(self, thing: VolumeAttachmentRecord) -> None:
        """The volume is reserved, and attached a little later."""
        schedule(thing, "attached", self.now() + self.injector.backend.shape.volume_seconds)
        self._mark(thing, "attaching")
        super().begin(thing)

    def change(self, thing: VolumeAttachmentRecord, step: Step) -> None:
        """The verb is keep_volume."""
        if step.verb != "keep_volume":
            raise Refused(f"{self.kind} has no verb {step.verb!r}", status=400)
        thing.delete_on_termination = False
        self.touch(thing)

    def end(self, thing: VolumeAttachmentRecord) -> None:
        """It is detached a little later. Asked again meanwhile, nothing more happens."""
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
        """Nova's sentence."""
        server_id, _, volume_id = id.partition("/")
        return f"Instance {server_id} is not attached to volume {volume_id}"
