"""Mirrors as Neutron shows them: lists with filters, sorts, pages and fields, and one by its id, all from our rows."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable

import msgspec

from fractus.base.clock import Clock
from fractus.model.errors import NotFound
from fractus.services.mirror import MirrorKind
from fractus.services.mirror_rows import staleness
from fractus.services.network.dialect.api import lists
from fractus.services.network.dialect.api.lists import Lists
from fractus.store.listing import Filter, Filters, Sort, UnknownMarker, page
from fractus.store.transaction import Row, Store
from fractus.web.paging import neutron_links, neutron_paging
from fractus.web.routing import Call, Reply

_encode = msgspec.json.encode

#: More rows than a table has: Neutron's lists have no end unless a limit is asked for.
_ALL = 1 << 31
_COLUMNS = ("id", "summary", "cloud", "remote_id")


class MirrorApi(ABC):
    """Handlers of one mirror. Clouds are not asked; what is shown of one that does not answer is said to be stale."""

    mirror: MirrorKind
    rule: str
    """The policy rule of whoever may see it. Others find none, as in Neutron."""

    def __init__(self, store: Store, clock: Clock, stale_after: float) -> None:
        """`stale_after`: seconds without an answer after which a cloud's rows are stale."""
        self._store, self._clock, self._stale_after = store, clock, stale_after
        self._lists = Lists(
            collection=self.mirror.collection, table=self.mirror.table, attributes=self.mirror.fields,
            scope=lambda _principal: (), missing=self.missing, tombstones=False,
        )  # fmt: skip

    @abstractmethod
    def missing(self, id: str) -> NotFound:
        """The service's error about one that is not there."""
        ...

    async def index(self, call: Call) -> Reply:
        """GET the collection."""
        if not call.allows(self.rule):
            return Reply(200, {self.mirror.collection: []})
        paging = neutron_paging(call.query, columns=lists.paging_columns(self._lists))
        conditions = lists.filters(call.query, self._lists, call.principal)
        sorts = [Sort(name, ascending is paging.reverse) for name, ascending in paging.sorts]
        rows = await self._rows(conditions, sorts, paging.marker, paging.limit or _ALL)
        if paging.reverse:
            rows.reverse()
        shown = lists.documents([row[:2] for row in rows], lists.fields(call.query))
        parts = [b'{"', self.mirror.collection.encode(), b'":[', b",".join(shown), b"]"]
        if links := neutron_links(call, paging, [row[0] for row in rows]):
            parts += [b',"', self.mirror.collection.encode(), b'_links":', _encode(links)]
        return Reply(200, b"".join([*parts, b"}"]), await self._staleness(rows))

    async def show(self, call: Call) -> Reply:
        """GET one: by its id, or by `ZONE@id` always."""
        id = call.params["id"]
        if not call.allows(self.rule):
            raise self.missing(id)
        row = await self._one(id)
        reply = lists.one(self.mirror.noun, bytes(row[1]), call.query)
        return Reply(reply.status, reply.body, await self._staleness([row]))

    async def _one(self, id: str) -> Row:
        rows = await self._rows([Filter("id", "eq", id)], [], None, 1)
        zone, at, there = id.partition("@")
        if not rows and at:
            rows = await self._rows(
                [Filter("cloud", "eq", zone), Filter("remote_id", "eq", there)], [], None, 1
            )
        if not rows:
            raise self.missing(id)
        return rows[0]

    async def _rows(
        self, conditions: Filters, sorts: list[Sort], marker: str | None, limit: int
    ) -> list[Row]:
        try:
            return await page(
                self._store, self.mirror.table, conditions,
                columns=_COLUMNS, sorts=sorts or [Sort("id", False)], marker=marker, limit=limit,
            )  # fmt: skip
        except UnknownMarker:
            raise self.missing(marker or "") from None

    async def _staleness(self, rows: Iterable[Row]) -> dict[str, str]:
        shown = (row[2] for row in rows)
        return await staleness(self._store, self._clock, self._stale_after, self.mirror, shown)
