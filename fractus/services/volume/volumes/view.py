"""Volumes as users see them: the newest document, its state, and what administrators see besides."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fractus.model.resource import BLOCKED, Presence, Resource, Summary, as_found, at_home
from fractus.services.volume.dialect.view import links, stamps, tokens
from fractus.services.volume.volumes.actions import is_open, shown_type

#: States of a volume that follow from its attachments.
_ATTACHABLE = frozenset({"available", "in-use", "reserved", "attaching", "detaching"})

#: States of an attachment that ends.
_LEAVING = frozenset({"detaching", "detached"})

#: What the cloud says of an attached volume's mode and of a read-only one, Cinder shows among the metadata.
_READONLY, _MODE = "readonly", "attached_mode"


def status_of(resource: Resource, there: Presence | None) -> str:
    """Cinder's word for the state of a volume."""
    if resource.deleted_at is not None:
        return "deleted"
    if not resource.wanted:
        observed = _observed(there).get("status", "")
        return observed if observed == "error_deleting" else "deleting"
    if there is None or there.remote_id is None:
        failed = resource.choice.get("error") or (there is not None and there.state == BLOCKED)
        return "error" if failed else "creating"
    observed, memory = _observed(there), there.memory
    reset = resource.desired.get("reset")
    if reset and reset["token"] > memory.get("reset", 0) and reset["body"].get("status"):
        status = str(reset["body"]["status"])
        return _with_attachments(resource, status) if status == "error" else status
    status = _with_attachments(resource, observed.get("status", "creating"))
    busy = resource.desired.get("busy")
    if busy and status in ("available", "in-use"):
        return str(busy["status"])
    blocked = there.state == BLOCKED
    if blocked and not memory.get("ran"):
        return "error"
    if status in ("available", "in-use") and resource.desired.get("refused_size"):
        return "error_extending"
    if status in ("available", "in-use") and is_open(resource.desired):
        return "retyping"
    # A cloud that has forgotten that it grew is an operator's to mend; its user has the volume that is there.
    forgotten = "size" in (memory.get("drift") or ())
    if (
        status in ("available", "in-use")
        and not forgotten
        and resource.desired["size"] > observed.get("size", 0)
    ):
        return "error_extending" if blocked else "extending"
    return status


def _with_attachments(resource: Resource, status: str) -> str:
    """What comes of attachments is known before a volume's cloud is asked how that is."""
    states = {one["state"] for one in resource.desired.get("attached", ())}
    # One in error that is detached by force comes out of it, and whoever waits must not see the error.
    if states & _LEAVING and (status == "error" or status in _ATTACHABLE):
        return "detaching"
    if not states or status not in _ATTACHABLE:
        return status
    if status == "detaching" and states == {"attached"}:
        return "detaching"
    if "reserved" in states:
        # Who has reserved it is connecting it, as far as its cloud knows.
        return status if status == "attaching" else "reserved"
    return "attaching" if "attaching" in states else "in-use"


def _attachments(resource: Resource) -> list[dict[str, Any]]:
    """As Cinder prints those that are made."""
    return [
        {
            "id": resource.id,
            "attachment_id": one["attachment_id"],
            "volume_id": resource.id,
            "server_id": one["server_id"],
            "host_name": one.get("host_name"),
            "device": one["device"],
            "attached_at": one["attached_at"],
        }
        for one in resource.desired.get("attached", ())
        if one["attached_at"]
    ]


def _observed(there: Presence | None) -> Mapping[str, Any]:
    return (there.observed or {}) if there is not None else {}


def summarise(resource: Resource, presences: Sequence[Presence]) -> Summary:
    """The document, what is beside it, and the columns."""
    there = at_home(resource.home, presences)
    shown = as_found(resource, presences)
    desired, observed = shown.desired, _observed(there)
    status = status_of(resource, there)
    zone = there.cloud if there is not None else resource.home or desired["zone"]
    bootable = desired["bootable"] if desired["bootable"] is not None else observed.get("bootable", False)
    image_metadata = _image_metadata(desired, observed)
    attachments = _attachments(resource)
    type_id, type_name = shown_type(desired)
    document = {
        "id": resource.id,
        "status": status,
        "size": desired["size"],
        "availability_zone": zone or None,
        **stamps(resource),
        "name": desired["name"],
        "description": desired["description"],
        "volume_type": type_name,
        "snapshot_id": desired["snapshot_id"] or None,
        "source_volid": desired["source_id"] or None,
        "metadata": {**desired["metadata"], **_admins(desired, observed)},
        "links": links("volumes", resource.id),
        "user_id": resource.user_id,
        "bootable": "true" if bootable else "false",
        "encrypted": observed.get("encrypted", False),
        "replication_status": observed.get("replication_status"),
        "consistencygroup_id": None,
        "multiattach": observed.get("multiattach", desired["multiattach"]),
        "attachments": attachments,
        "group_id": desired.get("group_id") or None,
        "shared_targets": observed.get("shared_targets", True),
        "service_uuid": observed.get("service_uuid"),
        "volume_type_id": type_id,
        "consumes_quota": True,
        "os-vol-tenant-attr:tenant_id": resource.project_id,
    }
    if image_metadata:
        document["volume_image_metadata"] = image_metadata
    columns = {
        "size": desired["size"],
        "bootable": bool(bootable),
        "zone": zone,
        "description": (desired["description"] or "")[:255],
        "type_id": desired["type_id"],
        "snapshot_id": desired["snapshot_id"],
        "source_id": desired["source_id"],
        "group_id": desired.get("group_id") or "",
        "migration_status": observed.get("migration_status") or "",
        "host": observed.get("host") or "",
        "items": tokens(desired["metadata"]),
        "image_items": tokens(image_metadata),
    }
    return Summary(status, document, _extra(observed), columns)


def _extra(observed: Mapping[str, Any]) -> dict[str, Any]:
    """What administrators see besides."""
    return {
        "migration_status": observed.get("migration_status"),
        "provider_id": observed.get("provider_id"),
        "cluster_name": observed.get("cluster_name"),
        "os-vol-mig-status-attr:migstat": observed.get("migration_status"),
        "os-vol-mig-status-attr:name_id": observed.get("name_id"),
        # As its cloud calls it: the zone stands beside it.
        "os-vol-host-attr:host": observed.get("host") or None,
    }


def _admins(desired: Mapping[str, Any], observed: Mapping[str, Any]) -> dict[str, str]:
    readonly = desired["readonly"] if desired["readonly"] is not None else observed.get("readonly")
    found = {} if readonly is None else {_READONLY: str(readonly)}
    if any(one["attached_at"] for one in desired.get("attached", ())):
        found[_MODE] = "rw"
    return found


def _image_metadata(desired: Mapping[str, Any], observed: Mapping[str, Any]) -> dict[str, Any]:
    """What its image said of it, in our own ids, with what its user changed of that."""
    found = dict(observed.get("image_metadata") or {})
    if not found and not desired["image_metadata"]:
        return {}
    if found.get("image_id"):
        found["image_id"] = desired["image_id"] or found["image_id"]
    for key, value in desired["image_metadata"].items():
        if value is None:
            found.pop(key, None)
        else:
            found[key] = value
    return found
