"""Actions: what a user asked of a resource that is more than its desired state (stop, reboot, resize)."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

ASKED, SENT, DONE, FAILED, SUPERSEDED = "asked", "sent", "done", "failed", "superseded"
"""States of an action: it was accepted; its cloud has taken its last step so far; it has come about; its cloud refused
it; a newer one took its place before it was sent. In the last three it is finished.
"""

SUCCESS, ERROR = "Success", "Error"
"""Results of an event, in Nova's words."""


class Event(Struct, kw_only=True):
    """One step of an action in a cloud. Stamps are our own, in seconds since the epoch."""

    step: str
    """The driver's verb."""
    cloud: str = ""
    started_at: float
    finished_at: float | None = None
    result: str = ""
    """Empty while it goes on."""
    details: str = ""
    """Why it failed, in the words of its cloud."""


class Action(Struct, kw_only=True):
    """One row. `token` grows with each action of a resource: it orders them, and names one within its resource."""

    kind: str
    id: str
    """Of the resource."""
    token: int
    verb: str
    args: dict[str, Any] = {}
    state: str = ASKED
    step: int = 0
    """How many steps its cloud has taken."""
    due_at: float | None = None
    """When it is to be looked at by itself, whatever became of its wake-up. None: it is finished."""
    error: str = ""
    events: list[Event] = []
    request_id: str = ""
    user_id: str = ""
    project_id: str = ""
    """Of whoever asked for it."""
    at: float = 0.0
    finished_at: float | None = None

    @property
    def once(self) -> str:
        """How a plan names a step of it that must not be repeated lightly (`fractus.reconcile.kind.Apply.once`)."""
        return f"{self.verb}:{self.token}"
