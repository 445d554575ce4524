"""A snapshot of a cloud becomes one of ours, of a volume that was taken over."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fractus.model.resource import Need, Presence, Resource
from fractus.model.volumes import SnapshotObserved
from fractus.reconcile.adopt.adoption import (
    Adopt,
    AdoptionContext,
    Conflict,
    Ignore,
    Verdict,
    stamp,
    unmapped,
)
from fractus.store.transaction import Transaction


class SnapshotAdoption:
    """Taking over snapshots."""

    after: tuple[str, ...] = ("volume",)

    def rank(self, observed: SnapshotObserved) -> int:
        """No order among them."""
        return 0

    def needed(
        self, observed: SnapshotObserved, listed: Mapping[str, Mapping[str, Any]]
    ) -> list[tuple[str, str]]:
        """Its volume."""
        return [("volume", observed.volume_id)]

    def rests_here(self, resource: Resource, presence: Presence) -> bool:
        """A snapshot is where its data is."""
        return False

    async def judge(self, tx: Transaction, observed: SnapshotObserved, context: AdoptionContext) -> Verdict:
        """Its volume must be ours."""
        project_id = context.project(observed.project_id)
        if project_id is None:
            return unmapped()
        if observed.status not in ("available", "error"):
            return Ignore(f"it is {observed.status}: try again when that is over")
        id = observed.marker or observed.remote_id
        known = await context.resource(tx, "snapshot", id)
        if known is not None:
            return Conflict(f"there is another snapshot {id} ({known.name}) here")
        volume = await context.taken(tx, "volume", observed.volume_id)
        if volume is None:
            return Conflict(f"its volume {observed.volume_id} is not taken over")
        desired = {
            "name": observed.name or None,
            "description": observed.description,
            "metadata": dict(observed.metadata),
            "volume_id": volume.id,
            "size": observed.size,
            "type_id": volume.desired["type_id"],
            "type_name": volume.desired["type_name"],
        }
        made = stamp(observed.created_at)
        resource = Resource(
            kind="snapshot",
            id=id,
            project_id=project_id,
            user_id=str(observed.notes.get("user_id", "")) or context.user(observed.user_id),
            name=observed.name,
            desired=desired,
            created_at=made,
            choice={"cloud": context.cloud, "why": "its volume is there", "chosen_at": made},
        )
        return Adopt(resource, [Need("volume", volume.id)], {"ran": True, "reset": 0})
