"""What the machine must know of snapshots: each is made in the cloud of its volume, and leaves before that."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from fractus.model.cloud import Step
from fractus.model.placement import assigned
from fractus.model.resource import Presence, Resource, Summary, at_home
from fractus.model.volumes import SnapshotObserved, SnapshotWanted
from fractus.reconcile.kind import Apply, Demand, Done, Item, Plan, Sweeping
from fractus.services.volume.dialect.lifecycle import CopyLifecycle, Messages
from fractus.services.volume.snapshots.kind import KIND
from fractus.store.transaction import Transaction

#: States that pass by themselves.
_PASSING = ("creating", "deleting", "updating", "backing-up", "restoring", "unmanaging")


class Wholes(Protocol):
    """What shows of snapshots of groups how far those of their volumes are."""

    async def progressed(self, tx: Transaction, snapshot: Resource) -> None:
        """That of one of them has changed."""
        ...

    async def left(self, tx: Transaction, snapshot: Resource) -> None:
        """One of them is gone."""
        ...


class SnapshotLifecycle(CopyLifecycle):
    """The kind `snapshot`."""

    name = KIND.name
    observed_type = SnapshotObserved
    traits = assigned()
    sweeping = Sweeping()

    def __init__(self, messages: Messages, wholes: Wholes) -> None:
        """`messages`: who tells of failures; `wholes`: who shows how far snapshots of groups are."""
        self._messages, self._wholes = messages, wholes

    def demand(self, resource: Resource) -> Demand:
        """A cloud that has snapshots: that of its volume."""
        return Demand(kinds=frozenset({"snapshot"}))

    def wanted(self, item: Item) -> SnapshotWanted:
        """The snapshot in its cloud's own ids."""
        desired, resource = item.resource.desired, item.resource
        return SnapshotWanted(
            id=resource.id,
            name=desired["name"] or "",
            notes={"user_id": resource.user_id} if resource.user_id else {},
            description=desired["description"],
            metadata=desired["metadata"],
            volume_id=item.remote.get(("volume", desired["volume_id"]), ""),
        )

    def plan(self, item: Item, observed: SnapshotObserved) -> Plan:
        """The next step."""
        first = self.before_changes(item, observed, _PASSING)
        if first is not None:
            return first
        apart = {one.field: one.wanted for one in self.differences(item, observed)}
        texts: dict[str, Any] = {name: apart[name] or "" for name in ("name", "description") if name in apart}
        if texts:
            return Apply(Step("update", texts))
        if "metadata" in apart:
            return Apply(Step("set_metadata", {"metadata": apart["metadata"] or {}}))
        return Done()

    def learn(self, resource: Resource, presences: Sequence[Presence]) -> None:
        """It is as large as its volume was when its cloud made it, which may be after the volume has grown."""
        here = at_home(resource.home, presences)
        size = (here.observed or {}).get("size", 0) if here is not None else 0
        if size > 0:
            resource.desired["size"] = size

    def summarise(self, resource: Resource, presences: list[Presence]) -> Summary:
        """How users see it."""
        return KIND.summarise(resource, presences)

    async def progressed(self, tx: Transaction, resource: Resource) -> None:
        """A failure is reported, and that of a group's snapshot shown."""
        await self._messages.about(tx, resource)
        if resource.desired.get("group_snapshot_id"):
            await self._wholes.progressed(tx, resource)

    async def gone(self, tx: Transaction, resource: Resource) -> None:
        """A snapshot of a group ends with its last one."""
        if resource.desired.get("group_snapshot_id"):
            await self._wholes.left(tx, resource)
