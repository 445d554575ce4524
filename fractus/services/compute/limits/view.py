"""Limits and quota sets as Nova 2.104 shows them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from fractus.quota.costs import UNLIMITED
from fractus.services.compute.limits import QUOTAS

#: What a project's servers use together; everything else is a limit for each user or each server, and Nova shows 0.
_SHARED = ("instances", "cores", "ram")

Limits = Mapping[str, int]


def limit_in(limits: Limits) -> Callable[[str], int]:
    """How to look up a limit, -1 for none."""
    return lambda name: limits.get(name, UNLIMITED)


def limits(limits: Limits, used: Limits) -> dict[str, Any]:
    """GET /limits."""
    limit = limit_in(limits)
    absolute = {
        "maxTotalCores": limit("cores"),
        "maxTotalInstances": limit("instances"),
        "maxTotalKeypairs": limit("key_pairs"),
        "maxServerMeta": limit("metadata_items"),
        "maxTotalRAMSize": limit("ram"),
        "maxServerGroups": limit("server_groups"),
        "maxServerGroupMembers": limit("server_group_members"),
        "totalRAMUsed": used.get("ram", 0),
        "totalCoresUsed": used.get("cores", 0),
        "totalInstancesUsed": used.get("instances", 0),
        "totalServerGroupsUsed": used.get("server_groups", 0),
    }
    return {"limits": {"rate": [], "absolute": absolute}}


def quotas(limits: Limits, project_id: str = "") -> dict[str, Any]:
    """GET /os-quota-sets/{project_id}, and its defaults; without an id the answer of a PUT."""
    limit = limit_in(limits)
    named = {"id": project_id} if project_id else {}
    return {"quota_set": {**named, **{name: limit(name) for name in QUOTAS}}}


def used_in(limits: Limits, used: Limits) -> Callable[[str], dict[str, int]]:
    """How to look up one quota in detail. Nothing is ever reserved: what is asked for is used."""

    def shown(name: str) -> dict[str, int]:
        in_use = used.get(name, 0) if name in _SHARED else 0
        return {"in_use": in_use, "limit": limits.get(name, UNLIMITED), "reserved": 0}

    return shown


def detail(project_id: str, limits: Limits, used: Limits) -> dict[str, Any]:
    """GET /os-quota-sets/{project_id}/detail."""
    shown = used_in(limits, used)
    return {"quota_set": {"id": project_id, **{name: shown(name) for name in QUOTAS}}}


def quota_class(limits: Limits, name: str = "") -> dict[str, Any]:
    """GET /os-quota-class-sets/{name}; without a name the answer of a PUT."""
    limit = limit_in(limits)
    named = {"id": name} if name else {}
    return {"quota_class_set": {**named, **{name: limit(name) for name in QUOTAS}}}
