"""Writing a backup to a volume: one that is there, or a new one, which is ours from the start."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fractus.model.errors import Invalid, NotFound
from fractus.model.resource import Resource, at_home
from fractus.services.volume.backups import kind, schema
from fractus.services.volume.backups.writes import BackupWrites
from fractus.services.volume.dialect.api.collection import route
from fractus.services.volume.dialect.kind import Verb
from fractus.services.volume.dialect.writes import Asker
from fractus.store import presences
from fractus.store.transaction import Store, Transaction
from fractus.web.routing import Call, Reply, Route

if TYPE_CHECKING:
    from fractus.services.volume.backups.api import BackupsApi, Types, Volumes


class RestoreApi:
    """POST /backups/{id}/restore."""

    def __init__(
        self, backups: BackupsApi, store: Store, writes: BackupWrites, volumes: Volumes, types: Types
    ) -> None:
        """Of what `backups` finds."""
        self._backups, self._store = backups, store
        self._writes, self._volumes, self._types = writes, volumes, types

    def routes(self) -> list[Route]:
        """The one."""
        verb = Verb(rule=kind.RESTORE, schemas=(("", schema.RESTORE),))
        return [route(verb, "POST", "/backups/{id}/restore", self.restore)]

    async def restore(self, call: Call) -> Reply:
        """Accept it. The backup and its volume are busy from then on."""
        given = call.body["restore"] or {}
        who = Asker(call.principal.project_id, call.principal.user_id, call.request_id)
        async with self._store.transaction() as tx:
            backup = await self._backups.fetch(tx, call, kind.RESTORE.name)
            if backup.status != "available":
                raise Invalid("Invalid backup: Backup status must be available")
            there = at_home(backup.home, await presences.of_resource(tx, backup.kind, backup.id))
            zone = ""
            if given.get("volume_id") is None:
                type_ = await self._types.usable(tx, call.principal, "")
                name = given.get("name")
                name = f"restore_backup_{backup.id}" if name is None else name
                # One that was made known again is its cloud's administrator's there: nobody else makes volumes of it.
                zone = there.cloud if backup.desired.get("record") and there is not None else ""
                volume = await self._volumes.of_backup(tx, backup, type_, name, who, zone=zone)
            else:
                volume = await self._volume(call, tx, backup, given["volume_id"])
            by = volume.id
            if zone or given.get("volume_id") is not None:
                args = {"backup_id": backup.id, "there": there.remote_id if there is not None else ""}
                action = await self._volumes.ask(tx, volume, "restore", args, who, status="restoring-backup")
                by = f"{volume.id}/{action.once}"
            await self._writes.being_restored(tx, backup.id, by)
        answer = {"backup_id": backup.id, "volume_id": volume.id, "volume_name": volume.desired["name"]}
        return Reply(202, {"restore": answer})

    async def _volume(self, call: Call, tx: Transaction, backup: Resource, id: str) -> Resource:
        project = None if call.principal.is_admin else call.principal.project_id
        volume = await self._volumes.visible(tx, project, id)
        if volume is None:
            raise NotFound(f"Volume {id} could not be found.")
        if volume.status != "available":
            raise Invalid("Invalid volume: Volume to be restored to must be available")
        size, room = backup.desired["size"], volume.desired["size"]
        if size > room:
            raise Invalid(
                f"Invalid volume: volume size {room} is too small to restore backup of size {size}."
            )
        homes = [
            at_home(one.home, await presences.of_resource(tx, one.kind, one.id)) for one in (backup, volume)
        ]
        here, there = (one.cloud if one is not None else "" for one in homes)
        if here != there:
            raise Invalid(
                f"Invalid volume: Volume {volume.id} is in availability zone {there}, and the backup in {here}:"
                " restore it to a new volume, or to one in that zone."
            )
        return volume
