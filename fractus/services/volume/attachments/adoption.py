"""An attachment of a cloud becomes one of ours, where its server and its volume are; both show it from then on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fractus.base.ids import new_id
from fractus.model.resource import Presence, Resource
from fractus.model.servers import ServerObserved
from fractus.model.volumes import VolumeAttachmentObserved
from fractus.reconcile.adopt.adoption import Adopt, AdoptionContext, Ignore, Verdict, stamp
from fractus.services.volume.attachments.kind import ATTACHED, attachment_of, needs
from fractus.store.transaction import Transaction


class VolumeAttachmentAdoption:
    """Taking over attachments."""

    after: tuple[str, ...] = ("server", "volume")

    def rank(self, observed: VolumeAttachmentObserved) -> int:
        """No order among them."""
        return 0

    def needed(
        self, observed: VolumeAttachmentObserved, listed: Mapping[str, Mapping[str, Any]]
    ) -> list[tuple[str, str]]:
        """Its server and its volume."""
        return [("server", observed.server_id), ("volume", observed.volume_id)]

    def rests_here(self, resource: Resource, presence: Presence) -> bool:
        """It is where its volume is."""
        return False

    async def judge(
        self, tx: Transaction, observed: VolumeAttachmentObserved, context: AdoptionContext
    ) -> Verdict:
        """Both have been taken over before."""
        server = await context.taken(tx, "server", observed.server_id)
        volume = await context.taken(tx, "volume", observed.volume_id)
        if server is None or volume is None:
            return Ignore(f"its {'volume' if server else 'server'} is not taken over")
        if observed.status != ATTACHED:
            return Ignore(f"it is {observed.status}: try again when that is over")
        seen: ServerObserved | None = context.listed("server").get(observed.server_id)
        there = next((one for one in seen.volumes if one["id"] == observed.volume_id), {}) if seen else {}
        root = seen is not None and not seen.image_id and seen.root_device_name == observed.device
        entry: dict[str, Any] = {
            "attachment_id": observed.attachment_id or new_id(),
            "device": observed.device,
            "tag": None,
            "delete_on_termination": bool(there.get("delete_on_termination")),
        }
        held = {"id": volume.id, "bdm_uuid": new_id(), **entry, **({"root": True} if root else {})}
        every = [*server.desired.get("volumes", []), held]
        order = [context.planned("volume", one["id"]) for one in seen.volumes] if seen else []
        every.sort(key=lambda one: order.index(one["id"]) if one["id"] in order else len(order))
        server.desired["volumes"] = every
        volume.desired["attached"] = [
            *volume.desired.get("attached", []),
            {
                "attachment_id": entry["attachment_id"],
                "server_id": server.id,
                "server_there": observed.server_id,
                "device": observed.device,
                "attached_at": observed.attached_at,
                "state": ATTACHED,
            },
        ]
        await context.save(tx, server)
        await context.save(tx, volume)
        resource = attachment_of(server, volume, entry)
        resource.created_at = stamp(observed.attached_at)
        return Adopt(resource, needs(resource))
