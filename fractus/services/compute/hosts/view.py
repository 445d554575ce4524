"""Services, hypervisors, hosts and audits as the newest microversion shows them, and what older ones show besides."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple


def service(document: Mapping[str, Any], host: str) -> dict[str, Any]:
    """One service. `host`: its host as users see it."""
    return {**{name: value for name, value in document.items() if name != "number"}, "host": host}


def brief(document: Mapping[str, Any], name: str) -> dict[str, Any]:
    """A hypervisor without details. `name`: as users see it."""
    kept = ("id", "state", "status")
    return {**{field: document[field] for field in kept}, "hypervisor_hostname": name}


def detailed(document: Mapping[str, Any], name: str, host: str, uptime: str | None) -> dict[str, Any]:
    """A hypervisor with all that is known of it. `host`: that of its service, as users see it."""
    kept = ("hypervisor_type", "hypervisor_version", "host_ip")
    of = document["service"]
    return {
        **brief(document, name),
        **{field: document[field] for field in kept},
        "service": {"id": of.get("id"), "host": host, "disabled_reason": of.get("disabled_reason")},
        "uptime": uptime,
    }


def known(document: Mapping[str, Any]) -> dict[str, Any]:
    """What older versions show of one besides: its number, and what it has in use."""
    return {
        "number": int(document["number"]),
        "service_number": (document.get("service") or {}).get("number"),
        "usage": document,
    }


def statistics(documents: Sequence[Mapping[str, Any]], names: Sequence[str]) -> dict[str, int]:
    """What all hypervisors whose service is enabled have together, of each of `names`."""
    counted = [one for one in documents if one["status"] == "enabled"]
    return {"count": len(counted), **{name: sum(one[name] or 0 for one in counted) for name in names}}


def servers(names: Sequence[tuple[str, str]]) -> list[dict[str, str]]:
    """Servers of a hypervisor: `(name, id)`."""
    return [{"name": name, "uuid": id} for name, id in names]


# --- hosts ----------------------------------------------------------------------------------------


class Size(NamedTuple):
    """What one server has."""

    project_id: str
    vcpus: int
    memory_mb: int
    disk_gb: int


def host(document: Mapping[str, Any], name: str) -> dict[str, Any]:
    """One host, by a service of it. `name`: as users see it."""
    return {"host_name": name, "service": document["binary"].removeprefix("nova-"), "zone": document["zone"]}


def host_resources(name: str, hypervisor: Mapping[str, Any], sizes: Sequence[Size]) -> list[dict[str, Any]]:
    """What a host has and what is used of it; `sizes`: of our servers there."""
    has = [hypervisor[one] or 0 for one in ("vcpus", "memory_mb", "local_gb")]
    used = [hypervisor[one] or 0 for one in ("vcpus_used", "memory_mb_used", "local_gb_used")]
    rows = [("(total)", has), ("(used_now)", used), ("(used_max)", _summed(sizes))]
    for project_id in dict.fromkeys(size.project_id for size in sizes):
        rows.append((project_id, _summed([size for size in sizes if size.project_id == project_id])))
    return [
        {"resource": {"host": name, "project": project, "cpu": cpu, "memory_mb": memory, "disk_gb": disk}}
        for project, (cpu, memory, disk) in rows
    ]


def _summed(sizes: Sequence[Size]) -> list[int]:
    return [
        sum(one.vcpus for one in sizes),
        sum(one.memory_mb for one in sizes),
        sum(one.disk_gb for one in sizes),
    ]


# --- audits ---------------------------------------------------------------------------------------


def audited(before: datetime.datetime) -> tuple[datetime.datetime, datetime.datetime]:
    """The last month that ended before a moment: Nova's default period."""
    end = datetime.datetime(before.year, before.month, 1)
    if end >= before:
        end = (end - datetime.timedelta(days=1)).replace(day=1)
    return (end - datetime.timedelta(days=1)).replace(day=1), end


def audit(
    hosts: Sequence[str],
    notes: Mapping[str, Mapping[str, Any]],
    period: tuple[datetime.datetime, datetime.datetime],
) -> dict[str, Any]:
    """The log of a period. `notes`: what hosts noted, by the names that users see."""
    known, states = set(hosts), [note["state"] for note in notes.values()]
    done, errors = states.count("DONE"), sum(note["errors"] for note in notes.values())
    share = "ALL" if done == len(known) else f"{done} of {len(known)}"
    missing = sorted(known - set(notes))
    return {
        "period_beginning": str(period[0]),
        "period_ending": str(period[1]),
        "num_hosts": len(known),
        "num_hosts_done": done,
        "num_hosts_running": states.count("RUNNING"),
        "num_hosts_not_run": len(missing),
        "hosts_not_run": missing,
        "total_instances": sum(note["instances"] for note in notes.values()),
        "total_errors": errors,
        "overall_status": f"{share} hosts done. {errors} errors.",
        "log": dict(notes),
    }
