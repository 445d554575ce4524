"""Resources and presences: what a user asked for, and what of it is in which cloud."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from msgspec import Struct, structs

PENDING, SETTLED, BLOCKED = "pending", "settled", "blocked"
"""States of a presence: something is left to do; nothing is; it cannot be done as asked."""

APART = "apart"
"""Key in the memory of a presence: `kind/id` of a thing that it shares with others -> their clouds, where those differ
from its own. Clouds have no path between them."""


INSISTS = "insists"
"""In a wish: field -> the generation in which its user asked for what was wanted already. What is shown may be another
value, which somebody gave it in its cloud; then that is made undone.
"""


class Resource(Struct, kw_only=True):
    """One row. `desired` and `choice` are decoded; `summary` and `extra` are JSON bytes, ready to send.

    `extra` holds what only admins see; a view splices it into `summary`. `columns` are the kind's own columns, filled
    in only on the way into the store.
    """

    kind: str
    id: str
    project_id: str = ""
    user_id: str = ""
    name: str = ""
    status: str = ""
    desired: dict[str, Any]
    summary: bytes = b"{}"
    extra: bytes | None = None
    choice: dict[str, Any] = {}
    generation: int = 1
    wanted: bool = True
    request_id: str = ""
    created_at: float = 0.0
    updated_at: float = 0.0
    deleted_at: float | None = None


class Summary(Struct, frozen=True):
    """A resource as users see it: its status, the document, what admins see besides, and the kind's own columns."""

    status: str
    document: dict[str, Any]
    extra: dict[str, Any] | None = None
    columns: dict[str, Any] = {}


class Need(Struct, frozen=True):
    """That one resource cannot be in a cloud without another being there too.

    `exclusive`: the needed one serves only this one (a server's port) and leaves the cloud with it.
    `loose`: it must be there, but is not waited for and may leave first (a security group that a rule names), so that
    two may need each other.
    """

    kind: str
    id: str
    exclusive: bool = False
    loose: bool = False


class Presence(Struct, kw_only=True):
    """One row. `observed` is what the cloud last said (the kind's `Seen`, as a dict that is never changed);
    `memory` is the lifecycle's own.

    `creating_since` stands while a create may have left for the cloud without its answer being stored (law 1).
    `generation` is the resource's generation this presence was last settled for.
    """

    kind: str
    id: str
    cloud: str
    wanted: bool = True
    state: str = PENDING
    generation: int = 0
    remote_id: str | None = None
    creating_since: float | None = None
    observed: dict[str, Any] | None = None
    observed_at: float | None = None
    memory: dict[str, Any] = {}
    error: str = ""
    created_at: float = 0.0
    asked: int = 0
    """The generation of its resource, where that was read with it (of what is needed); it is not stored."""
    acting: bool = False
    """Whether its resource has open actions, where that was read with it; it is not stored."""


def found(presences: Sequence[Presence]) -> dict[str, Any]:
    """What a cloud has otherwise than is wanted (field -> value there), where the resource is in one cloud only.

    That is what users are shown, for it is how the thing is. One that is in several clouds has copies there: it is as
    its user wants it, and a copy that somebody changed is for operators to see.
    """
    there = [one for one in presences if one.wanted and one.remote_id is not None]
    if len(there) != 1:
        return {}
    return {name: one["found"] for name, one in there[0].memory.get("drift", {}).items()}


def as_found(resource: Resource, presences: Sequence[Presence]) -> Resource:
    """The resource as it is found, for views: `found` over what is wanted. The wish is not changed."""
    desired = {**resource.desired, **found(presences)}
    return structs.replace(resource, name=str(desired.get("name") or ""), desired=desired)
