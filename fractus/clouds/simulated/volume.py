"""Volumes and snapshots of a simulated cloud. There are no bits: a size, a state, and what they were made of."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, ClassVar, TypeVar

import msgspec

from fractus.clouds.simulated.actuator import Simulated
from fractus.clouds.simulated.block_hosts import POOL
from fractus.clouds.simulated.life import schedule
from fractus.clouds.simulated.records import (
    BackupRecord,
    ImageRecord,
    Record,
    SnapshotRecord,
    VolumeRecord,
    VolumeTypeRecord,
)
from fractus.clouds.simulated.volume_type import VolumeTypes
from fractus.model.cloud import HOME, Observed, Scope, Step, Wanted
from fractus.model.errors import Missing, Refused, Throttled
from fractus.model.volumes import (
    SnapshotObserved,
    SnapshotWanted,
    VolumeObserved,
    VolumeTypeWanted,
    VolumeWanted,
)

R = TypeVar("R", bound=Record)
W = TypeVar("W", bound=Wanted)
S = TypeVar("S", bound=Observed)

#: States in which a volume, or a snapshot, can be deleted.
_DELETABLE = frozenset({"available", "error", "error_extending", "error_restoring", "error_deleting"})


class CinderSimulated(Simulated[R, W, S]):
    """What volumes and snapshots have in common."""

    deletable: ClassVar[frozenset[str]] = _DELETABLE
    """States in which one is deleted, forced where it has to be."""

    async def observe(self, scope: Scope, remote_id: str) -> S:
        """As an administrator is shown it: what is on its way to another project is seen, whosever it is."""
        return await super().observe(HOME, remote_id)

    def change(self, thing: R, step: Step) -> None:
        """Verbs of both."""
        body, kept = step.body, _of(thing)
        match step.verb:
            case "update":
                thing.name, thing.description = (
                    body.get("name", thing.name),
                    body.get("description", thing.description),
                )
            case "set_metadata":
                kept.metadata = dict(body["metadata"])
            case "reset_status":
                self.reset(thing, body)
            case _:
                return super().change(thing, step)
        return self.touch(thing)

    def reset(self, thing: R, body: Mapping[str, Any]) -> None:
        """An administrator says in which state it is."""
        _of(thing).status = body.get("status") or _of(thing).status
        thing.next, thing.next_at = "", 0.0

    def begin(self, thing: R) -> None:
        """It is made, and then available."""
        schedule(thing, "available", self.now() + self.injector.backend.shape.volume_seconds)
        super().begin(thing)

    def end(self, thing: R) -> None:
        """Delete it, if it is in a state for that."""
        if _of(thing).status == "deleting" and thing.next:
            return
        if _of(thing).status not in self.deletable:
            raise Refused(self.not_deletable(thing), status=400)
        _of(thing).status = "deleting"
        schedule(thing, "deleted", self.now() + self.injector.backend.shape.volume_seconds)
        self.touch(thing)

    def not_deletable(self, thing: R) -> str:
        """Cinder's sentence."""
        return f"Invalid {self.kind}: {self.kind.capitalize()} status must be available or error"

    def spent(self, project_id: str, what: str, more: int, used: int) -> None:
        """`Refused` where the project's quota of it is used up."""
        limit = self.injector.backend.quota(project_id, what)
        if limit is not None and 0 <= limit < used + more:
            reason = f"{what.capitalize()} quota exceeded: {used} of {limit} are used."
            raise Refused(reason, status=413, elsewhere=True)


def _of(thing: Record) -> Any:
    """Both have a state and metadata, which records in general have not."""
    return thing


