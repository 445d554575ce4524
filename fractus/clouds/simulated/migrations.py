"""Migrations of a simulated Nova: of servers that are being moved, and of those whose resize is to be confirmed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from fractus.base.clock import iso
from fractus.base.ids import derived_id
from fractus.clouds.simulated.records import ServerRecord

#: What is filtered by its name in a document.
_FILTERS = ("instance_uuid", "status", "migration_type", "source_compute")


def listed(servers: Iterable[ServerRecord], cloud: str, query: Mapping[str, str]) -> list[dict[str, Any]]:
    """As Nova lists them, the newest first, after the marker."""
    every = [_document(one, cloud) for one in servers if _moves(one)]
    every.sort(key=lambda one: (one["created_at"], one["id"]), reverse=True)
    for name in _FILTERS:
        if name in query:
            every = [one for one in every if one[name] == query[name]]
    if "host" in query:
        ends = ("source_compute", "dest_compute")
        every = [one for one in every if query["host"] in (one[end] for end in ends)]
    ids = [one["uuid"] for one in every]
    after = ids.index(query["marker"]) + 1 if query.get("marker") in ids else 0
    return every[after : after + int(query["limit"])]


def _moves(server: ServerRecord) -> bool:
    return server.task_state == "migrating" or server.vm_state == "resized"


def _document(server: ServerRecord, cloud: str) -> dict[str, Any]:
    stamp, live = iso(server.changed_at).removesuffix("Z") + ".000000", server.task_state == "migrating"
    was = server.was.get("host", server.host)
    return {
        "id": server.number,
        "uuid": derived_id("migration", server.id),
        "instance_uuid": server.id,
        "migration_type": "live-migration" if live else "resize",
        "status": "running" if live else "finished",
        "source_compute": was,
        "source_node": f"{was}.{cloud}",
        "dest_compute": server.host,
        "dest_node": f"{server.host}.{cloud}",
        "dest_host": "192.0.2.1",
        "old_instance_type_id": 1,
        "new_instance_type_id": 1,
        "created_at": stamp,
        "updated_at": stamp,
        "user_id": server.user_id,
        "project_id": server.project_id,
    }
