"""The routes of backups."""

from __future__ import annotations

from typing import Any, Protocol

from fractus.auth.principal import Principal
from fractus.base.ids import new_id
from fractus.model.errors import Invalid, NotFound
from fractus.model.resource import Resource, at_home
from fractus.services.relay import Relay
from fractus.services.volume.backups import kind, schema
from fractus.services.volume.backups.api.records import RecordsApi
from fractus.services.volume.backups.api.restoring import RestoreApi
from fractus.services.volume.backups.kind import KIND
from fractus.services.volume.backups.writes import BackupWrites, key
from fractus.services.volume.dialect.api.collection import CollectionApi, route
from fractus.services.volume.dialect.api.query import names
from fractus.services.volume.dialect.api.sources import users_left
from fractus.services.volume.dialect.kind import Verb
from fractus.services.volume.dialect.schema.parameters import TRUE
from fractus.services.volume.dialect.writes import Asker, AsksClouds
from fractus.store import presences
from fractus.store.ledger import Ledger
from fractus.store.listing import Filter, page
from fractus.store.transaction import Reader, Store, Transaction
from fractus.web.microversion import Version
from fractus.web.routing import Call, Reply, Route

_METADATA, _ZONE = Version(3, 43), Version(3, 51)

#: So many backups of a volume are looked at for the newest.
_MOST = 10_000


class Types(Protocol):
    """What knows volume types."""

    async def usable(self, reader: Reader, principal: Principal, asked: str) -> Resource:
        """The default where none is asked for."""
        ...


class Volumes(AsksClouds, Protocol):
    """What writes volumes."""

    async def visible(self, reader: Reader, project_id: str | None, id: str) -> Resource | None:
        """One that is a project's; None: anybody's."""
        ...

    async def busy(self, tx: Transaction, volume: Resource, status: str, by: str) -> None:
        """It is shown in this state until `by` has it freed."""
        ...

    async def of_backup(
        self, tx: Transaction, backup: Resource, type_: Resource, name: str, who: Asker, *, zone: str = ""
    ) -> Resource:
        """A new one with what is in a backup."""
        ...


