"""Statements of lists, made once for each *shape* (which filters, which order) and kept; the values are bound.

The keyset condition is written `a >= ? AND (a > ? OR id > ?)`, for MariaDB does not use an index for row comparisons.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

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
    literal,
    or_,
    select,
    true,
)

from fractus.store.index_choice import PRIMARY, Shape
from fractus.store.transaction import Query, Row

OPS = {"eq", "ne", "gt", "ge", "lt", "le", "in", "notin", "like", "notlike", "regex", "null", "notnull"}

LOWEST: dict[type[Any], Any] = {str: "", bool: False, int: -(2**63), float: -1e308}
"""The lowest value of a type: where NULL stands in an order."""


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
    return func.coalesce(col, LOWEST[col.type.python_type])


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


def _by(statement: Select[Any], table: Table, index: str) -> Select[Any]:
    """Read by this index, and no other."""
    lite, maria = (f"sqlite_autoindex_{table.name}_1", "PRIMARY") if index == PRIMARY else (index, index)
    statement = statement.with_hint(table, f"INDEXED BY {lite}", "sqlite")
    return statement.with_hint(table, f"FORCE INDEX ({maria})", "mariadb")


@lru_cache(maxsize=4096)
def page_query(
    table: Table,
    columns: tuple[str, ...],
    shape: Shape,
    sorts: tuple[Sort, ...],
    after: bool,
    index: str = "",
    heavy: bool = False,
) -> Query:
    """The first `n` rows in order; with `after`, of those after the one whose sort values are given."""
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
def begun_query(
    table: Table, shape: Shape, held: tuple[int, ...], sorts: tuple[Sort, ...], after: bool, index: str
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
def several_query(table: Table, shape: Shape, index: str, heavy: bool) -> Query:
    """How many rows of an index hold what it answers: `n` at most."""
    some = _by(select(literal(1).label("one")), table, index).where(*_shape(table, shape))
    return Query(select(func.count()).select_from(some.limit(bindparam("n")).subquery("some")), heavy=heavy)


@lru_cache(maxsize=1024)
def first_query(table: Table, shape: Shape, column: str, index: str) -> Query:
    """The first value of a column in an index, at or after a value of it."""
    value = table.c[column]
    first = select(value).where(*_shape(table, shape), value >= bindparam("least", type_=value.type))
    return Query(_by(first.order_by(value).limit(1), table, index))


@lru_cache(maxsize=1024)
def count_query(table: Table, shape: Shape) -> Query:
    """How many rows there are."""
    return Query(select(func.count()).select_from(table).where(*_shape(table, shape)))


@lru_cache(maxsize=1024)
def marker_query(table: Table, columns: tuple[str, ...]) -> Query:
    """What a row, named by its id, is sorted by."""
    return Query(select(*(_key(table, name) for name in columns)).where(table.c.id == bindparam("key")))


def _shape(table: FromClause, shape: Shape) -> list[ColumnElement[bool]]:
    conditions = []
    for i, group in enumerate(shape):
        parts = [_condition(table, c, op, size, f"f{i}_{j}") for j, (c, op, size) in enumerate(group)]
        conditions.append(or_(*parts) if len(parts) > 1 else parts[0])
    return conditions


Filters = Sequence[Filter | Sequence[Filter]]
"""Conditions that all hold; a sequence inside is an OR."""


def bind(filters: Filters, after: Row | None = None) -> tuple[Shape, dict[str, Any]]:
    """What the statement for these filters is known by, and its values, with those of the row that it begins after."""
    shape, values = [], {f"m{i}": value for i, value in enumerate(after or ())}
    for i, entry in enumerate(filters):
        group = [entry] if isinstance(entry, Filter) else list(entry)
        parts = []
        for j, one in enumerate(group):
            if one.op not in OPS or one.op == "regex":
                raise ValueError(f"no such operator: {one.op}")
            many = one.op in ("in", "notin")
            parts.append((one.column, one.op, len(one.value) if many else 0))
            if many:
                values.update({f"f{i}_{j}_{n}": value for n, value in enumerate(one.value)})
            elif one.op not in ("null", "notnull"):
                values[f"f{i}_{j}"] = one.value
        shape.append(tuple(parts))
    return tuple(shape), values
