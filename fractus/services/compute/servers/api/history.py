"""What was asked of a server, and what came of it: `os-instance-actions`, read from the rows of its actions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

from fractus.base.clock import iso_micro, parse_iso
from fractus.model.action import FAILED, Action, Event
from fractus.model.errors import Invalid, NotFound
from fractus.model.network import unreachable
from fractus.model.resource import Resource, at_home
from fractus.model.server_verbs import SERVER_VERBS
from fractus.services.compute import only
from fractus.services.compute.servers import actions, policy, view
from fractus.services.compute.servers.api.access import CREATE, Dependencies, find, target_of
from fractus.services.compute.servers.api.parts import strict
from fractus.services.compute.servers.schema import search
from fractus.services.compute.servers.versions import ACTION, EVENT, PARTS
from fractus.store import actions as stored
from fractus.store import presences
from fractus.web.routing import Call, Reply, Route


class History:
    """Reads of what was done."""

    def __init__(self, given: Dependencies) -> None:
        self._given = given

    def routes(self) -> list[Route]:
        """Rows of the route table."""
        every = "/servers/{server_id}/os-instance-actions"
        return [
            Route(
                method="GET",
                path=every,
                handler=self.index,
                rule=policy.ACTIONS_LIST,
                summary="List what was done to a server.",
            ),
            Route(
                method="GET",
                path=f"{every}/{{request_id}}",
                handler=self.show,
                rule=policy.ACTIONS_SHOW,
                summary="Show one thing that was done to a server.",
            ),
        ]

    async def index(self, call: Call) -> Reply:
        """The newest first."""
        paged = PARTS.behaviour("actions_in_pages", call.version)
        if paged:
            also = (
                ("changes-before",) if PARTS.query_allowed("changes-before", call.version, "actions") else ()
            )
            only(call.query.names(), ("limit", "marker", "changes-since", *also))
        deleted = PARTS.behaviour("actions_of_deleted", call.version)
        server = await find(self._given, call, policy.ACTIONS_LIST, deleted=deleted)
        if not paged:
            every = await self._page(server, None, _Bounds())
            return Reply(200, {"instanceActions": [_document(call, server, one) for one in every]})
        limit = self._limit(call)
        page = await self._page(server, limit, _bounds(call), call.query.one("marker"))
        answer: dict[str, Any] = {"instanceActions": [_document(call, server, one) for one in page]}
        if page and len(page) == limit:
            params = {**dict(sorted(call.query.items())), "marker": page[-1].request_id}
            answer["links"] = [{"rel": "next", "href": f"{call.url}?{urlencode(params)}"}]
        return Reply(200, answer)

    async def show(self, call: Call) -> Reply:
        """One, by the request that asked for it, with its events."""
        strict(call)
        deleted = PARTS.behaviour("actions_of_deleted", call.version)
        server = await find(self._given, call, policy.ACTIONS_SHOW, deleted=deleted)
        request_id = call.params["request_id"]
        every = await self._of_request(server, request_id)
        if not every:
            raise NotFound(f"Action {request_id} not found")
        first = every[0]
        document = _document(call, server, first)
        whole = call.allows(policy.ACTIONS_EVENTS, target_of(server))
        if whole or PARTS.behaviour("events_for_everybody", call.version):
            details = call.allows(policy.ACTIONS_DETAILS, target_of(server))
            # The newest first, as Nova has them.
            document["events"] = [
                _event(call, server, first, one, whole=whole, details=details)
                for one in reversed(first.events)
            ]
        return Reply(200, {"instanceAction": document})

    # --- rows, and what the version before has written ---------------------------------------------

    async def _old(self, server: Resource) -> list[Action]:
        """What the version before has written, newest first: a part of it has rows, too."""
        here = at_home(server.home, await presences.of_resource(self._given.store, "server", server.id))
        return actions.old_entries(server, here)

    async def _of_request(self, server: Resource, request_id: str) -> list[Action]:
        """What one request asked of a server, oldest first."""
        rows = await stored.of_request(self._given.store, "server", server.id, request_id)
        old = [one for one in await self._old(server) if one.request_id == request_id]
        return _merged(rows, old)[::-1]

    async def _page(
        self, server: Resource, limit: int | None, bounds: _Bounds, marker: str | None = None
    ) -> list[Action]:
        """At most `limit` (None: all) within some bounds after the one that a request asked for, newest first."""
        reader = self._given.store
        below = None
        if marker is not None:
            found = [one for one in await self._of_request(server, marker) if bounds.hold(one)]
            if not found:
                raise Invalid(f"Marker {marker} could not be found.")
            below = found[-1].token
        most = _ALL if limit is None else limit
        rows = await stored.history(
            reader, "server", server.id, most, below=below, since=bounds.since, before=bounds.before
        )
        # Of what the version before has written only what lies within the page: beyond its last row there are others.
        end = rows[-1].token if rows and len(rows) == most else 0
        old = [
            one
            for one in await self._old(server)
            if bounds.hold(one) and end < one.token and (below is None or one.token < below)
        ]
        return _merged(rows, old)[:most]

    def _limit(self, call: Call) -> int:
        text = call.query.one("limit")
        if text is None:
            return self._given.limits.page
        if not (text.isascii() and text.isdigit()):
            raise search.bad_parameter("limit", text, f"{text!r} does not match '^[0-9]*$'")
        page = self._given.limits.page
        return page if len(text) > search.DIGITS else min(int(text), page)


#: More than any server has: what is not asked for in pages is sent whole, as Nova does.
_ALL = 2**31 - 1


class _Bounds:
    """From when, and before when, an action was asked for."""

    def __init__(self, since: float | None = None, before: float | None = None) -> None:
        self.since = -1e308 if since is None else since
        self.before = 1e308 if before is None else before

    def hold(self, action: Action) -> bool:
        """Whether it lies within."""
        return self.since <= action.at < self.before


def _bounds(call: Call) -> _Bounds:
    found = {}
    for name in ("changes-since", "changes-before"):
        text = call.query.one(name)
        if text is not None:
            search.check_parameter(name, text)
            found[name] = parse_iso(text)
    since, before = found.get("changes-since"), found.get("changes-before")
    if since is not None and before is not None and before < since:
        raise Invalid("The value of changes-since must be less than or equal to changes-before.")
    # Stamps are asked for in whole seconds, and a second is meant whole.
    return _Bounds(since, None if before is None else before + 1)


def _merged(rows: Sequence[Action], old: Sequence[Action]) -> list[Action]:
    """Both, newest first, each once: a row says more. What an old worker noted of one with a row counts, too."""
    noted = {one.token: one for one in old}
    found = {**noted, **{one.token: _newer(one, noted.get(one.token)) for one in rows}}
    return [found[token] for token in sorted(found, reverse=True)]


def _newer(row: Action, old: Action | None) -> Action:
    return row if old is None or old.state != FAILED or row.events else old


# --- in Nova's words --------------------------------------------------------------------------------


def _message(server: Resource, action: Action) -> str | None:
    """What a user should know of it, or None."""
    if action.state == FAILED:
        return "Error"
    apart = server.choice.get("apart")
    if action.verb != CREATE or not apart:
        return None
    return " ".join(unreachable(key.partition("/")[2], clouds) for key, clouds in sorted(apart.items()))


def _document(call: Call, server: Resource, action: Action) -> dict[str, Any]:
    document = {
        "action": action.verb,
        "instance_uuid": server.id,
        "request_id": action.request_id,
        "user_id": action.user_id,
        "project_id": action.project_id,
        "start_time": iso_micro(action.at),
        "message": _message(server, action),
        "updated_at": iso_micro(action.at),
    }
    return ACTION.response_down(document, call.version)


def _event(
    call: Call, server: Resource, action: Action, event: Event, *, whole: bool, details: bool
) -> dict[str, Any]:
    """A step of it in a cloud, which is the host, as of the server itself."""
    verb = SERVER_VERBS.get(event.step)
    document: dict[str, Any] = {
        "event": verb.event if verb is not None else event.step,
        "start_time": iso_micro(event.started_at),
        "finish_time": None if event.finished_at is None else iso_micro(event.finished_at),
        "result": event.result or None,
        "hostId": view.host_id(action.project_id or server.project_id, event.cloud),
    }
    if whole:
        # Where in a child's code it failed, a child does not tell.
        document |= {"traceback": None, "host": event.cloud}
    if details:
        document["details"] = event.details or None
    return EVENT.response_down(document, call.version)