class BackupsApi(CollectionApi):
    """Backups, and what is asked of them."""

    kind = KIND
    by = "id"

    def __init__(
        self, store: Store, ledger: Ledger, backups: BackupWrites, volumes: Volumes, types: Types, live: Relay
    ) -> None:
        """`types`: of what type a volume is that is made of a backup; `live`: who is asked for records."""
        super().__init__(store, ledger)
        self._backups, self._volumes = backups, volumes
        self._parts = (
            RestoreApi(self, store, backups, volumes, types),
            RecordsApi(self, store, ledger, live),
        )

    def routes(self) -> list[Route]:
        """Those of every collection, and those of its parts."""
        path = "/backups/{id}/action"
        reset = Verb(rule=kind.RESET, schemas=(("", schema.RESET),))
        force = Verb(rule=kind.FORCE_DELETE, schemas=(("", schema.FORCE_DELETE),))
        return [
            *super().routes(),
            *(route for part in self._parts for route in part.routes()),
            route(reset, "POST", path, self.reset, action="os-reset_status"),
            route(force, "POST", path, self.force_delete, action="os-force_delete"),
        ]

    async def draft(self, call: Call, tx: Transaction, given: dict[str, Any]) -> Resource:
        """A backup that goes to the cloud of its volume, which is busy with it."""
        who = call.principal
        volume = await self._volume(call, tx, given)
        snapshot = await self._snapshot(call, tx, given.get("snapshot_id"), volume)
        if snapshot is None:
            _check_volume(volume, force=given.get("force") in TRUE)
        await self._check_zone(call, tx, volume, given)
        parent = await self._parent(tx, call, volume, snapshot) if given.get("incremental") in TRUE else None
        said = names(given)
        desired = {
            "name": said.get("name"),
            "description": said.get("description"),
            "metadata": (given.get("metadata") or {}) if call.version >= _METADATA else {},
            "volume_id": volume.id,
            "snapshot_id": snapshot.id if snapshot is not None else "",
            "parent_id": parent.id if parent is not None else "",
            "size": volume.desired["size"],
            "container": given.get("container") or "",
            "data_at": (snapshot.created_at if snapshot is not None else tx.now()),
        }
        backup = Resource(
            kind=KIND.name, id=new_id(), project_id=who.project_id, user_id=who.user_id, name=desired["name"] or "",
            desired=desired, request_id=call.request_id, created_at=tx.now(), updated_at=tx.now(),
        )  # fmt: skip
        await self._ledger.create(tx, backup, KIND.summarise(backup, ()), KIND.needs(backup), assign=True)
        if parent is not None:
            await self._backups.depend(tx, parent.id, backup.id)
        if snapshot is None:
            await self._volumes.busy(tx, volume, "backing-up", key(backup.id))
        return backup

    async def _volume(self, call: Call, tx: Transaction, given: dict[str, Any]) -> Resource:
        project = None if call.principal.is_admin else call.principal.project_id
        volume = await self._volumes.visible(tx, project, given["volume_id"])
        if volume is None:
            raise NotFound(f"Volume {given['volume_id']} could not be found.")
        return volume

    async def _snapshot(
        self, call: Call, tx: Transaction, id: str | None, volume: Resource
    ) -> Resource | None:
        if not id:
            return None
        project = None if call.principal.is_admin else call.principal.project_id
        snapshot = await self._ledger.resources.visible(tx, "snapshot", id, project)
        if snapshot is None:
            raise NotFound(f"Snapshot {id} could not be found.")
        if snapshot.desired["volume_id"] != volume.id:
            raise Invalid(
                f"Invalid volume: Volume {volume.id} does not match with snapshot.volume_id"
                f" {snapshot.desired['volume_id']}."
            )
        if snapshot.status != "available":
            raise Invalid(
                "Invalid snapshot: Snapshot to be backed up must be available, but the current status is"
                f' "{snapshot.status}".'
            )
        return snapshot

    async def _check_zone(self, call: Call, tx: Transaction, volume: Resource, given: dict[str, Any]) -> None:
        """A backup is where its volume is: another zone is refused by name."""
        asked = given.get("availability_zone") if call.version >= _ZONE else None
        there = at_home(volume.home, await presences.of_resource(tx, volume.kind, volume.id))
        zone = there.cloud if there is not None else volume.home or ""
        if asked and asked != zone:
            raise Invalid(
                f"Invalid volume: Volume {volume.id} is in availability zone {zone}, and its backups are made"
                f" there, not in {asked}."
            )

    async def _parent(
        self, tx: Transaction, call: Call, volume: Resource, snapshot: Resource | None
    ) -> Resource:
        """The newest backup that an incremental one can be made to."""
        rows = await page(
            tx,
            KIND.table,
            (
                Filter("deleted_at", "null"),
                Filter("volume_id", "eq", volume.id),
                Filter("project_id", "eq", call.principal.project_id),
                Filter("status", "eq", "available"),
            ),
            columns=("id",),
            limit=_MOST,
        )
        found = await self._ledger.resources.many(tx, KIND.name, [row[0] for row in rows])
        those = [
            one for one in found.values() if snapshot is None or one.desired["data_at"] < snapshot.created_at
        ]
        if not those:
            raise Invalid("Invalid backup: No backups available to do an incremental backup.")
        return max(those, key=lambda one: (one.desired["data_at"], one.created_at))

    async def update(self, call: Call) -> Reply:
        """Change one; a body that says nothing of it breaks Cinder, too, and is refused."""
        if call.body["backup"] is None:
            raise Invalid("Missing required element 'backup' in request body.")
        return await super().update(call)

    async def change(self, call: Call, tx: Transaction, resource: Resource, given: dict[str, Any]) -> None:
        """Name, description and metadata."""
        resource.desired.update(names(given))
        if "metadata" in given:
            resource.desired["metadata"] = given["metadata"]
        resource.name = resource.desired["name"] or ""
        await self._ledger.change(tx, resource, await self.summary(tx, resource))

    async def before_delete(self, call: Call, tx: Transaction, resource: Resource) -> bool:
        """Not while it is busy, nor while another says the difference to it."""
        if resource.status not in ("available", "error"):
            raise Invalid("Invalid backup: Backup status must be available or error")
        _refuse_parents(resource)
        await users_left(self._ledger.resources, tx, KIND.name, resource.id)
        return False

    async def reset(self, call: Call) -> Reply:
        """An administrator says in which state it is; its cloud is asked for the same."""
        async with self._store.transaction() as tx:
            backup = await self.fetch(tx, call, kind.RESET.name)
            token = (backup.desired.get("reset") or {}).get("token", 0) + 1
            backup.desired["reset"] = {
                "token": token,
                "status": call.body["os-reset_status"]["status"].lower(),
            }
            await self._ledger.change(tx, backup, await self.summary(tx, backup))
        return Reply(202)

    async def force_delete(self, call: Call) -> Reply:
        """Delete it in whatever state it is."""
        async with self._store.transaction() as tx:
            backup = await self.fetch(tx, call, kind.FORCE_DELETE.name)
            _refuse_parents(backup)
            await users_left(self._ledger.resources, tx, KIND.name, backup.id)
            if backup.wanted:
                backup.wanted = False
                await self._ledger.remove(tx, backup, await self.summary(tx, backup), hide=False)
        return Reply(202)


def _refuse_parents(backup: Resource) -> None:
    if backup.desired.get("dependents"):
        raise Invalid("Invalid backup: Incremental backups exist for this backup.")


def _check_volume(volume: Resource, *, force: bool) -> None:
    if volume.status not in ("available", "in-use"):
        raise Invalid(
            "Invalid volume: Volume to be backed up must be available or in-use, but the current status is"
            f' "{volume.status}".'
        )
    if volume.status == "in-use" and not force:
        raise Invalid("Invalid volume: Backing up an in-use volume must use the force flag.")
