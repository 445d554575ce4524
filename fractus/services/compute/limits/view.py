"""Limits and quota sets as Nova 2.104 shows them."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

UNLIMITED = -1

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


def limits(usage: Usage) -> dict[str, Any]:
    """GET /limits."""
    absolute = {
        "maxTotalCores": UNLIMITED,
        "maxTotalInstances": UNLIMITED,
        "maxTotalKeypairs": UNLIMITED,
        "maxServerMeta": UNLIMITED,
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
    return {"quota_set": {"id": project_id, **dict.fromkeys(QUOTAS, UNLIMITED)}}


def used(in_use: int) -> dict[str, int]:
    """One quota in detail."""
    return {"in_use": in_use, "limit": UNLIMITED, "reserved": 0}


def detail(project_id: str, usage: Usage) -> dict[str, Any]:
    """GET /os-quota-sets/{project_id}/detail. Nova, too, counts keys and metadata of a project as 0 here: they are
    limits for each user and each server.
    """
    uses = {"instances": usage.instances, "cores": usage.cores, "ram": usage.ram}
    return {"quota_set": {"id": project_id, **{name: used(uses.get(name, 0)) for name in QUOTAS}}}
