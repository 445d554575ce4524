"""What volumes and other backups show of a backup, written with it."""

from __future__ import annotations

from typing import Protocol

from fractus.model.resource import Resource
from fractus.services.volume.backups.kind import KIND
from fractus.store import presences
from fractus.store.ledger import Ledger
from fractus.store.transaction import Transaction


class Volumes(Protocol):
    """What writes volumes."""

    async def free(self, tx: Transaction, volume_id: str, by: str) -> None:
        """What `by` kept it busy with is over."""
        ...


def key(backup_id: str) -> str:
    """By which a backup keeps its volume busy."""
    return f"backup/{backup_id}"


class BackupWrites:
    """Writes backups for others, and others for them."""

    def __init__(self, ledger: Ledger, volumes: Volumes) -> None:
        """`volumes` are kept busy while a backup of them is made."""
        self._ledger = ledger
        self._volumes = volumes

    async def depend(self, tx: Transaction, parent_id: str, backup_id: str) -> None:
        """A backup says the difference to another, which therefore stays."""
        await self._depends(tx, parent_id, backup_id, still=True)

    async def being_restored(self, tx: Transaction, backup_id: str, by: str) -> None:
        """It is being written to a volume, until `restored` with the same `by`."""
        backup = await self._ledger.resources.fetch(tx, KIND.name, backup_id, to_write=True)
        if backup is not None:
            backup.desired["restoring"] = by
            await self._save(tx, backup)

    async def restored(self, tx: Transaction, backup_id: str, by: str) -> None:
        """That is over."""
        backup = await self._ledger.resources.fetch(tx, KIND.name, backup_id, to_write=True)
        if backup is not None and backup.desired.get("restoring") == by:
            backup.desired.pop("restoring")
            await self._save(tx, backup)

    async def progressed(self, tx: Transaction, backup: Resource) -> None:
        """When it is made, or cannot be, its volume is free again."""
        if backup.status != "creating":
            await self._volumes.free(tx, backup.desired["volume_id"], key(backup.id))

    async def ended(self, tx: Transaction, backup: Resource) -> None:
        """It has left its cloud."""
        await self._volumes.free(tx, backup.desired["volume_id"], key(backup.id))
        if backup.desired["parent_id"]:
            await self._depends(tx, backup.desired["parent_id"], backup.id, still=False)

    async def _depends(self, tx: Transaction, parent_id: str, backup_id: str, *, still: bool) -> None:
        parent = await self._ledger.resources.fetch(tx, KIND.name, parent_id, to_write=True)
        if parent is None or parent.deleted_at is not None:
            return
        others = [one for one in parent.desired.get("dependents", ()) if one != backup_id]
        parent.desired["dependents"] = [*others, backup_id] if still else others
        await self._save(tx, parent)

    async def _save(self, tx: Transaction, backup: Resource) -> None:
        every = await presences.of_resource(tx, KIND.name, backup.id)
        await self._ledger.resources.save(tx, backup, KIND.summarise(backup, every))
