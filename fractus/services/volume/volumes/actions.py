"""What is asked of a volume once, and may fail without harm to it: that its type is another.

1. The request writes the new type, and what the volume was (`desired["retype"]`), so quota follows at once.
2. The cloud is asked once (`due`). Until it has ended, users see `retyping`.
   Where its answer was lost, a volume that has changed since was asked: a second time Cinder would refuse.
3. A cloud that refuses, or that shows the old type when it is done, has failed: the volume is what it was (`settle`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fractus.model.resource import Presence

KEY = "retype"
_IDLE = frozenset(("available", "in-use"))


def retype(
    desired: dict[str, Any], *, id: str, name: str, there: dict[str, Any], policy: str, before: str
) -> None:
    """A volume is to be of another type. `there`: what its cloud has to have of that; `before`: its present name."""
    last = desired.get(KEY) or {}
    desired[KEY] = {
        "token": last.get("token", 0) + 1,
        "first": last.get("first") or desired["type_id"],
        "from": [desired["type_id"], desired["type_name"]],
        "there": there["name"],
        "type": there,
        "before": before,
        "policy": policy,
        "ended": False,
    }
    desired["type_id"], desired["type_name"] = id, name


def due(desired: Mapping[str, Any], memory: Mapping[str, Any], changed_at: str) -> dict[str, Any] | None:
    """What the cloud has to be asked; None: nothing, or it was. `changed_at`: the stamp of the volume there."""
    asked = desired.get(KEY)
    if not asked or asked["ended"] or _was_sent(asked["token"], memory, changed_at):
        return None
    made = {"type": asked["type"]} if "type" in asked else {}  # an older version wrote none
    return {"new_type": asked["there"], "migration_policy": asked["policy"], **made}


def once(token: int) -> str:
    """By what the step is known, which is taken once."""
    return f"{KEY}:{token}"


def _was_sent(token: int, memory: Mapping[str, Any], changed_at: str) -> bool:
    if token <= memory.get(KEY, 0):
        return True
    return memory.get("doing") == once(token) and memory.get("doing_from") not in (None, "", changed_at)


def is_open(desired: Mapping[str, Any]) -> bool:
    """Whether a change of type has not ended."""
    asked = desired.get(KEY)
    return bool(asked and not asked["ended"])


def shown_type(desired: Mapping[str, Any]) -> tuple[str, str]:
    """Id and name of the type that users see: the old one until its cloud has changed it, as Cinder shows it."""
    id, name = desired[KEY]["from"] if is_open(desired) else (desired["type_id"], desired["type_name"])
    return id, name


def settle(desired: dict[str, Any], there: Presence | None) -> None:
    """See whether a change of type has ended, and how."""
    if there is None or not is_open(desired):
        return
    asked, observed, memory = desired[KEY], there.observed or {}, there.memory
    changed_at = observed.get("changed_at", "")
    refused = once(asked["token"]) in memory.get("failed", {})
    done = (
        _was_sent(asked["token"], memory, changed_at)
        and observed.get("status") in _IDLE
        and changed_at != memory.get("retype_seen", "")
    )
    if not (refused or done):
        return
    desired[KEY] = {**asked, "ended": True}
    if refused or observed.get("type_name") == asked["before"]:
        desired["type_id"], desired["type_name"] = asked["from"]
