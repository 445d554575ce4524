"""Lists: filters, sorting, keyset paging. Markers are rows of our own store, so paging is stable (law 12).

The statement for a *shape* of list (which filters, which sort) is compiled once and kept; the values are bound. The
keyset condition is written `a >= ? AND (a > ? OR id > ?)`, for MariaDB does not use an index for row comparisons.

What databases do not agree on is decided here, so that a list is the same whatever stands below: patterns, and LIKE
with letters beyond ASCII (whose capitals each knows in its own way). Rows that hold all other conditions are read in
order, and sifted.

Of tables that may become very large (`crowded` in their `info`) it is also decided here by which index a page is read
(`fractus.store.ranges`). What may have to look at many rows is a `heavy` query, which keeps nobody else waiting.
"""

from __future__ import annotations

import asyncio
import heapq
import re
from bisect import bisect_left
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from msgspec import Struct
from sqlalchemy import (
    ColumnElement,
    FromClause,
    Select,
    Table,
    and_,
    bindparam,
    false,
    func,
    or_,
    select,
    true,
)

from fractus.store import ranges
from fractus.store.patterns import Matcher, matcher
from fractus.store.transaction import Query, Reader, Row

_OPS = {"eq", "ne", "gt", "ge", "lt", "le", "in", "notin", "like", "notlike", "regex", "null", "notnull"}

#: Keys read of a narrow list before it counts as none: where the index has them, and where rows must be looked at.
_COVERED, _LOOKED_UP = 5_000, 1_000

#: So many times a page's rows are looked at in order first; and if one in so many belongs to the list, more of them.
_AHEAD, _ONE_IN = 2, 20

#: Rows read at a time to be sifted: a few more than are asked for, not one by one and not all at once.
_LEAST, _MOST = 100, 1000

#: Entries of an index read at a time to be sifted: others have their turns after some milliseconds.
_STRIDE = 2000


_LOWEST: dict[type[Any], Any] = {str: "", bool: False, int: -(2**63), float: -1e308}


class Filter(Struct, frozen=True):
    """One condition on a column. `in` and `notin` take a sequence; `null` and `notnull` no value; `regex` a pattern.

    `like` and `notlike` do not tell capitals from small letters within ASCII, as in SQLite. A `regex` stands alone, not
    in an OR.
    """

    column: str
    op: str
    value: Any = None


class Sort(Struct, frozen=True):
    """One sort key. The id is always added last, so that order is total."""

    column: str
    descending: bool = False


class UnknownMarker(Exception):
    """The marker is not a row of this table (or not one that the caller may see)."""


def _condition(table: FromClause, column: str, op: str, size: int, name: str) -> ColumnElement[bool]:
    col = table.c[column]
    if op == "null":
        return col.is_(None)
    if op == "notnull":
        return col.is_not(None)
    if op in ("in", "notin"):
        if not size:
            return false() if op == "in" else true()
        names = [bindparam(f"{name}_{i}", type_=col.type) for i in range(size)]
        return col.in_(names) if op == "in" else col.not_in(names)
    value = bindparam(name, type_=col.type)
    if op == "like":
        return col.ilike(value, escape="\\")
    if op == "notlike":
        return col.not_ilike(value, escape="\\")
    operators = {
        "eq": col.__eq__,
        "ne": col.__ne__,
        "gt": col.__gt__,
        "ge": col.__ge__,
        "lt": col.__lt__,
        "le": col.__le__,
    }
    condition: ColumnElement[bool] = operators[op](value)
    return condition


def _key(table: Table, column: str) -> ColumnElement[Any]:
    """What is sorted by: the column, with the lowest value of its type for NULL, which no comparison would hold for."""
    col = table.c[column]
    if not col.nullable:
        return col
    return func.coalesce(col, _LOWEST[col.type.python_type])


def _after(table: Table, sorts: tuple[Sort, ...]) -> ColumnElement[bool]:
    """Rows after the marker, whose sort values are bound as m0, m1, ...; the last key is the id."""
    columns = [_key(table, sort.column) for sort in sorts]
    bounds = [bindparam(f"m{i}", type_=column.type) for i, column in enumerate(columns)]
    alternatives: list[ColumnElement[bool]] = []
    for i, sort in enumerate(sorts):
        beyond = columns[i] < bounds[i] if sort.descending else columns[i] > bounds[i]
        same = [column == bound for column, bound in zip(columns[:i], bounds[:i], strict=True)]
        alternatives.append(and_(*same, beyond))
    lead = columns[0] <= bounds[0] if sorts[0].descending else columns[0] >= bounds[0]
    return and_(lead, or_(*alternatives))


