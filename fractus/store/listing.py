"""Lists: filters, sorting, keyset paging. Markers are rows of our own store, so paging is stable (law 12).

The statement for a *shape* of list (which filters, which sort) is compiled once and kept; the values are bound. The
keyset condition is written `a >= ? AND (a > ? OR id > ?)`, for MariaDB does not use an index for row comparisons.

What databases do not agree on is decided here, so that a list is the same whatever stands below: patterns, and LIKE
with letters beyond ASCII (whose capitals each knows in its own way). Rows that hold all other conditions are read in
order, and sifted.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

from msgspec import Struct
from sqlalchemy import ColumnElement, Table, and_, bindparam, false, func, or_, select, true

from fractus.store.patterns import Matcher, matcher
from fractus.store.transaction import Query, Reader, Row

_OPS = {"eq", "ne", "gt", "ge", "lt", "le", "in", "notin", "like", "notlike", "regex", "null", "notnull"}

#: Rows read at a time to be sifted: a few more than are asked for, not one by one and not all at once.
_LEAST, _MOST = 100, 1000


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


def _condition(table: Table, column: str, op: str, size: int, name: str) -> ColumnElement[bool]:
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


@lru_cache(maxsize=4096)
def _page_query(
    table: Table,
    columns: tuple[str, ...],
    shape: tuple[tuple[tuple[str, str, int], ...], ...],
    sorts: tuple[Sort, ...],
    after: bool,
) -> Query:
    conditions = _shape(table, shape)
    if after:
        conditions.append(_after(table, sorts))
    keys = [(_key(table, sort.column), sort.descending) for sort in sorts]
    order = [key.desc() if descending else key.asc() for key, descending in keys]
    statement = select(*(table.c[name] for name in columns)).where(*conditions).order_by(*order)
    return Query(statement.limit(bindparam("n")))


@lru_cache(maxsize=1024)
def _count_query(table: Table, shape: tuple[tuple[tuple[str, str, int], ...], ...]) -> Query:
    return Query(select(func.count()).select_from(table).where(*_shape(table, shape)))


@lru_cache(maxsize=1024)
def _marker_query(table: Table, columns: tuple[str, ...]) -> Query:
    return Query(select(*(_key(table, name) for name in columns)).where(table.c.id == bindparam("key")))


def _shape(table: Table, shape: tuple[tuple[tuple[str, str, int], ...], ...]) -> list[ColumnElement[bool]]:
    conditions = []
    for i, group in enumerate(shape):
        parts = [_condition(table, c, op, size, f"f{i}_{j}") for j, (c, op, size) in enumerate(group)]
        conditions.append(or_(*parts) if len(parts) > 1 else parts[0])
    return conditions


Filters = Sequence[Filter | Sequence[Filter]]
"""Conditions that all hold; a sequence inside is an OR."""


def _bind(filters: Filters) -> tuple[tuple[tuple[tuple[str, str, int], ...], ...], dict[str, Any]]:
    shape, values = [], {}
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
    asked, sieve = _divided(filters)
    after: Row | None = None
    if marker is not None:
        after = await reader.row(_marker_query(table, tuple(s.column for s in keys)), key=marker)
        if after is None:
            raise UnknownMarker(marker)
    if not sieve:
        return await _rows(reader, table, asked, columns, keys, after, limit)
    found: list[Row] = []
    tested = tuple(column for column, _ in sieve)
    places = tuple(sort.column for sort in keys)
    step = min(max(2 * limit, _LEAST), _MOST)
    while len(found) < limit:
        rows = await _rows(reader, table, asked, (*columns, *tested, *places), keys, after, step)
        for row in rows:
            held = row[len(columns) : len(columns) + len(tested)]
            if all(matches(value) for (_, matches), value in zip(sieve, held, strict=True)):
                found.append(row[: len(columns)])
        if len(rows) < step:
            break
        after = tuple(
            _LOWEST[table.c[name].type.python_type] if value is None else value
            for name, value in zip(places, rows[-1][len(columns) + len(tested) :], strict=True)
        )
    return found[:limit]


async def _rows(
    reader: Reader,
    table: Table,
    filters: Filters,
    columns: tuple[str, ...],
    keys: tuple[Sort, ...],
    after: Row | None,
    limit: int,
) -> list[Row]:
    shape, values = _bind(filters)
    if after is not None:
        values.update({f"m{i}": value for i, value in enumerate(after)})
    return await reader.rows(_page_query(table, columns, shape, keys, after is not None), **values, n=limit)


Sieve = list[tuple[str, Callable[[Any], bool]]]
"""Column, and whether a value of it will do."""


def _divided(filters: Filters) -> tuple[list[Filter | Sequence[Filter]], Sieve]:
    """The conditions that a database is asked, and those that are looked at here."""
    asked: list[Filter | Sequence[Filter]] = []
    sieve: Sieve = []
    for one in filters:
        if isinstance(one, Filter) and one.op == "regex":
            sieve.append((one.column, _whole(matcher(str(one.value)), yes=True)))
        elif isinstance(one, Filter) and one.op in ("like", "notlike") and not str(one.value).isascii():
            sieve.append((one.column, _whole(_like(str(one.value)), yes=one.op == "like")))
        else:
            asked.append(one)
    return asked, sieve


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
    asked, sieve = _divided(filters)
    if sieve:
        columns = tuple(column for column, _ in sieve)
        everything = await page(reader, table, asked, columns=columns, sorts=(Sort("id"),), limit=2**31 - 1)
        return sum(
            all(matches(value) for (_, matches), value in zip(sieve, row, strict=True)) for row in everything
        )
    shape, values = _bind(asked)
    row = await reader.row(_count_query(table, shape), **values)
    return int(row[0]) if row else 0
