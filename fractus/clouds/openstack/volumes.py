"""Volumes and snapshots of a child's Cinder."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import msgspec
from msgspec import Struct, field

from fractus.clouds.openstack import made_images, marks
from fractus.clouds.openstack.child import Child
from fractus.clouds.openstack.cinder import CinderKind, Document, without
from fractus.clouds.openstack.services import reaches, segment
from fractus.clouds.openstack.volume_types import VolumeTypes
from fractus.model.cloud import HOME, Observed, Scope, Step
from fractus.model.errors import Missing, Refused, Throttled
from fractus.model.volumes import (
    SnapshotObserved,
    SnapshotWanted,
    VolumeObserved,
    VolumeTypeWanted,
    VolumeWanted,
)

#: Cinder refuses (400) what it cannot do while it is busy with the thing; it is asked again after so long. Seconds.
_BUSY_SECONDS = 2.0

#: States that pass by themselves.
_PASSING = frozenset(
    {
        "attaching", "awaiting-transfer", "backing-up", "creating", "detaching", "downloading", "extending",
        "maintenance", "managing", "reserved", "restoring-backup", "retyping", "reverting", "uploading",
    }
)  # fmt: skip


class _Volume(Document, kw_only=True):
    status: str = ""
    size: int = 0
    bootable: str = "false"
    encrypted: bool = False
    multiattach: bool = False
    volume_image_metadata: dict[str, str] = {}
    attachments: list[dict[str, Any]] = []
    host: str | None = field(default=None, name="os-vol-host-attr:host")
    migration_status: str | None = None
    name_id: str | None = field(default=None, name="os-vol-mig-status-attr:name_id")
    tenant_id: str = field(default="", name="os-vol-tenant-attr:tenant_id")
    provider_id: str | None = None
    service_uuid: str | None = None
    shared_targets: bool | None = None
    cluster_name: str | None = None
    replication_status: str | None = None
    volume_type: str | None = None
    snapshot_id: str | None = None
    source_volid: str | None = None


#: From here on who transfers a volume says whether its snapshots go with it.
_WITH_SNAPSHOTS = "3.55"


class _Transfer(Struct):
    id: str
    volume_id: str = ""
    auth_key: str = ""


class Volumes(CinderKind[VolumeWanted, VolumeObserved]):
    """The actuator of volumes."""

    kind: ClassVar[str] = "volume"
    collection: ClassVar[str] = "volumes"
    document: ClassVar[type[Document]] = _Volume
    observed_type: ClassVar[type[Observed]] = VolumeObserved

    def __init__(self, child: Child, types: VolumeTypes) -> None:
        """`types` makes those that a volume is to be of, and are not there."""
        super().__init__(child)
        self._types = types

    def observed(self, document: _Volume) -> VolumeObserved:
        """What the document says. That it is read-only stands among its metadata."""
        readonly = document.metadata.get("readonly")
        metadata = {key: value for key, value in without(document.metadata).items() if key not in _ADMINS}
        return VolumeObserved(
            **{**document.common_fields(self._child), "project_id": document.tenant_id},
            status=document.status,
            size=document.size,
            bootable=document.bootable == "true",
            readonly=None if readonly is None else readonly == "True",
            encrypted=document.encrypted,
            multiattach=document.multiattach,
            metadata=metadata,
            image_metadata=document.volume_image_metadata,
            attachments=document.attachments,
            host=document.host or "",
            migration_status=document.migration_status,
            name_id=document.name_id,
            provider_id=document.provider_id,
            service_uuid=document.service_uuid,
            shared_targets=document.shared_targets,
            cluster_name=document.cluster_name,
            replication_status=document.replication_status,
            type_name=document.volume_type or "",
            snapshot_id=document.snapshot_id or "",
            source_id=document.source_volid or "",
        )

    def body(self, wanted: VolumeWanted) -> dict[str, Any]:
        """Size, type and source."""
        said: dict[str, Any] = {
            "volume_type": wanted.type_id,
            "imageRef": wanted.image_id,
            "snapshot_id": wanted.snapshot_id,
            "source_volid": wanted.source_id,
            "backup_id": wanted.backup_id,
        }
        return {"size": wanted.size, **{name: value for name, value in said.items() if value}}

    def beside(self, wanted: VolumeWanted) -> dict[str, Any]:
        """Its scheduler hints."""
        return {"OS-SCH-HNT:scheduler_hints": wanted.hints} if wanted.hints else {}

    def search(self, wanted: VolumeWanted) -> dict[str, str]:
        """By the marker: Cinder reads the filter as a Python literal."""
        return {"metadata": repr({marks.KEY: wanted.id})}

    @property
    def steps(self) -> Mapping[str, Callable[[Scope, str, dict[str, Any]], Any]]:
        """What is asked of volumes alone."""
        return {
            "extend": self._acting("os-extend"),
            "set_bootable": self._acting("os-set_bootable"),
            "set_readonly": self._acting("os-update_readonly_flag"),
            "set_image_metadata": self._acting("os-set_image_metadata"),
            "unset_image_metadata": self._acting("os-unset_image_metadata"),
            "retype": self._retype,
            "revert": self._acting("revert"),
            "restore": self._restore,
            "transfer": self._transfer,
            "upload": self._upload,
            "reimage": self._reimage,
        }

    async def _retype(self, scope: Scope, remote_id: str, body: dict[str, Any]) -> None:
        """What Cinder says is missing may be the type, and not the volume: it is made there, where we may."""
        said = {name: value for name, value in body.items() if name != "type"}
        try:
            await self._acting("os-retype")(scope, remote_id, said)
        except Missing as missing:
            await self.observe(scope, remote_id)
            if not self._types.makes or "type" not in body:
                raise Refused(missing.reason, status=404) from missing
            type_ = await self._types.create(scope, msgspec.convert(body["type"], VolumeTypeWanted))
            if type_.marker and not type_.is_public:
                await self._types.apply(
                    scope, type_.remote_id, Step("admit", {"project_id": scope.project_id})
                )
            await self._acting("os-retype")(scope, remote_id, said)

    async def _transfer(self, scope: Scope, remote_id: str, body: dict[str, Any]) -> None:
        """Have it become another project's: offered by the one, taken by the other. Where both are one there, or its
        answer was lost, nothing is left to do. An offer of an earlier try is taken back first, for its key is lost.
        """
        giver, taker = Scope(body["from"]), await self._child.project(scope)
        if (
            await self._child.project(giver) == taker
            or (await self.observe(HOME, remote_id)).project_id == taker
        ):
            return
        newer = reaches(await self._child.services.version("3.71", "volume"), _WITH_SNAPSHOTS)
        root = "/volume-transfers" if newer else "/os-volume-transfer"
        ask = await self._cinder.ask(giver, "GET", f"{root}/detail")
        for one in await self._child.item(giver, ask, "transfers", list[_Transfer]):
            if one.volume_id == remote_id:
                await self._child.send(
                    giver, await self._cinder.ask(giver, "DELETE", f"{root}/{segment(one.id)}")
                )
        said = {"volume_id": remote_id, **({"no_snapshots": not body["snapshots"]} if newer else {})}
        ask = await self._cinder.ask(giver, "POST", root, body={"transfer": said})
        made = await self._child.item(giver, ask, "transfer", _Transfer)
        path = f"{root}/{segment(made.id)}/accept"
        ask = await self._cinder.ask(scope, "POST", path, body={"accept": {"auth_key": made.auth_key}})
        await self._child.send(scope, ask)

    async def _restore(self, scope: Scope, remote_id: str, body: dict[str, Any]) -> None:
        """Write a backup to it."""
        path = f"/backups/{segment(body['backup_id'])}/restore"
        said = {"restore": {"volume_id": remote_id}}
        try:
            await self._child.send(scope, await self._cinder.ask(scope, "POST", path, body=said))
        except Missing:
            # A backup that was made known again is an administrator's there.
            await self._child.send(HOME, await self._cinder.ask(HOME, "POST", path, body=said))

    async def _upload(self, scope: Scope, remote_id: str, body: dict[str, Any]) -> None:
        """Have an image made of it, under a name that is our marker: Cinder takes no properties. One that is there
        already was asked for by a request whose answer was lost.
        """
        if await made_images.is_there(self._child, body["image_id"]):
            return
        formats = {name: body[name] for name in ("disk_format", "container_format")}
        said = {"image_name": marks.name(body["image_id"], self._child.by), "force": True, **formats}
        await self._acting("os-volume_upload_image")(scope, remote_id, said)

    async def _reimage(self, scope: Scope, remote_id: str, body: dict[str, Any]) -> None:
        """Write an image to it."""
        said = {"image_id": body["image_id"], "reimage_reserved": body["reserved"]}
        await self._acting("os-reimage")(scope, remote_id, said)

    def _acting(self, name: str) -> Callable[[Scope, str, dict[str, Any]], Any]:
        async def act(scope: Scope, remote_id: str, body: dict[str, Any]) -> None:
            try:
                await self._cinder.act(scope, self.path_of(remote_id), {name: body})
            except Refused as refusal:
                if refusal.status in (400, 409) and (await self.observe(scope, remote_id)).status in _PASSING:
                    raise Throttled(refusal.reason, after=_BUSY_SECONDS) from refusal
                raise

        return act

    async def delete(self, scope: Scope, remote_id: str) -> None:
        """Ask for its end; one that is in no state for it (it failed while it was made) is forced."""
        await self.delete_or_force(scope, remote_id, _STUCK)


#: States in which Cinder deletes nothing, and in which nobody may ask for that here unless an administrator forces it.
_STUCK = frozenset({"attaching", "creating", "maintenance", "managing", "reserved"})
_STUCK_SNAPSHOT = frozenset({"creating", "deleting", "updating", "unmanaging"})

#: What administrators are shown among a volume's metadata, and its user never wrote.
_ADMINS = frozenset({"readonly", "attached_mode"})


class _Snapshot(Document, kw_only=True):
    status: str = ""
    size: int = 0
    volume_id: str = ""
    project_id: str = field(default="", name="os-extended-snapshot-attributes:project_id")
    progress: str | None = field(default=None, name="os-extended-snapshot-attributes:progress")


class Snapshots(CinderKind[SnapshotWanted, SnapshotObserved]):
    """The actuator of snapshots."""

    kind: ClassVar[str] = "snapshot"
    collection: ClassVar[str] = "snapshots"
    document: ClassVar[type[Document]] = _Snapshot
    observed_type: ClassVar[type[Observed]] = SnapshotObserved

    def observed(self, document: _Snapshot) -> SnapshotObserved:
        """What the document says."""
        return SnapshotObserved(
            **{**document.common_fields(self._child), "project_id": document.project_id},
            status=document.status,
            size=document.size,
            volume_id=document.volume_id,
            metadata=without(document.metadata),
            progress=document.progress or "",
        )

    def body(self, wanted: SnapshotWanted) -> dict[str, Any]:
        """Of what, also while that is attached: whether that was asked for is judged here."""
        return {"volume_id": wanted.volume_id, "force": True}

    def search(self, wanted: SnapshotWanted) -> dict[str, str]:
        """All of its volume."""
        return {"volume_id": wanted.volume_id}

    async def has_cursor(self) -> bool:
        """A list of snapshots has no filter by time."""
        return False

    async def delete(self, scope: Scope, remote_id: str) -> None:
        """Ask for its end; one that is in no state for it is forced: only an administrator asks for that."""
        await self.delete_or_force(scope, remote_id, _STUCK_SNAPSHOT)
