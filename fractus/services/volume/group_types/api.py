"""The routes of group types and of their specs."""

from __future__ import annotations

from typing import Any

import msgspec

from fractus.base.ids import new_id
from fractus.model.errors import Conflict, Invalid, NotFound
from fractus.model.resource import Resource
from fractus.services.volume.dialect.api.collection import CollectionApi, route
from fractus.services.volume.dialect.kind import Verb
from fractus.services.volume.dialect.schema.parameters import TRUE
from fractus.services.volume.group_types import kind, schema
from fractus.services.volume.group_types.kind import KIND, by_name
from fractus.store.transaction import Row, Transaction
from fractus.web.routing import Call, Reply, Route

_SINCE = "3.11"


class GroupTypesApi(CollectionApi):
    """Group types."""

    kind = KIND
    by = "group_type_id"

    def routes(self) -> list[Route]:
        """Those of every collection, and those of specs."""
        every = f"{KIND.root}/{{{self.by}}}/group_specs"
        one = f"{every}/{{key}}"
        create = Verb(rule=kind.SPEC_CREATE, schemas=(("", schema.SPECS),))
        update = Verb(rule=kind.SPEC_UPDATE, schemas=(("", schema.SPEC),))
        return [
            *super().routes(),
            route(Verb(rule=kind.SPEC_LIST), "GET", every, self.specs, since=_SINCE),
            route(create, "POST", every, self.add_specs, since=_SINCE),
            route(Verb(rule=kind.SPEC_GET), "GET", one, self.spec, since=_SINCE),
            route(update, "PUT", one, self.set_spec, since=_SINCE),
            route(Verb(rule=kind.SPEC_DELETE), "DELETE", one, self.drop_spec, since=_SINCE),
        ]

    def may_see(self, call: Call, project_id: str, row: Row) -> bool:
        """Public ones."""
        return call.principal.is_admin or bool(msgspec.json.decode(row[1])["is_public"])

    async def show(self, call: Call) -> Reply:
        """One of them; there is no default."""
        if call.params[self.by] == "default":
            raise NotFound("Default group type can not be found.")
        return await super().show(call)

    async def draft(self, call: Call, tx: Transaction, given: dict[str, Any]) -> Resource:
        """A type that is kept here alone."""
        name = given["name"]
        if await tx.row(by_name, name=name) is not None:
            raise Conflict(f"Group Type {name} already exists.")
        desired = {
            "name": name,
            "description": given.get("description"),
            "is_public": given.get("is_public", True) in TRUE,
            "group_specs": given.get("group_specs") or {},
        }
        resource = Resource(
            kind=KIND.name, id=new_id(), name=name, desired=desired, request_id=call.request_id,
            created_at=tx.now(), updated_at=tx.now(),
        )  # fmt: skip
        return await self._ledger.create(tx, resource, KIND.summarise(resource, ()), assign=False)

    async def create(self, call: Call) -> Reply:
        """Who makes one is shown its specs, too."""
        async with self._store.transaction() as tx:
            made = await self.draft(call, tx, call.body[KIND.key])
        return self.one(call, made.summary, made.extra, KIND.verbs["create"].status)

    async def change(self, call: Call, tx: Transaction, resource: Resource, given: dict[str, Any]) -> None:
        """Name, description, and whether all may use it."""
        said = {
            name: given[name] for name in ("name", "description", "is_public") if given.get(name) is not None
        }
        if said.get("name") and not said["name"].strip():
            raise Invalid("Group type name can not be empty.")
        if not said:
            raise Invalid("Specify group type name, description or a combination thereof.")
        name = said.get("name") or resource.name
        if name != resource.name and await tx.row(by_name, name=name) is not None:
            raise Conflict(f"Group Type {name} already exists.")
        if "is_public" in said:
            said["is_public"] = said["is_public"] in TRUE
        resource.desired.update(said, name=name)
        resource.name = name
        await self._ledger.change(tx, resource, KIND.summarise(resource, ()))

    async def before_delete(self, call: Call, tx: Transaction, resource: Resource) -> bool:
        """No group has it: users see it gone at once."""
        if await self._ledger.resources.needed_by(tx, KIND.name, resource.id):
            raise Invalid("Target group type is still in use.")
        return True

    # --- specs -----------------------------------------------------------------------------------

    async def _specs(self, call: Call, rule: str) -> dict[str, Any]:
        found = await self.fetch(self._store, call, rule, to_write=False)
        specs: dict[str, Any] = found.desired["group_specs"]
        return specs

    async def _put(self, call: Call, rule: str, changed: dict[str, Any], *, drop: str = "") -> None:
        async with self._store.transaction() as tx:
            found = await self.fetch(tx, call, rule)
            kept = {**found.desired["group_specs"], **changed}
            if drop and kept.pop(drop, None) is None:
                raise NotFound(f"Group Type {found.id} has no specs with key {drop}.")
            found.desired["group_specs"] = kept
            await self._ledger.change(tx, found, KIND.summarise(found, ()))

    async def specs(self, call: Call) -> Reply:
        """All of them."""
        return Reply(200, {"group_specs": await self._specs(call, kind.SPEC_LIST.name)})

    async def add_specs(self, call: Call) -> Reply:
        """Add or change several."""
        await self._put(call, kind.SPEC_CREATE.name, call.body["group_specs"])
        return Reply(202, call.body)

    async def spec(self, call: Call) -> Reply:
        """One."""
        specs, key = await self._specs(call, kind.SPEC_GET.name), call.params["key"]
        if key not in specs:
            raise NotFound(f"Group Type {call.params[self.by]} has no extra spec with key {key}.")
        return Reply(200, {key: specs[key]})

    async def set_spec(self, call: Call) -> Reply:
        """Add or change one."""
        if call.params["key"] not in call.body:
            raise Invalid("Request body and URI mismatch")
        await self._put(call, kind.SPEC_UPDATE.name, call.body)
        return Reply(200, call.body)

    async def drop_spec(self, call: Call) -> Reply:
        """Remove one."""
        await self._put(call, kind.SPEC_DELETE.name, {}, drop=call.params["key"])
        return Reply(202)
