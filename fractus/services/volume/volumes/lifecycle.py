"""What the machine must know of volumes.

A volume is made once, in the cloud that is its home; what its user changes is sent there, and what somebody else
changes there is reported.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Protocol

from msgspec import structs

from fractus.model.action import DONE, Action
from fractus.model.cloud import Step
from fractus.model.placement import assigned
from fractus.model.resource import BLOCKED, Presence, Resource, Summary, at_home
from fractus.model.volumes import DESTINATION, NAMED_BY_HINTS, RESERVED, VolumeObserved, VolumeWanted
from fractus.reconcile import drift
from fractus.reconcile.kind import Apply, Demand, Difference, Done, Fail, Item, Plan, Sweeping, Wait
from fractus.services.lifecycle import LifecycleDefaults
from fractus.services.volume.dialect.lifecycle import Messages
from fractus.services.volume.volumes import actions
from fractus.services.volume.volumes.kind import KIND
from fractus.store.transaction import Transaction

#: States that pass by themselves.
PASSING = frozenset(
    {
        "attaching", "backing-up", "creating", "deleting", "detaching", "downloading", "extending", "maintenance",
        "managing", "reserved", "restoring-backup", "retyping", "reverting", "uploading",
    }
)  # fmt: skip

#: States in which a volume can be used by whatever needs it.
_USABLE = ("available", "in-use")

#: Seconds between two looks at one that is busy.
_PAUSE = 2.0


class Freed(Protocol):
    """What shows with what volumes are busy."""

    async def free(self, tx: Transaction, volume_id: str, by: str, *, look: bool = True) -> None:
        """What `by` kept it busy with is over."""
        ...


class Restored(Protocol):
    """What shows that backups are written to volumes."""

    async def restored(self, tx: Transaction, backup_id: str, by: str) -> None:
        """That is over."""
        ...


class Detached(Protocol):
    """What keeps attachments."""

    async def unattachable(self, tx: Transaction, volume: Resource) -> None:
        """A volume does not come to the cloud of the server that is to have it: its attachments end. It is written
        afterwards.
        """
        ...


class Groups(Protocol):
    """What shows of groups how far their volumes are."""

    async def progressed(self, tx: Transaction, volume: Resource) -> None:
        """That of one of them has changed."""
        ...

    async def left(self, tx: Transaction, volume: Resource) -> None:
        """One of them is gone."""
        ...


class ImagesMade(Protocol):
    """What writes the images that clouds make of volumes."""

    async def failed(self, tx: Transaction, image_id: str) -> None:
        """The cloud will not make it."""
        ...

    async def over(self, tx: Transaction, image_id: str) -> None:
        """The cloud has done what it was asked for."""
        ...


class VolumeLifecycle(LifecycleDefaults):
    """The kind `volume`."""

    name = KIND.name
    observed_type = VolumeObserved
    traits = assigned()
    sweeping = Sweeping(changes=2.0)
    verbs = frozenset({"reimage", "restore", "revert", "transfer", "upload"})

    def __init__(
        self,
        volumes: Freed,
        backups: Restored,
        attachments: Detached,
        messages: Messages,
        images: ImagesMade,
        groups: Groups,
    ) -> None:
        """`volumes` and `backups`: who shows with what a volume is busy, and that a backup is being restored;
        `attachments`: who keeps them; `messages`: who reports failures; `images`: who is notified when an upload ends;
        `groups`: who shows how far those in a group are.
        """
        self._volumes, self._backups, self._attachments = volumes, backups, attachments
        self._messages, self._images, self._groups = messages, images, groups

    def demand(self, resource: Resource) -> Demand:
        """The zone that was named, or that of the volumes it is to be beside; of clouds that have block storage."""
        cloud = resource.desired["zone"] or resource.desired.get("hinted_cloud", "")
        return Demand(cloud=cloud, kinds=frozenset({"volume", "volume_type"}))

    async def prepare(self, tx: Transaction, resource: Resource, cloud: str) -> dict[str, Any]:
        """What was asked of it before it was there has no meaning any more."""
        return {name: (resource.desired.get(name) or {}).get("token", 0) for name in ("reset", actions.KEY)}

    def wanted(self, item: Item) -> VolumeWanted:
        """The volume in its cloud's own ids."""
        desired, remote = item.resource.desired, item.remote

        def there(kind: str, name: str) -> str:
            return remote.get((kind, desired[name]), "") if desired.get(name) else ""

        return VolumeWanted(
            id=item.resource.id,
            name=desired["name"] or "",
            notes={"user_id": item.resource.user_id} if item.resource.user_id else {},
            description=desired["description"],
            size=desired["size"],
            type_id=there("volume_type", "type_id"),
            metadata=desired["metadata"],
            image_id=there("image", "image_id"),
            snapshot_id=there("snapshot", "snapshot_id"),
            source_id=there("volume", "source_id"),
            backup_id=there("backup", "backup_id"),
            hints=_hints(desired, remote),
        )

    def differences(self, item: Item, observed: VolumeObserved) -> list[Difference]:
        """Texts, flags and size. A volume that is larger there cannot be made smaller."""
        desired = item.resource.desired
        found = [
            Difference(name, asked, there)
            for name, asked, there in _apart(desired, observed)
            if name != "size" or observed.status in _USABLE
        ]
        return [
            structs.replace(one, mends=one.wanted > one.found) if one.field == "size" else one
            for one in found
        ]

    def as_desired(self, item: Item, observed: VolumeObserved, fields: Collection[str]) -> VolumeObserved:
        """Names are the same on both sides."""
        desired = item.resource.desired
        return structs.replace(
            observed, **{name: _text(name, desired[name]) for name in fields if name in desired}
        )

    def plan(self, item: Item, observed: VolumeObserved) -> Plan:
        """The next step."""
        memory, desired = item.presence.memory, item.resource.desired
        reset = desired.get("reset")
        if reset and reset["body"] and reset["token"] > memory.get("reset", 0):
            step = Step("reset_status", dict(reset["body"]))
            return Apply(step, {"reset": reset["token"]}, once=f"reset_status:{reset['token']}")
        if observed.status in PASSING and not _is_held(desired, observed.status):
            return Wait(_PAUSE, f"it is {observed.status}")
        if observed.status == "error" and not memory.get("ran"):
            return Fail(f"{item.presence.cloud} could not make it", elsewhere=True)
        change = actions.due(desired, memory, observed.changed_at)
        if change is not None:
            token = desired[actions.KEY]["token"]
            noted = {actions.KEY: token, "retype_seen": observed.changed_at}
            return Apply(Step("retype", change), noted, once=actions.once(token))
        if desired["size"] > observed.size and observed.status in _USABLE:
            return Apply(Step("extend", {"new_size": desired["size"]}))
        sent = memory.get("acted", 0)
        over = tuple(one.token for one in item.actions if one.token <= sent)
        action = next((one for one in item.actions if one.token > sent), None)
        if action is not None:
            step = Step(action.verb, _body(action, item))
            return Apply(step, {"acted": action.token}, once=action.once, over=over)
        return _change(desired, observed) or Done(over=over)

    def destination(self, resource: Resource) -> str:
        """The cloud of the server that is to have it, where that is another."""
        cloud: str = resource.desired.get(DESTINATION, "")
        return cloud

    async def moved(self, tx: Transaction, resource: Resource, error: str) -> None:
        """It can be attached there, or is not attached."""
        resource.desired.pop(DESTINATION)
        if error:
            await self._attachments.unattachable(tx, resource)

    def names(self, action: Action) -> Collection[tuple[str, str]]:
        """An image that is to be written to it: all else is there when an action is accepted."""
        return [("image", action.args["image_id"])] if action.verb == "reimage" else ()

    async def concluded(self, tx: Transaction, resource: Resource, action: Action) -> None:
        """The volume is free again, and so is the backup that was written to it."""
        await self._volumes.free(tx, resource.id, action.once, look=False)
        # A sweep that sees it writes the row that it has read before.
        if resource.desired.get("busy", {}).get("by") == action.once:
            resource.desired.pop("busy")
        if action.verb == "upload":
            end = self._images.over if action.state == DONE else self._images.failed
            await end(tx, action.args["image_id"])
        if action.verb == "restore":
            await self._backups.restored(tx, action.args["backup_id"], f"{resource.id}/{action.once}")

    async def progressed(self, tx: Transaction, resource: Resource) -> None:
        """The backup that it is made of is free again when it is made, or cannot be; and a failure is reported."""
        await self._messages.about(tx, resource)
        if resource.desired.get("group_id"):
            await self._groups.progressed(tx, resource)
        backup_id = resource.desired.get("backup_id")
        if backup_id and resource.status not in ("creating", "restoring-backup"):
            await self._backups.restored(tx, backup_id, resource.id)

    async def gone(self, tx: Transaction, resource: Resource) -> None:
        """A backup that was to be written to it is free again, and it is in no group any more."""
        if resource.desired.get("group_id"):
            await self._groups.left(tx, resource)
        if resource.desired.get("backup_id"):
            await self._backups.restored(tx, resource.desired["backup_id"], resource.id)

    def learn(self, resource: Resource, presences: Sequence[Presence]) -> None:
        """An attachment that has ended is shown until its cloud says that the volume is free of it. A volume that its
        cloud would not make larger is as large as it is, and one that has got no other type is of its old one.
        """
        _forget_refused_size(resource, at_home(resource.home, presences))
        actions.settle(resource.desired, at_home(resource.home, presences))
        ended = [one for one in resource.desired.get("attached", ()) if one["state"] == "detached"]
        here = at_home(resource.home, presences) if ended else None
        if here is not None and here.memory.get(drift.GONE):
            # A volume that is not there any more is attached to nothing.
            resource.desired["attached"] = [one for one in resource.desired["attached"] if one not in ended]
            return
        if here is None or here.observed_at is None or here.observed is None:
            return
        observed = here.observed
        held = {one.get("server_id") for one in observed.get("attachments", ())}
        if observed.get("status") == "detaching":
            return
        resource.desired["attached"] = [
            one for one in resource.desired["attached"] if one not in ended or one["server_there"] in held
        ]

    def settled(self, presence: Presence, observed: VolumeObserved) -> bool:
        """Whether it can be used."""
        return observed.status in _USABLE

    def summarise(self, resource: Resource, presences: list[Presence]) -> Summary:
        """How users see it."""
        return KIND.summarise(resource, presences)


