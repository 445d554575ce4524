"""How what is a part of another is written: with the whole, once for a request."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from fractus.model.resource import Resource
from fractus.services.kind import Kind
from fractus.services.network.dialect.queries.subresources import Subresources
from fractus.services.network.dialect.writes.writer import Writer
from fractus.store.transaction import Reader, Transaction


class SubresourceWriter(Writer):
    """Writes sub-resources of one kind, by writing their parents."""

    def __init__(self, parent: Kind, kind: Kind, parents: Writer) -> None:
        """`parents` writes the parents."""
        super().__init__(parents.ledger, kind.name, kind.summarise)
        self.rows = Subresources(kind)
        self._parent, self._parents = parent, parents

    async def fetch(
        self, reader: Reader, id: str, *, to_write: bool = False
    ) -> tuple[Resource, Resource] | None:
        """A parent that is there, and the part of it that has the id. `to_write`: others who will change them wait."""
        parent_id = await self.rows.parent_id(reader, id)
        if parent_id is None:
            return None
        parent = await self.ledger.resources.fetch(reader, self._parent.name, parent_id, to_write=to_write)
        if parent is None or parent.deleted_at is not None:
            return None
        entries = self.rows.among(parent)
        part = self.rows.resource(parent, next(one for one in entries if one["id"] == id))
        part.summary = msgspec.json.encode(self._summarise(part, []).document)
        return parent, part

    async def add(self, tx: Transaction, parent: Resource, parts: Sequence[Resource]) -> list[Resource]:
        """Several new ones, by one change of their parent."""
        for part in parts:
            part.created_at = part.updated_at = tx.now()
        entries = [self.rows.entry(part) for part in parts]
        await self._put(tx, parent, [*self.rows.among(parent), *entries])
        return await self.rows.write(tx, parent, entries)

    async def remove(self, tx: Transaction, resource: Resource) -> None:
        """Its parent is without it from now on."""
        found = await self.fetch(tx, resource.id)
        if found is not None:
            await self.remove_parts(tx, found[0], [resource.id])

    async def remove_parts(self, tx: Transaction, parent: Resource, ids: Sequence[str]) -> None:
        """Several less, by one change of their parent."""
        gone = set(ids)
        await self._put(tx, parent, [one for one in self.rows.among(parent) if one["id"] not in gone])
        await self.rows.drop(tx, ids)

    async def _put(self, tx: Transaction, parent: Resource, entries: list[dict[str, Any]]) -> None:
        self.rows.keep(parent, entries)
        await self._parents.change(tx, parent, self._parent.needs(parent))
