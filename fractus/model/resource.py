"""Resources and presences: what a user asked for, and what of it is in which cloud."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, Literal, TypeAlias

from msgspec import Struct, structs

PENDING, SETTLED, BLOCKED = "pending", "settled", "blocked"
"""States of a presence: something is left to do; nothing is; it cannot be done as asked."""

INCOMING, OUTGOING = "incoming", "outgoing"
"""Roles of a presence while an assigned resource changes its cloud: it is made there and is not the home yet; it was
the home and is still there.
"""

CARRY: Final = "carry"
AWAIT: Final = "await"
IF_PRESENT: Final = "if_present"
CARRY_ASYNC: Final = "carry_async"
NeedMode: TypeAlias = Literal["carry", "await", "if_present", "carry_async"]
"""What a need asks of the cloud where the resource is that has it.

CARRY: the needed one is brought there, and waited for. AWAIT: it is waited for, and comes by itself. IF_PRESENT: it is
used where it is. CARRY_ASYNC: it is brought there and not waited for, so that two may need each other. What is not
waited for may also leave first.
"""

NEEDS_CHANGED = "needs_changed"
"""Key in the choice of a resource: the generation of the last change that made it need other things than before."""

APART = "apart"
"""Key in the memory of a presence: `kind/id` of a thing that it shares with others -> their clouds, where those differ
from its own. Clouds have no path between them."""


INSISTS = "insists"
"""In `desired`: field -> the generation in which its user asked for what was wanted already. What is shown may be
another value, which somebody gave it in its cloud; then that is made undone.
"""


OVER = "over"
"""Key in the memory of a presence of what its cloud makes by itself: that has done what it was asked for. What is not
there by now never comes.
"""


OWNER = "owner"
"""Key in the memory of a presence: the project that the thing lies with in that cloud, empty for the credential's own.
"""


class Resource(Struct, kw_only=True):
    """One row. `desired` and `choice` are decoded; `summary` and `extra` are JSON bytes, ready to send.

    `home` is the cloud in which the data of an assigned resource is; only a migration changes it. None where no cloud
    is chosen yet, or an older process chose it: `at_home` knows both. `extra` holds what only admins see; a view
    splices it into `summary`. `columns` are the kind's own columns, filled in only on the way into the store.
    """

    kind: str
    id: str
    project_id: str = ""
    user_id: str = ""
    name: str = ""
    status: str = ""
    desired: dict[str, Any]
    home: str | None = None
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
    """That one resource uses another in each cloud where it is.

    `exclusive`: the needed one serves only this one (a server's port) and leaves the cloud with it.
    """

    kind: str
    id: str
    exclusive: bool = False
    mode: NeedMode = CARRY
    since: int = 0
    """The generation of the change that brought it, where that is read with it; 0: it came with the resource itself."""

    @property
    def carries(self) -> bool:
        """Whether what can be carried is brought along."""
        return self.mode in (CARRY, CARRY_ASYNC)

    @property
    def awaited(self) -> bool:
        """Whether it is waited for, and leaves last."""
        return self.mode in (CARRY, AWAIT)


class Presence(Struct, kw_only=True):
    """One row. `observed` is what the cloud last said (the kind's `Observed`, as a dict that is never changed);
    `memory` is the lifecycle's own.

    `creating_since` stands while a create may have left for the cloud without its answer being stored (law 1).
    `generation` is the resource's generation this presence was last settled for. `role` is INCOMING or OUTGOING while
    the resource changes its cloud, else None.
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
    role: str | None = None
    asked: int = 0
    """The generation of its resource, where that was read with it (of what is needed); it is not stored."""
    acting: bool = False
    """Whether its resource has open actions, where that was read with it; it is not stored."""


def at_home(home: str | None, presences: Sequence[Presence]) -> Presence | None:
    """The presence of an assigned resource that counts, from all of them, oldest first: the one in its home cloud.

    Where an older process has assigned or moved it, `home` is missing or names a cloud that it has left: then it is the
    newest that is to stay and has no role. Of a resource that is leaving every cloud it is the last.
    """
    those = [one for one in presences if one.wanted] or list(presences)
    for one in those:
        if one.cloud == home:
            return one
    plain = [one for one in those if one.role is None] or those
    return plain[-1] if plain else None


def found(presences: Sequence[Presence]) -> dict[str, Any]:
    """What a cloud has otherwise than is wanted (field -> value there), where the resource is in one cloud only, or on
    its way from one to another.

    That is what users are shown, for it is how the thing is. One that is in several clouds has copies there: it is as
    its user wants it, and a copy that somebody changed is for operators to see.
    """
    there = [one for one in presences if one.wanted and one.remote_id is not None and one.role is None]
    if len(there) != 1:
        return {}
    return {name: one["found"] for name, one in there[0].memory.get("drift", {}).items()}


def as_found(resource: Resource, presences: Sequence[Presence]) -> Resource:
    """The resource as it is found, for views: `found` over what is wanted. `desired` is not changed."""
    desired = {**resource.desired, **found(presences)}
    return structs.replace(resource, name=str(desired.get("name") or ""), desired=desired)
