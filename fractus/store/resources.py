"""Resources: what users asked for. One table per kind, one set of statements for all of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from operator import attrgetter, itemgetter
from typing import Any, Protocol

import msgspec
from sqlalchemy import ClauseElement, ColumnElement, Table, bindparam, delete, insert, select, update

from fractus.model.resource import AWAIT, CARRY, CARRY_ASYNC, IF_PRESENT, Need, NeedMode, Resource, Summary
from fractus.store.schema import NEED
from fractus.store.transaction import Query, Reader, Row, Transaction

__all__ = ["Need", "Resource", "Resources", "Summary"]

_encode = msgspec.json.encode
_decode = msgspec.json.decode

_BASE = (
    "id",
    "project_id",
    "user_id",
    "name",
    "status",
    "desired",
    "summary",
    "extra",
    "choice",
    "generation",
    "wanted",
    "request_id",
    "created_at",
    "updated_at",
    "deleted_at",
    "home",
)

_base = attrgetter(*_BASE)


def _load(kind: str, row: Row) -> Resource:
    fields = dict(zip(_BASE, row, strict=True))
    choice = fields["choice"]
    fields["kind"], fields["desired"] = kind, _decode(fields["desired"])
    fields["choice"] = {} if choice == "{}" else _decode(choice)
    fields["wanted"] = bool(fields["wanted"])
    return Resource(**fields)


def mode_of(optional: Any, mode: Any) -> NeedMode:
    """A need's mode as its two columns say it."""
    chosen: NeedMode = mode or (CARRY_ASYNC if optional else CARRY)
    return chosen


def _alive(resource: Resource | None) -> Resource | None:
    """What counts: nothing that is deleted does."""
    return None if resource is None or resource.deleted_at is not None else resource


#: How many are asked for at a time. A few statements, compiled once, serve batches of all sizes.
MANY = 100
_SIZES = (4, 20, MANY)

#: All that what a resource costs can depend on.
_COSTLY = ("project_id", "user_id", "status", "desired", "deleted_at")
_costly_of = itemgetter(*_COSTLY)


def _costly(kind: str, id: str, row: Row) -> Resource:
    fields = dict(zip(_COSTLY, row, strict=True))
    fields["desired"] = _decode(fields["desired"])
    return Resource(kind=kind, id=id, **fields)


@lru_cache(maxsize=256)
def _cost_query(table: Table) -> Query:
    return Query(select(*(table.c[name] for name in _COSTLY)).where(table.c.id == bindparam("key")))


def _columns(table: Table) -> list[Any]:
    return [table.c[name] for name in _BASE]


@lru_cache(maxsize=512)
def _fetch_query(table: Table, to_write: bool) -> Query:
    found = select(*_columns(table)).where(table.c.id == bindparam("key"))
    return Query(found.with_for_update() if to_write else found)


@lru_cache(maxsize=1024)
def _row_query(table: Table, names: tuple[str, ...]) -> Query:
    return Query(select(*(table.c[name] for name in names)).where(table.c.id == bindparam("key")))


@lru_cache(maxsize=256)
def _choice_query(table: Table) -> Query:
    return Query(select(table.c.choice).where(table.c.id == bindparam("key")))


@lru_cache(maxsize=256)
def _many_query(table: Table) -> dict[int, Query]:
    return by_sizes(
        lambda size: select(*_columns(table)).where(among(table.c.id, "key", size)).with_for_update()
    )


@lru_cache(maxsize=1024)
def _insert_query(table: Table, names: tuple[str, ...]) -> Query:
    return Query(insert(table).values({name: bindparam(name) for name in names}))


@lru_cache(maxsize=1024)
def _update_query(table: Table, names: tuple[str, ...]) -> Query:
    return Query(update(table).where(table.c.id == bindparam("key")).values({n: bindparam(n) for n in names}))


@lru_cache(maxsize=256)
def _drop_query(table: Table) -> Query:
    return Query(delete(table).where(table.c.id == bindparam("key")))


_need_drop = Query(
    delete(NEED).where(
        NEED.c.kind == bindparam("k"),
        NEED.c.id == bindparam("i"),
        NEED.c.need_kind == bindparam("nk"),
        NEED.c.need_id == bindparam("ni"),
    )
)
_need_add = Query(
    insert(NEED).values(
        kind=bindparam("k"),
        id=bindparam("i"),
        need_kind=bindparam("nk"),
        need_id=bindparam("ni"),
        exclusive=bindparam("x"),
        loose=bindparam("l"),
        mode=bindparam("m"),
        generation=bindparam("g"),
    )
)
_need_list = Query(
    select(NEED.c.need_kind, NEED.c.need_id, NEED.c.exclusive, NEED.c.loose, NEED.c.mode).where(
        NEED.c.kind == bindparam("k"), NEED.c.id == bindparam("i")
    )
)
_users = Query(
    select(NEED.c.kind, NEED.c.id, NEED.c.loose, NEED.c.mode).where(
        NEED.c.need_kind == bindparam("k"), NEED.c.need_id == bindparam("i")
    )
)
_needed_by = Query(
    select(NEED.c.kind, NEED.c.id).where(NEED.c.need_kind == bindparam("k"), NEED.c.need_id == bindparam("i"))
)
_needed_by_kind = Query(
    select(NEED.c.id).where(
        NEED.c.need_kind == bindparam("k"), NEED.c.need_id == bindparam("i"), NEED.c.kind == bindparam("by")
    )
)


