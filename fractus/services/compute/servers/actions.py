"""What a server's desired state says of the actions that were asked of it; pure.

The actions are rows (`fractus.store.actions`). Of the newest one that a cloud has to do a copy stands in the desired
state (`acting`: token, verb, args), for the document and the question whether the server should run are answered
without reading rows; with it the newest token (`token`), so that the next one is known.

Processes of the version before know no rows: they read and write a list, `desired["actions"]`, capped at 200. As long
as they may run beside us it is written as they write it, and what they wrote into it counts (decision 0023 says until
when). All of that is in this file and in its callers' use of `noted` and `old_entries`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fractus.model.action import DONE, FAILED, Action
from fractus.model.resource import Presence, Resource
from fractus.model.server_verbs import CLOUD_VERBS, SERVER_VERBS

#: How many entries the list of the version before keeps: the first, and the newest.
_KEPT = 200

#: Key of a server's `desired`: the id of the image that it was shelved in last.
SHELVED_IMAGE = "shelved_image"


def newest(desired: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Token, verb and args of the newest action that a cloud has to do, or has done."""
    acting: Mapping[str, Any] | None = desired.get("acting")
    for entry in reversed(desired.get("actions", ())):
        if acting is not None and entry["token"] <= acting["token"]:
            break
        if entry["verb"] in CLOUD_VERBS:
            # A process of the version before has written it.
            found: Mapping[str, Any] = entry
            return found
    return acting


def next_token(desired: Mapping[str, Any]) -> int:
    """Larger than that of every action before."""
    own: int = desired.get("token", 0)
    old = desired.get("actions", ())
    return max(own, old[-1]["token"] if old else 0) + 1


def noted(desired: dict[str, Any], action: Action) -> None:
    """Write an action that is asked for now into the desired state."""
    desired["token"] = action.token
    if action.verb in CLOUD_VERBS and action.state == DONE:
        # It was done here, and no cloud is to do it: not even by a process of the version before.
        return
    if action.verb in CLOUD_VERBS:
        desired["acting"] = {"token": action.token, "verb": action.verb, "args": action.args}
        verb = CLOUD_VERBS[action.verb]
        if verb.ends and not verb.passing:
            desired["rests_in"] = verb.ends
    entries = [*desired.get("actions", ()), _entry(action)]
    if len(entries) > _KEPT:
        entries = [entries[0], *entries[1 - _KEPT :]]
    desired["actions"] = entries


def _entry(action: Action) -> dict[str, Any]:
    """Of its arguments only that which the version before knows: others may be large (user data), or secrets."""
    names = ("token", "verb", "request_id", "user_id", "project_id", "at")
    verb = SERVER_VERBS.get(action.verb)
    known = verb.variant_by if verb is not None else ""
    args = {name: value for name, value in action.args.items() if name == known}
    return {**{name: getattr(action, name) for name in names}, "args": args}


def old_entries(server: Resource, here: Presence | None) -> list[Action]:
    """The list of the version before as actions, newest first: some of them have a row besides.

    What became of them is what the presence's memory says of it.
    """
    memory = here.memory if here is not None else {}
    failed = _failed(memory)
    found = []
    for entry in reversed(server.desired.get("actions", ())):
        token, verb = entry["token"], entry["verb"]
        is_open = verb in CLOUD_VERBS and token > memory.get("done", 0)
        found.append(
            Action(
                kind="server",
                id=server.id,
                state=FAILED if token in failed else DONE,
                finished_at=None if is_open else entry["at"],
                **entry,
            )
        )
    return found


def _failed(memory: Mapping[str, Any]) -> set[int]:
    """Tokens of what a cloud refused, as workers of the version before note it."""
    steps = [once.rpartition(":") for once in memory.get("failed", {})]
    return {int(token) for verb, _, token in steps if verb in CLOUD_VERBS}