#: Stands for the index of the primary key.
_PRIMARY = "id"


def _by(statement: Select[Any], table: Table, index: str) -> Select[Any]:
    """Read by this index, and no other."""
    lite, maria = (f"sqlite_autoindex_{table.name}_1", "PRIMARY") if index == _PRIMARY else (index, index)
    statement = statement.with_hint(table, f"INDEXED BY {lite}", "sqlite")
    return statement.with_hint(table, f"FORCE INDEX ({maria})", "mariadb")


@lru_cache(maxsize=4096)
def _page_query(
    table: Table,
    columns: tuple[str, ...],
    shape: tuple[tuple[tuple[str, str, int], ...], ...],
    sorts: tuple[Sort, ...],
    after: bool,
    index: str = "",
    heavy: bool = False,
) -> Query:
    conditions = _shape(table, shape)
    if after:
        conditions.append(_after(table, sorts))
    keys = [(_key(table, sort.column), sort.descending) for sort in sorts]
    order = [key.desc() if descending else key.asc() for key, descending in keys]
    statement = select(*(table.c[name] for name in columns)).where(*conditions).order_by(*order)
    if index:
        statement = _by(statement, table, index)
    return Query(statement.limit(bindparam("n")), heavy=heavy)


@lru_cache(maxsize=1024)
def _begun_query(
    table: Table, shape: ranges.Shape, held: tuple[int, ...], sorts: tuple[Sort, ...], after: bool, index: str
) -> Query:
    """Of the next rows that hold what an index answers (`held`), those that hold everything."""
    conditions = _shape(table, shape)
    places = tuple(sort.column for sort in sorts)
    needed = dict.fromkeys((*places, *(column for group in shape for column, _, _ in group)))
    ahead = select(*(table.c[name] for name in needed)).where(*(conditions[at] for at in held))
    if after:
        ahead = ahead.where(_after(table, sorts))
    some = (
        _by(ahead, table, index).order_by(*_order(table, sorts)).limit(bindparam("ahead")).subquery("ahead")
    )
    found = select(some.c.id).where(*_shape(some, shape)).order_by(*_order(some, sorts))
    return Query(found.limit(bindparam("n")))


def _order(table: FromClause, sorts: tuple[Sort, ...]) -> list[ColumnElement[Any]]:
    """Of columns that are never NULL."""
    columns = [(table.c[sort.column], sort.descending) for sort in sorts]
    return [column.desc() if descending else column.asc() for column, descending in columns]


@lru_cache(maxsize=1024)
def _count_query(table: Table, shape: tuple[tuple[tuple[str, str, int], ...], ...]) -> Query:
    return Query(select(func.count()).select_from(table).where(*_shape(table, shape)))


@lru_cache(maxsize=1024)
def _marker_query(table: Table, columns: tuple[str, ...]) -> Query:
    return Query(select(*(_key(table, name) for name in columns)).where(table.c.id == bindparam("key")))


def _shape(
    table: FromClause, shape: tuple[tuple[tuple[str, str, int], ...], ...]
) -> list[ColumnElement[bool]]:
    conditions = []
    for i, group in enumerate(shape):
        parts = [_condition(table, c, op, size, f"f{i}_{j}") for j, (c, op, size) in enumerate(group)]
        conditions.append(or_(*parts) if len(parts) > 1 else parts[0])
    return conditions


Filters = Sequence[Filter | Sequence[Filter]]
"""Conditions that all hold; a sequence inside is an OR."""


def _bind(
    filters: Filters, after: Row | None = None
) -> tuple[tuple[tuple[tuple[str, str, int], ...], ...], dict[str, Any]]:
    """What the statement for these filters is told by, and its values, with those of the row that it begins after."""
    shape, values = [], {f"m{i}": value for i, value in enumerate(after or ())}
    for i, entry in enumerate(filters):
        group = [entry] if isinstance(entry, Filter) else list(entry)
        parts = []
        for j, one in enumerate(group):
            if one.op not in _OPS or one.op == "regex":
                raise ValueError(f"no such operator: {one.op}")
            many = one.op in ("in", "notin")
            parts.append((one.column, one.op, len(one.value) if many else 0))
            if many:
                values.update({f"f{i}_{j}_{n}": value for n, value in enumerate(one.value)})
            elif one.op not in ("null", "notnull"):
                values[f"f{i}_{j}"] = one.value
        shape.append(tuple(parts))
    return tuple(shape), values


