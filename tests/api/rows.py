"""The store as it is: every row of every table, to be compared."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from typing import Any

from sqlalchemy import column, func, literal_column, select, table

from fractus.store.server import ServerStore
from fractus.store.transaction import Query, Row, Store
from fractus.testing.world import World

Rows = Mapping[str, list[Row]]


async def rows_of(world: World) -> dict[str, list[Row]]:
    """Every row of every table, whatever it is for."""
    names = await world.parts.store.rows(_tables(world.parts.store))
    found: dict[str, list[Row]] = {}
    for (name,) in sorted(names):
        everything = select(literal_column("*")).select_from(table(name))
        rows = await world.parts.store.rows(Query(everything))
        found[name] = sorted(rows, key=repr)
    return found


def _tables(store: Store) -> Query:
    """Asks a store for the names of its tables."""
    if not isinstance(store, ServerStore):
        schema = table("sqlite_master", column("name"), column("type"))
        return Query(select(schema.c.name).where(schema.c.type == "table"))
    listed = table("tables", column("table_name"), column("table_schema"), schema="information_schema")
    here = func.current_schema() if store.driver.dialect.name == "postgresql" else func.database()
    return Query(select(listed.c.table_name).where(listed.c.table_schema == here))


def changes(before: Rows, after: Rows) -> list[str]:
    """What came, went and changed, a line each."""
    lines = []
    for name in sorted(before.keys() | after.keys()):
        old, new = Counter(map(repr, before.get(name, []))), Counter(map(repr, after.get(name, [])))
        lines += [f"- {name}: {row}" for row in old - new] + [f"+ {name}: {row}" for row in new - old]
    return lines


def that_name(rows: Rows, words: Collection[str]) -> dict[str, list[Row]]:
    """The rows in which one of these words stands somewhere."""
    return {name: [row for row in of if _names(row, words)] for name, of in rows.items()}


def _names(row: Row, words: Collection[str]) -> bool:
    text = " ".join(map(_text, row))
    return any(word in text for word in words)


def _text(value: Any) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)


def outside(world: World) -> int:
    """How many calls have reached the clouds so far."""
    return sum(len(cloud.faults.log) for cloud in world.clouds)
