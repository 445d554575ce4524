"""Which things of a kind there are: of those that are not deleted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

from fractus.model.resource import Resource
from fractus.store.listing import Filter, Sort, page
from fractus.store.resources import Resources
from fractus.store.transaction import Reader, Row

Condition: TypeAlias = "Filter | Sequence[Filter]"
"""One of them, or that any of some holds."""

_ALIVE = Filter("deleted_at", "null")

#: More than a table has.
_ALL = 1 << 31


async def rows(
    reader: Reader,
    resources: Resources,
    kind: str,
    *conditions: Condition,
    columns: tuple[str, ...] = ("id",),
    limit: int = _ALL,
) -> list[Row]:
    """Columns of those for which all conditions hold, oldest first."""
    return await page(
        reader, resources.tables[kind], [*conditions, _ALIVE],
        columns=columns, sorts=[Sort("created_at")], limit=limit,
    )  # fmt: skip


async def ids(reader: Reader, resources: Resources, kind: str, *conditions: Condition) -> list[str]:
    """The ids of those, oldest first."""
    return [row[0] for row in await rows(reader, resources, kind, *conditions)]


async def is_some(reader: Reader, resources: Resources, kind: str, *conditions: Condition) -> bool:
    """Whether there is one."""
    return bool(await rows(reader, resources, kind, *conditions, limit=1))


async def every(reader: Reader, resources: Resources, kind: str, *conditions: Condition) -> list[Resource]:
    """Those, whole, oldest first."""
    found = [
        await resources.fetch(reader, kind, id) for id in await ids(reader, resources, kind, *conditions)
    ]
    return [one for one in found if one is not None]
