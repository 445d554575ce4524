"""`/allocation_candidates`, `/allocations` and `/usages`: where something would fit, and what servers use."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from fractus.model.errors import Conflict, NotFound
from fractus.services.placement.providers import policy, view
from fractus.services.placement.providers.api.access import Given, allowed, asks, headers, of_all, plain
from fractus.services.placement.providers.schema import check_usages
from fractus.services.placement.providers.versions import CANDIDATES, REQUESTS, TOTALS
from fractus.web.routing import Call, Reply, Route


class Uses:
    """Handlers of candidates, allocations and usages."""

    def __init__(self, given: Given) -> None:
        self._given = given

    def routes(self) -> list[Route]:
        """Rows of the route table."""
        return [
            Route(
                method="GET", path="/allocation_candidates", handler=self.candidates, rule=policy.CANDIDATES,
                live=True, json_only=True, min_version=CANDIDATES,
                summary="Ask all clouds for the resource providers on which something would fit.",
            ),
            Route(
                method="GET", path="/allocations/{consumer_uuid}", handler=self.allocations,
                rule=policy.ALLOCATIONS, live=True, json_only=True,
                summary="Ask a server's cloud what is allocated to it.",
            ),
            Route(
                method="GET", path="/usages", handler=self.totals, rule=policy.TOTAL, json_only=True,
                min_version=TOTALS, summary="Show what the servers of a project use in all clouds.",
            ),
        ]  # fmt: skip

    async def candidates(self, call: Call) -> Reply:
        """Those of all clouds that answer, cloud by cloud; no more than were asked for, as in one Placement."""
        asked = asks(call, f"/allocation_candidates?{urlencode(call.query.items())}")
        answers, silent = await of_all(self._given, asked)
        requests: list[dict[str, Any]] = []
        summaries: dict[str, Any] = {}
        for answer in answers.values():
            requests += plain(answer).get("allocation_requests", [])
            summaries |= plain(plain(answer).get("provider_summaries"))
        limit = call.query.one("limit")
        if limit is not None and limit.isdecimal() and len(requests) > int(limit[:9]):
            requests = requests[: int(limit[:9])]
            used = set().union(*map(_providers, requests))
            summaries = {id: one for id, one in summaries.items() if id in used}
        body = {"allocation_requests": requests, "provider_summaries": summaries}
        return Reply(200, body, headers(self._given, call) | silent)

    async def allocations(self, call: Call) -> Reply:
        """What is allocated to a server of ours; nothing to any other consumer, as Placement says it."""
        given = self._given
        server = await given.resources.fetch(given.store, "server", call.params["consumer_uuid"])
        nothing: dict[str, Any] = {"allocations": {}}
        answer: Any = nothing
        if server is not None and server.deleted_at is None:
            try:
                answer = await given.live.ask(server, asks(call, "/allocations/{id}"))
            except (Conflict, NotFound):
                answer = nothing  # it is in no cloud yet, or no longer
        owned = answer["allocations"] and REQUESTS.behaviour("owners_of_allocations", call.version)
        if server is not None and owned:
            answer = {**answer, "project_id": server.project_id, "user_id": server.user_id}
        return Reply(200, answer, headers(given, call))

    async def totals(self, call: Call) -> Reply:
        """From our own records: servers that are on a host use what their flavors say."""
        check_usages(call.query, allowed(call, ("project_id", "user_id", "consumer_type"), "usages"))
        project_id = call.query.one("project_id") or ""
        call.enforce(policy.TOTAL, {"project_id": project_id})
        count, vcpus, ram, disk = await self._given.servers.sizes_of(
            self._given.store, project_id, call.query.one("user_id")
        )
        sums = {"VCPU": vcpus, "MEMORY_MB": ram, "DISK_GB": disk}
        by_type = REQUESTS.behaviour("consumer_types", call.version)
        body = view.usages(sums, count, call.query.one("consumer_type"), by_type=by_type)
        return Reply(200, body, headers(self._given, call))


def _providers(request: dict[str, Any]) -> set[str]:
    """The providers that a candidate allocates from. Before 1.12 allocations are a list."""
    allocations = request.get("allocations", {})
    if isinstance(allocations, dict):
        return set(allocations)
    return {one["resource_provider"]["uuid"] for one in allocations}
