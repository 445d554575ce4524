"""Attachments of volumes as the machine sees them.

One is made once. A cloud that could not attach the volume, or has detached it, has no attachment any more: then it ends
here too, and the volume is free, as with Nova alone.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Protocol

from fractus.model.cloud import Step
from fractus.model.placement import follows
from fractus.model.resource import Presence, Resource, Summary
from fractus.model.volumes import VolumeAttachmentObserved, VolumeAttachmentWanted
from fractus.reconcile.kind import Apply, Difference, Done, Item, Plan, Sweeping, Wait
from fractus.services.lifecycle import LifecycleDefaults
from fractus.services.volume.attachments.kind import ATTACHED, ATTACHING, BOOT, DIRECT, RESERVED, summarise
from fractus.store.transaction import Transaction

#: Seconds between two looks at one that is under way.
_PAUSE = 1.0


class Shown(Protocol):
    """What keeps servers and volumes as their attachments are."""

    async def progressed(self, tx: Transaction, attachment: Resource) -> None:
        """Its status or device has changed."""
        ...

    async def ended(self, tx: Transaction, attachment: Resource) -> None:
        """It has left its cloud."""
        ...


class VolumeAttachmentLifecycle(LifecycleDefaults):
    """The kind `volume_attachment`."""

    name = "volume_attachment"
    observed_type = VolumeAttachmentObserved
    traits = follows("volume", async_delete=True, holds_data=True)
    sweeping = Sweeping()

    def __init__(self, shown: Shown) -> None:
        """`shown` tells its server and its volume."""
        self._shown = shown

    def wanted(self, item: Item) -> VolumeAttachmentWanted:
        """In the cloud's own ids. What is no server of ours is known there by the same id."""
        desired, remote = item.resource.desired, item.remote
        server = desired["server_id"]
        stands_in = server if desired.get(DIRECT) else ""
        return VolumeAttachmentWanted(
            id=item.resource.id,
            name="",
            server_id=remote.get(("server", server), stands_in),
            direct=desired.get(DIRECT, ""),
            host=desired.get("host", ""),
            mode=desired.get("mode", ""),
            volume_id=remote.get(("volume", desired["volume_id"]), ""),
            device=desired["asked_device"],
            tag=desired["tag"],
        )

    def made_there(self, resource: Resource, cloud: str) -> bool:
        """A server is built with it: nobody else attaches it."""
        return bool(resource.desired.get(BOOT))

    def maker(self, item: Item) -> str:
        """Its server, until that is there."""
        server = "server", item.resource.desired["server_id"]
        return "" if server in item.remote else "/".join(server)

    def differences(self, item: Item, observed: VolumeAttachmentObserved) -> list[Difference]:
        """Nothing: it is there or not, and where its cloud has put it is as good as anywhere."""
        return []

    def as_desired(
        self, item: Item, observed: VolumeAttachmentObserved, fields: Collection[str]
    ) -> VolumeAttachmentObserved:
        """As it is."""
        return observed

    def plan(self, item: Item, observed: VolumeAttachmentObserved) -> Plan:
        """Its cloud does the rest. Whether the volume ends with its server is decided here alone: a cloud that was
        taken over may have been sent that it does, and its user has changed that since.
        """
        if item.resource.desired.get(DIRECT):
            return _direct(item, observed)
        if observed.delete_on_termination and not item.resource.desired["delete_on_termination"]:
            return Apply(Step("keep_volume"))
        return Done() if observed.status == ATTACHED else Wait(_PAUSE, f"it is {observed.status}")

    def settled(self, presence: Presence, observed: VolumeAttachmentObserved) -> bool:
        """Whether the server has the volume."""
        return observed.status == ATTACHED

    def summarise(self, resource: Resource, presences: list[Presence]) -> Summary:
        """How far it is."""
        return summarise(resource, presences)

    async def progressed(self, tx: Transaction, resource: Resource) -> None:
        """Its server and its volume show it."""
        await self._shown.progressed(tx, resource)

    async def gone(self, tx: Transaction, resource: Resource) -> None:
        """The volume is free."""
        await self._shown.ended(tx, resource)


def _direct(item: Item, observed: VolumeAttachmentObserved) -> Plan:
    """It waits for nothing of itself: who asked for it connects it, and says that it is attached."""
    if item.resource.desired.get("completed") and observed.status in (RESERVED, ATTACHING):
        return Apply(Step("complete"))
    return Done()