def _hints(desired: Mapping[str, Any], remote: Mapping[tuple[str, str], str]) -> dict[str, Any]:
    """Scheduler hints in its cloud's own ids. Of the volumes that are named, those that are there."""
    hints = dict(desired.get("hints", {}))
    for name in NAMED_BY_HINTS:
        if name in hints:
            hints[name] = [remote["volume", id] for id in hints[name] if ("volume", id) in remote]
    return {name: value for name, value in hints.items() if value}


def _is_held(desired: Mapping[str, Any], status: str) -> bool:
    """Whether it stays in this state until its user does something: somebody has reserved it, or is connecting it."""
    going = {one["state"] for one in desired.get("attached", ())} - {"attached", "reserved"}
    return status in ("attaching", "detaching", "reserved") and not going


def _forget_refused_size(resource: Resource, here: Presence | None) -> None:
    """What was asked for and is not given takes no quota. It is shown as Cinder shows it until that is reset."""
    if here is None or here.observed is None or not here.memory.get("ran"):
        return
    desired, size = resource.desired, here.observed.get("size", 0)
    blocked = here.state == BLOCKED and here.generation == resource.generation
    failed = here.observed.get("status") == "error_extending"
    if 0 < size < desired["size"] and (blocked or failed):
        desired.update(size=size, refused_size=desired["size"])


