"""The routes of the usage of projects: from our own rows, those of deleted servers among them, a page at a time."""

from __future__ import annotations

import datetime
from collections.abc import Sequence

from sqlalchemy import Table

from fractus.base.clock import Clock
from fractus.model.errors import Invalid
from fractus.services.compute import only
from fractus.services.compute.tenant_usage import policy, view
from fractus.services.compute.tenant_usage.schema import period_of
from fractus.services.compute.tenant_usage.versions import USAGE
from fractus.store.listing import Filter, Sort, UnknownMarker, page
from fractus.store.transaction import Store
from fractus.web.paging import Paging, nova_links, nova_paging
from fractus.web.routing import Call, Reply, Route

#: Servers in one answer, in versions without pages too: Nova's `max_limit`.
_MOST = 1000

#: Before every other stamp there is none at all: an empty text.
_NEVER = Filter("launched_at", "ne", "")


class TenantUsageApi:
    """How long the servers of projects were there in a period."""

    def __init__(self, store: Store, clock: Clock, servers: Table) -> None:
        """Read from `store`, where the rows of `servers` are; `clock` says until when there is any usage."""
        self._store = store
        self._table = servers
        self._clock = clock

    def routes(self) -> list[Route]:
        """All projects, and one."""
        return [
            Route(
                method="GET",
                path="/os-simple-tenant-usage",
                handler=self.index,
                rule=policy.LIST,
                summary="List the usage of all projects in a period.",
            ),
            Route(
                method="GET",
                path="/os-simple-tenant-usage/{project_id}",
                handler=self.show,
                rule=policy.SHOW,
                summary="Show the usage of a project in a period, server by server.",
            ),
        ]

    async def index(self, call: Call) -> Reply:
        """Of all projects; with `detailed=1` server by server."""
        period, paging = self._asked(call, "detailed")
        detailed = next((value for value in call.query.all("detailed") if value), "0") == "1"
        servers = await self._servers(period, paging, "")
        return self._answer(
            call, paging, servers, "tenant_usages", view.usages(servers, period.cut(), detailed=detailed)
        )

    async def show(self, call: Call) -> Reply:
        """Of one project; nothing where it had no server."""
        project_id = call.params["project_id"]
        call.enforce(policy.SHOW, {"project_id": project_id})
        period, paging = self._asked(call)
        servers = await self._servers(period, paging, project_id)
        (usage,) = view.usages(servers, period.cut(), detailed=True) or [{}]
        return self._answer(call, paging, servers, "tenant_usage", usage)

    def _asked(self, call: Call, *more: str) -> tuple[view.Period, Paging | None]:
        pages = USAGE.behaviour("pages", call.version)
        if USAGE.behaviour("strict_query", call.version):
            only(call.query.names(), ("start", "end", *more, "limit", "marker"))
        paging = nova_paging(call.query) if pages else None
        now = datetime.datetime.fromtimestamp(self._clock.now(), datetime.UTC).replace(tzinfo=None)
        period = period_of(call.query, now)
        return view.Period(*period, now), paging

    async def _servers(
        self, period: view.Period, paging: Paging | None, project_id: str
    ) -> list[view.Server]:
        """Those that were there in the period, by project and age."""
        limit = _MOST if paging is None else paging.limit
        if not limit:
            return []
        ended, begun = (moment.isoformat(" ", "microseconds") for moment in (period.start, period.stop))
        filters: list[Filter | Sequence[Filter]] = [
            _NEVER,
            Filter("launched_at", "lt", begun),
            (Filter("terminated_at", "eq", ""), Filter("terminated_at", "gt", ended)),
        ]
        if project_id:
            filters.append(Filter("project_id", "eq", project_id))
        marker = None if paging is None else paging.marker
        try:
            rows = await page(
                self._store,
                self._table,
                filters,
                columns=view.Server._fields,
                sorts=(Sort("project_id"), Sort("created_at")),
                marker=marker,
                limit=limit,
            )
        except UnknownMarker:
            raise Invalid(f"Marker {marker} could not be found.") from None
        return [view.Server(*row) for row in rows]

    @staticmethod
    def _answer(
        call: Call, paging: Paging | None, servers: list[view.Server], name: str, usage: object
    ) -> Reply:
        body = {name: usage}
        last = servers[-1].id if servers else None
        links = [] if paging is None else nova_links(call, paging, len(servers), last)
        return Reply(200, body | ({f"{name}_links": links} if links else {}))
