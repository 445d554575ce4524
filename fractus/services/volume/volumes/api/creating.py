"""Creating volumes: everything is checked before anything is written."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from msgspec import Struct

from fractus.auth.principal import Principal
from fractus.base.ids import new_id
from fractus.model.errors import Forbidden, Invalid, NotFound
from fractus.model.resource import Resource
from fractus.model.volumes import UNWRITTEN
from fractus.services.volume.dialect.api.query import names
from fractus.services.volume.dialect.schema.parameters import TRUE
from fractus.services.volume.volumes.api.hints import hinted
from fractus.services.volume.volumes.kind import FROM_IMAGE, KIND
from fractus.store import clouds
from fractus.store.resources import Resources
from fractus.store.transaction import Reader, Transaction
from fractus.web.routing import Call

_GIB = 1 << 30


class Types(Protocol):
    """What knows volume types."""

    async def usable(self, reader: Reader, principal: Principal, asked: str) -> Resource:
        """The type with this id or name that the caller may use, and the default where none is asked for."""
        ...

    def there(self, type_: Resource, cloud: str) -> dict[str, Any]:
        """What a cloud has to have of a type, as `VolumeTypeWanted` says it."""
        ...


class Images(Protocol):
    """What knows images."""

    async def usable(self, reader: Reader, principal: Principal, image_id: str) -> Resource:
        """The image with this id that the caller may use."""
        ...


class Groups(Protocol):
    """What knows groups of volumes."""

    async def visible(self, reader: Reader, project_id: str | None, id: str) -> Resource | None:
        """One that is a project's, and is there; None: anybody's."""
        ...

    async def first(self, tx: Transaction, group: Resource) -> Resource | None:
        """The volume by which its cloud is decided, as long as that is open."""
        ...

    async def joined(self, tx: Transaction, group_id: str, volume: Resource) -> None:
        """A volume is in it from now on."""
        ...


class Known(Struct, frozen=True):
    """What is known of what a volume is made of."""

    resources: Resources
    types: Types
    images: Images
    groups: Groups


async def draft(
    call: Call, tx: Transaction, given: Mapping[str, Any], known: Known, hints: Mapping[str, Any] | None
) -> Resource:
    """A volume of what a body says. Raises what Cinder says of it."""
    sources, types = _Sources(call, tx, known.resources), known.types
    group = await _group(call, tx, given.get("group_id"), known.groups)
    asked_type = given.get("volume_type") or ""
    type_ = await types.usable(tx, call.principal, asked_type)
    snapshot = await sources.snapshot(given.get("snapshot_id"))
    source = await sources.volume(given.get("source_volid"))
    origin = source or snapshot
    if origin is not None and not asked_type:
        type_ = await types.usable(tx, call.principal, origin.desired["type_id"])
    backup = await sources.backup(given.get("backup_id"))
    image = await _image(call, tx, given, known.images)
    if given.get("multiattach") in TRUE:
        raise Invalid(
            "multiattach parameter has been removed. The default behavior is to use multiattach enabled volume types."
            " Contact your administrator to create a multiattach enabled volume type and use it to create multiattach"
            " volumes."
        )
    size = _size(given.get("size"), source, snapshot, backup)
    if image is not None:
        check_image(image, size)
    said = names(given)
    desired = {
        "name": said.get("name"),
        "description": said.get("description"),
        "size": size,
        "metadata": given.get("metadata") or {},
        "zone": await _zone(tx, given.get("availability_zone") or ""),
        "type_id": type_.id,
        "type_name": type_.name,
        "multiattach": type_.desired["extra_specs"].get("multiattach") == "<is> True",
        "image_id": image.id if image is not None else "",
        "snapshot_id": snapshot.id if snapshot is not None else "",
        "source_id": source.id if source is not None else "",
        **({"backup_id": backup.id} if backup is not None else {}),
        "bootable": None,
        "readonly": None,
        "image_metadata": {},
    }
    if group is not None:
        await _join(tx, group, desired, known.groups, checked=origin is None)
    desired |= await hinted(call, tx, known.resources, hints, desired["zone"])
    if not (desired["zone"] or origin or backup or hints or group):
        desired[UNWRITTEN] = True
    who = call.principal
    return Resource(
        kind=KIND.name, id=new_id(), project_id=who.project_id, user_id=who.user_id, name=desired["name"] or "",
        desired=desired, request_id=call.request_id, created_at=tx.now(), updated_at=tx.now(),
    )  # fmt: skip


def refuse_unsupported(given: Mapping[str, Any]) -> None:
    """Refuse what would be lost on the way."""
    if given.get("consistencygroup_id"):
        raise NotFound(f"Group {given['consistencygroup_id']} could not be found.")


#: States of a group in which volumes are made in it.
_OPEN = ("available", "creating")


async def _group(call: Call, tx: Transaction, id: str | None, groups: Groups) -> Resource | None:
    """The group in which it is to be."""
    if id is None:
        return None
    who = call.principal
    group = await groups.visible(tx, None if who.is_admin else who.project_id, id)
    if group is None:
        raise NotFound(f"Group {id} could not be found.")
    if group.status not in _OPEN:
        raise Invalid(f"Invalid Group: Originating group status must be one of '{', '.join(_OPEN)}' values")
    return group


async def _join(
    tx: Transaction, group: Resource, desired: dict[str, Any], groups: Groups, *, checked: bool
) -> None:
    """It is in the cloud of its group; where that is open, in that of the first volume."""
    if checked and desired["type_id"] not in group.desired["volume_types"]:
        raise Invalid(
            f"Invalid input received: Invalid volume_type provided: {desired['type_name']} (requested type must be"
            " supported by this group)."
        )
    first = None if group.desired["zone"] else await groups.first(tx, group)
    desired["group_id"] = group.id
    desired["zone"] = group.desired["zone"] or (first.home if first is not None else "") or desired["zone"]
    if first is not None and not first.home:
        desired["beside"] = first.id


class _Sources:
    """What a volume is made of, as the caller may see it."""

    def __init__(self, call: Call, tx: Transaction, resources: Resources) -> None:
        self._project = None if call.principal.is_admin else call.principal.project_id
        self._tx = tx
        self._resources = resources

    async def snapshot(self, id: str | None) -> Resource | None:
        """It has to be available."""
        found = await self._found("snapshot", "Snapshot", id)
        if found is not None and found.status != "available":
            raise Invalid("Invalid snapshot: Originating snapshot status must be one of 'available' values")
        return found

    async def volume(self, id: str | None) -> Resource | None:
        """It has to be there, and whole."""
        found = await self._found("volume", "Volume", id)
        if found is not None and found.status not in ("available", "in-use"):
            raise Invalid(
                "Invalid volume: Originating source volume status must be one of 'available, in-use' values"
            )
        return found

    async def backup(self, id: str | None) -> Resource | None:
        """It has to be available."""
        found = await self._found("backup", "Backup", id)
        if found is not None and found.status != "available":
            raise Invalid("Invalid backup: Originating backup status must be one of 'available' values")
        return found

    async def _found(self, kind: str, noun: str, id: str | None) -> Resource | None:
        if id is None:
            return None
        found = await self._resources.visible(self._tx, kind, id, self._project)
        if found is None or not found.wanted:
            raise NotFound(f"{noun} {id} could not be found.")
        return found


async def _image(call: Call, tx: Transaction, given: Mapping[str, Any], images: Images) -> Resource | None:
    asked = given.get("image_id") if "image_id" in given else given.get("imageRef")
    if asked is None:
        return None
    call.enforce(FROM_IMAGE.name)
    try:
        image = await images.usable(tx, call.principal, str(asked).rsplit("/", 1)[-1])
    except (NotFound, Forbidden):
        raise Invalid("Invalid image identifier or unable to access requested image.") from None
    if image.status != "active":
        raise Invalid(f"Invalid input received: Image {image.id} is not active.")
    return image


def check_image(image: Resource, size: int) -> None:
    """`Invalid` where it does not fit on a volume."""
    desired = image.desired
    held = desired.get("size") or 0
    if held > size * _GIB:
        raise Invalid(
            f"Invalid input received: Size of specified image {-(-held // _GIB)}GB is larger than volume size {size}GB."
        )
    least = int(desired.get("min_disk") or 0)
    if least > size:
        raise Invalid(
            f"Invalid input received: Volume size {size}GB cannot be smaller than the image minDisk size {least}GB."
        )


def _size(
    asked: int | str | None, source: Resource | None, snapshot: Resource | None, backup: Resource | None
) -> int:
    origin = source or snapshot or backup
    if not asked and origin is not None:
        return int(origin.desired["size"])
    if not asked:
        raise Invalid(f"Invalid input received: Volume size '{asked}' must be an integer and greater than 0")
    size = int(asked)
    if source is not None and size < source.desired["size"]:
        raise Invalid(
            f"Invalid input received: Volume size '{size}'GB cannot be smaller than original volume size "
            f" {source.desired['size']}GB. They must be >= original volume size."
        )
    if source is None and snapshot is not None and size < snapshot.desired["size"]:
        raise Invalid(
            f"Invalid input received: Volume size '{size}'GB cannot be smaller than the snapshot size"
            f" {snapshot.desired['size']}GB. They must be >= original snapshot size."
        )
    if source is None and snapshot is None and backup is not None and size < backup.desired["size"]:
        raise Invalid(
            f"Invalid input received: Volume size {size}GB cannot be smaller than the backup size"
            f" {backup.desired['size']}GB. It must be >= backup size."
        )
    return size


async def _zone(tx: Transaction, asked: str) -> str:
    """The cloud that the user chose, or nothing."""
    if asked and asked not in await clouds.enabled(tx):
        raise Invalid(f"Availability zone '{asked}' is invalid.")
    return asked
