"""`/os-migrations`: asked of all clouds now, and shown as one list, the newest first.

1. Filters are said in each cloud's words: a host or a server names the one cloud that is asked.
2. Each cloud gives a page; as long as the answer is not full and a cloud has more, it is asked for its next.
3. What they gave is merged by age, and the part after the marker is shown.

A cloud that does not answer takes nothing from the others, and is named in the header of stale clouds.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple
from urllib.parse import urlencode

from sqlalchemy import Table

from fractus.base.clock import parse_iso
from fractus.base.log import logger
from fractus.model.errors import ApiError, Invalid
from fractus.model.live import LiveCall
from fractus.services.compute.dialect.api.host_names import HostNames
from fractus.services.compute.migrations import policy, view
from fractus.services.compute.migrations.schema import FILTERS, SINGLE, judged
from fractus.services.compute.migrations.versions import MIGRATION, REQUESTS
from fractus.services.mirror_rows import Live
from fractus.services.staleness import header
from fractus.store import clouds, presences
from fractus.store.listing import Filter, page
from fractus.store.transaction import Store
from fractus.web.routing import Call, Reply, Route

log = logger("services.migrations")

#: The most that are shown at once, and that a cloud gives in one answer.
_MOST = 1000

#: Of what we say of them ourselves, for clouds know their own servers, projects and users.
_OURS = ("instance_uuid", "project_id", "user_id")


class _Cloud:
    """What a cloud has given so far."""

    def __init__(self, name: str, query: Mapping[str, str]) -> None:
        self.name, self.query = name, dict(query)
        self.found: list[dict[str, Any]] = []
        self.more, self.silent = True, False


class _Given(NamedTuple):
    store: Store
    live: Live
    names: HostNames
    servers: Table


class MigrationsApi:
    """Handlers of migrations."""

    def __init__(self, store: Store, live: Live, names: HostNames, servers: Table) -> None:
        """`servers`: the table of servers."""
        self._given = _Given(store, live, names, servers)

    def routes(self) -> list[Route]:
        """One."""
        return [
            Route(
                method="GET", path="/os-migrations", handler=self.index, rule=policy.LIST, live=True,
                summary="List the migrations of servers within all clouds.",
            )
        ]  # fmt: skip

    async def index(self, call: Call) -> Reply:
        """Those of a project, or for administrators of all."""
        paged = REQUESTS.behaviour("pages", call.version)
        known = [*FILTERS, *(name for name in SINGLE if REQUESTS.query_allowed(name, call.version))]
        asked = judged(call.query, known, strict=paged)
        if asked.get("project_id") != call.principal.project_id:
            call.enforce(policy.ALL_PROJECTS)
        limit = min(int(asked["limit"][:18]), _MOST) if "limit" in asked else _MOST
        some = await self._clouds(asked)
        shown = await self._shown(call, some, asked, limit if paged else None)
        if not call.allows(policy.HOSTS):
            shown = [view.without_hosts(one) for one in shown]
        body: dict[str, Any] = {
            "migrations": [MIGRATION.response_down(dict(one), call.version) for one in shown]
        }
        if paged and shown and len(shown) == limit:
            params = {**dict(call.query.items()), "marker": shown[-1]["uuid"]}
            href = f"{call.url}?{urlencode(sorted(params.items()))}"
            body["migrations_links"] = [{"rel": "next", "href": href}]
        return Reply(200, body, header(sorted(one.name for one in some if one.silent)))

    async def _clouds(self, asked: Mapping[str, str]) -> list[_Cloud]:
        """The clouds that are to be asked, each with the query that it understands."""
        names = [one.name for one in await clouds.doors(self._given.store) if one.enabled]
        query = {name: value for name, value in asked.items() if name not in (*_OURS, "limit", "marker")}
        queries = {name: dict(query) for name in names}
        for key in ("host", "source_compute"):
            if key in asked:
                place = await self._given.names.host(asked[key])
                queries = {
                    name: {**one, key: place[1]}
                    for name, one in queries.items()
                    if place is not None and name == place[0]
                }
        if "instance_uuid" in asked:
            there = await presences.of_resource(self._given.store, "server", asked["instance_uuid"])
            remote = {one.cloud: one.remote_id for one in there if one.remote_id}
            queries = {
                name: {**one, "instance_uuid": str(remote[name])}
                for name, one in queries.items()
                if name in remote
            }
        return [_Cloud(name, one) for name, one in queries.items()]

    async def _shown(
        self, call: Call, some: Sequence[_Cloud], asked: Mapping[str, str], limit: int | None
    ) -> list[dict[str, Any]]:
        """The part that is asked for of all that they have; `limit` None: all."""
        if limit == 0:
            return []
        marker = asked.get("marker") if limit is not None else None
        while True:
            await asyncio.gather(*(self._next(one) for one in some if one.more))
            every = [shown for one in some for shown in await self._translated(call, one)]
            for name in ("project_id", "user_id"):
                if name in asked:
                    every = [one for one in every if one[name] == asked[name]]
            every.sort(key=lambda one: (parse_iso(one["created_at"]), one["id"]), reverse=True)
            at = next((at for at, one in enumerate(every, 1) if one["uuid"] == marker), 0)
            full = limit is not None and (at or marker is None) and len(every) - at >= limit
            if full or not any(one.more for one in some):
                break
        if marker is not None and not at:
            raise Invalid(f"Marker {marker} could not be found.")
        return every[at:] if limit is None else every[at : at + limit]

    async def _next(self, cloud: _Cloud) -> None:
        """Ask a cloud for its next page."""
        query = {**cloud.query, "limit": str(_MOST)}
        if cloud.found:
            query["marker"] = str(cloud.found[-1].get("uuid"))
        asked = LiveCall(
            name="migrations", noun="its migrations", service="compute", path="/os-migrations", query=query,
            version="2.80", key="migrations", type=list[dict[str, Any]], admin=True, missing="", not_ready="",
        )  # fmt: skip
        try:
            found = await self._given.live.of_cloud(cloud.name, "", asked, id="")
        except ApiError as error:
            log.info("no migrations", cloud=cloud.name, error=error.message)
            cloud.more, cloud.silent = False, True
            return
        cloud.found += found
        cloud.more = len(found) == _MOST

    async def _translated(self, call: Call, cloud: _Cloud) -> list[dict[str, Any]]:
        """What a cloud gave, in our words."""
        given, names = self._given, await self._given.names.shared()
        there = sorted({str(one.get("instance_uuid")) for one in cloud.found})
        ours = await presences.by_remotes(given.store, cloud.name, "server", there)
        servers = await self._servers(sorted({one.id for one in ours.values()}))
        found = []
        for one in cloud.found:
            presence = ours.get(str(one.get("instance_uuid")))
            found.append(
                view.migration(
                    one,
                    servers.get(presence.id) if presence is not None else None,
                    lambda name: names.host(name, cloud.name),
                    lambda name: names.node(name, cloud.name),
                    call,
                )
            )
        return found

    async def _servers(self, ids: Sequence[str]) -> dict[str, dict[str, str]]:
        """Servers by their ids: whose they are."""
        columns = ("id", "user_id", "project_id")
        found: dict[str, dict[str, str]] = {}
        for first in range(0, len(ids), _MOST):
            some = list(ids[first : first + _MOST])
            rows = await page(
                self._given.store,
                self._given.servers,
                [Filter("id", "in", some)],
                columns=columns,
                limit=len(some),
            )
            found |= {row[0]: dict(zip(columns, row, strict=True)) for row in rows}
        return found
