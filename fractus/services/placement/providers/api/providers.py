"""`/resource_providers`: those of all clouds, and what each has, uses and can do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote, urlencode

from fractus.services.mirror_rows import Found
from fractus.services.placement.providers import policy, queries, view
from fractus.services.placement.providers.api.access import (
    Given,
    allowed,
    asks,
    found,
    headers,
    of_all,
    plain,
)
from fractus.services.placement.providers.kind import PROVIDERS
from fractus.services.placement.providers.schema import check_query
from fractus.services.placement.providers.versions import AGGREGATES, PROVIDER, REQUESTS, TRAITS
from fractus.store import presences
from fractus.store.listing import Filter
from fractus.web.microversion import Version
from fractus.web.routing import Call, Reply, Route

_QUERY = ("uuid", "name", "member_of", "resources", "in_tree", "required")

#: Parameters that only the clouds themselves can judge by.
_ASKED = ("member_of", "resources", "required")

#: What every version has of a provider, and what later ones have.
_ALWAYS, _LATER = ("inventories", "usages"), ("aggregates", "traits", "allocations")

#: The same sentence, twice: it is an error within an error there.
_TWICE = "No resource provider with uuid {id} found: No resource provider with uuid {id} found"


class Providers:
    """Handlers of providers."""

    def __init__(self, given: Given) -> None:
        self._given = given

    def routes(self) -> list[Route]:
        """Rows of the route table."""
        root = "/resource_providers"
        one = f"{root}/{{uuid}}"
        return [
            Route(
                method="GET", path=root, handler=self.index, rule=policy.LIST, live=True, json_only=True,
                summary="List the resource providers of all clouds.",
            ),
            Route(
                method="GET", path=one, handler=self.show, rule=policy.SHOW, json_only=True,
                summary="Show a resource provider.",
            ),
            Route(
                method="GET", path=f"{one}/inventories", handler=self.inventories, rule=policy.INVENTORIES,
                live=True, json_only=True, summary="Ask a resource provider's cloud what it has.",
            ),
            Route(
                method="GET", path=f"{one}/inventories/{{resource_class}}", handler=self.inventory,
                rule=policy.INVENTORY, live=True, json_only=True,
                summary="Ask a resource provider's cloud what it has of one resource class.",
            ),
            Route(
                method="GET", path=f"{one}/usages", handler=self.usages, rule=policy.USAGES, live=True,
                json_only=True, summary="Ask a resource provider's cloud how much of it is in use.",
            ),
            Route(
                method="GET", path=f"{one}/aggregates", handler=self.aggregates, rule=policy.AGGREGATES, live=True,
                json_only=True, min_version=AGGREGATES,
                summary="Ask a resource provider's cloud for the aggregates that it is in.",
            ),
            Route(
                method="GET", path=f"{one}/traits", handler=self.traits, rule=policy.TRAITS_OF, live=True,
                json_only=True, min_version=TRAITS, summary="Ask a resource provider's cloud what it can do.",
            ),
            Route(
                method="GET", path=f"{one}/allocations", handler=self.allocations, rule=policy.ALLOCATIONS_OF,
                live=True, json_only=True,
                summary="Ask a resource provider's cloud which servers use how much of it.",
            ),
        ]  # fmt: skip

    async def index(self, call: Call) -> Reply:
        """From the mirror; where it is asked what they have, the clouds say which they are."""
        query = call.query
        check_query(query, allowed(call, _QUERY, "providers"))
        more: dict[str, str] = {}
        if any(name in query for name in _ASKED):
            rows, more = await self._of_clouds(call)
        else:
            rows = await self._mirrored(call)
            more = await self._given.staleness(PROVIDERS, (row.cloud for row in rows))
        shown = [_shown(row, call.version) for row in rows]
        return Reply(200, {"resource_providers": shown}, headers(self._given, call) | more)

    async def _mirrored(self, call: Call) -> Sequence[Found]:
        store, query = self._given.store, call.query
        filters = []
        if "uuid" in query:
            filters.append(Filter("id", "eq", query.one("uuid")))
        if "name" in query:
            filters.append(Filter("name", "eq", query.one("name")))
        if "in_tree" in query:
            of = await queries.provider(store, query.one("in_tree") or "")
            if of is None:
                return []
            root = of.document["root_provider_uuid"] or of.remote_id
            filters += [Filter("root_provider_uuid", "eq", root), Filter("cloud", "eq", of.cloud)]
        return await queries.providers(store, filters)

    async def _of_clouds(self, call: Call) -> tuple[Sequence[Found], dict[str, str]]:
        """Those that the clouds name, as the mirror has them; what it has not yet, as the cloud shows it."""
        given = self._given
        answers, silent = await of_all(
            given, asks(call, f"/resource_providers?{urlencode(call.query.items())}")
        )
        known = {(row.cloud, row.remote_id): row for row in await queries.providers(given.store, [])}
        rows = []
        for cloud, answer in answers.items():
            for one in plain(answer).get("resource_providers", []):
                uuid = str(one.get("uuid"))
                rows.append(known.get((cloud, uuid)) or Found(uuid, cloud, uuid, one))
        return rows, silent

    async def show(self, call: Call) -> Reply:
        """One provider."""
        row = await found(self._given, call.params["uuid"])
        old = await self._given.staleness(PROVIDERS, [row.cloud])
        return Reply(200, _shown(row, call.version), headers(self._given, call) | old)

    async def inventories(self, call: Call) -> Reply:
        """What it has, by class."""
        return await self._asked(call, "inventories")

    async def inventory(self, call: Call) -> Reply:
        """What it has of one class."""
        name = call.params["resource_class"]
        missing = f"No inventory of class {name} for {{id}}"
        return await self._asked(call, f"inventories/{quote(name, safe='')}", missing)

    async def usages(self, call: Call) -> Reply:
        """How much of it is in use."""
        return await self._asked(call, "usages", _TWICE)

    async def aggregates(self, call: Call) -> Reply:
        """The aggregates that it is in, by the ids of its cloud."""
        return await self._asked(call, "aggregates")

    async def traits(self, call: Call) -> Reply:
        """What it can do."""
        return await self._asked(call, "traits", _TWICE)

    async def allocations(self, call: Call) -> Reply:
        """What is allocated of it: of servers that are ours by the ids that they have here."""
        row = await found(self._given, call.params["uuid"])
        answer = await self._given.live.of_cloud(
            row.cloud, row.remote_id, asks(call, "/resource_providers/{id}/allocations"), id=row.id
        )
        allocations = plain(plain(answer).get("allocations"))
        ours = await presences.by_remotes(self._given.store, row.cloud, "server", sorted(allocations))
        named = {ours[id].id if id in ours else id: value for id, value in allocations.items()}
        return Reply(200, {**plain(answer), "allocations": named}, headers(self._given, call))

    async def _asked(self, call: Call, part: str, missing: str = "") -> Reply:
        """What its cloud says of it."""
        twice = missing if missing is _TWICE else ""
        row = await found(self._given, call.params["uuid"], twice)
        asked = asks(
            call, f"/resource_providers/{{id}}/{part}", missing or "No resource provider with uuid {id} found"
        )
        answer = await self._given.live.of_cloud(row.cloud, row.remote_id, asked, id=row.id)
        return Reply(200, answer, headers(self._given, call))


def _shown(row: Found, version: Version) -> dict[str, Any]:
    """A provider as a version shows it."""
    later = [name for name in _LATER if REQUESTS.behaviour(f"link_{name}", version)]
    return PROVIDER.response_down(view.provider(row.id, row.document, (*_ALWAYS, *later)), version, {})
