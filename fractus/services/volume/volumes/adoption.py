"""A volume of a cloud becomes one of ours, by the id that it has there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fractus.model.resource import Need, Presence, Resource
from fractus.model.volumes import VolumeObserved
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


class VolumeAdoption:
    """Taking over volumes."""

    after: tuple[str, ...] = ("volume_type", "image", "server")

    def rank(self, observed: VolumeObserved) -> int:
        """No order among them."""
        return 0

    def needed(
        self, observed: VolumeObserved, listed: Mapping[str, Mapping[str, Any]]
    ) -> list[tuple[str, str]]:
        """Its type."""
        every = listed.get("volume_type", {})
        return [("volume_type", id) for id, one in every.items() if one.name == observed.type_name][:1]

    def rests_here(self, resource: Resource, presence: Presence) -> bool:
        """A volume is where its data is."""
        return False

    async def judge(self, tx: Transaction, observed: VolumeObserved, context: AdoptionContext) -> Verdict:
        """Its type must be ours, and nothing must be happening to it."""
        if observed.gone:
            return Ignore("it is deleted there")
        project_id = context.project(observed.project_id)
        if project_id is None:
            return unmapped()
        if observed.status not in ("available", "in-use", "error"):
            return Ignore(f"it is {observed.status}: try again when that is over")
        id = observed.marker or observed.remote_id
        known = await context.resource(tx, "volume", id)
        if known is not None:
            return Conflict(f"there is another volume {id} ({known.name}) here")
        types = [id for kind, id in self.needed(observed, {"volume_type": context.listed("volume_type")})]
        type_ = await context.taken(tx, "volume_type", types[0]) if types else None
        if type_ is None:
            return Conflict(f"its type {observed.type_name} is not taken over")
        image_id = observed.image_metadata.get("image_id", "")
        image = await context.taken(tx, "image", image_id) if image_id else None
        desired = {
            "name": observed.name or None,
            "description": observed.description,
            "size": observed.size,
            "metadata": dict(observed.metadata),
            "zone": "",
            "type_id": type_.id,
            "type_name": type_.name,
            "multiattach": observed.multiattach,
            "image_id": image.id if image is not None else "",
            "snapshot_id": "",
            "source_id": "",
            "bootable": observed.bootable,
            "readonly": observed.readonly,
            "image_metadata": {},
        }
        made = stamp(observed.created_at)
        resource = Resource(
            kind="volume",
            id=id,
            project_id=project_id,
            user_id=str(observed.notes.get("user_id", "")) or context.user(observed.user_id),
            name=observed.name,
            desired=desired,
            created_at=made,
            choice={"cloud": context.cloud, "why": "it was there already", "chosen_at": made},
        )
        return Adopt(resource, [Need("volume_type", type_.id)], {"ran": True, "reset": 0})
