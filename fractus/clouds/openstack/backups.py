"""Backups of a child's Cinder. Their metadata came with 3.43: a child that is older has none of ours."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import msgspec
from msgspec import field

from fractus.clouds.openstack.cinder import OURS, CinderKind, Document, without
from fractus.clouds.openstack.services import reaches
from fractus.model.cloud import HOME, Observed, Scope, Step
from fractus.model.errors import Missing, Refused, Throttled
from fractus.model.volumes import BackupObserved, BackupWanted

#: From here on backups have metadata, where our marker stands.
_METADATA = "3.43"

#: Cinder refuses (400) to delete one that is being restored; it is asked again after so long. Seconds.
_BUSY_SECONDS = 2.0


class _Backup(Document, kw_only=True):
    status: str = ""
    size: int | None = None
    volume_id: str | None = None
    snapshot_id: str | None = None
    container: str | None = None
    object_count: int | None = None
    fail_reason: str | None = None
    is_incremental: bool = False
    data_timestamp: str | None = None
    encryption_key_id: str | None = None
    project_id: str = field(default="", name="os-backup-project-attr:project_id")


class _Made(msgspec.Struct):
    """What Cinder answers to who makes one."""

    id: str


class Backups(CinderKind[BackupWanted, BackupObserved]):
    """The actuator of backups."""

    kind: ClassVar[str] = "backup"
    collection: ClassVar[str] = "backups"
    document: ClassVar[type[Document]] = _Backup
    observed_type: ClassVar[type[Observed]] = BackupObserved

    def observed(self, document: _Backup) -> BackupObserved:
        """What the document says."""
        return BackupObserved(
            **{**document.common_fields(self._child), "project_id": document.project_id},
            status=document.status,
            size=document.size or 0,
            volume_id=document.volume_id or "",
            snapshot_id=document.snapshot_id or "",
            metadata=without(document.metadata),
            container=document.container,
            object_count=document.object_count,
            fail_reason=document.fail_reason,
            is_incremental=document.is_incremental,
            data_timestamp=document.data_timestamp or "",
            encryption_key_id=document.encryption_key_id,
        )

    def body(self, wanted: BackupWanted) -> dict[str, Any]:
        """Of what, also while that is attached: whether that was asked for is judged here."""
        said: dict[str, Any] = {"snapshot_id": wanted.snapshot_id, "container": wanted.container}
        return {
            "volume_id": wanted.volume_id,
            "force": True,
            "incremental": wanted.incremental,
            **{name: value for name, value in said.items() if value},
        }

    def search(self, wanted: BackupWanted) -> dict[str, str]:
        """All of its volume."""
        return {"volume_id": wanted.volume_id} if wanted.volume_id else {}

    async def create(self, scope: Scope, wanted: BackupWanted) -> BackupObserved:
        """Make it, with our marker in its metadata: the answer says its id alone."""
        offered = await self._child.services.version("3.71", "volume")
        if not reaches(offered, _METADATA):
            raise Refused(
                f"{self._child.name} serves block storage up to {offered}: its backups cannot be distinguished",
                elsewhere=True,
            )
        if wanted.record:
            return await self._take(scope, wanted)
        body = {
            "name": wanted.name,
            "description": wanted.description,
            "metadata": {**wanted.metadata, **self._marker(wanted)},
            **self.body(wanted),
        }
        ask = await self._cinder.ask(scope, "POST", "/backups", body={self.kind: body})
        made = await self._child.item(scope, ask, self.kind, _Made)
        return BackupObserved(
            remote_id=made.id,
            marker=wanted.id,
            name=wanted.name,
            status="creating",
            volume_id=wanted.volume_id,
        )

    async def _take(self, scope: Scope, wanted: BackupWanted) -> BackupObserved:
        """Have it made known again, as only an administrator may: so it is in the credential's project there. It keeps
        the id that its record says, so one that is there was made known before the answer was lost; our marker is put
        on it then.
        """
        record = wanted.record
        try:
            await self.observe(scope, record["id"])
        except Missing:
            body = {"backup-record": {"backup_service": record["service"], "backup_url": record["url"]}}
            ask = await self._cinder.ask(HOME, "POST", "/backups/import_record", body=body)
            await self._child.send(HOME, ask)
        await self._put(HOME, record["id"], {"metadata": self._marker(wanted)})
        return await self.observe(scope, record["id"])

    async def apply(self, scope: Scope, remote_id: str, step: Step) -> None:
        """An update puts all of the metadata: what is ours in it stays."""
        if step.verb != "update":
            await super().apply(scope, remote_id, step)
            return
        body = dict(step.body)
        if "metadata" in body:
            ask = await self._cinder.ask(HOME, "GET", self.path_of(remote_id))
            there = (await self._child.item(HOME, ask, self.kind, _Backup)).metadata
            kept = {key: there[key] for key in OURS if key in there}
            body["metadata"] = {**without(body["metadata"]), **kept}
        await self._put(scope, remote_id, body)

    async def _put(self, scope: Scope, remote_id: str, body: Mapping[str, Any]) -> None:
        """As its project; as an administrator what was made known again."""
        ask = await self._cinder.ask(scope, "PUT", self.path_of(remote_id), body={self.kind: body})
        try:
            await self._child.send(scope, ask)
        except Missing:
            await self._child.send(
                HOME, await self._cinder.ask(HOME, "PUT", self.path_of(remote_id), body=ask.body)
            )

    @property
    def steps(self) -> Mapping[str, Callable[[Scope, str, dict[str, Any]], Any]]:
        """None of its own."""
        return {}

    async def delete(self, scope: Scope, remote_id: str) -> None:
        """Ask for its end; one that is in no state for it (it is still being made, or failed) is forced."""
        try:
            try:
                await super().delete(scope, remote_id)
            except Missing:
                await super().delete(HOME, remote_id)
        except Refused as refusal:
            if refusal.status != 400:
                raise
            status = (await self.observe(scope, remote_id)).status
            if status == "deleting":
                return
            if status == "restoring":
                raise Throttled(refusal.reason, after=_BUSY_SECONDS) from refusal
            if status == "available":
                raise
            await self._cinder.act(HOME, self.path_of(remote_id), {"os-force_delete": {}}, repeat=True)

    async def has_cursor(self) -> bool:
        """A list of backups has no filter by time."""
        return False
