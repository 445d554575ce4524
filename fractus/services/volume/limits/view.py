"""Limits and quotas as Cinder shows them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from fractus.quota.costs import UNLIMITED
from fractus.services.volume.dialect.view import quota_name

#: What is limited, in Cinder's order: before those of each type, and after them. The size of one volume has a
#: limit too, of which nothing is used.
_FIRST = ("volumes", "per_volume_gigabytes", "snapshots", "gigabytes", "backups", "backup_gigabytes")
_OF_TYPES = ("volumes", "gigabytes", "snapshots")
_LAST = ("groups",)

_ABSOLUTE = {
    "maxTotalVolumes": "volumes",
    "maxTotalSnapshots": "snapshots",
    "maxTotalVolumeGigabytes": "gigabytes",
    "maxTotalBackups": "backups",
    "maxTotalBackupGigabytes": "backup_gigabytes",
}
_USED = {
    "totalVolumesUsed": "volumes",
    "totalGigabytesUsed": "gigabytes",
    "totalSnapshotsUsed": "snapshots",
    "totalBackupsUsed": "backups",
    "totalBackupGigabytesUsed": "backup_gigabytes",
}


def names(types: Iterable[str]) -> list[str]:
    """All that is limited; `types`: names of the volume types."""
    of_types = [f"{name}_{type_}" for type_ in types for name in _OF_TYPES]
    return [*_FIRST, *of_types, *_LAST]


def limits(limit: Mapping[str, int], used: Mapping[str, int] | None) -> dict[str, Any]:
    """All limits, and what is used of them for those who may know."""
    absolute = {shown: limit.get(name, UNLIMITED) for shown, name in _ABSOLUTE.items()}
    if used is not None:
        absolute |= {shown: used.get(name, 0) for shown, name in _USED.items()}
    return {"limits": {"rate": [], "absolute": absolute}}


def quotas(
    every: Iterable[str], limit: Mapping[str, int], id: str = "", used: Mapping[str, int] | None = None
) -> dict[str, Any]:
    """The quotas of a project or a class, each with its use where that is asked for."""
    found: dict[str, Any] = {}
    for name in every:
        row = quota_name(name)
        most = limit.get(row, UNLIMITED)
        found[name] = most if used is None else {"limit": most, "in_use": used.get(row, 0), "reserved": 0}
    return {**found, "id": id} if id else found
