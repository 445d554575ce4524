"""A keypair as Nova 2.104 shows it."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from fractus.base.clock import iso_micro
from fractus.model.resource import Presence, Resource, Summary


def document(id: str, desired: Mapping[str, Any], created_at: float) -> dict[str, Any]:
    """The newest document. `id` is a number in Nova; ours is made from the key's own id."""
    return {
        "name": desired["name"],
        "public_key": desired["public_key"],
        "fingerprint": desired["fingerprint"],
        "user_id": desired["user_id"],
        "created_at": iso_micro(created_at // 1),  # Nova keeps whole seconds
        "deleted": False,
        "deleted_at": None,
        "id": uuid.UUID(id).int % 0x7FFFFFFF,
        "updated_at": None,
        "type": desired["type"],
    }


def summarise(resource: Resource, presences: Sequence[Presence] = ()) -> Summary:
    """A keypair as it is kept. In which clouds it is changes nothing for users."""
    live = None if resource.deleted_at is not None else f"{resource.user_id}/{resource.name}"
    told = document(resource.id, resource.desired, resource.created_at)
    return Summary("", told, None, {"live": live})


class _Listed(msgspec.Struct):
    """The fields of a list, left as the bytes that they are."""

    name: msgspec.Raw
    public_key: msgspec.Raw
    fingerprint: msgspec.Raw
    type: msgspec.Raw


class _Entry(msgspec.Struct):
    keypair: _Listed


_listed = msgspec.json.Decoder(_Listed)


def listed(summary: bytes) -> bytes:
    """An entry of a list, from a stored document."""
    return msgspec.json.encode(_Entry(_listed.decode(summary)))


def created(desired: Mapping[str, Any], private_key: str | None) -> dict[str, Any]:
    """The answer to a POST. The private key, where we made it, is told here and nowhere else, and is not kept."""
    told: dict[str, Any] = {} if private_key is None else {"private_key": private_key}
    for name in ("type", "name", "public_key", "fingerprint", "user_id"):
        told[name] = desired[name]
    return told
