"""An image in the clouds: its record first, then its bits, then whoever waits for it may use it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Protocol

from msgspec import structs

from fractus.model.cloud import Step
from fractus.model.images import OPEN, ImageObserved, ImageWanted, may_carry
from fractus.model.placement import carried
from fractus.model.resource import SETTLED, Presence, Resource, Summary
from fractus.reconcile.drift import DRIFT
from fractus.reconcile.kind import (
    ADMITTED,
    OWNER,
    Apply,
    Difference,
    Done,
    Fail,
    Item,
    Plan,
    Sweeping,
    Wait,
    admission,
    users,
    with_desired,
)
from fractus.services.image.images import made_there, view
from fractus.services.lifecycle import LifecycleDefaults
from fractus.store.transaction import Transaction

#: Between two looks at an image that its cloud is still working on. Seconds.
_PAUSE = 2.0

#: So often one change is sent to a cloud that does not show it afterwards.
_TRIES = 3

_PLAIN = ("name", "min_disk", "min_ram")
_FIELDS = (*_PLAIN, "properties")
#: What a rebuild must know of an image, and its cloud has no field for that it may have.
_NOTED = ("visibility", "protected", "os_hidden", "tags", "members")


class Files(Protocol):
    """The bits, as far as the worker must know of them."""

    def remove(self, image_id: str) -> None:
        """They are needed no longer."""


class ImageLifecycle(LifecycleDefaults):
    """What the machine must know of images."""

    name = "image"
    observed_type = ImageObserved
    traits = carried()
    sweeping = Sweeping(changes=15.0, whole=60.0)

    def __init__(self, files: Files) -> None:
        """`files`: where the bits lie on this node."""
        self._files = files

    def wanted(self, item: Item) -> ImageWanted:
        """Record and bits. In the owner's project, unless everybody may use it here."""
        desired = item.resource.desired
        return ImageWanted(
            id=item.resource.id,
            name=desired["name"] or "",
            notes=_notes(item.resource),
            disk_format=desired["disk_format"] or "",
            container_format=desired["container_format"] or "",
            min_disk=desired["min_disk"],
            min_ram=desired["min_ram"],
            private=not is_open(item.resource),
            properties={name: value for name, value in desired["properties"].items() if may_carry(name)},
            path=desired["path"],
            size=desired["size"] or 0,
            checksum=desired["checksum"] or "",
            made_there=made_there.is_made_there(item.resource, item.presence.cloud),
            shelved=made_there.shelved(item.resource),
        )

    def made_there(self, resource: Resource, cloud: str) -> bool:
        """A snapshot of a server or a volume, whose bits are not here."""
        return made_there.is_made_there(resource, cloud)

    def maker(self, item: Item) -> str:
        """What it is made of is there, or it would not have been asked for."""
        return ""

    def learn(self, resource: Resource, presences: Sequence[Presence]) -> None:
        """Its state and its bits, as long as only its cloud knows them."""
        made_there.learn(resource, presences)

    def ended(self, resource: Resource) -> bool:
        """A cloud that cannot make a snapshot removes what it has begun, as Nova does everywhere; and the image of a
        shelved server when that is shelved no longer.
        """
        return made_there.is_unlearnt(resource) or bool(made_there.shelved(resource))

    def differences(self, item: Item, observed: ImageObserved) -> list[Difference]:
        """Of one that we made: what `plan` would change of the record, and whether everybody may use it. State and
        bits decide whether it can be used at all.
        """
        if not observed.marker or made_there.is_unlearnt(item.resource):
            return []
        wanted = self._wanted(item, observed)
        found = [
            Difference(name, getattr(wanted, name), getattr(observed, name))
            for name in _FIELDS
            if getattr(wanted, name) != getattr(observed, name)
        ]
        if observed.visibility and is_open(item.resource) != (observed.visibility in OPEN):
            found.append(Difference("visibility", item.resource.desired["visibility"], observed.visibility))
        return found

    def as_desired(self, item: Item, observed: ImageObserved, fields: Collection[str]) -> ImageObserved:
        """Names are the same on both sides; of a visibility that is another, `plan` knows itself."""
        changed: ImageObserved = with_desired(self.wanted(item), observed, fields)
        return changed

    def plan(self, item: Item, observed: ImageObserved) -> Plan:
        """Upload where the cloud waits for bits; wait until it has digested them; then all else, and who may use it."""
        desired = item.resource.desired
        if observed.status == "active" and made_there.is_unlearnt(item.resource):
            return Wait(0.0, "what its cloud says of it is taken over")
        if observed.status == "queued":
            if not desired["path"]:
                return Wait(_PAUSE, "it has no bits yet")
            return Apply(Step("upload", {"path": desired["path"], "size": desired["size"]}))
        if observed.status in ("saving", "uploading", "importing"):
            return Wait(_PAUSE, f"the cloud is {observed.status} it")
        if observed.status != "active":
            return Fail(f"the image is {observed.status} there")
        if observed.checksum and desired["checksum"] and observed.checksum != desired["checksum"]:
            return Fail(
                f"the image there has other bits (MD5 {observed.checksum}, not {desired['checksum']})"
            )
        return self._update(item, observed) or _admit(item, observed) or Done(_standing(item, observed))

    def _wanted(self, item: Item, observed: ImageObserved) -> ImageWanted:
        """What is compared with what was seen: properties that its cloud wrote in its own ids stay so."""
        wanted = self.wanted(item)
        kept = made_there.written_there(item.resource, item.presence, observed.properties)
        return structs.replace(wanted, properties={**wanted.properties, **kept}) if kept else wanted

    def _update(self, item: Item, observed: ImageObserved) -> Plan | None:
        """One patch with all that differs. The notes are not compared: they are written with what makes them old."""
        resource, memory, wanted = item.resource, item.presence.memory, self._wanted(item, observed)
        body: dict[str, Any] = {}
        # One that was taken over as it is, and that nobody has changed here since, stays as it is.
        if observed.marker or item.presence.generation != resource.generation:
            body = {
                name: getattr(wanted, name)
                for name in _PLAIN
                if getattr(wanted, name) != getattr(observed, name)
            }
            body |= _properties(wanted.properties, observed.properties)
            if is_open(resource) != (observed.visibility in OPEN) and not _is_anothers(item.presence):
                body["visibility"] = "community" if is_open(resource) else "shared"
        lies_with = _lies_with(item, observed)
        if lies_with not in ("", resource.project_id):
            body["owner"] = resource.project_id
        if "visibility" not in body and observed.visibility == "private" and _to_admit(item, observed):
            body["visibility"] = "shared"
        noted: list[int] = memory.get("noted", [0, 0])
        tries = noted[1] + 1 if noted[0] == resource.generation else 1
        if (
            observed.marker
            and observed.notes != wanted.notes
            and 0 < item.presence.generation < resource.generation
        ):
            # Not all clouds keep them, so it is tried once.
            body |= {} if tries > 1 else {"notes": wanted.notes}
        if not body:
            return None
        if tries > _TRIES:
            return Fail(f"the cloud does not keep what it is sent: {', '.join(sorted(body))}")
        owner = resource.project_id if "owner" in body else lies_with
        return Apply(
            Step("update", body),
            {OWNER: owner, "noted": [resource.generation, tries]},
        )

    def admits(self, presence: Presence, observed: ImageObserved | None, project_id: str) -> bool:
        """Its owner's project, those that were let in, and all where everybody may use it there, or where somebody else
        has changed that (then the cloud says it).
        """
        memory = presence.memory
        if (
            observed is None
            or observed.status != "active"
            or observed.visibility in OPEN
            or _is_anothers(presence)
        ):
            return True
        return project_id == memory.get(OWNER) or project_id in memory.get(ADMITTED, ())

    def settled(self, presence: Presence, observed: ImageObserved) -> bool:
        """A server can be built from it only when it is active there, and its bits were seen to be the right ones."""
        return observed.status == "active" and presence.state == SETTLED

    def summarise(self, resource: Resource, presences: list[Presence]) -> Summary:
        """As users see it; where it is changes nothing."""
        return view.summarise(resource, presences)

    async def gone(self, tx: Transaction, resource: Resource) -> None:
        """No cloud needs the bits any more. Removing them twice does no harm, keeping them for ever would."""
        self._files.remove(resource.id)


