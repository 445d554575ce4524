"""The routes of snapshots."""

from __future__ import annotations

import dataclasses
from typing import Any

from fractus.base.ids import new_id
from fractus.model.errors import Invalid, NotFound
from fractus.model.live import LiveCall
from fractus.model.resource import Resource
from fractus.services.relay import DEADLINE, Relay
from fractus.services.volume.dialect.api.collection import CollectionApi, route
from fractus.services.volume.dialect.api.metadata import MetadataApi
from fractus.services.volume.dialect.api.query import names
from fractus.services.volume.dialect.api.sources import users_left
from fractus.services.volume.dialect.kind import Verb
from fractus.services.volume.dialect.schema.parameters import FALSE, TRUE
from fractus.services.volume.snapshots import kind, schema
from fractus.services.volume.snapshots.kind import KIND
from fractus.store import presences
from fractus.store.ledger import Ledger
from fractus.store.transaction import Store, Transaction
from fractus.web.microversion import Version
from fractus.web.routing import Call, Reply, Route

#: From here on snapshots of what is attached need not be forced.
_IN_USE = Version(3, 66)

#: States in which who makes or removes a snapshot says how far that is -> what may be said.
_SAYABLE = {
    "creating": ("creating", "available", "error"),
    "deleting": ("deleting", "error_deleting"),
}


def _said(body: dict[str, Any]) -> LiveCall:
    return LiveCall(
        name="snapshot_action",
        noun="an answer to os-update_snapshot_status",
        service="volume",
        method="POST",
        path="/{project}/snapshots/{id}/action",
        body=body,
        empty=True,
        missing="Snapshot {id} could not be found.",
        not_ready="Snapshot {id} is in no cloud yet.",
        refusals=frozenset({400}),
    )


