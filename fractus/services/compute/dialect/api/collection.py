"""The routes that every collection of Nova's has, from the declaration of a kind: a kind's API adds what is its own."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar

import msgspec
from sqlalchemy import bindparam, select

from fractus.model.errors import Conflict, Invalid, NotFound
from fractus.model.resource import Resource
from fractus.services.compute.dialect.api.versions import document_table, partial_table
from fractus.services.compute.dialect.kind import ComputeKind
from fractus.services.compute.dialect.schema.bodies import (
    check_create,
    check_update,
    query_one_of,
    reached,
    values,
    version_of,
)
from fractus.services.compute.dialect.schema.values import only
from fractus.services.compute.dialect.view import filled, part_of
from fractus.store.ledger import Ledger
from fractus.store.listing import Filter, Filters, Sort, page
from fractus.store.transaction import Query, Reader, Row, Store, Transaction
from fractus.web.microversion import Row as VersionRow
from fractus.web.microversion import Version
from fractus.web.paging import Paging, nova_links, nova_paging
from fractus.web.routing import Call, Handler, Reply, Route

_encode = msgspec.json.encode
_decode = msgspec.json.decode

#: More rows than anybody is shown at once, where a list has no pages.
_UNPAGED = 1000


class CollectionApi(ABC):
    """The handlers of one kind. What is particular to it overrides a method below the line "what a kind may say"."""

    kind: ClassVar[ComputeKind]
    visibility: ClassVar[Sequence[str]] = ()
    """Columns that `may_see` asks for."""
    more_versions: ClassVar[Sequence[VersionRow]] = ()
    """Rows of microversions that no field says."""

    def __init__(self, store: Store, ledger: Ledger) -> None:
        """Read from `store`, write through `ledger`."""
        kind = self.kind
        self._store = store
        self._ledger = ledger
        self.versions = document_table(kind, self.more_versions)
        listed, within = kind.listed.split(), kind.name if kind.wrapped else ""
        self._entries, self._entry = partial_table(kind, listed, within), part_of(listed, within)
        self._guarded = [one for one in kind.fields.values() if one.read_rule]
        parameters = {name: verb.parameters for name, verb in kind.verbs.items()}
        self._filters = {name: [one for one in some if one.filters] for name, some in parameters.items()}
        self._paged_since = {
            name: one.since for name, some in parameters.items() for one in some if one.name == "limit"
        }
        columns = [kind.table.c[name] for name in ("id", "summary", "extra", *self.visibility)]
        self._one = Query(select(*columns).where(kind.table.c[kind.live] == bindparam("live")))

    def routes(self) -> list[Route]:
        """The routes of the verbs that are declared."""
        root, one = self.kind.root, f"{self.kind.root}/{{{self.kind.key}}}"
        every: Mapping[str, tuple[str, str, Handler]] = {
            "index": ("GET", root, self.index),
            "detail": ("GET", f"{root}/detail", self.detail),
            "create": ("POST", root, self.create),
            "show": ("GET", one, self.show),
            "update": ("PUT", one, self.update),
            "delete": ("DELETE", one, self.delete),
        }
        schemas = {"create": self._check_create, "update": self._check_update}
        return [
            Route(
                method=method,
                path=path,
                handler=handler,
                rule=verb.rule.name,
                summary=verb.summary or verb.rule.description,
                schema=schemas.get(name),
                min_version=version_of(verb.since) if verb.since else None,
            )
            for name, (method, path, handler) in every.items()
            if (verb := self.kind.verbs.get(name)) is not None
        ]

    def _check_create(self, body: Any, version: Version) -> None:
        check_create(self.kind.name, self.kind.fields.values(), body, version)
        self.versions.request_check(body, version, "create")

    def _check_update(self, body: Any, version: Version) -> None:
        check_update(self.kind.name, self.kind.fields.values(), body, version)

    # --- what a kind may say ---------------------------------------------------------------------

    def judge(self, call: Call, verb: str) -> None:
        """Refuse the query of a GET or DELETE, or the caller."""
        if call.query and self._is_strict(call.version, verb):
            only(call.query.names(), self.known(call, verb))

    def live_key(self, call: Call, verb: str, text: str) -> str:
        """What stands in the column `live` of the one that the caller calls `text`."""
        return text

    def may_see(self, call: Call, row: Row) -> bool:
        """Whether the caller is shown one; `row` has the columns of `visibility`."""
        return True

    def missing(self, call: Call, text: str) -> NotFound:
        """That there is none that the caller calls `text`."""
        return NotFound(self.kind.missing.format(text))

    def scope(self, call: Call) -> Filters:
        """What the caller sees in lists."""
        return () if call.principal.is_admin else self.kind.scope(call.principal.project_id)

    def sort_keys(self, call: Call) -> Iterable[str]:
        """The keys that the caller may sort by."""
        return self.kind.sorts

    @abstractmethod
    async def draft(self, call: Call, given: dict[str, Any]) -> tuple[Resource, Mapping[str, Any]]:
        """A new resource of what was given (as it is kept), and what is shown of it once and not kept."""
        ...

    async def admit(self, tx: Transaction, resource: Resource, live: str) -> None:
        """Refuse a new resource where there is one like it; `live`: what will stand in that column."""
        if await tx.row(self._one, live=live) is not None:
            raise Conflict(self.kind.taken.format(name=resource.name, live=live))

    def enforce(self, call: Call, verb: str, **target: str) -> None:
        """Refuse a caller who may not do it to what is of `target`, in whatever project."""
        call.enforce(self.kind.verbs[verb].rule.name, {"project_id": call.principal.project_id, **target})

    # --- reading ---------------------------------------------------------------------------------

    def known(self, call: Call, verb: str) -> list[str]:
        """The query parameters that the asked version knows."""
        parameters = self.kind.verbs[verb].parameters
        return [one.name for one in parameters if reached(call.version, one.since)]

    def _is_strict(self, version: Version, verb: str) -> bool:
        strict = self.kind.verbs[verb].strict
        return bool(strict) and reached(version, strict)

    async def index(self, call: Call) -> Reply:
        """The list without detail."""
        paging, rows = await self._rows(call, "index")
        bodies = [self._entry(row[0]) for row in rows]
        if not self._entries.newest_at(call.version):
            bodies = [_encode(self._entries.response_down(_decode(body), call.version)) for body in bodies]
        return self._list(call, paging, bodies, rows)

    async def detail(self, call: Call) -> Reply:
        """The list of whole documents."""
        paging, rows = await self._rows(call, "detail", "extra")
        hidden = self._hidden(call)
        return self._list(call, paging, [self._shown(call, row[0], row[2], hidden) for row in rows], rows)

    async def _rows(self, call: Call, verb: str, *more: str) -> tuple[Paging | None, list[Row]]:
        self.judge(call, verb)
        kind, since = self.kind, self._paged_since.get(verb)
        paged = since is not None and reached(call.version, since)
        paging = nova_paging(call.query) if paged else None
        sort = self._sort(call)
        filters = [Filter("deleted_at", "null"), *self.scope(call)]
        for one in self._filters[verb]:
            text = call.query.one(one.name) if reached(call.version, one.since) else None
            if text is not None and one.filters is not None:
                filters += one.filters(text)
        rows = await page(
            self._store,
            kind.table,
            filters,
            columns=("summary", kind.marked_by, *more),
            sorts=(sort,),
            marker=await self._marker(call, verb, paging),
            limit=_UNPAGED if paging is None else paging.limit or 0,
        )
        return paging, rows

    def _sort(self, call: Call) -> Sort:
        kind, query = self.kind, call.query
        if not kind.sorts:
            return Sort(kind.marked_by)
        key, direction = query.one("sort_key"), query.one("sort_dir") or "asc"
        column = kind.sorts[query_one_of("sort_key", key, self.sort_keys(call))] if key else kind.marked_by
        return Sort(column, query_one_of("sort_dir", direction, ("asc", "desc")) == "desc")

    async def _marker(self, call: Call, verb: str, paging: Paging | None) -> str | None:
        if paging is None or paging.marker is None:
            return None
        try:
            return str((await self.found(self._store, call, verb, paging.marker))[0])
        except NotFound:
            raise Invalid(self.kind.marker_missing.format(paging.marker)) from None

    def _list(self, call: Call, paging: Paging | None, bodies: list[bytes], rows: list[Row]) -> Reply:
        name = self.kind.collection.encode()
        shown = filled(bodies, call) if self.kind.linked else bodies
        body = b'{"' + name + b'":[' + b",".join(shown) + b"]"
        links = [] if paging is None else nova_links(call, paging, len(rows), rows[-1][1] if rows else None)
        if links:
            body += b',"' + name + b'_links":' + _encode(links)
        return Reply(200, body + b"}")

    async def show(self, call: Call) -> Reply:
        """One of them."""
        self.judge(call, "show")
        row = await self.found(self._store, call, "show", call.params[self.kind.key])
        return self.one(call, row[1], row[2])

    async def found(self, reader: Reader, call: Call, verb: str, text: str) -> Row:
        """`(id, summary, extra, ...)` of the one that the caller calls `text`; `NotFound` where they see none."""
        row = await reader.row(self._one, live=self.live_key(call, verb, text))
        if row is None or not self.may_see(call, row):
            raise self.missing(call, text)
        return row

    def _hidden(self, call: Call) -> list[str]:
        """Names of what the caller may not be shown."""
        return [one.document for one in self._guarded if not call.allows(one.read_rule)]

    def _shown(self, call: Call, summary: bytes, extra: bytes | None, hidden: Sequence[str]) -> bytes:
        """A stored document as the caller's version and rights have it."""
        if not hidden and self.versions.newest_at(call.version):
            return summary
        document = self.versions.response_down(_decode(summary), call.version, _decode(extra or b"{}"))
        for name in hidden:
            document.pop(name, None)
        return _encode(document)

    def one(self, call: Call, summary: bytes, extra: bytes | None, status: int = 200) -> Reply:
        """The answer with one document."""
        shown = self._shown(call, summary, extra, self._hidden(call))
        body = b'{"' + self.kind.name.encode() + b'":' + shown + b"}"
        return Reply(status, filled((body,), call)[0] if self.kind.linked else body)

    # --- writing ---------------------------------------------------------------------------------

    async def create(self, call: Call) -> Reply:
        """Make one."""
        kind = self.kind
        given = values(kind.fields.values(), call.body[kind.name], create=True)
        resource, once = await self.draft(call, given)
        resource.request_id = call.request_id
        # What belongs to no project counts within the limits of the caller's.
        payer = "" if resource.project_id or kind.costs is None else call.principal.project_id
        async with self._store.transaction() as tx:
            resource.created_at = tx.now()
            summary = kind.summarise(resource, ())
            await self.admit(tx, resource, summary.columns[kind.live])
            await self._ledger.create(
                tx, resource, summary, kind.needs(resource), assign=False, paid_by=payer
            )
        status = self._status(call, "create")
        if not kind.created:
            return self.one(call, resource.summary, resource.extra, status)
        shown = {**once, **{name: summary.document[name] for name in kind.created.split()}}
        return Reply(status, {kind.name: self.versions.response_down(shown, call.version)})

    async def update(self, call: Call) -> Reply:
        """Change one."""
        given = values(self.kind.fields.values(), call.body[self.kind.name], create=False)
        async with self._store.transaction() as tx:
            resource = await self.fetch(tx, call, "update")
            resource.desired.update(given)
            await self.changed(tx, resource)
        return self.one(call, resource.summary, resource.extra, self._status(call, "update"))

    async def delete(self, call: Call) -> Reply:
        """Delete one: users see it gone at once."""
        self.judge(call, "delete")
        async with self._store.transaction() as tx:
            resource = await self.fetch(tx, call, "delete")
            resource.deleted_at = tx.now()
            await self._ledger.remove(tx, resource, self.kind.summarise(resource, ()), hide=True)
        return Reply(self._status(call, "delete"))

    async def fetch(self, reader: Reader, call: Call, verb: str) -> Resource:
        """The resource that the path names, whoever may see it; `NotFound` where there is none."""
        text = call.params[self.kind.key]
        row = await reader.row(self._one, live=self.live_key(call, verb, text))
        found = None if row is None else await self._ledger.resources.fetch(reader, self.kind.name, row[0])
        if found is None:
            raise self.missing(call, text)
        return found

    async def changed(self, tx: Transaction, resource: Resource) -> None:
        """Write a resource whose `desired` is changed."""
        await self._ledger.change(tx, resource, self.kind.summarise(resource, ()))

    def _status(self, call: Call, verb: str) -> int:
        declared = self.kind.verbs[verb]
        later = declared.status_since
        return later[1] if later is not None and reached(call.version, later[0]) else declared.status
