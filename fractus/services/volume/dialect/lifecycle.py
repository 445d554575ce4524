"""What snapshots and backups answer the machine alike: both are made of a volume, once, in its cloud."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Protocol, TypeVar

from msgspec import structs

from fractus.base.clock import parse_iso
from fractus.model.cloud import Step
from fractus.model.resource import Presence, Resource
from fractus.model.volumes import RESERVED, BackupObserved, SnapshotObserved
from fractus.reconcile.kind import Apply, Difference, Fail, Item, Plan, Wait
from fractus.services.lifecycle import LifecycleDefaults
from fractus.store.transaction import Transaction

_NAMES = ("name", "description", "metadata")

#: So far apart are at most the two that a network makes of one request. Seconds, by the child's clock.
_MOMENTS = 10.0

_Observed = TypeVar("_Observed", SnapshotObserved, BackupObserved)


class Messages(Protocol):
    """What tells users of failures."""

    async def about(self, tx: Transaction, resource: Resource) -> None:
        """Tell its project what its state says, where that is a failure of what was asked for."""
        ...


class CopyLifecycle(LifecycleDefaults):
    """A kind whose name, description and metadata change, and whose state an administrator may say."""

    async def prepare(self, tx: Transaction, resource: Resource, cloud: str) -> dict[str, Any]:
        """What was asked of it before it was there has no meaning any more."""
        return {"reset": (resource.desired.get("reset") or {}).get("token", 0)}

    def differences(self, item: Item, observed: SnapshotObserved | BackupObserved) -> list[Difference]:
        """Texts."""
        desired = item.resource.desired
        pairs = ((name, _text(desired[name]), _text(getattr(observed, name))) for name in _NAMES)
        return [Difference(name, asked, there) for name, asked, there in pairs if asked != there]

    def as_desired(self, item: Item, observed: _Observed, fields: Collection[str]) -> _Observed:
        """Names are the same on both sides."""
        desired = item.resource.desired
        return structs.replace(
            observed,
            **{
                name: desired[name] or ({} if name == "metadata" else "") for name in fields if name in _NAMES
            },
        )

    def settled(self, presence: Presence, observed: SnapshotObserved | BackupObserved) -> bool:
        """Whether a volume can be made of it."""
        return observed.status == "available"

    def is_double(
        self, ours: SnapshotObserved | BackupObserved, other: SnapshotObserved | BackupObserved
    ) -> bool:
        """Nothing writes to a snapshot or a backup, so two of one volume that were made within moments are the same.

        Left there, a second snapshot would keep its cloud from deleting the volume.
        """
        if {ours.status, other.status} != {"available"} or not (ours.created_at and other.created_at):
            return False
        apart = abs(parse_iso(ours.created_at) - parse_iso(other.created_at))
        return (ours.volume_id, ours.size) == (other.volume_id, other.size) and apart <= _MOMENTS

    def before_changes(
        self, item: Item, observed: SnapshotObserved | BackupObserved, passing: Collection[str], why: str = ""
    ) -> Plan | None:
        """What comes before its fields: a state that was said, a state of `passing`, which ends by itself, and that it
        could not be made (`why`, where its cloud says). None: nothing of it.
        """
        memory, reset = item.presence.memory, item.resource.desired.get("reset")
        if reset and reset["token"] > memory.get("reset", 0):
            step = Step("reset_status", {"status": reset["status"]})
            return Apply(step, {"reset": reset["token"]}, once=f"reset_status:{reset['token']}")
        if observed.status in passing:
            return Wait(2.0, f"it is {observed.status}")
        if observed.status == "error" and not memory.get("ran"):
            return Fail(why or f"{item.presence.cloud} could not make it")
        return None


def _text(value: str | Mapping[str, str] | None) -> str | dict[str, str] | None:
    """An empty text is as none there, and what is not its user's there cannot be set."""
    if isinstance(value, Mapping):
        value = {key: one for key, one in value.items() if key not in RESERVED}
    return value or None
