"""The routes of groups of volumes."""

from __future__ import annotations

from typing import Any

import msgspec

from fractus.base.ids import new_id
from fractus.model.errors import Invalid
from fractus.model.resource import Resource
from fractus.services.volume.dialect.api.collection import CollectionApi, route
from fractus.services.volume.dialect.api.query import flag, names
from fractus.services.volume.dialect.api.sources import users_left
from fractus.services.volume.dialect.kind import Verb
from fractus.services.volume.dialect.schema.parameters import TRUE
from fractus.services.volume.groups import kind, schema
from fractus.services.volume.groups.api.members import Members
from fractus.services.volume.groups.api.neighbours import GroupTypes, Maker, Types, Volumes
from fractus.services.volume.groups.kind import KIND
from fractus.services.volume.groups.writes import GroupWrites
from fractus.store import clouds
from fractus.store.ledger import Ledger
from fractus.store.transaction import Store, Transaction
from fractus.web.microversion import Version
from fractus.web.routing import Call, Reply, Route

#: From here on a group shows its volumes to those who ask for them.
_LISTED = Version(3, 25)


class GroupsApi(CollectionApi):
    """Groups, what is in them, and groups of what others have."""

    kind = KIND

    def __init__(
        self,
        store: Store,
        ledger: Ledger,
        types: Types,
        group_types: GroupTypes,
        volumes: Volumes,
        maker: Maker,
    ) -> None:
        """`types` and `group_types` know what there is; `volumes` writes those in a group; `maker` makes new ones."""
        super().__init__(store, ledger)
        self._types, self._group_types = types, group_types
        self._volumes, self._maker = volumes, maker
        self._writes = GroupWrites(ledger)
        self._members = Members(volumes)

    def routes(self) -> list[Route]:
        """Those of every collection, and the actions."""
        path = f"{KIND.root}/{{{self.by}}}/action"
        source = Verb(
            rule=KIND.verbs["create"].rule,
            summary="Create a group of what is in another one, or in a snapshot of one.",
            schemas=(("", schema.FROM_SOURCE),),
        )
        delete = Verb(rule=kind.DELETE, schemas=(("", schema.DELETE),))
        reset = Verb(rule=kind.RESET, schemas=(("", schema.RESET),))
        name = "create-from-src"
        return [
            *super().routes(),
            route(source, "POST", path, self.from_source, action=name, since="3.14"),
            route(source, "POST", f"{KIND.root}/action", self.from_source, action=name, since="3.14"),
            route(delete, "POST", path, self.delete_group, action="delete", since="3.13"),
            route(reset, "POST", path, self.reset, action="reset_status", since="3.20"),
        ]

    def shown(self, call: Call, summary: bytes, extra: bytes | None) -> bytes:
        """Its volumes are for those who ask for them."""
        shown = super().shown(call, summary, extra)
        if call.version < _LISTED or flag(call, "list_volume"):
            return shown
        document = msgspec.json.decode(shown)
        document.pop("volumes", None)
        return msgspec.json.encode(document)

    # --- making ----------------------------------------------------------------------------------

    async def draft(self, call: Call, tx: Transaction, given: dict[str, Any]) -> Resource:
        """An empty group."""
        types = [(await self._types.usable(tx, call.principal, one)).id for one in given["volume_types"]]
        type_ = await self._group_types.usable(tx, call.principal, given["group_type"].strip())
        zone = given.get("availability_zone") or ""
        if zone and zone not in await clouds.enabled(tx):
            raise Invalid(f"Invalid input received: Availability zone '{zone}' is invalid.")
        specs = type_.desired["group_specs"]
        unserved = any(specs.get(name) == "<is> True" for name in kind.UNSERVED)
        said = {
            "zone": zone,
            "group_type": type_.id,
            "volume_types": list(dict.fromkeys(types)),
            "status": "error" if unserved else "available",
        }
        return await self._write(call, tx, given, said)

    async def _write(
        self, call: Call, tx: Transaction, given: dict[str, Any], said: dict[str, Any]
    ) -> Resource:
        texts, who = names(given), call.principal
        desired = {
            "name": texts.get("name"),
            "description": texts.get("description"),
            "group_snapshot_id": None,
            "source_group_id": None,
            "volumes": [],
            **said,
        }
        group = Resource(
            kind=KIND.name, id=new_id(), project_id=who.project_id, user_id=who.user_id, name=desired["name"] or "",
            desired=desired, request_id=call.request_id, created_at=tx.now(), updated_at=tx.now(),
        )  # fmt: skip
        return await self._ledger.create(
            tx, group, KIND.summarise(group, ()), KIND.needs(group), assign=False
        )

    async def from_source(self, call: Call) -> Reply:
        """A group with a copy of each volume of another one, or a volume of each snapshot."""
        given = call.body["create-from-src"]
        async with self._store.transaction() as tx:
            if "group_snapshot_id" in given:
                made = await self._of_snapshot(call, tx, given)
            else:
                made = await self._of_group(call, tx, given)
        return self.in_brief(call, made.summary, 202)

    async def _of_snapshot(self, call: Call, tx: Transaction, given: dict[str, Any]) -> Resource:
        whole = await self._members.snapshot(call, tx, self._ledger.resources, given["group_snapshot_id"])
        origin = await self.fetch(tx, call, KIND.verbs["show"].rule.name, whole.desired["group_id"])
        every = await self._ledger.resources.many(tx, "snapshot", whole.desired["snapshots"])
        if not every:
            raise Invalid("Invalid Group: Group snapshot is empty. No group will be created.")
        group = await self._copy(call, tx, given, origin, group_snapshot_id=whole.id)
        for id in whole.desired["snapshots"]:
            await self._fill(call, tx, group, every[id], "snapshot_id")
        return group

    async def _of_group(self, call: Call, tx: Transaction, given: dict[str, Any]) -> Resource:
        origin = await self.fetch(
            tx, call, KIND.verbs["show"].rule.name, given["source_group_id"], to_write=False
        )
        every = await self._ledger.resources.many(tx, "volume", origin.desired["volumes"])
        if not every:
            raise Invalid("Invalid Group: Source Group is empty. No group will be created.")
        group = await self._copy(call, tx, given, origin, source_group_id=origin.id)
        for id in origin.desired["volumes"]:
            await self._fill(call, tx, group, every[id], "source_volid")
        return group

    async def _copy(
        self, call: Call, tx: Transaction, given: dict[str, Any], origin: Resource, **source: str
    ) -> Resource:
        same = {name: origin.desired[name] for name in ("zone", "group_type", "volume_types")}
        return await self._write(call, tx, given, {**same, "status": "creating", **source})

    async def _fill(self, call: Call, tx: Transaction, group: Resource, source: Resource, name: str) -> None:
        asked = {
            "size": source.desired["size"],
            "volume_type": source.desired["type_id"],
            "group_id": group.id,
            name: source.id,
        }
        await self._maker.make(call, tx, asked)

    # --- changing --------------------------------------------------------------------------------

    async def update(self, call: Call) -> Reply:
        """Its texts, and which volumes are in it."""
        async with self._store.transaction() as tx:
            group = await self.fetch(tx, call, KIND.verbs["update"].rule.name)
            await self.change(call, tx, group, call.body[KIND.key])
        return Reply(202)

    async def change(self, call: Call, tx: Transaction, resource: Resource, given: dict[str, Any]) -> None:
        """Name, description, and volumes that come and go."""
        desired = resource.desired
        texts = {
            name: value
            for name, value in names(given).items()
            if value is not None and value != desired[name]
        }
        added, removed = await self._members.judge(tx, resource, given)
        if not (texts or added or removed):
            raise Invalid(
                f"Invalid Group: Cannot update group {resource.id} because no valid name, description, add_volumes,"
                " or remove_volumes were provided."
            )
        if (added or removed) and resource.status != "available":
            raise Invalid("Invalid Group: Group status must be available.")
        desired.update(texts, status="available")
        resource.name = desired["name"] or ""
        for volume in added:
            desired["zone"] = desired["zone"] or volume.home or ""
            await self._volumes.regroup(tx, volume, resource.id)
        for volume in removed:
            await self._volumes.regroup(tx, volume, "")
        gone = {one.id for one in removed}
        kept = [one for one in desired["volumes"] if one not in gone]
        desired["volumes"] = [*kept, *(one.id for one in added)]
        await self._writes.save(tx, resource)

    async def reset(self, call: Call) -> Reply:
        """An administrator says in which state it is."""
        async with self._store.transaction() as tx:
            group = await self.fetch(tx, call, kind.RESET.name)
            group.desired["status"] = call.body["reset_status"]["status"].lower()
            await self._writes.save(tx, group)
        return Reply(202)

    # --- the end ---------------------------------------------------------------------------------

    async def delete_group(self, call: Call) -> Reply:
        """Delete it; with its volumes, where that is said."""
        with_volumes = call.body["delete"].get("delete-volumes") in TRUE
        async with self._store.transaction() as tx:
            group = await self.fetch(tx, call, kind.DELETE.name)
            await self._refuse(tx, group, with_volumes=with_volumes)
            volumes = await self._members.of(tx, group)
            if not volumes:
                await self._writes.end(tx, group)
                return Reply(202)
            for volume in volumes:
                await self._volumes.remove(tx, volume)
            group.wanted = False
            await self._writes.save(tx, group)
        return Reply(202)

    async def _refuse(self, tx: Transaction, group: Resource, *, with_volumes: bool) -> None:
        resources = self._ledger.resources
        if not with_volumes and group.status not in ("available", "error"):
            raise Invalid(
                f"Invalid Group: Group status must be available or error, but current status is: {group.status}"
            )
        if await resources.needed_by_kind(tx, KIND.name, group.id, "group_snapshot"):
            raise Invalid("Invalid Group: Group has existing snapshots.")
        if group.desired["volumes"] and not with_volumes:
            raise Invalid(
                f"Invalid Group: Group {group.id} still contains volumes. The delete-volumes flag is required to delete"
                " it."
            )
        for volume in await self._members.of(tx, group):
            if volume.desired.get("attached"):
                raise Invalid(f"Invalid Group: Volume in group {group.id} is attached. Need to detach first.")
            left = await users_left(resources, tx, "volume", volume.id)
            if any(one[0] == "snapshot" for one in left):
                raise Invalid("Invalid Group: Volume in group still has dependent snapshots.")
            if any(one[1] not in group.desired["volumes"] for one in left):
                raise Invalid(
                    f"Invalid Group: Cannot delete group {group.id}. Group status must be available or error and must"
                    " not have dependent group snapshots, and it cannot be the source for an ongoing group or group"
                    " snapshot creation."
                )
