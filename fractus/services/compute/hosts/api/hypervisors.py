"""`/os-hypervisors`: the hypervisors of all clouds, with our servers on them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from fractus.base.ids import is_uuid
from fractus.base.log import logger
from fractus.model.errors import ApiError, Invalid, NotFound
from fractus.model.live import LiveCall
from fractus.services.compute.hosts import USAGE, policy, queries, view
from fractus.services.compute.hosts.api.access import Given, judged
from fractus.services.compute.hosts.kind import HYPERVISORS
from fractus.services.compute.hosts.queries import Shared
from fractus.services.compute.hosts.schema import truth
from fractus.services.compute.hosts.versions import BRIEF, DETAILED, NUMBERED, REQUESTS, UNUSED, USED
from fractus.services.mirror_rows import Found
from fractus.store.listing import Filter, UnknownMarker, sieve
from fractus.web.routing import Call, Reply, Route

log = logger("services.hypervisors")

#: Nova's default of `max_limit`.
_PAGE = 1000

_Servers = Mapping[tuple[str, str], list[tuple[str, str]]]


class Hypervisors:
    """Handlers of hypervisors."""

    def __init__(self, given: Given) -> None:
        self._given = given

    def routes(self) -> list[Route]:
        """Rows of the route table."""
        root = "/os-hypervisors"
        one = f"{root}/{{id}}"
        return [
            Route(
                method="GET", path=root, handler=self.index, rule=policy.LIST,
                summary="List the hypervisors of all clouds.",
            ),
            Route(
                method="GET", path=f"{root}/detail", handler=self.detail, rule=policy.DETAIL,
                summary="List the hypervisors of all clouds with all that is known of them.",
            ),
            Route(
                method="GET", path=f"{root}/statistics", handler=self.statistics, rule=policy.STATISTICS,
                max_version=USED, summary="Show what the enabled hypervisors of all clouds have together.",
            ),
            Route(
                method="GET", path=one, handler=self.show, rule=policy.SHOW, max_version=USED,
                summary="Show a hypervisor.",
            ),
            Route(
                method="GET", path=one, handler=self.show_with_uptime, rule=policy.SHOW, min_version=UNUSED,
                live=True, summary="Show a hypervisor, and how long it has been up, where its cloud tells.",
            ),
            Route(
                method="GET", path=f"{one}/uptime", handler=self.uptime, rule=policy.UPTIME, max_version=USED,
                live=True, summary="Ask a hypervisor's cloud how long it has been up.",
            ),
            Route(
                method="GET", path=f"{one}/search", handler=self.search, rule=policy.SEARCH,
                max_version=NUMBERED, summary="List hypervisors by a part of their names.",
            ),
            Route(
                method="GET", path=f"{one}/servers", handler=self.servers, rule=policy.SERVERS,
                max_version=NUMBERED, summary="List hypervisors by a part of their names, with their servers.",
            ),
        ]  # fmt: skip

    # --- lists -----------------------------------------------------------------------------------

    async def index(self, call: Call) -> Reply:
        """Names and states."""
        return await self._list(call, detail=False)

    async def detail(self, call: Call) -> Reply:
        """Everything. How long each has been up is not asked of every cloud for a list, and is null."""
        return await self._list(call, detail=True)

    async def _list(self, call: Call, *, detail: bool) -> Reply:
        version, query = call.version, call.query
        named, paged = REQUESTS.behaviour("named", version), REQUESTS.behaviour("pages", version)
        if paged:
            known = ("limit", "marker", "hypervisor_hostname_pattern", "with_servers")
            judged(query, known if named else known[:2], strict=named)
        pattern = query.one("hypervisor_hostname_pattern") if named else None
        with_servers = named and truth(query.one("with_servers", "False"))
        limit = min(int((query.one("limit") or "0")[:18]), _PAGE) if paged and "limit" in query else _PAGE
        if pattern is not None:
            if "limit" in query or query.one("marker"):
                raise Invalid(
                    "Paging over hypervisors with the hypervisor_hostname_pattern query parameter is not supported."
                )
            rows = await self._matching(pattern)
        elif paged:
            rows = await self._page(query.one("marker"), limit, named=named)
        else:
            rows = await queries.found(self._given.store, HYPERVISORS, [])
        servers = await self._servers(rows) if with_servers else None
        body: dict[str, Any] = {"hypervisors": await self._shown(call, rows, servers, detail=detail)}
        if paged and pattern is None and rows and len(rows) == limit:
            last = {"marker": str(body["hypervisors"][-1]["id"])}
            href = f"{call.url}?{urlencode(sorted({**dict(query.items()), **last}.items()))}"
            body["hypervisors_links"] = [{"rel": "next", "href": href}]
        return Reply(200, body, await self._given.staleness(HYPERVISORS, rows))

    async def _page(self, marker: str | None, limit: int, *, named: bool) -> list[Found]:
        store, id = self._given.store, marker
        if marker is not None and not named:
            before = await queries.one(store, HYPERVISORS, "number", marker)
            id = before.id if before is not None else ""
        try:
            return await queries.found(store, HYPERVISORS, [], marker=id, limit=limit)
        except UnknownMarker:
            raise Invalid(f"marker [{marker}] not found") from None

    async def _matching(self, pattern: str) -> list[Found]:
        """Those with a part of a name as users see it."""
        shared = await self._given.names.shared()
        matches = sieve(Filter("hypervisor_hostname", "like", f"%{pattern}%"))
        rows = await queries.found(self._given.store, HYPERVISORS, [])
        rows = [row for row in rows if matches(shared.node(row.document["hypervisor_hostname"], row.cloud))]
        if not rows:
            raise NotFound(f"No hypervisor matching '{pattern}' could be found.")
        return rows

    async def _servers(self, rows: Sequence[Found]) -> _Servers:
        hosts = [(row.cloud, row.document["host"]) for row in rows]
        return await self._given.servers.on_hosts(self._given.store, hosts)

    async def _shown(
        self,
        call: Call,
        rows: Sequence[Found],
        servers: _Servers | None,
        *,
        detail: bool,
        uptime: str | None = None,
    ) -> list[dict[str, Any]]:
        shared = await self._given.names.shared()
        return [
            self._one(call, row, shared, servers, uptime if detail else None, detail=detail) for row in rows
        ]

    def _one(
        self,
        call: Call,
        row: Found,
        shared: Shared,
        servers: _Servers | None,
        uptime: str | None,
        *,
        detail: bool,
    ) -> dict[str, Any]:
        own = row.document
        name, host = shared.node(own["hypervisor_hostname"], row.cloud), shared.host(own["host"], row.cloud)
        shown = view.detailed(own, name, host, uptime) if detail else view.brief(own, name)
        shown = (DETAILED if detail else BRIEF).response_down(shown, call.version, view.known(own))
        there = servers.get((row.cloud, own["host"])) if servers is not None else None
        if there or (servers is not None and REQUESTS.behaviour("servers_always", call.version)):
            shown["servers"] = view.servers(there or [])
        return shown

    async def search(self, call: Call) -> Reply:
        """Before 2.53, by a part of the name."""
        rows = await self._matching(call.params["id"])
        shown = await self._shown(call, rows, None, detail=False)
        return Reply(200, {"hypervisors": shown}, await self._given.staleness(HYPERVISORS, rows))

    async def servers(self, call: Call) -> Reply:
        """The same, with our servers on each."""
        rows = await self._matching(call.params["id"])
        shown = await self._shown(call, rows, await self._servers(rows), detail=False)
        return Reply(200, {"hypervisors": shown}, await self._given.staleness(HYPERVISORS, rows))

    async def statistics(self, call: Call) -> Reply:
        """Sums over all clouds."""
        rows = await queries.found(self._given.store, HYPERVISORS, [])
        sums = view.statistics([row.document for row in rows], USAGE)
        return Reply(200, {"hypervisor_statistics": sums}, await self._given.staleness(HYPERVISORS, rows))

    # --- one -------------------------------------------------------------------------------------

    async def show(self, call: Call) -> Reply:
        """One hypervisor."""
        named = REQUESTS.behaviour("named", call.version)
        if named:
            judged(call.query, ("with_servers",), strict=True)
        with_servers = named and truth(call.query.one("with_servers", "False"))
        row = await self._find(call)
        return await self._reply(call, row, None, with_servers=with_servers)

    async def show_with_uptime(self, call: Call) -> Reply:
        """From 2.88 on how long it has been up is a part of it; null where that cannot be learnt, as in Nova."""
        judged(call.query, ("with_servers",), strict=True)
        row = await self._find(call)
        try:
            uptime = await self._ask_uptime(row)
        except ApiError as error:
            log.info("no uptime", cloud=row.cloud, hypervisor=row.id, error=error.message)
            uptime = None
        return await self._reply(
            call, row, uptime, with_servers=truth(call.query.one("with_servers", "False"))
        )

    async def uptime(self, call: Call) -> Reply:
        """As its cloud tells it now."""
        row = await self._find(call)
        uptime = await self._ask_uptime(row)
        (shown,) = await self._shown(call, [row], None, detail=False)
        return Reply(200, {"hypervisor": {**shown, "uptime": uptime}})

    async def _reply(self, call: Call, row: Found, uptime: str | None, *, with_servers: bool) -> Reply:
        servers = await self._servers([row]) if with_servers else None
        (shown,) = await self._shown(call, [row], servers, detail=True, uptime=uptime)
        return Reply(200, {"hypervisor": shown}, await self._given.staleness(HYPERVISORS, [row]))

    async def _find(self, call: Call) -> Found:
        id = call.params["id"]
        named = REQUESTS.behaviour("named", call.version)
        if named and not is_uuid(id):
            raise Invalid(f"Invalid uuid {id}")
        row = await queries.one(self._given.store, HYPERVISORS, "id" if named else "number", id)
        if row is None:
            raise NotFound(f"Hypervisor with ID '{id}' could not be found.")
        return row

    async def _ask_uptime(self, row: Found) -> str | None:
        call = LiveCall(
            name="hypervisor_uptime", noun="the uptime of the hypervisor", service="compute",
            path="/os-hypervisors/{id}/uptime", version="2.53" if is_uuid(row.remote_id) else "", key="hypervisor",
            type=dict[str, Any], admin=True, refusals=frozenset({400, 501}),
            missing="Hypervisor with ID '{id}' could not be found.", not_ready="",
        )  # fmt: skip
        answer = await self._given.live.of_cloud(row.cloud, row.remote_id, call, id=row.id)
        return answer.get("uptime") if isinstance(answer, dict) else None
