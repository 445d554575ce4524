"""Images."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fractus.services.compute.dialect.view import Origin, links, roots

Document = Mapping[str, Any]

#: What Glance's schema calls properties of every image: all else is metadata.
_BASE = frozenset(
    "id name status visibility protected os_hidden checksum os_hash_algo os_hash_value owner size virtual_size "
    "container_format disk_format created_at updated_at tags direct_url min_ram min_disk self file schema locations "
    "stores".split()
)

_STATUS = {
    "active": "ACTIVE", "queued": "SAVING", "saving": "SAVING", "deleted": "DELETED", "pending_delete": "DELETED",
    "killed": "ERROR",
}  # fmt: skip
_PROGRESS = {"queued": 25, "saving": 50, "active": 100}

_TRUE = ("1", "t", "true", "on", "y", "yes")


def metadata(found: Document) -> dict[str, str]:
    """An image's properties that are its own."""
    return {name: value for name, value in found.items() if name not in _BASE and isinstance(value, str)}


def brief(found: Document, origin: Origin) -> dict[str, Any]:
    """One without details."""
    service = f"{origin.base_url.rpartition('/')[0]}/image"
    alternate = {
        "rel": "alternate",
        "type": "application/vnd.openstack.image",
        "href": f"{service}/images/{found['id']}",
    }
    own = [*links(roots(origin), "images", found["id"]), alternate]
    return {"id": found["id"], "name": found["name"], "links": own}


def detailed(found: Document, origin: Origin) -> dict[str, Any]:
    """One with all that is known of it."""
    properties, status = metadata(found), found["status"]
    shown = {
        **brief(found, origin),
        "minRam": found["min_ram"] or 0,
        "minDisk": found["min_disk"] or 0,
        "metadata": properties,
        "created": found["created_at"],
        "updated": found["updated_at"],
        "status": _STATUS.get(status, "UNKNOWN"),
        "progress": _PROGRESS.get(status, 0),
        "OS-EXT-IMG-SIZE:size": found["size"] or 0,
    }
    server = properties.get("instance_uuid")
    if server is not None:
        shown["server"] = {"id": server, "links": links(roots(origin), "servers", server)}
    by_itself = properties.get("auto_disk_config")
    if by_itself is not None:
        shown["OS-DCF:diskConfig"] = "AUTO" if by_itself.strip().lower() in _TRUE else "MANUAL"
    return shown
