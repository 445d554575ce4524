"""Writing snapshots for others: of the volumes of a server of which an image is made."""

from __future__ import annotations

from fractus.auth.principal import Principal
from fractus.base.ids import new_id
from fractus.model.errors import Conflict
from fractus.model.resource import Resource
from fractus.services.volume.snapshots.kind import KIND
from fractus.store.ledger import Ledger
from fractus.store.transaction import Transaction


class SnapshotWrites:
    """Writes snapshots."""

    def __init__(self, ledger: Ledger) -> None:
        """Write through `ledger`."""
        self._ledger = ledger

    async def of_volume(
        self, tx: Transaction, who: Principal, request_id: str, volume_id: str, name: str
    ) -> Resource:
        """A snapshot of a volume that may be in use. `QuotaExceeded` where the project has none for another."""
        volume = await self._ledger.resources.fetch(tx, "volume", volume_id)
        if volume is None or volume.status not in ("available", "in-use"):
            raise Conflict(f"Volume {volume_id} is in no state for a snapshot.")
        known = {field: volume.desired[field] for field in ("size", "type_id", "type_name", "description")}
        resource = Resource(
            kind=KIND.name, id=new_id(), project_id=who.project_id, user_id=who.user_id, name=name,
            desired={"name": name, "metadata": {}, "volume_id": volume.id, **known},
            request_id=request_id, created_at=tx.now(), updated_at=tx.now(),
        )  # fmt: skip
        return await self._ledger.create(
            tx, resource, KIND.summarise(resource, ()), KIND.needs(resource), assign=True
        )
