"""Limits and quotas as Cinder shows them."""

from __future__ import annotations

from typing import Any

#: What is limited, in Cinder's order. The size of one volume has a limit too, of which nothing is used.
QUOTAS = (
    "volumes",
    "per_volume_gigabytes",
    "snapshots",
    "gigabytes",
    "backups",
    "backup_gigabytes",
    "groups",
)

_LIMITS = (
    "maxTotalVolumes",
    "maxTotalSnapshots",
    "maxTotalVolumeGigabytes",
    "maxTotalBackups",
    "maxTotalBackupGigabytes",
)
_USED = (
    "totalVolumesUsed",
    "totalGigabytesUsed",
    "totalSnapshotsUsed",
    "totalBackupsUsed",
    "totalBackupGigabytesUsed",
)


def limits(*, used: bool) -> dict[str, Any]:
    """All limits, and what is used of them for those who may know."""
    names = (*_LIMITS, *_USED) if used else _LIMITS
    return {"limits": {"rate": [], "absolute": dict.fromkeys(names, 0)}}


def quotas(id: str, *, usage: bool = False) -> dict[str, Any]:
    """The quotas of a project or a class."""
    values: dict[str, Any] = {
        name: {"limit": 0, "in_use": 0, "reserved": 0} if usage else 0 for name in QUOTAS
    }
    return {**values, "id": id}
