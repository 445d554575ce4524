"""Limits and quota sets as Nova 2.104 shows them."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from fractus.services.compute import FILE_BYTES, FILE_PATH, FILES, METADATA_ITEMS

UNLIMITED = -1

#: What is limited, all of it for one server: its metadata, and the files put into it (up to 2.56).
BOUNDS = {
    "metadata_items": METADATA_ITEMS,
    "injected_files": FILES,
    "injected_file_content_bytes": FILE_BYTES,
    "injected_file_path_bytes": FILE_PATH,
}

#: What quota sets name.
QUOTAS = (
    "instances",
    "cores",
    "ram",
    "metadata_items",
    "key_pairs",
    "server_groups",
    "server_group_members",
)


class Usage(Struct, frozen=True):
    """What a project's servers use; `ram` in MiB."""

    instances: int = 0
    cores: int = 0
    ram: int = 0


def limit(quota: str) -> int:
    """The limit of a quota, -1 for none."""
    return BOUNDS.get(quota, UNLIMITED)


def limits(usage: Usage) -> dict[str, Any]:
    """GET /limits."""
    absolute = {
        "maxTotalCores": UNLIMITED,
        "maxTotalInstances": UNLIMITED,
        "maxTotalKeypairs": UNLIMITED,
        "maxServerMeta": limit("metadata_items"),
        "maxTotalRAMSize": UNLIMITED,
        "maxServerGroups": UNLIMITED,
        "maxServerGroupMembers": UNLIMITED,
        "totalRAMUsed": usage.ram,
        "totalCoresUsed": usage.cores,
        "totalInstancesUsed": usage.instances,
        # Server groups are not served yet, so nobody has any.
        "totalServerGroupsUsed": 0,
    }
    return {"limits": {"rate": [], "absolute": absolute}}


def quotas(project_id: str) -> dict[str, Any]:
    """GET /os-quota-sets/{project_id}, and its defaults."""
    return {"quota_set": {"id": project_id, **{name: limit(name) for name in QUOTAS}}}


def used(quota: str, in_use: int = 0) -> dict[str, int]:
    """One quota in detail."""
    return {"in_use": in_use, "limit": limit(quota), "reserved": 0}


def detail(project_id: str, usage: Usage) -> dict[str, Any]:
    """GET /os-quota-sets/{project_id}/detail. Nova, too, counts keys and metadata of a project as 0 here: they are
    limits for each user and each server.
    """
    uses = {"instances": usage.instances, "cores": usage.cores, "ram": usage.ram}
    return {"quota_set": {"id": project_id, **{name: used(name, uses.get(name, 0)) for name in QUOTAS}}}
