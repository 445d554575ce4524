"""`/scheduler-stats/get_pools` and `/capabilities`: what room there is in all clouds, and what back ends can do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fractus.model.errors import Invalid, NotFound
from fractus.scheduling.capabilities import meets
from fractus.services.mirror_rows import Found
from fractus.services.volume.dialect.api.collection import route
from fractus.services.volume.dialect.api.query import flag
from fractus.services.volume.dialect.kind import Verb
from fractus.services.volume.hosts import policy, queries, view
from fractus.services.volume.hosts.api.access import Given, live, relayed
from fractus.services.volume.hosts.kind import POOLS
from fractus.services.volume.hosts.versions import REQUESTS
from fractus.web.routing import Call, Reply, Route

_FILTERS = ("name", "volume_type")
_TRUE = frozenset({"1", "t", "true", "on", "y", "yes"})


class Pools:
    """Handlers of pools and of what back ends can do."""

    def __init__(self, given: Given) -> None:
        self._given = given

    def routes(self) -> list[Route]:
        """Rows of the route table."""
        pools = Verb(rule=policy.POOLS, summary="List the pools of block storage of all clouds.")
        capable = Verb(rule=policy.CAPABILITIES, summary="Ask a back end's cloud what it is capable of.")
        return [
            route(pools, "GET", "/scheduler-stats/get_pools", self.index),
            live(capable, "GET", "/capabilities/{id}", self.capabilities),
        ]

    async def index(self, call: Call) -> Reply:
        """All, or those of a name, or in which volumes of a type have a place."""
        detail, filters = flag(call, "detail"), _filters(call)
        shared = await self._given.names.shared()
        rows = await queries.found(self._given.store, POOLS)
        if (asked := filters.pop("volume_type", None)) is not None:
            rows = await self._of_type(call, rows, asked)
        name = filters.pop("name", None)
        pools = [
            view.pool(row.document, shown, detail=detail)
            for row in rows
            for shown in (queries.shown(shared, row.document["name"], row.cloud),)
            if name in (None, "", shown) and _has(row.document["capabilities"] or {}, filters)
        ]
        return Reply(200, {"pools": pools}, await self._given.staleness(POOLS, rows))

    async def _of_type(self, call: Call, rows: list[Found], asked: str) -> list[Found]:
        type_ = await self._given.types.usable(self._given.store, call.principal, asked)
        specs = type_.desired["extra_specs"]
        return [row for row in rows if meets(row.document["capabilities"] or {}, specs)]

    async def capabilities(self, call: Call) -> Reply:
        """As its cloud tells it now."""
        id = call.params["id"]
        missing = f"Can't find service: {id}"
        place = await self._given.names.host(id) or await self._given.names.cluster(id)
        if place is None:
            raise NotFound(missing)
        said = relayed(
            "block_capabilities", "/capabilities/{id}", method="GET", type=dict[str, Any], missing=missing
        )
        answer = await self._given.live.of_cloud(place.cloud, place.name, said, id=id)
        namespace = str(answer.get("namespace", "")).replace(place.name, id)
        return Reply(200, {**answer, "namespace": namespace})


def _filters(call: Call) -> dict[str, str]:
    """What the version filters by."""
    given = {name: call.query.one(name) or "" for name in call.query if name != "detail"}
    if not REQUESTS.behaviour("pool_filters", call.version):
        return {}
    if REQUESTS.behaviour("strict_filters", call.version):
        unknown = [name for name in given if name not in _FILTERS]
        if unknown:
            raise Invalid(f"Invalid filters {','.join(unknown)} are found in query options.")
    if not REQUESTS.behaviour("pools_of_types", call.version):
        given.pop("volume_type", None)
    return given


def _has(capabilities: Mapping[str, Any], filters: Mapping[str, str]) -> bool:
    """Whether a pool has these values, which requests write as text."""
    for name, value in filters.items():
        there = capabilities.get(name)
        asked = value.lower() in _TRUE if isinstance(there, bool) else value
        if str(there) != str(asked):
            return False
    return True
