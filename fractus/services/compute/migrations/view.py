"""A migration as the newest microversion shows it. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from fractus.services.compute.dialect.view import Origin, links, roots

_NAMES = (
    "created_at dest_compute dest_host dest_node id instance_uuid new_instance_type_id old_instance_type_id "
    "source_compute source_node status updated_at migration_type uuid user_id project_id"
).split()

_UNDER_WAY = ("queued", "preparing", "running", "post-migrating")

Rename = Callable[[str], str]


def migration(
    found: Mapping[str, Any], server: Mapping[str, str] | None, host: Rename, node: Rename, origin: Origin
) -> dict[str, Any]:
    """One that a cloud has. `server`: our own that it is of, if it is (id, user and project); else it is somebody's
    there. `host`, `node`: a name in the cloud as users see it.
    """
    shown: dict[str, Any] = {name: found.get(name) for name in _NAMES}
    if server is not None:
        shown |= {name: server[key] for name, key in _OF_SERVERS.items()}
    for name in ("source_compute", "dest_compute"):
        shown[name] = host(shown[name]) if shown[name] else shown[name]
    for name in ("source_node", "dest_node"):
        shown[name] = node(shown[name]) if shown[name] else shown[name]
    if shown["migration_type"] == "live-migration" and shown["status"] in _UNDER_WAY:
        collection = f"servers/{shown['instance_uuid']}/migrations"
        shown["links"] = links(roots(origin), collection, str(shown["id"]))
    return shown


_OF_SERVERS = {"instance_uuid": "id", "user_id": "user_id", "project_id": "project_id"}


def without_hosts(shown: dict[str, Any]) -> dict[str, Any]:
    """What is shown to those who may not see hosts."""
    hidden = ("dest_compute", "dest_host", "dest_node", "source_compute", "source_node")
    return {**shown, **dict.fromkeys(hidden)}
