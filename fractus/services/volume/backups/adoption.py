"""A backup of a cloud becomes one of ours. Its volume may be gone, or be nobody's here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fractus.base.clock import parse_iso
from fractus.model.resource import Presence, Resource
from fractus.model.volumes import BackupObserved
from fractus.reconcile.adopt.adoption import (
    Adopt,
    AdoptionContext,
    Conflict,
    Ignore,
    Verdict,
    stamp,
    unmapped,
)
from fractus.services.volume.backups.kind import NO_VOLUME
from fractus.store.transaction import Transaction


class BackupAdoption:
    """Taking over backups."""

    after: tuple[str, ...] = ("volume", "snapshot")

    def rank(self, observed: BackupObserved) -> int:
        """No order among them: which of them another says the difference to is not shown."""
        return 0

    def needed(
        self, observed: BackupObserved, listed: Mapping[str, Mapping[str, Any]]
    ) -> list[tuple[str, str]]:
        """Nothing: it outlives its volume."""
        return []

    def rests_here(self, resource: Resource, presence: Presence) -> bool:
        """A backup is where its data is."""
        return False

    async def judge(self, tx: Transaction, observed: BackupObserved, context: AdoptionContext) -> Verdict:
        """Whose it is, and of which volume as far as that is ours."""
        project_id = context.project(observed.project_id)
        if project_id is None:
            return unmapped()
        if observed.status not in ("available", "error"):
            return Ignore(f"it is {observed.status}: try again when that is over")
        id = observed.marker or observed.remote_id
        known = await context.resource(tx, "backup", id)
        if known is not None:
            return Conflict(f"there is another backup {id} ({known.name}) here")
        volume = await context.taken(tx, "volume", observed.volume_id) if observed.volume_id else None
        made = stamp(observed.created_at)
        desired = {
            "name": observed.name or None,
            "description": observed.description,
            "metadata": dict(observed.metadata),
            "volume_id": volume.id if volume is not None else NO_VOLUME,
            "snapshot_id": "",
            "parent_id": "",
            "size": observed.size,
            "container": observed.container or "",
            "data_at": parse_iso(observed.data_timestamp) if observed.data_timestamp else made,
        }
        resource = Resource(
            kind="backup",
            id=id,
            project_id=project_id,
            user_id=str(observed.notes.get("user_id", "")) or context.user(observed.user_id),
            name=observed.name,
            desired=desired,
            created_at=made,
            choice={"cloud": context.cloud, "why": "its data is there", "chosen_at": made},
        )
        return Adopt(resource, memory={"ran": True, "reset": 0})