class Volumes(CinderSimulated[VolumeRecord, VolumeWanted, VolumeObserved]):
    """The actuator of volumes."""

    record = VolumeRecord
    deletable = _DELETABLE | {"attaching", "creating", "maintenance", "managing", "reserved"}

    def observed(self, thing: VolumeRecord) -> VolumeObserved:
        """How the cloud shows it."""
        return VolumeObserved(
            **self.common_fields(thing),
            status=thing.status,
            size=thing.size,
            bootable=thing.bootable,
            readonly=thing.readonly,
            multiattach=thing.multiattach,
            metadata=dict(thing.metadata),
            image_metadata=dict(thing.image_metadata),
            attachments=[dict(one) for one in thing.attachments],
            host=thing.host,
            migration_status=thing.migration_status,
            shared_targets=False,
            type_name=thing.type_name,
            snapshot_id=thing.snapshot_id,
            source_id=thing.source_id,
        )

    def make(self, project_id: str, wanted: VolumeWanted) -> VolumeRecord:
        """A new one, of whatever it is to be made of."""
        kind = self.records.get(VolumeTypeRecord, wanted.type_id)
        if kind is None:
            raise Missing(f"Volume type {wanted.type_id} could not be found.")
        self._check_quota(project_id, wanted.size, 1)
        record = VolumeRecord(
            id=self.new_id(),
            project_id=project_id,
            name=wanted.name,
            description=wanted.description or "",
            size=wanted.size,
            type_id=kind.id,
            type_name=kind.name,
            multiattach=kind.extra_specs.get("multiattach") == "<is> True",
            metadata=dict(wanted.metadata),
            host=POOL,
            snapshot_id=wanted.snapshot_id,
            source_id=wanted.source_id,
            hints=wanted.hints,
        )
        self._fill(record, wanted)
        return record

    def _fill(self, record: VolumeRecord, wanted: VolumeWanted) -> None:
        if wanted.image_id:
            self._fill_from(record, self.records.get(ImageRecord, wanted.image_id), wanted.image_id)
        source = self.records.get(VolumeRecord, wanted.source_id) if wanted.source_id else None
        if wanted.source_id and source is None:
            raise Missing(f"Volume {wanted.source_id} could not be found.")
        if wanted.backup_id:
            self._being_restored(wanted.backup_id)
        if wanted.snapshot_id:
            snapshot = self.records.get(SnapshotRecord, wanted.snapshot_id)
            if snapshot is None:
                raise Missing(f"Snapshot {wanted.snapshot_id} could not be found.")
            source = self.records.get(VolumeRecord, snapshot.volume_id)
        if source is not None:
            record.bootable, record.image_metadata = source.bootable, dict(source.image_metadata)

    def _check_quota(self, project_id: str, size: int, number: int) -> None:
        used, _, _ = self.records.used_by_project("volume", project_id)
        self.spent(project_id, "volumes", number, used)
        if self.injector.backend.quota(project_id, "gigabytes") is not None:
            sizes = [one.size for one in self.records.every(VolumeRecord) if one.project_id == project_id]
            self.spent(project_id, "gigabytes", size, sum(sizes))

    async def apply(self, scope: Scope, remote_id: str, step: Step) -> None:
        """A transfer is asked for by who gets the volume, and does not have it yet."""
        if step.verb != "transfer":
            return await super().apply(scope, remote_id, step)

        def work() -> None:
            taker, giver = self.injector.project(scope), self.injector.project(Scope(step.body["from"]))
            thing = self.records.get(VolumeRecord, remote_id)
            if thing is None or thing.project_id not in (giver, taker):
                raise Missing(self.missing(remote_id))
            for one in self.records.every(SnapshotRecord) if step.body["snapshots"] else ():
                if one.volume_id == thing.id:
                    one.project_id, one.changed_at = taker, self.now()
                    self.records.put(one)
            thing.project_id = taker
            self.touch(thing)

        await self.injector.call(self.kind, "apply transfer", remote_id, work, change=True, repeatable=False)

    def change(self, thing: VolumeRecord, step: Step) -> None:
        """Verbs of volumes alone."""
        body = step.body
        match step.verb:
            case "extend":
                self._extend(thing, int(body["new_size"]))
            case "retype":
                self._retype(thing, str(body["new_type"]), body.get("type"))
            case "set_bootable":
                thing.bootable = bool(body["bootable"])
            case "set_readonly":
                thing.readonly = bool(body["readonly"])
            case "set_image_metadata":
                thing.image_metadata = {**thing.image_metadata, **body["metadata"]}
            case "restore":
                return self._restore(thing, body["backup_id"])
            case "upload" | "revert" | "reimage":
                return self._contents(thing, step.verb, body)
            case "unset_image_metadata":
                kept = {key: value for key, value in thing.image_metadata.items() if key != body["key"]}
                thing.image_metadata = kept
            case _:
                return super().change(thing, step)
        return self.touch(thing)

    def asked(self, id: str, body: Mapping[str, Any]) -> Any:
        """What those ask who connect a volume themselves."""
        thing, (name,) = self.held(id, self.injector.home), body
        if name == "os-initialize_connection":
            return {"driver_volume_type": "simulated", "data": {"volume_id": thing.id}}
        rest = "in-use" if thing.attachments else "available"
        becomes = {
            "os-reserve": "attaching", "os-unreserve": rest, "os-begin_detaching": "detaching",
            "os-roll_detaching": "in-use",
        }  # fmt: skip
        if name == "os-reserve" and thing.status != "available":
            raise Refused(
                f"Invalid volume: Volume status must be available to reserve, but the status is {thing.status}.",
                status=400,
            )
        thing.status = becomes.get(name, thing.status)
        return self.touch(thing)

    def _contents(self, thing: VolumeRecord, verb: str, body: Mapping[str, Any]) -> None:
        """What is on it is copied, or replaced."""
        if verb == "upload" and any(
            self.injector.is_ours(one.by) for one in self.records.marked(ImageRecord, body["image_id"])
        ):
            return
        before, busy = thing.status, {"upload": "uploading", "revert": "reverting", "reimage": "downloading"}
        if before not in ("available", "in-use"):
            raise Refused(f"Invalid volume: Volume {thing.id} is {before}.", status=400)
        if verb == "upload":
            self._upload(thing, body)
        elif verb == "reimage":
            self._fill_from(thing, self.records.get(ImageRecord, body["image_id"]), body["image_id"])
        thing.status = busy[verb]
        schedule(thing, before, self.now() + self.injector.backend.shape.volume_seconds)
        self.touch(thing)

    def _upload(self, thing: VolumeRecord, body: Mapping[str, Any]) -> None:
        """An image of it, whose bits are its name."""
        name = f"fractus-{body['image_id']}"
        image = ImageRecord(
            id=self.new_id(),
            project_id=thing.project_id,
            name=name,
            marker=body["image_id"],
            by=self.injector.by,
            disk_format=body["disk_format"],
            container_format=body["container_format"],
            status="queued",
            size=len(name),
            checksum=hashlib.md5(name.encode(), usedforsecurity=False).hexdigest(),
            created_at=self.now(),
            changed_at=self.now(),
        )
        schedule(image, "saved", self.now() + self.injector.backend.shape.volume_seconds)
        self.records.put(image)

    def _fill_from(self, record: VolumeRecord, image: ImageRecord | None, id: str) -> None:
        if image is None or image.status != "active":
            raise Missing(f"Image {id} could not be found.")
        record.bootable = True
        record.image_metadata = {"image_id": image.id, "image_name": image.name, **image.properties}

    def _restore(self, thing: VolumeRecord, backup_id: str) -> None:
        if thing.status != "available":
            raise Refused("Invalid volume: Volume to be restored to must be available", status=400)
        self._being_restored(backup_id)
        thing.status = "restoring-backup"
        schedule(thing, "available", self.now() + self.injector.backend.shape.volume_seconds)
        self.touch(thing)

    def _being_restored(self, backup_id: str) -> None:
        """A backup is busy while it is written to a volume."""
        backup = self.records.get(BackupRecord, backup_id)
        if backup is None:
            raise Missing(f"Backup {backup_id} could not be found.")
        if backup.status != "available":
            raise Refused("Invalid backup: Backup status must be available", status=400)
        backup.status, backup.changed_at = "restoring", self.now()
        schedule(backup, "available", self.now() + self.injector.backend.shape.volume_seconds)
        self.records.put(backup)

    def _extend(self, thing: VolumeRecord, size: int) -> None:
        if thing.next:
            raise Throttled(f"Volume {thing.id} is {thing.status}.", after=1.0)
        if thing.status not in ("available", "in-use"):
            raise Refused(
                f"Invalid volume: Volume {thing.id} status must be available to extend.", status=400
            )
        self._check_quota(thing.project_id, size - thing.size, 0)
        before, thing.size = thing.status, size
        thing.status = "extending"
        schedule(thing, before, self.now() + self.injector.backend.shape.volume_seconds)

    def _retype(self, thing: VolumeRecord, name: str, wanted: dict[str, Any] | None) -> None:
        named = [one for one in self.records.every(VolumeTypeRecord) if name in (one.id, one.name)]
        if not named and wanted and self.injector.backend.shape.make_volume_types:
            named = [VolumeTypes(self.injector).make("", msgspec.convert(wanted, VolumeTypeWanted))]
        if not named:
            raise Refused(f"Volume type with name {name} could not be found.", status=404)
        if thing.status not in ("available", "in-use") or named[0].id == thing.type_id:
            raise Refused(
                "Invalid volume: Retype needs volume to be in available or in-use state, not be part of an active"
                " migration or a consistency group, requested type has to be different that the one from the"
                " volume, and for in-use volumes front-end qos specs cannot change.",
                status=400,
            )
        before, thing.status = thing.status, "retyping"
        # A back end that cannot leaves it as it was, and says nothing.
        if named[0].extra_specs.get("simulated:retype") != "fails":
            thing.type_id, thing.type_name = named[0].id, named[0].name
        schedule(thing, before, self.now() + self.injector.backend.shape.volume_seconds)

    def assisted(self, remote_id: str, asked: Mapping[str, Any]) -> dict[str, Any]:
        """A snapshot that Nova makes of a volume in use, for a driver that cannot: nothing is left of it here."""
        if not self.held(remote_id, self.injector.home).attachments:
            raise Refused(f"No volume Block Device Mapping with id {remote_id}.", status=400)
        return {"id": asked["create_info"].get("id"), "volumeId": remote_id}

    def reset(self, thing: VolumeRecord, body: Mapping[str, Any]) -> None:
        """Besides, whether it is attached or on the move."""
        super().reset(thing, body)
        if body.get("attach_status") == "detached":
            thing.attachments = []
        if body.get("migration_status"):
            thing.migration_status = body["migration_status"]

    def end(self, thing: VolumeRecord) -> None:
        """Delete it, unless it has snapshots or is attached."""
        if self.records.tied(f"volume/{thing.id}") or thing.attachments:
            raise Refused(self.not_deletable(thing), status=400)
        super().end(thing)


