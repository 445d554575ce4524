"""Writing snapshots for others: of the volumes of a server of which an image is made."""

from __future__ import annotations

from typing import Any

from fractus.auth.principal import Principal
from fractus.base.ids import new_id
from fractus.model.errors import Conflict
from fractus.model.resource import Resource
from fractus.services.volume.dialect.writes import Asker
from fractus.services.volume.snapshots.kind import KIND
from fractus.store import presences
from fractus.store.ledger import Ledger
from fractus.store.transaction import Transaction


class SnapshotWrites:
    """Writes snapshots."""

    def __init__(self, ledger: Ledger) -> None:
        """Write through `ledger`."""
        self._ledger = ledger

    async def of_member(
        self, tx: Transaction, who: Asker, volume: Resource, said: dict[str, Any]
    ) -> Resource:
        """A snapshot of a volume of a group, whatever uses that. `said`: its texts, and of what it is a part.

        `QuotaExceeded` where the project has none for another.
        """
        return await self._write(tx, who, volume, said)

    async def remove(self, tx: Transaction, id: str) -> None:
        """One is no longer wanted."""
        snapshot = await self._ledger.resources.fetch(tx, KIND.name, id, to_write=True)
        if snapshot is not None and snapshot.wanted:
            snapshot.wanted = False
            every = await presences.of_resource(tx, KIND.name, id)
            await self._ledger.remove(tx, snapshot, KIND.summarise(snapshot, every), hide=False)

    async def of_volume(
        self, tx: Transaction, who: Principal, request_id: str, volume_id: str, name: str
    ) -> Resource:
        """A snapshot of a volume that may be in use. `QuotaExceeded` where the project has none for another."""
        volume = await self._ledger.resources.fetch(tx, "volume", volume_id)
        if volume is None or volume.status not in ("available", "in-use"):
            raise Conflict(f"Volume {volume_id} is in no state for a snapshot.")
        asker = Asker(who.project_id, who.user_id, request_id)
        return await self._write(
            tx, asker, volume, {"name": name, "description": volume.desired["description"]}
        )

    async def _write(self, tx: Transaction, who: Asker, volume: Resource, said: dict[str, Any]) -> Resource:
        known = {field: volume.desired[field] for field in ("size", "type_id", "type_name")}
        resource = Resource(
            kind=KIND.name, id=new_id(), project_id=who.project_id, user_id=who.user_id, name=said["name"] or "",
            desired={"metadata": {}, "volume_id": volume.id, **known, **said},
            request_id=who.request_id, created_at=tx.now(), updated_at=tx.now(),
        )  # fmt: skip
        return await self._ledger.create(
            tx, resource, KIND.summarise(resource, ()), KIND.needs(resource), assign=True
        )
