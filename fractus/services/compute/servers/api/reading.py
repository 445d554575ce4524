"""Lists of servers, and one server: reads only, each one select."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

import msgspec

from fractus.addressing.matching import spans
from fractus.addressing.ranges import Range
from fractus.base.clock import parse_iso
from fractus.model.errors import Forbidden, Invalid
from fractus.services.compute import only
from fractus.services.compute.dialect.view import links, roots
from fractus.services.compute.servers import policy, queries, view
from fractus.services.compute.servers.api.access import Dependencies, missing
from fractus.services.compute.servers.api.showing import Showing
from fractus.services.compute.servers.schema import search
from fractus.services.compute.servers.versions import LISTS, PARTS
from fractus.store import clouds
from fractus.store.listing import Filter, Sort, one_of
from fractus.web.routing import Call, Query, Reply, Route

_encode = msgspec.json.encode

_PAGING = ("limit", "marker", "sort_key", "sort_dir")
_TAGS = ("tags", "tags-any", "not-tags", "not-tags-any")


class Reading:
    """GET of servers."""

    def __init__(self, given: Dependencies, showing: Showing) -> None:
        self._given = given
        self._showing = showing

    def routes(self) -> list[Route]:
        """Rows of the route table."""
        return [
            Route(
                method="GET", path="/servers", handler=self.index, rule=policy.LIST, summary="List servers."
            ),
            Route(
                method="GET",
                path="/servers/detail",
                handler=self.detail,
                rule=policy.DETAIL,
                summary="List servers with all that is known of them.",
            ),
            Route(
                method="GET",
                path="/servers/{server_id}",
                handler=self.show,
                rule=policy.SHOW,
                summary="Show a server.",
            ),
        ]

    async def show(self, call: Call) -> Reply:
        """One server."""
        if PARTS.behaviour("strict", call.version):
            only(call.query.names(), ())
        row = await queries.server_shown(self._given.store, call.params["server_id"])
        who = call.principal
        if row is None or row.deleted_at is not None:
            raise missing(call.params["server_id"])
        if not who.is_admin and row.project_id != who.project_id:
            raise missing(call.params["server_id"])
        target = {"project_id": row.project_id, "user_id": row.user_id}
        call.enforce(policy.SHOW, target)
        body, headers = await self._showing.one(call, row, target)
        return Reply(200, body, headers)

    async def index(self, call: Call) -> Reply:
        """Ids and names."""
        asked = await self._asked(call, policy.LIST_ALL)
        if asked is None:
            return Reply(200, {"servers": []})
        await self._check_marker(call, asked)
        filters = [*asked.filters, *await self._at_addresses(asked.addresses)]
        rows = await queries.server_names(self._given.store, filters, asked.sorts, asked.marker, asked.limit)
        root = roots(call)
        servers = [{"id": row.id, "name": row.name, "links": links(root, "servers", row.id)} for row in rows]
        return Reply(200, _closed(call, _encode(servers)[1:-1], asked, [row.id for row in rows]))

    async def detail(self, call: Call) -> Reply:
        """Everything."""
        asked = await self._asked(call, policy.DETAIL_ALL)
        if asked is None:
            return Reply(200, {"servers": []})
        await self._check_marker(call, asked)
        filters = [*asked.filters, *await self._at_addresses(asked.addresses)]
        rows = await queries.server_page(self._given.store, filters, asked.sorts, asked.marker, asked.limit)
        servers, headers = await self._showing.list(call, rows)
        return Reply(200, _closed(call, servers, asked, [row.id for row in rows]), headers)

    # --- what is asked for -----------------------------------------------------------------------

    async def _asked(self, call: Call, all_rule: str) -> _Asked | None:
        """The list that the query describes, or None where it is known to be empty."""
        _check_parameters(call)
        found = _searched(call)
        everywhere = "all_tenants" in found and _truth_or_there(found.pop("all_tenants"))
        if everywhere:
            call.enforce(all_rule)
            if "tenant_id" in found:
                found["project_id"] = found.pop("tenant_id")
        else:
            found.pop("tenant_id", None)
            own = ("project_id", "user_id")[not call.principal.project_id]
            found[own] = getattr(call.principal, own)
        limit = self._limit(call.query)
        sorts = _sorts(call)
        if found.pop("nothing", False):
            return None
        conditions = [*await self._at_hosts(found), *queries.conditions(found)]
        addresses = _addresses(found) if found.get("deleted") is False else []
        return _Asked(conditions, sorts, call.query.one("marker"), limit, everywhere, addresses)

    async def _at_hosts(self, found: dict[str, Any]) -> list[Filter]:
        """Have names of hosts and hypervisors mean what they are in their clouds; conditions besides."""
        names, more = self._given.names, []
        if host := found.get("host"):
            place = await names.host(host)
            found["host"] = [host, *([":".join(place)] if place is not None else await self._on(host))]
        if (node := found.get("node")) and (place := await names.node(node)) is not None and place[1] != node:
            del found["node"]
            more += [Filter("node", "eq", place[1]), Filter("cloud", "eq", place[0])]
        return more

    async def _on(self, host: str) -> list[str]:
        """A name that says no cloud, or that only servers tell of, in every cloud that it may mean."""
        every = await clouds.answered_at(self._given.store)
        ends = [(host.removesuffix(f".{cloud}"), cloud) for cloud in every if host.endswith(f".{cloud}")]
        return [f"{cloud}:{host}" for cloud in every] + [f"{cloud}:{name}" for name, cloud in ends]

    async def _at_addresses(self, addresses: Sequence[Range]) -> list[Filter]:
        """Which servers those may be that have the addresses asked for, where their ports tell: else all of a project
        are looked through.
        """
        if not addresses:
            return []
        ids = await self._given.ports.servers_at(self._given.store, addresses, 4)
        return [] if ids is None else [one_of("id", ids)]

    def _limit(self, query: Query) -> int:
        text = query.one("limit")
        if text is None:
            return self._given.limits.page
        if not (text.isascii() and text.isdigit()):
            why = "should be non-empty" if not text else "does not match '^[0-9]*$'"
            raise search.bad_parameter("limit", text, f"{text!r} {why}")
        page = self._given.limits.page
        return page if len(text) > search.DIGITS else min(int(text), page)

    async def _check_marker(self, call: Call, asked: _Asked) -> None:
        """A marker may be deleted by now, but must be something that the caller may know of."""
        if asked.marker is None:
            return
        owner = await queries.server_owner(self._given.store, asked.marker)
        who = call.principal
        theirs = owner is not None and (asked.everywhere or owner == who.project_id or who.is_admin)
        if not theirs:
            raise Invalid(f"marker [{asked.marker}] not found")


class _Asked:
    """One page of a list."""

    def __init__(
        self,
        filters: list[queries.Condition],
        sorts: tuple[Sort, ...],
        marker: str | None,
        limit: int,
        everywhere: bool,
        addresses: Sequence[Range],
    ) -> None:
        self.filters = filters
        self.sorts = sorts
        self.marker = marker
        self.limit = limit
        self.everywhere = everywhere
        self.addresses = addresses
        """Where the addresses are that are asked for, all of IPv4; none where that is not known."""


def _closed(call: Call, servers: bytes, asked: _Asked, ids: list[str]) -> bytes:
    """The body: the servers (what stands in their array), and the way to the next ones where the page is full."""
    if not ids or len(ids) < asked.limit:
        return b"".join([b'{"servers":[', servers, b"]}"])
    params = dict(sorted(call.query.items()))
    params["marker"] = ids[-1]
    link = [{"rel": "next", "href": f"{call.url}?{urlencode(params)}"}]
    return b"".join([b'{"servers":[', servers, b'],"servers_links":', _encode(link), b"}"])


def _check_parameters(call: Call) -> None:
    names = call.query.names()
    if LISTS.behaviour("strict", call.version):
        search.check_known(names)
    for name, value in call.query.items():
        if LISTS.query_allowed(name, call.version, "checked"):
            search.check_parameter(name, value)


def _searched(call: Call) -> dict[str, Any]:
    """The filters that the caller may use, with their values as `queries.conditions` reads them."""
    query, version = call.query, call.version
    found: dict[str, Any] = {name: value for name, value in query.items() if name not in _PAGING}
    if not call.allows(policy.ALL_FILTERS):
        found = {
            name: value
            for name, value in found.items()
            if name in search.EVERYBODY and LISTS.query_allowed(name, version, "everybody")
        }
    for name in found:
        if name in search.FORBIDDEN or name.startswith("_"):
            raise Invalid(f"Invalid filter field: {name}.")
    _read_patterns(found)
    _read_statuses(call, found)
    _read_stamps(found)
    for name in _TAGS:
        if name in found:
            found[name] = found[name].split(",")
    if "locked" in found:
        found["locked"] = search.strict_truth(found["locked"])
    return found


def _read_patterns(found: dict[str, Any]) -> None:
    """Older versions check fewer parameters; a pattern that is none must not reach the database all the same."""
    for name, value in found.items():
        if name in search.MATCHED:
            if not search.is_pattern(value):
                raise search.bad_pattern(name, value)
            found[name] = search.spelled(value)


def _read_statuses(call: Call, found: dict[str, Any]) -> None:
    statuses = call.query.all("status")
    if found.pop("status", None) is not None:
        vm_states, task_states = view.states_of(statuses)
        if not vm_states:
            if LISTS.behaviour("statuses_checked", call.version):
                raise Invalid("Invalid status value")
            found["nothing"] = True
        found["vm_state"] = vm_states
        if task_states:
            found["task_state"] = task_states
    if "deleted" in found:
        found["deleted"] = found["deleted"].strip().lower() in ("1", "t", "true", "on", "y", "yes")
    elif "changes-since" not in found and "changes-before" not in found:
        found["deleted"] = False
    if found.get("vm_state") == ["deleted"]:
        if not call.principal.is_admin:
            raise Forbidden("Only administrators may list deleted instances")
        found["deleted"] = True


def _read_stamps(found: dict[str, Any]) -> None:
    for name in ("changes-since", "changes-before"):
        if name in found:
            try:
                found[name] = parse_iso(found[name])
            except ValueError:
                raise Invalid(f"Invalid filter field: {name}.") from None
    if "changes-since" in found and found.get("changes-before", float("inf")) < found["changes-since"]:
        raise Invalid("The value of changes-since must be less than or equal to changes-before.")


def _addresses(found: Mapping[str, Any]) -> list[Range]:
    """With a dot in it, a text can stand in addresses of IPv4 only."""
    texts = [found[name] for name in queries.ADDRESSES if name in found]
    asked = [spans(text) if "." in text else None for text in texts]
    known = [some for some in asked if some is not None]
    return [one for some in known for one in some] if len(known) == len(asked) else []


def _truth_or_there(text: str) -> bool:
    """`all_tenants` without a value means yes."""
    return search.strict_truth(text) if text else True


def _sorts(call: Call) -> tuple[Sort, ...]:
    """The order: the user's keys, then Nova's own, in the direction of the user's first."""
    version = call.version
    keys, directions = call.query.all("sort_key"), call.query.all("sort_dir")
    by_locked = LISTS.behaviour("sorted_by_locked", version)
    columns = {**search.SORT_KEYS, **({"locked": "locked"} if by_locked else {})}
    ignored = search.IGNORED_SORT_KEYS - columns.keys()
    for key in keys:
        known = key in columns or (key in ignored and not LISTS.behaviour("strict", version))
        if not known:
            raise search.bad_parameter("sort_key", key, f"{key!r} is not one of {[*columns]}")
        if key in ("host", "node") and not call.principal.is_admin:
            raise Forbidden(f"Only administrators can sort servers by {key}")
    for direction in directions:
        if direction.strip() not in ("asc", "desc"):
            raise Invalid("Invalid input received: Unknown sort direction, must be 'desc' or 'asc'")
    descending = [direction.strip() == "desc" for direction in directions] or [True]
    keys = [key.strip() for key in keys] or ["created_at"]
    if len(descending) > len(keys):
        raise Invalid("Invalid input received: Sort direction size exceeds sort key size")
    descending += [descending[0]] * (len(keys) - len(descending))
    chosen: dict[str, bool] = {}
    for key, down in zip(keys, descending, strict=True):
        if columns.get(key):
            chosen.setdefault(columns[key], down)
    for own in ("created_at", "id"):
        chosen.setdefault(own, descending[0])
    return tuple(Sort(column, down) for column, down in chosen.items())