async def page(
    reader: Reader,
    table: Table,
    filters: Filters,
    *,
    columns: tuple[str, ...] = ("id", "summary"),
    sorts: Sequence[Sort] = (),
    marker: str | None = None,
    limit: int = 1000,
) -> list[Row]:
    """One page of rows in the order of `sorts` (default: newest first), after the row `marker`.

    `UnknownMarker` where there is no such row; whether the caller may know of the marker is for the caller to check.
    Ask for one more than the page to learn whether there is a next one.
    """
    keys = tuple(sorts) or (Sort("created_at", True),)
    if all(sort.column != "id" for sort in keys):
        keys += (Sort("id", keys[-1].descending),)
    asked, sifted = _divided(filters)
    after: Row | None = None
    if marker is not None:
        after = await reader.row(_marker_query(table, tuple(s.column for s in keys)), key=marker)
        if after is None:
            raise UnknownMarker(marker)
    if not sifted:
        return await _rows(reader, table, asked, columns, keys, after, limit)
    return await _sift(reader, _Sifting(table, asked, sifted, columns, keys), after, limit)


class _Sifting(NamedTuple):
    """A list of which some conditions are looked at here."""

    table: Table
    filters: Filters
    sifted: Sieve
    columns: tuple[str, ...]
    keys: tuple[Sort, ...]

    @property
    def tested(self) -> tuple[str, ...]:
        return tuple(column for column, _ in self.sifted)

    @property
    def places(self) -> tuple[str, ...]:
        return tuple(sort.column for sort in self.keys)

    def will_do(self, row: Row) -> bool:
        """Of a row that begins with what is tested."""
        return all(matches(value) for (_, matches), value in zip(self.sifted, row, strict=False))

    async def whole(self, reader: Reader, ids: list[str], limit: int) -> list[Row]:
        """The first rows of these, whole. One may have been changed since it was looked at."""
        found: list[Row] = []
        columns = (*self.tested, *self.columns)
        for start in range(0, len(ids), _LEAST):
            some = await _by_ids(
                reader, self.table, self.filters, columns, ids[start : start + _LEAST], _LEAST
            )
            found += [row[len(self.tested) :] for row in some if self.will_do(row)]
            if len(found) >= limit:
                break
        return found[:limit]


async def _sift(reader: Reader, asked: _Sifting, after: Row | None, limit: int) -> list[Row]:
    """Go through the rows in order by what is tested of them, and read the whole of those alone that will do. Where
    they are few, go through an index instead.
    """
    found: list[Row] = []
    tested, places = len(asked.tested), asked.places
    at, step = tested + places.index("id"), min(max(2 * limit, _LEAST), _MOST)
    tried = False
    while len(found) < limit:
        # It may go through all there is: a store that reads where everybody waits for it must not do it there.
        rows = await _rows(
            reader, asked.table, asked.filters, (*asked.tested, *places), asked.keys, after, step, aside=True
        )
        ids = [row[at] for row in rows if asked.will_do(row)]
        found += await asked.whole(reader, ids, limit - len(found))
        if len(rows) < step or len(found) >= limit:
            break
        after = tuple(
            _LOWEST[asked.table.c[name].type.python_type] if value is None else value
            for name, value in zip(places, rows[-1][tested:], strict=True)
        )
        if not tried:
            tried, some = True, await _walked(reader, asked, after)
            if some is not None:
                return found + await asked.whole(reader, some, limit - len(found))
        await asyncio.sleep(0)
    return found


async def _walked(reader: Reader, asked: _Sifting, after: Row | None) -> list[str] | None:
    """The ids after `after`, in order, of rows that will do, by an index that has all that is tested; None where there
    is none or they are too many.
    """
    table, tested, places = asked.table, len(asked.tested), asked.places
    shape, _ = _bind(asked.filters)
    way = (
        ranges.walk(table, shape, frozenset((*asked.tested, *places))) if table.info.get("crowded") else None
    )
    if way is None:
        return None
    filters = [asked.filters[at] for at in way.answers]
    steps = tuple(Sort(column) for column in ranges.columns_of(table, way.index))
    columns = (*asked.tested, *places, *(sort.column for sort in steps))
    width = tested + len(places)
    found: list[Row] = []
    reached: Row | None = None
    while True:
        shape, values = _bind(filters, reached)
        query = _page_query(table, columns, shape, steps, reached is not None, way.index, heavy=True)
        rows = await reader.rows(query, **values, n=_STRIDE)
        found += [row[tested:width] for row in rows if asked.will_do(row)]
        if len(found) > _COVERED:
            return None
        if len(rows) < _STRIDE:
            return _ordered(found, asked.keys, after)
        reached = rows[-1][width:]
        await asyncio.sleep(0)