def _body(action: Action, item: Item) -> dict[str, Any]:
    """What its cloud is sent: `there` is the id there of what it is about."""
    args = action.args
    match action.verb:
        case "restore":
            return {"backup_id": args["there"]}
        case "revert":
            return {"snapshot_id": args["there"]}
        case "reimage":
            return {**args, "image_id": item.remote["image", args["image_id"]]}
    return dict(args)


def _change(desired: Mapping[str, Any], observed: VolumeObserved) -> Apply | None:
    """One change of what differs."""
    apart = {name: asked for name, asked, _ in _apart(desired, observed)}
    texts: dict[str, Any] = {name: apart[name] for name in ("name", "description") if name in apart}
    if texts:
        return Apply(Step("update", texts))
    if "metadata" in apart:
        return Apply(Step("set_metadata", {"metadata": apart["metadata"]}))
    if "bootable" in apart:
        return Apply(Step("set_bootable", {"bootable": apart["bootable"]}))
    if "readonly" in apart:
        return Apply(Step("set_readonly", {"readonly": apart["readonly"]}))
    return _image_metadata(desired["image_metadata"], observed.image_metadata)


def _image_metadata(changed: Mapping[str, Any], there: Mapping[str, str]) -> Apply | None:
    missing = {key: value for key, value in changed.items() if value is not None and there.get(key) != value}
    if missing:
        return Apply(Step("set_image_metadata", {"metadata": missing}))
    surplus = sorted(key for key, value in changed.items() if value is None and key in there)
    return Apply(Step("unset_image_metadata", {"key": surplus[0]})) if surplus else None


def _apart(desired: Mapping[str, Any], observed: VolumeObserved) -> list[tuple[str, Any, Any]]:
    """(name, as it is wanted, as it is there) of what differs. What nobody has said of it is not compared."""
    found = []
    for name in ("name", "description", "metadata", "size", "bootable", "readonly"):
        asked, there = _text(name, desired[name]), _text(name, getattr(observed, name))
        said = name in ("name", "description") or asked is not None
        if said and asked != there:
            found.append((name, asked, there))
    return found


def _text(name: str, value: Any) -> Any:
    """An empty text is as none there, and what is not its user's there cannot be set."""
    if name == "metadata":
        return {key: one for key, one in value.items() if key not in RESERVED}
    return value or "" if name in ("name", "description") else value
