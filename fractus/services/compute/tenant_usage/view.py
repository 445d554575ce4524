"""What servers used in a period, summed for each project. Pure."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import msgspec

#: In these states a server is said to be terminated.
_ENDED = ("deleted", "soft-delete")


class Period(NamedTuple):
    """From `start` to `stop`, as it was asked for. Without time zones: all are UTC."""

    start: datetime.datetime
    stop: datetime.datetime
    now: datetime.datetime

    def cut(self) -> Period:
        """Without what is yet to come."""
        return self._replace(stop=min(self.stop, self.now))


class Server(NamedTuple):
    """What is read of a server, deleted or not. Stamps as the table of servers has them."""

    id: str
    name: str
    project_id: str
    launched_at: str
    terminated_at: str
    vm_state: str
    summary: bytes


class _Flavor(msgspec.Struct):
    original_name: str = ""
    vcpus: int = 0
    ram: int = 0
    disk: int = 0
    ephemeral: int = 0


class _Document(msgspec.Struct):
    flavor: _Flavor


_decode = msgspec.json.Decoder(_Document).decode


def usage_of(server: Server, period: Period) -> dict[str, Any]:
    """One server's."""
    started, flavor = _moment(server.launched_at), _decode(server.summary).flavor
    ended = _moment(server.terminated_at) if server.terminated_at else None
    until = period.stop if ended is None else min(period.stop, ended)
    hours = max(0.0, (until - max(started, period.start)).total_seconds() / 3600.0)
    return {
        "hours": hours,
        "flavor": flavor.original_name,
        "instance_id": server.id,
        "name": server.name,
        "tenant_id": server.project_id,
        "memory_mb": flavor.ram,
        "local_gb": flavor.disk + flavor.ephemeral,
        "vcpus": flavor.vcpus,
        "started_at": _stamp(started),
        "ended_at": None if ended is None else _stamp(ended),
        "state": "terminated" if ended is not None or server.vm_state in _ENDED else server.vm_state,
        "uptime": max(0, int(((ended or period.now) - started).total_seconds())),
    }


def usages(servers: Iterable[Server], period: Period, *, detailed: bool) -> list[dict[str, Any]]:
    """Each project's, in the order of the servers."""
    found: dict[str, dict[str, Any]] = {}
    for server in servers:
        one = usage_of(server, period)
        total = found.setdefault(server.project_id, _nothing(server.project_id, period, detailed=detailed))
        hours = one["hours"]
        total["total_local_gb_usage"] += one["local_gb"] * hours
        total["total_vcpus_usage"] += one["vcpus"] * hours
        total["total_memory_mb_usage"] += one["memory_mb"] * hours
        total["total_hours"] += hours
        if detailed:
            total["server_usages"].append(one)
    return list(found.values())


def _nothing(project_id: str, period: Period, *, detailed: bool) -> dict[str, Any]:
    servers: dict[str, Sequence[Any]] = {"server_usages": []} if detailed else {}
    return {
        "tenant_id": project_id,
        **servers,
        "total_local_gb_usage": 0.0,
        "total_vcpus_usage": 0.0,
        "total_memory_mb_usage": 0.0,
        "total_hours": 0.0,
        "start": _stamp(period.start),
        "stop": _stamp(period.stop),
    }


def _moment(text: str) -> datetime.datetime:
    return datetime.datetime.fromisoformat(text)


def _stamp(at: datetime.datetime) -> str:
    return at.isoformat(timespec="microseconds")
