"""The routes of projects' default types: a row for each project that has one of its own."""

from __future__ import annotations

from sqlalchemy import bindparam, select

from fractus.auth.projects import ProjectLookup
from fractus.model.errors import Invalid, NotFound
from fractus.model.resource import Resource, Summary
from fractus.services.volume.dialect.api.collection import route
from fractus.services.volume.dialect.kind import Verb
from fractus.services.volume.volume_types import kind, schema
from fractus.services.volume.volume_types.queries import VolumeTypeSource, default_of
from fractus.store.ledger import Ledger
from fractus.store.transaction import Query, Reader, Store
from fractus.web.routing import Call, Reply, Route

NAME = "default_volume_type"

_SINCE = "3.62"
_t = kind.DEFAULTS.c
_every = Query(select(_t.summary).where(_t.deleted_at.is_(None)).order_by(_t.created_at, _t.id))
_of_type = Query(select(_t.id).where(_t.type_id == bindparam("type"), _t.deleted_at.is_(None)).limit(1))


async def is_default(reader: Reader, type_id: str) -> bool:
    """Whether a project has this type by default."""
    return await reader.row(_of_type, type=type_id) is not None


class DefaultsApi:
    """Default types."""

    def __init__(self, store: Store, ledger: Ledger, projects: ProjectLookup) -> None:
        """`projects` knows which there are."""
        self._store = store
        self._resources = ledger.resources
        self._types = VolumeTypeSource(ledger.resources)
        self._projects = projects

    def routes(self) -> list[Route]:
        """All of them."""
        every, one = "/default-types", "/default-types/{id}"
        put = Verb(rule=kind.DEFAULT_SET, schemas=(("", schema.DEFAULT),))
        return [
            route(Verb(rule=kind.DEFAULT_LIST), "GET", every, self.index, since=_SINCE),
            route(Verb(rule=kind.DEFAULT_GET), "GET", one, self.show, since=_SINCE),
            route(put, "PUT", one, self.set, since=_SINCE),
            route(Verb(rule=kind.DEFAULT_UNSET), "DELETE", one, self.unset, since=_SINCE),
        ]

    async def index(self, _call: Call) -> Reply:
        """Those of all projects."""
        rows = [bytes(summary) for (summary,) in await self._store.rows(_every)]
        return Reply(200, b'{"default_types":[' + b",".join(rows) + b"]}")

    async def show(self, call: Call) -> Reply:
        """A project's."""
        project_id = call.params["id"]
        await self._check(call, project_id)
        type_id = await default_of(self._store, project_id)
        if not type_id:
            raise NotFound(f"Default type for project {project_id} not found.")
        return Reply(200, _document(project_id, type_id))

    async def set(self, call: Call) -> Reply:
        """Give a project one, by its name or id."""
        project_id = call.params["id"]
        await self._check(call, project_id)
        if not isinstance(call.body, dict) or "default_type" not in call.body:
            raise Invalid("Missing required element 'default_type' in request body.")
        async with self._store.transaction() as tx:
            try:
                type_ = await self._types.usable(tx, call.principal, call.body["default_type"]["volume_type"])
            except NotFound as error:
                raise Invalid(error.message) from None
            shown = _document(project_id, type_.id)
            there = await self._resources.fetch(tx, NAME, project_id, to_write=True)
            summary = Summary("", shown["default_type"], None, {"type_id": type_.id})
            if there is None:
                made = Resource(
                    kind=NAME, id=project_id, project_id=project_id, desired={}, created_at=tx.now(),
                    updated_at=tx.now(),
                )  # fmt: skip
                await self._resources.add(tx, made, summary)
            else:
                there.updated_at = tx.now()
                await self._resources.save(tx, there, summary)
        return Reply(200, shown)

    async def unset(self, call: Call) -> Reply:
        """It has that of all again. Of a project that is gone, too."""
        async with self._store.transaction() as tx:
            if await default_of(tx, call.params["id"]):
                await self._resources.drop(tx, NAME, call.params["id"])
        return Reply(204)

    async def _check(self, call: Call, project_id: str) -> None:
        if not await self._projects.exists(project_id, call.headers.get("x-auth-token", "")):
            raise NotFound(f"Project with id {project_id} not found.")


def _document(project_id: str, type_id: str) -> dict[str, dict[str, str]]:
    return {"default_type": {"project_id": project_id, "volume_type_id": type_id}}
