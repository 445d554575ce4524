"""Finding what is not deleted by what users call it."""

from __future__ import annotations

from typing import ClassVar

from sqlalchemy import bindparam, select

from fractus.model.resource import Resource
from fractus.services.compute.dialect.kind import ComputeKind
from fractus.store.resources import Resources
from fractus.store.transaction import Query, Reader


class Live:
    """One kind's, by the value of its column `live`."""

    def __init__(self, kind: ComputeKind, column: str = "") -> None:
        """`column`: another one that is unique and empty once a thing is deleted."""
        self.kind = kind.name
        self._query = Query(
            select(kind.table.c.id).where(kind.table.c[column or kind.live] == bindparam("live"))
        )

    async def id(self, reader: Reader, live: str) -> str | None:
        """Our id of it."""
        row = await reader.row(self._query, live=live)
        return None if row is None else str(row[0])


class Source:
    """One kind's resources, for other kinds. A subclass says by what they ask."""

    live: ClassVar[Live]

    def __init__(self, resources: Resources) -> None:
        """Read them from `resources`."""
        self._resources = resources

    async def found(self, reader: Reader, live: str) -> Resource | None:
        """The one that has this in its column `live`."""
        id = await self.live.id(reader, live)
        return None if id is None else await self._resources.fetch(reader, self.live.kind, id)
