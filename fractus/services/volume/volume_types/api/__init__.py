"""The routes of volume types: everybody lists, admins make them."""

from __future__ import annotations

from typing import Any

from sqlalchemy import bindparam, select

from fractus.base.ids import new_id
from fractus.model.errors import Conflict, Invalid, NotFound
from fractus.model.resource import Resource
from fractus.services.volume.dialect.api.collection import CollectionApi
from fractus.services.volume.dialect.schema.parameters import TRUE
from fractus.services.volume.volume_types.api.parts import PartsApi
from fractus.services.volume.volume_types.kind import DEFAULT_ID, KIND
from fractus.services.volume.volume_types.queries import by_name
from fractus.store.ledger import Ledger
from fractus.store.transaction import Query, Row, Store, Transaction
from fractus.web.routing import Call, Reply, Route

_access = Query(select(KIND.table.c.is_public, KIND.table.c.access).where(KIND.table.c.id == bindparam("id")))


class VolumeTypesApi(CollectionApi):
    """Volume types, their extra specs and who may use them."""

    kind = KIND
    by = "type_id"

    def __init__(self, store: Store, ledger: Ledger) -> None:
        super().__init__(store, ledger)
        self._parts = PartsApi(self, store, ledger)

    def routes(self) -> list[Route]:
        """Those of every collection, and those of its parts."""
        return [*super().routes(), *self._parts.routes()]

    async def show(self, call: Call) -> Reply:
        """One of them, or the default."""
        id = call.params[self.by]
        row = await self.found(self._store, call, DEFAULT_ID if id == "default" else id)
        return self.one(call, row[1], row[2])

    def may_see(self, call: Call, project_id: str, row: Row) -> bool:
        """Public ones; of private ones `found` tells."""
        return True

    async def found(self, reader: Any, call: Call, id: str) -> Row:
        """Public ones, and private ones that the caller's project was given access to."""
        row = await super().found(reader, call, id)
        if call.principal.is_admin:
            return row
        public, access = await reader.row(_access, id=id) or (False, "")
        if not public and f"|{call.principal.project_id}|" not in access:
            raise NotFound(KIND.missing.format(id))
        return row

    async def draft(self, call: Call, tx: Transaction, given: dict[str, Any]) -> Resource:
        """A type that no cloud is told of."""
        name = given["name"].strip()
        if await tx.row(by_name, name=name) is not None:
            raise Conflict(f"Volume Type {name} already exists.")
        desired = {
            "name": name,
            "description": given.get("description"),
            "is_public": given.get("os-volume-type-access:is_public", True) in TRUE,
            "extra_specs": given.get("extra_specs") or {},
            "access": [],
            "mapped": {},
        }
        resource = Resource(
            kind=KIND.name, id=new_id(), name=name, desired=desired, request_id=call.request_id,
            created_at=tx.now(), updated_at=tx.now(),
        )  # fmt: skip
        return await self._ledger.create(tx, resource, KIND.summarise(resource, ()), assign=False)

    async def change(self, call: Call, tx: Transaction, resource: Resource, given: dict[str, Any]) -> None:
        """Name, description, and whether all may use it."""
        said = {
            name: given[name] for name in ("name", "description", "is_public") if given.get(name) is not None
        }
        if "name" in said and not said["name"].strip():
            raise Invalid("Volume type name can not be empty.")
        if not said:
            raise Invalid("Specify volume type name, description, is_public or a combination thereof.")
        if "name" in said and said["name"] != resource.name:
            if await tx.row(by_name, name=said["name"]) is not None:
                raise Conflict(f"Volume Type {said['name']} already exists.")
            resource.name = said["name"]
        if "is_public" in said:
            said["is_public"] = said["is_public"] in TRUE
        resource.desired.update(said)
        await self._ledger.change(tx, resource, KIND.summarise(resource, ()))

    async def before_delete(self, call: Call, tx: Transaction, resource: Resource) -> bool:
        """Neither the default, nor one that volumes have."""
        if resource.id == DEFAULT_ID:
            raise Invalid(f"The volume type {resource.id} is a default volume type and cannot be deleted.")
        if await self.in_use(tx, resource.id):
            raise Invalid("Target volume type is still in use.")
        return True

    async def in_use(self, tx: Transaction, id: str) -> bool:
        """Whether there is a volume of it."""
        return bool(await self._ledger.resources.needed_by(tx, KIND.name, id))
