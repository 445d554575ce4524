"""Volumes and snapshots."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Document = Mapping[str, Any]


def volume(found: Document) -> dict[str, Any]:
    """A volume, with the first of its attachments."""
    attached = found["attachments"]
    attachments: list[dict[str, Any]] = [{}]
    if attached:
        first = attached[0]
        attachments = [{"id": found["id"], "volumeId": found["id"], "serverId": first["server_id"]}]
        if first.get("device"):
            attachments[0]["device"] = first["device"]
    return {
        "id": found["id"],
        "status": found["status"],
        "size": found["size"],
        # None until it has a cloud, which neither Nova's clients nor its schema know.
        "availabilityZone": found["availability_zone"] or "",
        "createdAt": found["created_at"],
        "attachments": attachments,
        "displayName": found["name"],
        "displayDescription": found["description"],
        "volumeType": found["volume_type"],
        "snapshotId": found["snapshot_id"],
        "metadata": found["metadata"] or {},
    }


def snapshot(found: Document) -> dict[str, Any]:
    """A snapshot."""
    return {
        "id": found["id"],
        "volumeId": found["volume_id"],
        "status": found["status"],
        "size": found["size"],
        "createdAt": found["created_at"],
        "displayName": found["name"],
        "displayDescription": found["description"],
    }
