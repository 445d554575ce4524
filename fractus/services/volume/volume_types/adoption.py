"""A volume type of a cloud becomes one of ours: the same by its name, in one more cloud, or a new one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fractus.model.resource import Presence, Resource
from fractus.model.volumes import VolumeTypeObserved
from fractus.reconcile.adopt.adoption import Adopt, AdoptionContext, Ignore, Merge, Verdict, stamp
from fractus.services.volume.volume_types.kind import DEFAULT_ID
from fractus.services.volume.volume_types.queries import by_name
from fractus.store.transaction import Transaction


class VolumeTypeAdoption:
    """Taking over volume types."""

    after: tuple[str, ...] = ()
    made_by_installation = (DEFAULT_ID,)

    def rank(self, observed: VolumeTypeObserved) -> int:
        """No order among them."""
        return 0

    def needed(
        self, observed: VolumeTypeObserved, listed: Mapping[str, Mapping[str, Any]]
    ) -> list[tuple[str, str]]:
        """Nothing."""
        return []

    def rests_here(self, resource: Resource, presence: Presence) -> bool:
        """It is ours, whatever cloud goes."""
        return True

    async def judge(self, tx: Transaction, observed: VolumeTypeObserved, context: AdoptionContext) -> Verdict:
        """By its name."""
        if not observed.name:
            return Ignore("the cloud does not say what it is")
        row = await tx.row(by_name, name=observed.name)
        if row is not None:
            return Merge(str(row[0]), {"borrowed": not observed.marker})
        desired: dict[str, Any] = {
            "name": observed.name,
            "description": observed.description,
            "is_public": observed.is_public,
            "extra_specs": dict(observed.extra_specs),
            "access": [],
            "mapped": {},
        }
        resource = Resource(
            kind="volume_type",
            id=observed.marker or observed.remote_id,
            name=observed.name,
            desired=desired,
            created_at=stamp(observed.created_at),
        )
        return Adopt(resource, (), {"borrowed": not observed.marker})