async def _rows(
    reader: Reader,
    table: Table,
    filters: Filters,
    columns: tuple[str, ...],
    keys: tuple[Sort, ...],
    after: Row | None,
    limit: int,
    *,
    aside: bool = False,
) -> list[Row]:
    """Some rows in order, by the shortest way. `aside`: many more will be asked for."""
    shape, values = _bind(filters, after)
    crowded = bool(table.info.get("crowded"))
    way = ranges.way(table, shape, tuple((s.column, s.descending) for s in keys)) if crowded else ranges.Way()
    if way.narrow is not None:
        if len(way.branches) == 1 and limit <= _MOST:
            some = await _begun(reader, table, filters, keys, after, limit, way.branches[0])
            if len(some) == limit:
                rows = await _by_ids(reader, table, filters, columns, some, limit)
                if (
                    len(rows) == limit
                ):  # else one was changed meanwhile, and a short page means that it is the last
                    return rows
        ids = await _narrowed(reader, table, filters, way.narrow, keys, after)
        if ids is not None:
            return await _by_ids(reader, table, filters, columns, ids, limit)
    heavy = crowded and (way.scans or aside)
    if len(way.branches) < 2:
        index = way.branches[0].index if way.branches else ""
        if not way.branches or all(pick < 0 for pick in way.branches[0].picks):
            query = _page_query(table, columns, shape, keys, after is not None, index, heavy)
            return await reader.rows(query, **values, n=limit)
    return await _merged(reader, table, filters, columns, keys, after, limit, way.branches, heavy=heavy)