def by_sizes(statement: Callable[[int], ClauseElement]) -> dict[int, Query]:
    """A statement about many things, for each size of a batch."""
    return {size: Query(statement(size)) for size in _SIZES}


def among(column: ColumnElement[Any], name: str, size: int) -> ColumnElement[bool]:
    """That a column is one of the parameters `name0`, `name1`, ... of `padded`."""
    return column.in_([bindparam(f"{name}{number}", type_=column.type) for number in range(size)])


def padded(queries: Mapping[int, Query], name: str, values: Sequence[str]) -> tuple[Query, dict[str, str]]:
    """The query, of `by_sizes`, for so many values, at least one and `MANY` at most, and its parameters."""
    last = len(values) - 1
    size = next(size for size in _SIZES if size > last)
    return queries[size], {f"{name}{number}": values[min(number, last)] for number in range(size)}


class Accounts(Protocol):
    """Keeps count of what resources cost: `fractus.quota` does."""

    def counted(self, kind: str) -> bool:
        """Whether resources of this kind cost anything."""
        ...

    async def moved(
        self, tx: Transaction, before: Resource | None, after: Resource | None, within: str | None
    ) -> None:
        """A resource is about to be written: what is stored of it, and what will be; None where it is not there or
        deleted. `within`: the project whose limits must allow for it, or None: it is only counted.
        """
        ...


