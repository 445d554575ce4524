"""What the machine must know of backups: each is made in the cloud of its volume, and stays there when that is gone."""

from __future__ import annotations

from typing import Any, Protocol

from fractus.model.cloud import Step
from fractus.model.placement import assigned
from fractus.model.resource import Presence, Resource, Summary
from fractus.model.volumes import BackupObserved, BackupWanted
from fractus.reconcile.kind import Apply, Demand, Done, Item, Plan, Sweeping
from fractus.services.volume.backups.kind import KIND, NO_VOLUME
from fractus.services.volume.dialect.lifecycle import CopyLifecycle, Messages
from fractus.store.transaction import Transaction

#: States that pass by themselves.
_PASSING = ("creating", "deleting", "restoring")


class Shown(Protocol):
    """What keeps volumes and backups as backups of them are."""

    async def progressed(self, tx: Transaction, backup: Resource) -> None:
        """Its status has changed."""
        ...

    async def ended(self, tx: Transaction, backup: Resource) -> None:
        """It has left its cloud."""
        ...


class BackupLifecycle(CopyLifecycle):
    """The kind `backup`."""

    name = KIND.name
    observed_type = BackupObserved
    traits = assigned()
    sweeping = Sweeping()

    def __init__(self, shown: Shown, messages: Messages) -> None:
        """`shown` tells its volume, and the backup that it says the difference to; `messages`, users of failures."""
        self._shown, self._messages = shown, messages

    def demand(self, resource: Resource) -> Demand:
        """A cloud that has backups: that of its volume, or of which its record is."""
        return Demand(cloud=resource.desired.get("zone") or "", kinds=frozenset({KIND.name}))

    def wanted(self, item: Item) -> BackupWanted:
        """The backup in its cloud's own ids."""
        desired, resource, remote = item.resource.desired, item.resource, item.remote
        volume, snapshot = desired["volume_id"], desired["snapshot_id"]
        return BackupWanted(
            id=resource.id,
            name=desired["name"] or "",
            notes={"user_id": resource.user_id} if resource.user_id else {},
            description=desired["description"],
            metadata=desired["metadata"],
            volume_id=remote.get(("volume", volume), "") if volume != NO_VOLUME else "",
            snapshot_id=remote.get(("snapshot", snapshot), "") if snapshot else "",
            incremental=bool(desired["parent_id"]),
            container=desired["container"],
            record=desired.get("record") or {},
        )

    def plan(self, item: Item, observed: BackupObserved) -> Plan:
        """The next step."""
        desired = item.resource.desired
        first = self.before_changes(item, observed, _PASSING, observed.fail_reason or "")
        if first is not None:
            return first
        apart = {one.field: one.wanted for one in self.differences(item, observed)}
        if apart:
            said: dict[str, Any] = {
                "name": desired["name"] or "",
                "description": desired["description"] or "",
            }
            body = {name: said[name] for name in said if name in apart}
            if "metadata" in apart:
                body["metadata"] = apart["metadata"] or {}
            return Apply(Step("update", body))
        return Done()

    def summarise(self, resource: Resource, presences: list[Presence]) -> Summary:
        """How users see it."""
        return KIND.summarise(resource, presences)

    async def progressed(self, tx: Transaction, resource: Resource) -> None:
        """Its volume is free again when it is made."""
        await self._shown.progressed(tx, resource)
        await self._messages.about(tx, resource)

    async def gone(self, tx: Transaction, resource: Resource) -> None:
        """What it was the difference to may go."""
        await self._shown.ended(tx, resource)