async def _begun(
    reader: Reader,
    table: Table,
    filters: Filters,
    keys: tuple[Sort, ...],
    after: Row | None,
    limit: int,
    branch: ranges.Branch,
) -> list[str]:
    """The ids of those among the next rows in order that belong to the list: often there are enough."""
    shape, values = _bind(_picked(filters, branch.picks), after)
    held = ranges.answered(table, branch.index, shape)
    query = _begun_query(table, shape, held, keys, after is not None, branch.index)
    ahead = limit * _AHEAD
    found = await reader.rows(query, **values, n=limit, ahead=ahead)
    if len(found) < limit and len(found) * _ONE_IN >= ahead:
        ahead = min(limit * _ONE_IN, ahead * limit * 3 // (len(found) * 2))
        found = await reader.rows(query, **values, n=limit, ahead=ahead)
    return [id for (id,) in found]


async def _merged(
    reader: Reader,
    table: Table,
    filters: Filters,
    columns: tuple[str, ...],
    keys: tuple[Sort, ...],
    after: Row | None,
    limit: int,
    branches: Sequence[ranges.Branch],
    *,
    heavy: bool,
) -> list[Row]:
    """The first rows of several lists, each of them in order. One that is in two of them counts once."""
    places = tuple(sort.column for sort in keys)
    lists = []
    for branch in branches:
        shape, values = _bind(_picked(filters, branch.picks), after)
        query = _page_query(table, (*columns, *places), shape, keys, after is not None, branch.index, heavy)
        lists.append(await reader.rows(query, **values, n=limit))
    width = len(columns)
    # All keys go the same way, and end with the id: rows alike in them are one row.
    merged = heapq.merge(*lists, key=lambda row: row[width:], reverse=keys[0].descending)
    found: list[Row] = []
    before: Row | None = None
    for row in merged:
        if row[width:] != before:
            found.append(row[:width])
            before = row[width:]
            if len(found) == limit:
                break
    return found


def _picked(filters: Filters, picks: Sequence[int]) -> Filters:
    """The filters of one list among several."""
    found: list[Filter | Sequence[Filter]] = []
    for one, pick in zip(filters, picks, strict=True):
        if pick < 0:
            found.append(one)
        elif isinstance(one, Filter):
            found.append(Filter(one.column, "eq", one.value[pick]))
        else:
            found.append(one[pick] if len(one) > 1 else Filter(one[0].column, "eq", one[0].value[pick]))
    return found


async def _narrowed(
    reader: Reader,
    table: Table,
    filters: Filters,
    narrow: ranges.Narrow,
    keys: tuple[Sort, ...],
    after: Row | None,
) -> list[str] | None:
    """The ids after `after`, in order, of rows that may belong to the list; None where they are too many."""
    most = _COVERED if narrow.covered else _LOOKED_UP
    places = tuple(sort.column for sort in keys)
    rows: set[Row] = set()
    for branch in narrow.branches:
        picked = _picked(filters, branch.picks)
        shape, values = _bind([picked[at] for at in branch.answers])
        query = _page_query(table, places, shape, (), False, branch.index, heavy=True)
        rows.update(await reader.rows(query, **values, n=most + 1))
        if len(rows) > most:
            return None
    return _ordered(list(rows), keys, after)


def _ordered(ordered: list[Row], keys: tuple[Sort, ...], after: Row | None) -> list[str]:
    """The ids of those after `after`, in order, of rows that are their sort keys."""
    for at, sort in reversed([*enumerate(keys)]):
        ordered.sort(key=lambda row, at=at: row[at], reverse=sort.descending)  # type: ignore[misc]
    if after is not None:
        bounds = after

        def beyond(row: Row) -> bool:
            for value, bound, sort in zip(row, bounds, keys, strict=True):
                if value != bound:
                    return bool(value < bound) if sort.descending else bool(value > bound)
            return False

        ordered = ordered[bisect_left(ordered, True, key=beyond) :]
    at = [sort.column for sort in keys].index("id")
    return [row[at] for row in ordered]


async def _by_ids(
    reader: Reader, table: Table, filters: Filters, columns: tuple[str, ...], ids: list[str], limit: int
) -> list[Row]:
    """The first rows of these that all filters hold for."""
    found: list[Row] = []
    step = min(max(limit, 1), _LEAST)
    for start in range(0, len(ids), step):
        some = ids[start : start + step]
        asked = some + some[-1:] * (step - len(some))  # as many as ever: one statement for all
        shape, values = _bind([*filters, Filter("id", "in", asked)])
        query = _page_query(table, (*columns, "id"), shape, (), False, _PRIMARY)
        known = {row[-1]: row[:-1] for row in await reader.rows(query, **values, n=step)}
        found += [known[id] for id in some if id in known]
        if len(found) >= limit:
            break
    return found[:limit]


Sieve = list[tuple[str, Callable[[Any], bool]]]
"""Column, and whether a value of it will do."""


def _divided(filters: Filters) -> tuple[list[Filter | Sequence[Filter]], Sieve]:
    """The conditions that a database is asked, and those that are looked at here."""
    asked: list[Filter | Sequence[Filter]] = []
    sifted: Sieve = []
    for one in filters:
        beyond = isinstance(one, Filter) and one.op in ("like", "notlike") and not str(one.value).isascii()
        if isinstance(one, Filter) and (one.op == "regex" or beyond):
            sifted.append((one.column, sieve(one)))
        else:
            asked.append(one)
    return asked, sifted


def sieve(one: Filter) -> Callable[[Any], bool]:
    """Whether a value will do, for `like`, `notlike` and `regex`: the very rules of lists."""
    if one.op == "regex":
        return _whole(matcher(str(one.value)), yes=True)
    return _whole(_like(str(one.value)), yes=one.op == "like")


def _whole(matches: Matcher, *, yes: bool) -> Callable[[Any], bool]:
    return lambda value: value is not None and matches(str(value)) is yes


def _like(pattern: str) -> Matcher:
    """LIKE, with a backslash before what means itself."""
    parts = []
    for one in re.finditer(r"\\(.)|(.)", pattern, re.DOTALL):
        wild = {"%": ".*", "_": "."}.get(one[2] or "")
        parts.append(wild or re.escape(one[1] or one[2]))
    compiled = re.compile("".join(parts), re.IGNORECASE | re.ASCII | re.DOTALL)
    return lambda text: compiled.fullmatch(text) is not None


async def count(reader: Reader, table: Table, filters: Filters) -> int:
    """How many rows there are."""
    asked, sifted = _divided(filters)
    if sifted:
        columns = tuple(column for column, _ in sifted)
        everything = await page(reader, table, asked, columns=columns, sorts=(Sort("id"),), limit=2**31 - 1)
        return sum(
            all(matches(value) for (_, matches), value in zip(sifted, row, strict=True)) for row in everything
        )
    shape, values = _bind(asked)
    row = await reader.row(_count_query(table, shape), **values)
    return int(row[0]) if row else 0
