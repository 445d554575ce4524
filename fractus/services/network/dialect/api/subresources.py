"""The API of a declared kind whose things are parts of another's: a collection like others, written with the parent.

It has a path of its own, and a body names the parent (`/security-group-rules`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from fractus.model.resource import Resource
from fractus.services.field import given
from fractus.services.network.dialect.api.access import authorise, refuse_foreign, visible
from fractus.services.network.dialect.api.collection import CollectionApi
from fractus.services.network.dialect.api.neighbours import NetworkNeighbours
from fractus.services.network.dialect.schema.attributes import Item
from fractus.services.network.dialect.writes.subresources import SubresourceWriter
from fractus.store.transaction import Reader, Transaction
from fractus.web.routing import Call


class SubresourceApi(CollectionApi):
    """Handlers of one kind of sub-resources. A subclass names it, and overrides the hooks that it needs.

    What hooks of `CollectionApi` are for new resources, `complete` and `check` are here. None is ever changed: it is
    removed, and another is made.
    """

    updates = False
    parents: ClassVar[type[CollectionApi]]
    """Serves the parents."""

    def __init__(self, at: NetworkNeighbours) -> None:
        super().__init__(at)
        self._parents = self.parents(at)
        writer = SubresourceWriter(self.parents.kind, self.kind, at.writer(self.parents.kind))
        self._writes = self._parts = writer
        self._in = writer.rows.parent

    async def find(self, reader: Reader, call: Call, id: str, *, to_write: bool = False) -> Resource:
        """The part, where the caller may see it."""
        found = await self._parts.fetch(reader, id, to_write=to_write)
        return visible(call, None if found is None else found[1], self.kind.target, self.missing(id))

    def judge(self, call: Call, item: Item) -> None:
        """It depends on the parent: judged with it."""

    async def add_all(self, tx: Transaction, call: Call, items: Sequence[Item]) -> list[Resource]:
        """New parts of one parent: all that the first names."""
        parent = await self._parents.find(tx, call, items[0].values[self._in.field])
        parts = [await self._new(tx, call, parent, item) for item in items]
        self.check(parent, parts)
        return await self._parts.add(tx, parent, parts)

    async def _new(self, tx: Transaction, call: Call, parent: Resource, item: Item) -> Resource:
        fields = self.kind.fields
        about = {**item.values, self._in.owner: parent.project_id}
        authorise(call, f"create_{self.kind.name}", fields, item, about, create=True)
        refuse_foreign(fields, item)
        part = self.new(call, item)
        part.project_id, part.desired = parent.project_id, given(fields, item.values)
        await self.complete(tx, call, parent, part, item)
        return part

    # --- hooks -----------------------------------------------------------------------------------

    async def complete(
        self, tx: Transaction, call: Call, parent: Resource, part: Resource, item: Item
    ) -> None:
        """Refuse a new one, or complete its `desired`."""

    def check(self, parent: Resource, parts: Sequence[Resource]) -> None:
        """Refuse new ones that cannot be beside each other, or beside those that the parent has."""
