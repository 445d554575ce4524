"""What becomes of a snapshot of a group with those of its volumes."""

from __future__ import annotations

from fractus.model.resource import Resource
from fractus.services.volume.dialect.writes import WholeWrites
from fractus.services.volume.group_snapshots.kind import KIND
from fractus.store.transaction import Transaction


class GroupSnapshotWrites(WholeWrites):
    """Writes snapshots of groups for those who write snapshots."""

    kind, key, parts = KIND, "group_snapshot_id", "snapshots"

    async def progressed(self, tx: Transaction, snapshot: Resource) -> None:
        """How far one of its snapshots is has changed."""
        whole = await self.whole_of(tx, snapshot)
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
