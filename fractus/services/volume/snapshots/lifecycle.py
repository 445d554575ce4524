"""What the machine must know of snapshots: each is made in the cloud of its volume, and leaves before that."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from msgspec import structs

from fractus.model.cloud import Step
from fractus.model.placement import assigned
from fractus.model.resource import Presence, Resource, Summary
from fractus.model.volumes import RESERVED, SnapshotObserved, SnapshotWanted
from fractus.reconcile.kind import Apply, Demand, Difference, Done, Fail, Item, Plan, Sweeping, Wait
from fractus.services.lifecycle import LifecycleDefaults
from fractus.services.volume.snapshots.kind import KIND
from fractus.store.transaction import Transaction

#: States that pass by themselves.
_PASSING = ("creating", "deleting", "updating", "backing-up", "restoring", "unmanaging")

_NAMES = ("name", "description", "metadata")


class SnapshotLifecycle(LifecycleDefaults):
    """The kind `snapshot`."""

    name = KIND.name
    observed_type = SnapshotObserved
    traits = assigned()
    sweeping = Sweeping()

    def demand(self, resource: Resource) -> Demand:
        """A cloud that has snapshots: that of its volume."""
        return Demand(kinds=frozenset({"snapshot"}))

    async def prepare(self, tx: Transaction, resource: Resource, cloud: str) -> dict[str, Any]:
        """What was asked of it before it was there has no meaning any more."""
        return {"reset": (resource.desired.get("reset") or {}).get("token", 0)}

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

    def differences(self, item: Item, observed: SnapshotObserved) -> list[Difference]:
        """Texts."""
        desired = item.resource.desired
        pairs = ((name, _text(desired[name]), _text(getattr(observed, name))) for name in _NAMES)
        return [Difference(name, asked, there) for name, asked, there in pairs if asked != there]

    def as_desired(self, item: Item, observed: SnapshotObserved, fields: Collection[str]) -> SnapshotObserved:
        """Names are the same on both sides."""
        desired = item.resource.desired
        return structs.replace(
            observed,
            **{
                name: desired[name] or ({} if name == "metadata" else "") for name in fields if name in _NAMES
            },
        )

    def plan(self, item: Item, observed: SnapshotObserved) -> Plan:
        """The next step."""
        memory, desired = item.presence.memory, item.resource.desired
        reset = desired.get("reset")
        if reset and reset["token"] > memory.get("reset", 0):
            step = Step("reset_status", {"status": reset["status"]})
            return Apply(step, {"reset": reset["token"]}, once=f"reset_status:{reset['token']}")
        if observed.status in _PASSING:
            return Wait(2.0, f"it is {observed.status}")
        if observed.status == "error" and not memory.get("ran"):
            return Fail(f"{item.presence.cloud} could not make it")
        apart = {one.field: one.wanted for one in self.differences(item, observed)}
        texts: dict[str, Any] = {name: apart[name] or "" for name in ("name", "description") if name in apart}
        if texts:
            return Apply(Step("update", texts))
        if "metadata" in apart:
            return Apply(Step("set_metadata", {"metadata": apart["metadata"] or {}}))
        return Done()

    def settled(self, presence: Presence, observed: SnapshotObserved) -> bool:
        """Whether a volume can be made of it."""
        return observed.status == "available"

    def summarise(self, resource: Resource, presences: list[Presence]) -> Summary:
        """How users see it."""
        return KIND.summarise(resource, presences)


def _text(value: str | Mapping[str, str] | None) -> str | dict[str, str] | None:
    """An empty text is as none there, and what is not its user's there cannot be set."""
    if isinstance(value, Mapping):
        value = {key: one for key, one in value.items() if key not in RESERVED}
    return value or None
