"""What becomes of a snapshot of a group with those of its volumes."""

from __future__ import annotations

from fractus.model.resource import Resource
from fractus.services.volume.group_snapshots.kind import KIND
from fractus.store.ledger import Ledger
from fractus.store.transaction import Transaction


class GroupSnapshotWrites:
    """Writes snapshots of groups for those who write snapshots."""

    def __init__(self, ledger: Ledger) -> None:
        """Write through `ledger`."""
        self._ledger = ledger

    async def progressed(self, tx: Transaction, snapshot: Resource) -> None:
        """How far one of its snapshots is has changed."""
        whole = await self._of(tx, snapshot)
        if whole is None or whole.desired["status"] != "creating":
            return
        every = await self._ledger.resources.many(tx, "snapshot", whole.desired["snapshots"])
        states = {one.status for one in every.values()}
        if "error" in states:
            whole.desired["status"] = "error"
        elif states <= {"available"}:
            whole.desired["status"] = "available"
        else:
            return
        await self.save(tx, whole)

    async def left(self, tx: Transaction, snapshot: Resource) -> None:
        """One of its snapshots is gone: the whole has ended with the last."""
        whole = await self._of(tx, snapshot)
        if whole is None:
            return
        whole.desired["snapshots"] = [one for one in whole.desired["snapshots"] if one != snapshot.id]
        if whole.wanted or whole.desired["snapshots"]:
            await self.save(tx, whole)
        else:
            await self.end(tx, whole)

    async def end(self, tx: Transaction, whole: Resource) -> None:
        """Nothing is left of it: it is gone, and its group is free."""
        whole.wanted, whole.deleted_at = False, tx.now()
        await self._ledger.resources.set_needs(tx, KIND.name, whole.id, [])
        await self._ledger.remove(tx, whole, KIND.summarise(whole, ()), hide=True)

    async def save(self, tx: Transaction, whole: Resource) -> None:
        """Write what is shown of it."""
        whole.updated_at = tx.now()
        await self._ledger.resources.save(tx, whole, KIND.summarise(whole, ()))

    async def _of(self, tx: Transaction, snapshot: Resource) -> Resource | None:
        id = snapshot.desired.get("group_snapshot_id")
        whole = await self._ledger.resources.fetch(tx, KIND.name, id, to_write=True) if id else None
        return whole if whole is not None and whole.deleted_at is None else None
