"""What the machine must know of backups: each is made in the cloud of its volume, and stays there when that is gone."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Protocol

from msgspec import structs

from fractus.model.cloud import Step
from fractus.model.placement import assigned
from fractus.model.resource import Presence, Resource, Summary
from fractus.model.volumes import RESERVED, BackupObserved, BackupWanted
from fractus.reconcile.kind import Apply, Demand, Difference, Done, Fail, Item, Plan, Sweeping, Wait
from fractus.services.lifecycle import LifecycleDefaults
from fractus.services.volume.backups.kind import KIND, NO_VOLUME
from fractus.store.transaction import Transaction

#: States that pass by themselves.
_PASSING = ("creating", "deleting", "restoring")

_NAMES = ("name", "description", "metadata")


class Shown(Protocol):
    """What keeps volumes and backups as backups of them are."""

    async def progressed(self, tx: Transaction, backup: Resource) -> None:
        """Its status has changed."""
        ...

    async def ended(self, tx: Transaction, backup: Resource) -> None:
        """It has left its cloud."""
        ...


class BackupLifecycle(LifecycleDefaults):
    """The kind `backup`."""

    name = KIND.name
    observed_type = BackupObserved
    traits = assigned()
    sweeping = Sweeping()

    def __init__(self, shown: Shown) -> None:
        """`shown` tells its volume, and the backup that it says the difference to."""
        self._shown = shown

    def demand(self, resource: Resource) -> Demand:
        """A cloud that has backups: that of its volume, or of which its record is."""
        return Demand(cloud=resource.desired.get("zone") or "", kinds=frozenset({KIND.name}))

    async def prepare(self, tx: Transaction, resource: Resource, cloud: str) -> dict[str, Any]:
        """What was asked of it before it was there has no meaning any more."""
        return {"reset": (resource.desired.get("reset") or {}).get("token", 0)}

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

    def differences(self, item: Item, observed: BackupObserved) -> list[Difference]:
        """Texts."""
        desired = item.resource.desired
        pairs = ((name, _text(desired[name]), _text(getattr(observed, name))) for name in _NAMES)
        return [Difference(name, asked, there) for name, asked, there in pairs if asked != there]

    def as_desired(self, item: Item, observed: BackupObserved, fields: Collection[str]) -> BackupObserved:
        """Names are the same on both sides."""
        desired = item.resource.desired
        return structs.replace(
            observed,
            **{
                name: desired[name] or ({} if name == "metadata" else "") for name in fields if name in _NAMES
            },
        )

    def plan(self, item: Item, observed: BackupObserved) -> Plan:
        """The next step."""
        memory, desired = item.presence.memory, item.resource.desired
        reset = desired.get("reset")
        if reset and reset["token"] > memory.get("reset", 0):
            step = Step("reset_status", {"status": reset["status"]})
            return Apply(step, {"reset": reset["token"]}, once=f"reset_status:{reset['token']}")
        if observed.status in _PASSING:
            return Wait(2.0, f"it is {observed.status}")
        if observed.status == "error" and not memory.get("ran"):
            return Fail(observed.fail_reason or f"{item.presence.cloud} could not make it")
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

    def settled(self, presence: Presence, observed: BackupObserved) -> bool:
        """Whether it can be restored."""
        return observed.status == "available"

    def summarise(self, resource: Resource, presences: list[Presence]) -> Summary:
        """How users see it."""
        return KIND.summarise(resource, presences)

    async def progressed(self, tx: Transaction, resource: Resource) -> None:
        """Its volume is free again when it is made."""
        await self._shown.progressed(tx, resource)

    async def gone(self, tx: Transaction, resource: Resource) -> None:
        """What it was the difference to may go."""
        await self._shown.ended(tx, resource)


def _text(value: str | Mapping[str, str] | None) -> str | dict[str, str] | None:
    """An empty text is as none there, and what is not its user's there cannot be set."""
    if isinstance(value, Mapping):
        value = {key: one for key, one in value.items() if key not in RESERVED}
    return value or None