class Resources:
    """All kinds' tables, and what can be done with any of them. Built once by wiring from the registry.

    The one place where resources are written, and so the one where what they cost is counted.
    """

    def __init__(self, tables: Mapping[str, Table], accounts: Accounts | None = None) -> None:
        """`accounts` are notified of every write; without them nothing is counted."""
        self.tables = dict(tables)
        self._accounts = accounts

    async def fetch(self, reader: Reader, kind: str, id: str, *, to_write: bool = False) -> Resource | None:
        """The resource, also if it is deleted (`deleted_at`), or None.

        `to_write`: this transaction will save it, so others who will wait here and not at the end.
        """
        row = await reader.row(_fetch_query(self.tables[kind], to_write), key=id)
        return None if row is None else _load(kind, row)

    async def choice(self, reader: Reader, kind: str, id: str) -> dict[str, Any]:
        """What was chosen for it, and why; nothing where it is not there."""
        row = await reader.row(_choice_query(self.tables[kind]), key=id)
        chosen: dict[str, Any] = {} if row is None else _decode(row[0])
        return chosen

    async def many(self, tx: Transaction, kind: str, ids: Sequence[str]) -> dict[str, Resource]:
        """Those of these resources that are there, by their ids: this transaction will save them."""
        found: dict[str, Resource] = {}
        for first in range(0, len(ids), MANY):
            query, asked = padded(_many_query(self.tables[kind]), "key", ids[first : first + MANY])
            for row in await tx.rows(query, **asked):
                found[row[0]] = _load(kind, row)
        return found

    async def visible(self, reader: Reader, kind: str, id: str, project_id: str | None) -> Resource | None:
        """The resource where it is not deleted and is `project_id`'s (None: any project's)."""
        found = await self.fetch(reader, kind, id)
        if found is None or found.deleted_at is not None:
            return None
        return found if project_id is None or found.project_id == project_id else None

    async def add(
        self,
        tx: Transaction,
        resource: Resource,
        summary: Summary,
        needs: Sequence[Need] = (),
        *,
        within: str | None = None,
    ) -> Resource:
        """Write a new resource: the intent, before any cloud is called (law 1).

        `within`: the project whose quota must allow for it (`QuotaExceeded`); None: it is counted, and never refused.
        """
        resource.created_at = resource.created_at or tx.now()
        resource.updated_at = resource.updated_at or resource.created_at
        self._store_columns(resource, summary)
        if self._accounts is not None and self._accounts.counted(resource.kind):
            await self._accounts.moved(tx, None, _alive(resource), within)
        values = self._values(resource, summary.columns)
        await tx.put(_insert_query(self.tables[resource.kind], tuple(values)), values)
        await self._add_needs(tx, resource.kind, resource.id, needs)
        return resource

    async def save(
        self,
        tx: Transaction,
        resource: Resource,
        summary: Summary | None = None,
        *,
        within: str | None = None,
    ) -> None:
        """Write a changed resource back; with `summary`, also how users see it. `within`: as of `add`."""
        columns: Mapping[str, Any] = {}
        if summary is not None:
            self._store_columns(resource, summary)
            columns = summary.columns
        values = self._values(resource, columns)
        values.pop("id")
        table, names = self.tables[resource.kind], tuple(values)
        row = await tx.row(_row_query(table, names), key=resource.id)
        if row is None or row == tuple(values.values()):
            # Most looks at a thing learn nothing that its row would show.
            return
        stored = dict(zip(names, row, strict=True))
        were = _costly_of(stored)
        accounts = self._accounts if were != _costly_of(values) else None
        if accounts is not None and accounts.counted(resource.kind):
            before = _costly(resource.kind, resource.id, were)
            await accounts.moved(tx, _alive(before), _alive(resource), within)
        # A column that is set costs each index that it is in, also where it stays as it was: in a large store several
        # pages of the disk, and there are a dozen indexes.
        changed = {name: value for name, value in values.items() if stored[name] != value}
        await tx.put(_update_query(table, tuple(changed)), {"key": resource.id, **changed})

    async def drop(self, tx: Transaction, kind: str, id: str) -> None:
        """Remove the row for good: only for kinds whose deleted rows nobody asks for."""
        if self._accounts is not None and self._accounts.counted(kind):
            row = await tx.row(_cost_query(self.tables[kind]), key=id)
            if row is not None:
                await self._accounts.moved(tx, _alive(_costly(kind, id, row)), None, None)
        await tx.put(_drop_query(self.tables[kind]), {"key": id})

    async def set_needs(
        self, tx: Transaction, kind: str, id: str, needs: Sequence[Need], *, generation: int | None = None
    ) -> list[Need] | None:
        """Say what (kind, id) needs, all of it; what it needs no longer, or None if nothing has changed.

        `generation`: of the change that brings what is new.
        """
        before = set(await self.needs(tx, kind, id))
        gone = before.difference(needs)
        for need in gone:
            await tx.put(_need_drop, {"k": kind, "i": id, "nk": need.kind, "ni": need.id})
        new = [need for need in needs if need not in before]
        await self._add_needs(tx, kind, id, new, generation)
        if not gone and not new:
            return None
        kept = {(need.kind, need.id) for need in needs}
        return sorted((need for need in gone if (need.kind, need.id) not in kept), key=str)

    async def _add_needs(
        self, tx: Transaction, kind: str, id: str, needs: Sequence[Need], generation: int | None = None
    ) -> None:
        for need in {(need.kind, need.id): need for need in needs}.values():
            # Older processes read `loose` alone, which says it all of the modes that they know.
            mode = need.mode if need.mode in (AWAIT, IF_PRESENT) else None
            await tx.put(
                _need_add,
                {
                    "k": kind, "i": id, "nk": need.kind, "ni": need.id, "x": need.exclusive,
                    "l": not need.awaited, "m": mode, "g": generation,
                },
            )  # fmt: skip

    async def needs(self, reader: Reader, kind: str, id: str) -> list[Need]:
        """What (kind, id) needs."""
        rows = await reader.rows(_need_list, k=kind, i=id)
        return [Need(k, i, bool(x), mode_of(optional, mode)) for k, i, x, optional, mode in rows]

    async def needed_by_kind(self, reader: Reader, kind: str, id: str, by: str) -> list[str]:
        """The ids of those of one kind (`by`) that need this one."""
        return [row[0] for row in await reader.rows(_needed_by_kind, k=kind, i=id, by=by)]

    async def needed_by(self, reader: Reader, kind: str, id: str) -> list[tuple[str, str]]:
        """(kind, id) of everything that needs this one."""
        return [(k, i) for k, i in await reader.rows(_needed_by, k=kind, i=id)]

    async def users(self, reader: Reader, kind: str, id: str) -> list[tuple[str, str, NeedMode]]:
        """(kind, id) of everything that needs this one, and how it does."""
        return [
            (k, i, mode_of(optional, mode))
            for k, i, optional, mode in await reader.rows(_users, k=kind, i=id)
        ]

    @staticmethod
    def _store_columns(resource: Resource, summary: Summary) -> None:
        resource.status = summary.status
        resource.summary = _encode(summary.document)
        resource.extra = None if summary.extra is None else _encode(summary.extra)

    @staticmethod
    def _values(resource: Resource, columns: Mapping[str, Any]) -> dict[str, Any]:
        values = dict(zip(_BASE, _base(resource), strict=True))
        values["desired"] = _encode(resource.desired).decode()
        values["choice"] = _encode(resource.choice).decode() if resource.choice else "{}"
        values.update(columns)
        return values
