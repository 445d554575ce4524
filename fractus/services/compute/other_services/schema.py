"""What Nova says of these requests (its schemas server_external_events and assisted_volume_snapshots). Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from fractus.base.ids import is_uuid
from fractus.model.errors import Invalid
from fractus.services.compute.dialect.schema.values import checked_object, one_of, refuse, string

_STATUSES = ("failed", "completed", "in-progress")

#: Events that are nothing without what they are about.
TAG_REQUIRED = ("volume-extended", "power-update", "accelerator-request-bound")


def check_events(body: Any, names: list[str]) -> None:
    """Some events of servers. `names`: those that the version knows."""
    events = checked_object(body, "", ("events",), ("events",))["events"]
    if not isinstance(events, list):
        raise refuse("events", events, f"{events!r} is not of type 'array'")
    if not events:
        raise refuse("events", events, "[] should be non-empty")
    for at, event in enumerate(events):
        _check_event(str(at), event, names)


def _check_event(at: str, event: Any, names: list[str]) -> None:
    if not isinstance(event, dict):
        raise refuse(at, event, f"{event!r} is not of type 'object'")
    for name, check in (("name", one_of(*names)), ("server_uuid", _uuid), ("status", one_of(*_STATUSES))):
        if name not in event:
            continue
        why = string(event[name]) or check(event[name])
        if why is not None:
            raise refuse(name, event[name], why)
    if "tag" in event:
        tag = event["tag"]
        why = string(tag) or (f"{tag!r} is too long" if len(tag) > 255 else None)
        if why is not None:
            raise refuse("tag", tag, why)
    checked_object(event, at, ("name", "server_uuid"), ("name", "server_uuid", "status", "tag"))


def _uuid(value: str) -> str | None:
    return None if is_uuid(value) else f"{value!r} is not a 'uuid'"


def check_snapshot(body: Any) -> None:
    """A snapshot of a volume that is in use."""
    snapshot = checked_object(body, "", ("snapshot",), ("snapshot",))["snapshot"]
    snapshot = checked_object(snapshot, "snapshot", (), ("volume_id", "create_info"))
    if "volume_id" in snapshot:
        _check_text("volume_id", snapshot["volume_id"])
    if "create_info" in snapshot:
        given = snapshot["create_info"]
        info = checked_object(given, "create_info", (), ("snapshot_id", "type", "new_file", "id"))
        for name in ("snapshot_id", "type", "new_file", "id"):
            if name in info:
                _check_text(name, info[name])
        if info.get("type", "qcow2") != "qcow2":
            raise refuse("type", info["type"], f"{info['type']!r} is not one of ['qcow2']")
        checked_object(info, "create_info", ("snapshot_id", "type", "new_file"), info)
    checked_object(snapshot, "snapshot", ("volume_id", "create_info"), snapshot)


def _check_text(name: str, value: Any) -> None:
    why = string(value) or ("'' should be non-empty" if not value and name != "type" else None)
    if why is not None:
        raise refuse(name, value, why)


def delete_info(text: str | None) -> Mapping[str, Any]:
    """What the query of a delete says: an object that names the volume."""
    if text is None:
        raise Invalid("'delete_info'")
    try:
        info = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Invalid(str(error)) from None
    if not isinstance(info, dict) or not isinstance(info.get("volume_id"), str):
        raise Invalid("'volume_id'")
    return info
