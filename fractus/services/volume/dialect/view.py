"""Links in Cinder's documents: as they are stored, and as a caller gets them.

Stored documents are the same for all callers, so a placeholder stands for what depends on how one came: the host, and
whether the URL had a project id, which Cinder repeats in its links.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any, Protocol

import msgspec

from fractus.base.clock import iso_micro
from fractus.model.resource import BLOCKED, Presence, Resource

MOUNT = "/v3"
"""Where the versioned API lies below the service's URL."""

_BASE = "\u0001fractus-base\u0001"
_BASE_BYTES = msgspec.json.encode(_BASE)[1:-1]
_VERSIONED_BYTES = _BASE_BYTES + MOUNT.encode() + b"/"


class Origin(Protocol):
    """By which URL a caller came; a `fractus.web.routing.Call` is one."""

    @property
    def base_url(self) -> str:
        """The service's, without the version."""
        ...

    @property
    def project(self) -> str:
        """The project id in the URL, or nothing."""
        ...


def status_of(resource: Resource, there: Presence | None, *, busy: str = "") -> str:
    """Cinder's word for the state of a snapshot or a backup; `busy` stands in the place of available."""
    observed = (there.observed or {}) if there is not None else {}
    if resource.deleted_at is not None:
        return "deleted"
    if not resource.wanted:
        return "error_deleting" if observed.get("status") == "error_deleting" else "deleting"
    if there is None or there.remote_id is None:
        failed = resource.choice.get("error") or (there is not None and there.state == BLOCKED)
        return "error" if failed else "creating"
    reset = resource.desired.get("reset")
    if reset and reset["token"] > there.memory.get("reset", 0):
        return str(reset["status"])
    if there.state == BLOCKED and not there.memory.get("ran"):
        return "error"
    status = str(observed.get("status", "creating"))
    return busy if busy and status == "available" else status


def links(collection: str, id: str) -> list[dict[str, str]]:
    """The two links of a resource, as they are stored."""
    return [
        {"rel": "self", "href": f"{_BASE}{MOUNT}/{collection}/{id}"},
        {"rel": "bookmark", "href": f"{_BASE}/{collection}/{id}"},
    ]


def filled(documents: Sequence[bytes], call: Origin) -> list[bytes]:
    """Stored documents with the caller's roots."""
    base = call.base_url.encode()
    if not call.project:
        return [document.replace(_BASE_BYTES, base) for document in documents]
    project = call.project.encode()
    versioned = base + MOUNT.encode() + b"/" + project + b"/"
    return [
        document.replace(_VERSIONED_BYTES, versioned).replace(_BASE_BYTES, base + b"/" + project)
        for document in documents
    ]


def stamps(resource: Resource) -> dict[str, Any]:
    """When it was made, and last changed if it ever was."""
    changed = resource.updated_at > resource.created_at
    return {
        "created_at": iso_micro(resource.created_at),
        "updated_at": iso_micro(resource.updated_at) if changed else None,
    }


def tokens(values: dict[str, Any]) -> str:
    """Items of metadata in a column, each findable as a whole: `,hex,hex,`."""
    words = [f"{key}={value}".encode().hex() for key, value in values.items()]
    return "," + "".join(f"{word}," for word in words) if words else ""


def token(key: str, value: Any) -> str:
    """The pattern by which rows with an item are found in such a column."""
    return f"%,{f'{key}={value}'.encode().hex()},%"


#: The longest name that a row of a limit, or of what is used, has room for.
_ROOM = 64


def quota_name(name: str) -> str:
    """The name of a quota as its rows have it. That of a volume type may be longer than they have room for."""
    if len(name) <= _ROOM:
        return name
    digest = hashlib.blake2s(name.encode(), digest_size=16).hexdigest()
    return f"{name[: _ROOM - len(digest) - 1]}~{digest}"