def is_open(resource: Resource) -> bool:
    """Whether everybody may use it here."""
    return resource.desired["visibility"] in OPEN or not resource.project_id


def _is_anothers(presence: Presence) -> bool:
    """Whether somebody else has changed there if everybody may use it: then it stays so, and the cloud says who may."""
    return "visibility" in presence.memory.get(DRIFT, {})


def _notes(resource: Resource) -> dict[str, Any]:
    noted = {name: resource.desired[name] for name in _NOTED}
    return {"owner": resource.project_id, "user_id": resource.user_id, **noted}


def _properties(wanted: Mapping[str, str], observed: Mapping[str, str]) -> dict[str, Any]:
    """Those to be set and those to be removed, as far as there are any."""
    change = {name: value for name, value in wanted.items() if observed.get(name) != value}
    surplus = sorted(set(observed) - set(wanted))
    return {**({"properties": change} if change else {}), **({"unset": surplus} if surplus else {})}


def _lies_with(item: Item, observed: ImageObserved) -> str:
    """The project (ours) that has it there; empty: the credential's own."""
    owner: str = item.presence.memory.get(OWNER, item.resource.project_id)
    return "" if observed.home else owner


def _to_admit(item: Item, observed: ImageObserved) -> set[str]:
    """The projects, beside the one that it lies with, that may use it there by name."""
    if is_open(item.resource) or _is_anothers(item.presence):
        return set()
    desired = item.resource.desired
    members = desired["members"] if desired["visibility"] == "shared" else ()
    lies_with = _lies_with(item, observed)
    return users(item, {item.resource.project_id, *members}) - {lies_with}


def _admit(item: Item, observed: ImageObserved) -> Plan | None:
    """Who may use it, where that is for its owner to say."""
    if observed.visibility in OPEN or _is_anothers(item.presence):
        return None
    return admission(item.presence, _to_admit(item, observed))


def _standing(item: Item, observed: ImageObserved) -> dict[str, Any]:
    """What is remembered of one that is there: with whom it lies, and that its cloud keeps what it is sent."""
    changed = {"noted": [item.resource.generation, 0]} if "noted" in item.presence.memory else {}
    return {OWNER: _lies_with(item, observed), **changed}
