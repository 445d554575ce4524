"""The store as it is: every row of every table, to be compared."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from typing import Any

from sqlalchemy import literal_column, select, table

from fractus.store.schema import METADATA
from fractus.store.transaction import Query, Row
from fractus.testing.world import World

#: How the names of tables begin that tests declare.
_OTHERS = ("test_", "toy_", "crate")

Rows = Mapping[str, list[Row]]


async def rows_of(world: World) -> dict[str, list[Row]]:
    """Every row of every table, whatever it is for."""
    found: dict[str, list[Row]] = {}
    for name in sorted(METADATA.tables):
        everything = select(literal_column("*")).select_from(table(name))
        try:
            rows = await world.parts.store.rows(Query(everything))
        except Exception as error:
            # Tests of other floors declare tables of their own, which no migration makes.
            if name not in str(error) or not name.startswith(_OTHERS):
                raise
            continue
        found[name] = sorted(rows, key=repr)
    return found


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
