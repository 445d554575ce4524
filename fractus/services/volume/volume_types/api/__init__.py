"""The routes of volume types: everybody lists, admins make them."""

from __future__ import annotations

from typing import Any, Protocol

from sqlalchemy import bindparam, select

from fractus.auth.projects import ProjectLookup
from fractus.base.ids import new_id
from fractus.model.errors import Conflict, Invalid, NotFound
from fractus.model.resource import Resource
from fractus.services.volume.dialect.api.collection import CollectionApi
from fractus.services.volume.dialect.schema.parameters import TRUE
from fractus.services.volume.volume_types.api.defaults import DefaultsApi, is_default
from fractus.services.volume.volume_types.api.encryption import EncryptionApi
from fractus.services.volume.volume_types.api.parts import PartsApi
from fractus.services.volume.volume_types.kind import DEFAULT_ID, KIND
from fractus.services.volume.volume_types.queries import by_name, default_of
from fractus.store.ledger import Ledger
from fractus.store.transaction import Query, Reader, Row, Store, Transaction
from fractus.web.routing import Call, Reply, Route

_access = Query(select(KIND.table.c.is_public, KIND.table.c.access).where(KIND.table.c.id == bindparam("id")))


class Volumes(Protocol):
    """Volumes, as far as they have types."""

    async def any_of(self, reader: Reader, type_id: str) -> bool:
        """Whether there is a volume of this type."""
        ...


class VolumeTypesApi(CollectionApi):
    """Volume types, their extra specs and who may use them."""

    kind = KIND
    by = "type_id"

    def __init__(self, store: Store, ledger: Ledger, projects: ProjectLookup, volumes: Volumes) -> None:
        """`volumes` knows which types are in use; `projects`, which projects there are."""
        super().__init__(store, ledger)
        self._volumes = volumes
        self._parts = (
            PartsApi(self, store, ledger),
            EncryptionApi(self, store, ledger),
            DefaultsApi(store, ledger, projects),
        )

    def routes(self) -> list[Route]:
        """Those of every collection, and those of its parts."""
        return [*super().routes(), *(one for part in self._parts for one in part.routes())]

    async def show(self, call: Call) -> Reply:
        """One of them, or the default."""
        id = call.params[self.by]
        if id == "default":
            id = await default_of(self._store, call.principal.project_id) or DEFAULT_ID
        row = await self.found(self._store, call, id)
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
        """A type that no cloud is sent."""
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
        if resource.id == DEFAULT_ID or await is_default(tx, resource.id):
            raise Invalid(f"The volume type {resource.id} is a default volume type and cannot be deleted.")
        grouped = await self._ledger.resources.needed_by_kind(tx, KIND.name, resource.id, "volume_group")
        if grouped or await self.in_use(tx, resource.id):
            raise Invalid("Target volume type is still in use.")
        return True

    async def in_use(self, tx: Transaction, id: str) -> bool:
        """Whether there is a volume of it."""
        return await self._volumes.any_of(tx, id)
