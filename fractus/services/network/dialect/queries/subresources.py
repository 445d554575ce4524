"""Sub-resources: things with ids and routes of their own that are parts of another and live in its row.

What is desired of the parent holds them in a list (`Kind.parent`), so a change of one is a change of the parent: its
clouds hear of it, its generation and its quota count it. Their own rows are there for lists, and to find the parent by
an id; they are written in the parent's transaction. No cloud and no part of the machine knows of them but as a field of
their parent.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import bindparam, delete, insert, select

from fractus.model.resource import Resource
from fractus.services.kind import Kind
from fractus.store.transaction import Query, Reader, Transaction

_encode = msgspec.json.encode


class Subresources:
    """The sub-resources of one kind, as entries of their parents and as rows."""

    def __init__(self, kind: Kind) -> None:
        """`ValueError` for a kind that has rows of its own."""
        if kind.parent is None:
            raise ValueError(f"{kind.name} has no parent")
        self.kind, self.parent = kind, kind.parent
        columns = kind.table.c
        self._names = tuple(one.name for one in columns)
        self._insert = Query(insert(kind.table).values({name: bindparam(name) for name in self._names}))
        self._delete = Query(delete(kind.table).where(columns.id == bindparam("key")))
        self._delete_of = Query(delete(kind.table).where(columns[self.parent.field] == bindparam("key")))
        self._holder = Query(select(columns[self.parent.field]).where(columns.id == bindparam("key")))

    async def parent_id(self, reader: Reader, id: str) -> str | None:
        """The id of the parent of one."""
        row = await reader.row(self._holder, key=id)
        return None if row is None else str(row[0])

    def among(self, parent: Resource) -> list[dict[str, Any]]:
        """The entries in what is desired of a parent."""
        keys = (self.parent.key, *self.parent.apart.values())
        return [entry for key in keys for entry in parent.desired.get(key, ())]

    def keep(self, parent: Resource, entries: Iterable[dict[str, Any]]) -> None:
        """Put them into what is desired of a parent, in place of those that it has."""
        lists: dict[str, list[dict[str, Any]]] = {self.parent.key: []}
        lists |= {key: [] for key in self.parent.apart.values() if key in parent.desired}
        for entry in entries:
            own = (key for field, key in self.parent.apart.items() if entry.get(field))
            lists.setdefault(next(own, self.parent.key), []).append(entry)
        parent.desired.update(lists)

    def entry(self, resource: Resource) -> dict[str, Any]:
        """One as it is kept in its parent."""
        kept = {name: value for name, value in resource.desired.items() if name != self.parent.field}
        return {**kept, "id": resource.id, "created_at": resource.created_at}

    def resource(self, parent: Resource, entry: Mapping[str, Any]) -> Resource:
        """An entry as a resource, without its document."""
        return Resource(
            kind=self.kind.name,
            id=entry["id"],
            project_id=parent.project_id,
            name=entry.get("name") or "",
            desired={**entry, self.parent.field: parent.id},
            created_at=entry["created_at"],
            updated_at=entry["created_at"],
        )

    async def write(
        self, tx: Transaction, parent: Resource, entries: Iterable[Mapping[str, Any]]
    ) -> list[Resource]:
        """The rows of entries that have none; with their documents."""
        made = []
        for entry in entries:
            one = self.resource(parent, entry)
            shown = self.kind.summarise(one, ())
            one.summary = _encode(shown.document)
            row = {
                **shown.columns,
                "id": one.id,
                "project_id": one.project_id,
                self.parent.field: parent.id,
                "created_at": one.created_at,
                "summary": one.summary,
            }
            await tx.execute(self._insert, **{name: row[name] for name in self._names})
            made.append(one)
        return made

    async def drop(self, tx: Transaction, ids: Sequence[str]) -> None:
        """Remove rows."""
        for id in ids:
            await tx.execute(self._delete, key=id)

    async def drop_of(self, tx: Transaction, parent_id: str) -> None:
        """Remove the rows of all that a parent has."""
        await tx.execute(self._delete_of, key=parent_id)
