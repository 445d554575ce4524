"""Backups of a simulated cloud. They are made, and written to volumes, in a moment."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

import msgspec

from fractus.base.clock import iso_micro
from fractus.base.ids import is_uuid
from fractus.clouds.simulated.life import schedule
from fractus.clouds.simulated.records import BackupRecord, SnapshotRecord, VolumeRecord
from fractus.clouds.simulated.volume import CinderSimulated
from fractus.model.cloud import Step
from fractus.model.errors import Missing, Refused
from fractus.model.volumes import BackupObserved, BackupWanted


class Backups(CinderSimulated[BackupRecord, BackupWanted, BackupObserved]):
    """The actuator of backups."""

    record = BackupRecord

    def observed(self, thing: BackupRecord) -> BackupObserved:
        """How the cloud shows it."""
        return BackupObserved(
            **self.common_fields(thing),
            status=thing.status,
            size=thing.size,
            volume_id=thing.volume_id,
            snapshot_id=thing.snapshot_id,
            metadata=dict(thing.metadata),
            container=thing.container,
            object_count=2,
            fail_reason=thing.fail_reason,
            is_incremental=bool(thing.parent_id),
            data_timestamp=iso_micro(thing.created_at),
        )

    def make(self, project_id: str, wanted: BackupWanted) -> BackupRecord:
        """A new one, of a volume that is free, or of what was written down of one."""
        used, _, _ = self.records.used_by_project("backup", project_id)
        self.spent(project_id, "backups", 1, used)
        if wanted.record:
            return self._known_again(project_id, wanted)
        volume = self.records.get(VolumeRecord, wanted.volume_id)
        if volume is None:
            raise Missing(f"Volume {wanted.volume_id} could not be found.")
        if wanted.snapshot_id and self.records.get(SnapshotRecord, wanted.snapshot_id) is None:
            raise Missing(f"Snapshot {wanted.snapshot_id} could not be found.")
        if not wanted.snapshot_id:
            if volume.status not in ("available", "in-use"):
                raise Refused(
                    "Invalid volume: Volume to be backed up must be available or in-use, but the current status is"
                    f' "{volume.status}".',
                    status=400,
                )
            self._keep_busy(volume, "backing-up")
        return BackupRecord(
            id=self.new_id(),
            project_id=project_id,
            name=wanted.name,
            description=wanted.description or "",
            volume_id=volume.id,
            snapshot_id=wanted.snapshot_id,
            parent_id=self._newest(volume.id) if wanted.incremental else "",
            size=volume.size,
            container=wanted.container or "backups",
            metadata=dict(wanted.metadata),
        )

    def _keep_busy(self, volume: VolumeRecord, status: str) -> None:
        before, volume.status = volume.status, status
        schedule(volume, before, self._over())
        volume.changed_at = self.now()
        self.records.put(volume)

    def _over(self) -> float:
        return self.now() + self.injector.backend.shape.volume_seconds

    def _newest(self, volume_id: str) -> str:
        those = [
            one
            for one in self.records.every(BackupRecord)
            if one.volume_id == volume_id and one.status == "available"
        ]
        if not those:
            raise Refused("Invalid backup: No backups available to do an incremental backup.", status=400)
        return max(those, key=lambda one: one.created_at).id

    def _known_again(self, project_id: str, wanted: BackupWanted) -> BackupRecord:
        id = wanted.record["id"]
        if not is_uuid(id) or self.records.get(BackupRecord, id) is not None:
            raise Refused("Invalid backup: Backup already exists in database.", status=400)
        return BackupRecord(
            id=id, project_id=project_id, name=wanted.name, description=wanted.description or "", size=1
        )

    def change(self, thing: BackupRecord, step: Step) -> None:
        """An update takes the metadata, too."""
        if step.verb == "update" and "metadata" in step.body:
            thing.metadata = dict(step.body["metadata"])
        super().change(thing, step)

    def end(self, thing: BackupRecord) -> None:
        """Delete it, unless another says the difference to it."""
        if self.records.tied(f"backup/{thing.id}"):
            raise Refused("Invalid backup: Incremental backups exist for this backup.", status=400)
        if thing.status == "creating":
            thing.status, thing.next = "error", ""
        super().end(thing)

    def written_down(self, remote_id: str) -> Mapping[str, Any]:
        """What is written down of one, in the cloud's own ids."""
        thing = self.records.get(BackupRecord, remote_id)
        if thing is None:
            raise Missing(f"Backup {remote_id} could not be found.")
        record = {
            "id": thing.id,
            "size": thing.size,
            "display_name": thing.name,
            "display_description": thing.description,
            "container": thing.container,
        }
        return {
            "backup_service": "simulated",
            "backup_url": base64.b64encode(msgspec.json.encode(record)).decode(),
        }
