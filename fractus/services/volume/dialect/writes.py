"""What those who write for others are given and asked for, and what ends with the last of its parts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Protocol

from msgspec import Struct

from fractus.model.action import Action
from fractus.model.resource import Need, Resource
from fractus.services.kind import Kind
from fractus.store.ledger import Ledger
from fractus.store.transaction import Transaction


class Asker(Struct, frozen=True):
    """Who asked for something, and by which request."""

    project_id: str
    user_id: str
    request_id: str


class AsksClouds(Protocol):
    """What has the clouds of volumes do something."""

    async def ask(
        self,
        tx: Transaction,
        volume: Resource,
        verb: str,
        args: dict[str, Any],
        who: Asker,
        *,
        status: str,
        needs: Sequence[Need] | None = None,
    ) -> Action:
        """The cloud of one is to do something, and it is busy with that meanwhile. `needs`: all; None: as before."""
        ...


class WholeWrites:
    """Writes what is made of several things (a group, its snapshot) for those who write its parts."""

    kind: ClassVar[Kind]
    key: ClassVar[str]
    """Where a part has the id of its whole, in `desired`."""
    parts: ClassVar[str]
    """Where the whole has the ids of its parts, in `desired`."""

    def __init__(self, ledger: Ledger) -> None:
        """Write through `ledger`."""
        self._ledger = ledger

    async def whole_of(self, tx: Transaction, part: Resource) -> Resource | None:
        """What a part belongs to, to be written; None: to nothing that is there."""
        id = part.desired.get(self.key)
        whole = await self._ledger.resources.fetch(tx, self.kind.name, id, to_write=True) if id else None
        return whole if whole is not None and whole.deleted_at is None else None

    async def left(self, tx: Transaction, part: Resource) -> None:
        """A part is gone. A whole that ends has ended with its last one."""
        whole = await self.whole_of(tx, part)
        if whole is None:
            return
        whole.desired[self.parts] = [one for one in whole.desired[self.parts] if one != part.id]
        if whole.wanted or whole.desired[self.parts]:
            await self.save(tx, whole)
        else:
            await self.end(tx, whole)

    async def end(self, tx: Transaction, whole: Resource) -> None:
        """Nothing is left of it: it is gone, and what it needs is free."""
        whole.wanted, whole.deleted_at = False, tx.now()
        await self._ledger.resources.set_needs(tx, self.kind.name, whole.id, [])
        await self._ledger.remove(tx, whole, self.kind.summarise(whole, ()), hide=True)

    async def save(self, tx: Transaction, whole: Resource) -> None:
        """Write what is shown of it."""
        whole.updated_at = tx.now()
        await self._ledger.resources.save(tx, whole, self.kind.summarise(whole, ()))
