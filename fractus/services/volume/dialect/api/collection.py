"""The routes that every collection of Cinder's has, from a kind's declaration: its API adds what is its own."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

import msgspec
from sqlalchemy import bindparam, select

from fractus.model.errors import NotFound
from fractus.model.resource import Resource, Summary
from fractus.services.volume.dialect.api.lists import Listing, asked, next_link
from fractus.services.volume.dialect.kind import Verb, VolumeKind
from fractus.services.volume.dialect.schema.judging import Judge
from fractus.services.volume.dialect.view import filled
from fractus.store.ledger import Ledger
from fractus.store.listing import count, page
from fractus.store.presences import of_resource
from fractus.store.transaction import Query, Reader, Row, Store, Transaction
from fractus.web.microversion import UNVERSIONED, FieldAdded, Version, VersionTable
from fractus.web.routing import Call, Handler, Reply, Route, Schema

_encode = msgspec.json.encode
_decode = msgspec.json.decode


def version_of(text: str) -> Version:
    """A microversion as declarations write it; an empty text is older than all."""
    return Version.parse(text) if text else UNVERSIONED


def judged(schemas: Sequence[tuple[str, Mapping[str, Any]]]) -> Schema:
    """The check of a body by the schema of its version."""
    judges = [(version_of(since), Judge(schema)) for since, schema in reversed(schemas)]

    def check(body: Any, version: Version) -> None:
        next(judge for since, judge in judges if version >= since).check(body)

    return check


class CollectionApi(ABC):
    """The handlers of one kind. What is particular to it overrides a method below the line "what a kind may say"."""

    kind: ClassVar[VolumeKind]
    by: ClassVar[str] = "id"
    """The parameter of its paths that names one."""

    def __init__(self, store: Store, ledger: Ledger) -> None:
        """Read from `store`, write through `ledger`."""
        kind = self.kind
        self._store = store
        self._ledger = ledger
        self.versions = VersionTable(
            FieldAdded(version_of(since), name) for name, since in kind.added.items()
        )
        c = kind.table.c
        self._one = Query(
            select(c.id, c.summary, c.extra, c.project_id).where(
                c.id == bindparam("id"), c.deleted_at.is_(None)
            )
        )
        self._part = _part_of(kind.listed.split()) if kind.listed else None

    def routes(self) -> list[Route]:
        """The routes of the verbs that are declared."""
        root, one = self.kind.root, f"{self.kind.root}/{{{self.by}}}"
        every: Mapping[str, tuple[str, str, Handler]] = {
            "index": ("GET", root, self.index),
            "detail": ("GET", f"{root}/detail", self.detail),
            "create": ("POST", root, self.create),
            "show": ("GET", one, self.show),
            "update": ("PUT", one, self.update),
            "delete": ("DELETE", one, self.delete),
        }
        return [
            route(verb, method, path, handler, since=verb.since)
            for name, (method, path, handler) in every.items()
            if (verb := self.kind.verbs.get(name)) is not None
        ]

    # --- what a kind may say ---------------------------------------------------------------------

    @abstractmethod
    async def draft(self, call: Call, tx: Transaction, given: dict[str, Any]) -> Resource:
        """Write a new resource of what a body says."""

    @abstractmethod
    async def change(self, call: Call, tx: Transaction, resource: Resource, given: dict[str, Any]) -> None:
        """Write what a body says into a resource that is there."""

    async def before_delete(self, call: Call, tx: Transaction, resource: Resource) -> bool:
        """Refuse what may not be deleted; whether users see it gone at once."""
        return False

    def may_see(self, call: Call, project_id: str, row: Row) -> bool:
        """Whether the caller is shown one."""
        return call.principal.is_admin or project_id == call.principal.project_id

    # --- reading ---------------------------------------------------------------------------------

    async def index(self, call: Call) -> Reply:
        """The list without detail."""
        listing = asked(self.kind, call, self.versions)
        rows = await self._rows(listing)
        if self._part is None:
            bodies = [self.shown(call, row[1], row[2]) for row in rows]
        else:
            bodies = [self._part(row[1]) for row in rows]
        return await self._list(call, listing, bodies, rows)

    async def detail(self, call: Call) -> Reply:
        """The list of whole documents."""
        listing = asked(self.kind, call, self.versions)
        rows = await self._rows(listing)
        return await self._list(call, listing, [self.shown(call, row[1], row[2]) for row in rows], rows)

    async def _rows(self, listing: Listing) -> list[Row]:
        if listing.nothing:
            return []
        if listing.marker is not None and await self._store.row(self._one, id=listing.marker) is None:
            raise self.missing(listing.marker)
        rows = await page(
            self._store,
            self.kind.table,
            listing.filters,
            columns=("id", "summary", "extra"),
            sorts=listing.sorts,
            marker=listing.marker,
            limit=listing.limit + listing.offset,
        )
        return rows[listing.offset :]

    async def _list(self, call: Call, listing: Listing, bodies: list[bytes], rows: list[Row]) -> Reply:
        name = self.kind.collection.encode()
        shown = filled(bodies, call) if self.kind.linked else bodies
        body = b'{"' + name + b'":[' + b",".join(shown) + b"]"
        if rows and len(rows) >= listing.limit:
            links = (self.kind.links or f"{self.kind.collection}_links").encode()
            body += b',"' + links + b'":' + _encode(next_link(call, rows[-1][0]))
        if listing.with_count:
            number = 0 if listing.nothing else await count(self._store, self.kind.table, listing.filters)
            body += b',"count":' + str(number).encode()
        return Reply(200, body + b"}")

    async def show(self, call: Call) -> Reply:
        """One of them."""
        row = await self.found(self._store, call, call.params[self.by])
        return self.one(call, row[1], row[2])

    async def found(self, reader: Reader, call: Call, id: str) -> Row:
        """`(id, summary, extra, project)` of the one that the caller names; `NotFound` where they see none."""
        row = await reader.row(self._one, id=id)
        if row is None or not self.may_see(call, str(row[3]), row):
            raise self.missing(id)
        return row

    def missing(self, id: str) -> NotFound:
        """That there is none of this id."""
        return NotFound(self.kind.missing.format(id))

    def shown(self, call: Call, summary: bytes, extra: bytes | None) -> bytes:
        """A stored document as the caller's version and rights have it."""
        beside = [name for name, rule in self.kind.read_rules.items() if _shows(call, rule)] if extra else []
        if not beside and self.versions.newest_at(call.version):
            return summary
        document = _decode(summary)
        if beside:
            more = _decode(extra or b"{}")
            document.update((name, more[name]) for name in beside if name in more)
        return _encode(self.versions.response_down(document, call.version))

    def one(self, call: Call, summary: bytes, extra: bytes | None, status: int = 200) -> Reply:
        """The answer with one document."""
        body = b'{"' + self.kind.key.encode() + b'":' + self.shown(call, summary, extra) + b"}"
        return Reply(status, filled((body,), call)[0] if self.kind.linked else body)

    # --- writing ---------------------------------------------------------------------------------

    async def create(self, call: Call) -> Reply:
        """Make one."""
        async with self._store.transaction() as tx:
            resource = await self.draft(call, tx, call.body[self.kind.key])
        status = self.kind.verbs["create"].status
        if self.kind.brief:
            return self.in_brief(call, resource.summary, status)
        document = _decode(resource.summary)
        for name in self.kind.unborn:
            document.pop(name, None)
        return self.one(call, _encode(document), None, status)

    async def update(self, call: Call) -> Reply:
        """Change one."""
        async with self._store.transaction() as tx:
            resource = await self.fetch(tx, call, self.kind.verbs["update"].rule.name)
            await self.change(call, tx, resource, call.body[self.kind.key])
        if self.kind.brief:
            return self.in_brief(call, resource.summary)
        summary, extra = (_without(one, self.kind.unchanged) for one in (resource.summary, resource.extra))
        return self.one(call, summary or b"{}", extra)

    def in_brief(self, call: Call, summary: bytes, status: int = 200) -> Reply:
        """The answer with what a list without detail has of one."""
        part = self._part(summary) if self._part is not None else summary
        body = b'{"' + self.kind.key.encode() + b'":' + part + b"}"
        return Reply(status, filled((body,), call)[0] if self.kind.linked else body)

    async def delete(self, call: Call) -> Reply:
        """Ask for the end of one."""
        async with self._store.transaction() as tx:
            resource = await self.fetch(tx, call, self.kind.verbs["delete"].rule.name)
            hide = await self.before_delete(call, tx, resource)
            if resource.wanted:
                resource.deleted_at = tx.now() if hide else None
                resource.wanted = False
                await self._ledger.remove(tx, resource, await self.summary(tx, resource), hide=hide)
        return Reply(self.kind.verbs["delete"].status)

    async def summary(self, tx: Transaction, resource: Resource) -> Summary:
        """How users see it, wherever it is."""
        return self.kind.summarise(resource, await of_resource(tx, self.kind.name, resource.id))

    async def fetch(
        self, reader: Reader, call: Call, rule: str, id: str | None = None, *, to_write: bool = True
    ) -> Resource:
        """The resource that the path (or `id`) names, to be changed; `NotFound` where the caller sees none."""
        name = call.params[self.by] if id is None else id
        row = await self.found(reader, call, name)
        resource = await self._ledger.resources.fetch(reader, self.kind.name, str(row[0]), to_write=to_write)
        if resource is None:
            raise self.missing(name)
        call.enforce(rule, self.kind.target(resource))
        return resource


def route(
    verb: Verb, method: str, path: str, handler: Handler, *, action: str = "", since: str = ""
) -> Route:
    """A row of the route table."""
    return Route(
        method=method,
        path=path,
        handler=handler,
        rule=verb.rule.name,
        summary=verb.summary or verb.rule.description,
        schema=judged(verb.schemas) if verb.schemas else None,
        action=action,
        min_version=version_of(since) if since else None,
    )


def _shows(call: Call, rule: str) -> bool:
    return call.allows(rule) if rule else call.principal.is_admin


def _without(document: bytes | None, names: Sequence[str]) -> bytes | None:
    if document is None or not names:
        return document
    return _encode({name: value for name, value in _decode(document).items() if name not in names})


def _part_of(names: Sequence[str]) -> Callable[[bytes], bytes]:
    """Cuts stored documents down to a few of their fields, in this order, without looking at what they hold."""
    rename = {f"field_{number}": name for number, name in enumerate(names)}
    part = msgspec.defstruct("Part", [(name, msgspec.Raw) for name in rename], rename=rename, gc=False)
    decode = msgspec.json.Decoder(part).decode
    return lambda document: _encode(decode(document))