class Snapshots(CinderSimulated[SnapshotRecord, SnapshotWanted, SnapshotObserved]):
    """The actuator of snapshots."""

    record = SnapshotRecord
    deletable = _DELETABLE | {"creating", "deleting", "updating", "unmanaging"}

    def observed(self, thing: SnapshotRecord) -> SnapshotObserved:
        """How the cloud shows it."""
        return SnapshotObserved(
            **self.common_fields(thing),
            status=thing.status,
            size=thing.size,
            volume_id=thing.volume_id,
            metadata=dict(thing.metadata),
            progress=thing.progress or ("100%" if thing.status == "available" else "0%"),
        )

    def make(self, project_id: str, wanted: SnapshotWanted) -> SnapshotRecord:
        """A new one of a volume that can have one."""
        volume = self.records.get(VolumeRecord, wanted.volume_id)
        if volume is None:
            raise Missing(f"Volume {wanted.volume_id} could not be found.")
        if volume.status not in ("available", "in-use"):
            raise Refused(
                f"Invalid volume: Volume {volume.id} status must be available or in-use.", status=400
            )
        used, _, _ = self.records.used_by_project("snapshot", project_id)
        self.spent(project_id, "snapshots", 1, used)
        return SnapshotRecord(
            id=self.new_id(),
            project_id=project_id,
            name=wanted.name,
            description=wanted.description or "",
            volume_id=volume.id,
            size=volume.size,
            metadata=dict(wanted.metadata),
        )

    def update_status(self, id: str, body: Mapping[str, Any]) -> None:
        """Who makes it says how far that is."""
        thing = self.held(id, self.injector.home)
        said = body["os-update_snapshot_status"]
        thing.status, thing.progress = said["status"], said.get("progress") or ""
        thing.next, thing.next_at = "", 0.0
        self.touch(thing)