class SnapshotsApi(CollectionApi):
    """Snapshots, what is asked of them, and their metadata."""

    kind = KIND
    by = "snapshot_id"

    def __init__(self, store: Store, ledger: Ledger, live: Relay) -> None:
        """`live` asks clouds."""
        super().__init__(store, ledger)
        self._live = live
        rules = {
            "get": kind.METADATA_GET,
            "create": kind.METADATA_UPDATE,
            "update": kind.METADATA_UPDATE,
            "delete": kind.METADATA_DELETE,
        }
        self._metadata = MetadataApi(
            self, store, ledger, rules, "Snapshot {id} has no metadata with key {key}."
        )

    def routes(self) -> list[Route]:
        """Those of every collection, and those of its parts."""
        path = "/snapshots/{snapshot_id}/action"
        reset = Verb(rule=kind.RESET, schemas=(("", schema.RESET),))
        update = Verb(rule=kind.UPDATE_STATUS, schemas=(("", schema.UPDATE_STATUS),))
        force = Verb(rule=kind.FORCE_DELETE, schemas=(("", schema.FORCE_DELETE),))
        return [
            *super().routes(),
            *self._metadata.routes(),
            route(reset, "POST", path, self.reset, action="os-reset_status"),
            route(force, "POST", path, self.force_delete, action="os-force_delete"),
            dataclasses.replace(
                route(update, "POST", path, self.update_status, action="os-update_snapshot_status"),
                live=True,
                deadline=DEADLINE,
            ),
        ]

    async def draft(self, call: Call, tx: Transaction, given: dict[str, Any]) -> Resource:
        """A snapshot that goes to the cloud of its volume."""
        who = call.principal
        volume_id = given["volume_id"]
        volume = await self._ledger.resources.visible(
            tx, "volume", volume_id or "", None if who.is_admin else who.project_id
        )
        if volume is None or volume.deleted_at is not None:
            raise NotFound(f"Volume {volume_id} could not be found.")
        force = given.get("force")
        if call.version >= _IN_USE and force in FALSE:
            raise Invalid(
                "Since microversion 3.66 the 'force' flag is invalid for this request.  For backward compatability,"
                " however, when the 'force' flag is passed with a value evaluating to True, it is silently ignored."
            )
        states = ("available", "in-use") if force in TRUE or call.version >= _IN_USE else ("available",)
        if volume.status not in states:
            raise Invalid(
                f"Invalid volume: Volume {volume.id} status must be {', '.join(states)}, but current status is:"
                f" {volume.status}."
            )
        said = names(given)
        desired = {
            "name": said.get("name"),
            "description": said.get("description"),
            "metadata": given.get("metadata") or {},
            "volume_id": volume.id,
            "size": volume.desired["size"],
            "type_id": volume.desired["type_id"],
            "type_name": volume.desired["type_name"],
        }
        resource = Resource(
            kind=KIND.name, id=new_id(), project_id=who.project_id, user_id=who.user_id, name=desired["name"] or "",
            desired=desired, request_id=call.request_id, created_at=tx.now(), updated_at=tx.now(),
        )  # fmt: skip
        return await self._ledger.create(
            tx, resource, KIND.summarise(resource, ()), KIND.needs(resource), assign=True
        )

    async def change(self, call: Call, tx: Transaction, resource: Resource, given: dict[str, Any]) -> None:
        """Name and description."""
        resource.desired.update(names(given))
        resource.name = resource.desired["name"] or ""
        await self._ledger.change(tx, resource, await self.summary(tx, resource))

    async def before_delete(self, call: Call, tx: Transaction, resource: Resource) -> bool:
        """Not while a volume is being made of it."""
        await self._refuse_delete(tx, resource, ("available", "error"))
        return False

    async def _refuse_delete(self, tx: Transaction, resource: Resource, states: tuple[str, ...]) -> None:
        used = await users_left(self._ledger.resources, tx, KIND.name, resource.id)
        tied = used or resource.desired.get("group_snapshot_id")
        if tied or (states and resource.status not in states):
            state = "status must be available or error and " if states else ""
            raise Invalid(f"Invalid snapshot: Snapshot {state}must not be part of a group, or in use.")

    async def reset(self, call: Call) -> Reply:
        """An administrator says in which state it is; its cloud is asked for the same."""
        async with self._store.transaction() as tx:
            snapshot = await self.fetch(tx, call, kind.RESET.name)
            token = (snapshot.desired.get("reset") or {}).get("token", 0) + 1
            status = call.body["os-reset_status"]["status"].lower()
            snapshot.desired["reset"] = {"token": token, "status": status}
            await self._ledger.change(tx, snapshot, await self.summary(tx, snapshot))
        return Reply(202)

    async def force_delete(self, call: Call) -> Reply:
        """Delete it in whatever state it is."""
        async with self._store.transaction() as tx:
            snapshot = await self.fetch(tx, call, kind.FORCE_DELETE.name)
            await self._refuse_delete(tx, snapshot, ())
            if snapshot.wanted:
                snapshot.wanted = False
                await self._ledger.remove(tx, snapshot, await self.summary(tx, snapshot), hide=False)
        return Reply(202)

    async def update_status(self, call: Call) -> Reply:
        """Who makes it says how far that is: its cloud is asked to show it at once."""
        said = call.body["os-update_snapshot_status"]
        snapshot = await self.fetch(self._store, call, kind.UPDATE_STATUS.name, to_write=False)
        if snapshot.status not in _SAYABLE:
            raise Invalid(f"Snapshot status {snapshot.status} not allowed for update_snapshot_status")
        if said["status"] not in _SAYABLE[snapshot.status]:
            raise Invalid(
                f"Provided snapshot status {said['status']} not allowed for snapshot with status {snapshot.status}."
            )
        await self._live.ask(snapshot, _said(call.body))
        async with self._store.transaction() as tx:
            snapshot = await self.fetch(tx, call, kind.UPDATE_STATUS.name)
            for there in await presences.of_resource(tx, KIND.name, snapshot.id):
                there.observed = {**(there.observed or {}), **said}
                await presences.save(tx, there)
            await self._ledger.resources.save(tx, snapshot, await self.summary(tx, snapshot))
        return Reply(202)
