"""The routes of snapshots of groups."""

from __future__ import annotations

from typing import Any, Protocol

from fractus.base.ids import new_id
from fractus.model.errors import Invalid, NotFound
from fractus.model.resource import Resource
from fractus.services.volume.dialect.api.collection import CollectionApi, route
from fractus.services.volume.dialect.api.query import names
from fractus.services.volume.dialect.api.sources import users_left
from fractus.services.volume.dialect.kind import Verb
from fractus.services.volume.dialect.writes import Asker
from fractus.services.volume.group_snapshots import kind, schema
from fractus.services.volume.group_snapshots.kind import KIND
from fractus.services.volume.group_snapshots.writes import GroupSnapshotWrites
from fractus.store.ledger import Ledger
from fractus.store.transaction import Reader, Store, Transaction
from fractus.web.routing import Call, Reply, Route


class Groups(Protocol):
    """What knows groups."""

    async def visible(self, reader: Reader, project_id: str | None, id: str) -> Resource | None:
        """One that is a project's, and is there; None: anybody's."""
        ...


class Snapshots(Protocol):
    """What writes snapshots."""

    async def of_member(
        self, tx: Transaction, who: Asker, volume: Resource, said: dict[str, Any]
    ) -> Resource:
        """A snapshot of a volume of a group."""
        ...

    async def remove(self, tx: Transaction, id: str) -> None:
        """One is no longer wanted."""
        ...


class GroupSnapshotsApi(CollectionApi):
    """A snapshot of a group is one of each of its volumes."""

    kind = KIND

    def __init__(self, store: Store, ledger: Ledger, groups: Groups, snapshots: Snapshots) -> None:
        """`groups` knows of what they are made; `snapshots` writes those of the volumes."""
        super().__init__(store, ledger)
        self._groups, self._snapshots = groups, snapshots
        self._writes = GroupSnapshotWrites(ledger)

    def routes(self) -> list[Route]:
        """Those of every collection, and one action."""
        reset = Verb(rule=kind.RESET, schemas=(("", schema.RESET),))
        path = f"{KIND.root}/{{{self.by}}}/action"
        return [
            *super().routes(),
            route(reset, "POST", path, self.reset, action="reset_status", since="3.19"),
        ]

    async def draft(self, call: Call, tx: Transaction, given: dict[str, Any]) -> Resource:
        """One, and those of the volumes with it."""
        who = call.principal
        group = await self._groups.visible(tx, None if who.is_admin else who.project_id, given["group_id"])
        if group is None:
            raise NotFound(f"Group {given['group_id']} could not be found.")
        every = await self._ledger.resources.many(tx, "volume", group.desired["volumes"])
        for volume in every.values():
            _refuse(volume)
        texts = {name: names(given).get(name) for name in ("name", "description")}
        desired = {
            **texts,
            "group_id": group.id,
            "group_type": group.desired["group_type"],
            "status": "creating" if every else "available",
            "snapshots": [],
        }
        whole = Resource(
            kind=KIND.name, id=new_id(), project_id=who.project_id, user_id=who.user_id, name=texts["name"] or "",
            desired=desired, request_id=call.request_id, created_at=tx.now(), updated_at=tx.now(),
        )  # fmt: skip
        asker = Asker(who.project_id, who.user_id, call.request_id)
        for id in group.desired["volumes"]:
            said = {**texts, "group_snapshot_id": whole.id}
            made = await self._snapshots.of_member(tx, asker, every[id], said)
            desired["snapshots"].append(made.id)
        return await self._ledger.create(
            tx, whole, KIND.summarise(whole, ()), KIND.needs(whole), assign=False
        )

    async def create(self, call: Call) -> Reply:
        """Who makes one is shown of which type its group is, too."""
        async with self._store.transaction() as tx:
            made = await self.draft(call, tx, call.body[KIND.key])
        shown = {"id": made.id, "name": made.desired["name"], "group_type_id": made.desired["group_type"]}
        return Reply(202, {KIND.key: shown})

    async def change(self, call: Call, tx: Transaction, resource: Resource, given: dict[str, Any]) -> None:
        """It stays as it was made: it has no verb `update`."""
        raise Invalid(f"GroupSnapshot {resource.id} cannot be changed.")

    async def reset(self, call: Call) -> Reply:
        """An administrator says in which state it is."""
        async with self._store.transaction() as tx:
            whole = await self.fetch(tx, call, kind.RESET.name)
            whole.desired["status"] = call.body["reset_status"]["status"].lower()
            await self._writes.save(tx, whole)
        return Reply(202)

    async def delete(self, call: Call) -> Reply:
        """Delete it, and those of the volumes with it."""
        async with self._store.transaction() as tx:
            whole = await self.fetch(tx, call, KIND.verbs["delete"].rule.name)
            snapshots = whole.desired["snapshots"]
            busy = whole.status not in ("available", "error")
            for id in snapshots:
                busy = busy or bool(await users_left(self._ledger.resources, tx, "snapshot", id))
            if busy:
                raise Invalid(
                    "Invalid GroupSnapshot: GroupSnapshot status must be available or error, and no Group can be"
                    " currently using it as source for its creation."
                )
            if not snapshots:
                await self._writes.end(tx, whole)
                return Reply(202)
            whole.wanted = False
            await self._writes.save(tx, whole)
            for id in snapshots:
                await self._snapshots.remove(tx, id)
        return Reply(202)


def _refuse(volume: Resource) -> None:
    """A volume in a state of which Cinder makes no snapshot."""
    if volume.home is None:
        why = "because volume has not been scheduled to any host."
        raise Invalid(f"Invalid volume: The snapshot cannot be created {why}")
    if volume.status == "maintenance":
        raise Invalid(
            "Invalid volume: The snapshot cannot be created when the volume is in maintenance mode."
        )
    if volume.status == "error":
        raise Invalid("Invalid volume: The snapshot cannot be created when the volume is in error status.")
