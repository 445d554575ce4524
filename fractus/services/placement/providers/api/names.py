"""`/resource_classes` and `/traits`: the names that any cloud knows."""

from __future__ import annotations

from urllib.parse import urlencode

from fractus.model.errors import NotFound
from fractus.services.mirror import MirrorKind
from fractus.services.placement.providers import policy, queries, view
from fractus.services.placement.providers.api.access import Given, asks, headers, of_all, plain
from fractus.services.placement.providers.kind import CLASSES, TRAITS
from fractus.services.placement.providers.schema import associated, check_query, names_asked
from fractus.services.placement.providers.versions import CLASSES as CLASSES_SINCE
from fractus.services.placement.providers.versions import TRAITS as TRAITS_SINCE
from fractus.web.routing import Call, Reply, Route


class Names:
    """Handlers of resource classes and traits."""

    def __init__(self, given: Given) -> None:
        self._given = given

    def routes(self) -> list[Route]:
        """Rows of the route table."""
        return [
            Route(
                method="GET", path="/resource_classes", handler=self.classes, rule=policy.CLASSES, json_only=True,
                min_version=CLASSES_SINCE, summary="List the resource classes of all clouds.",
            ),
            Route(
                method="GET", path="/resource_classes/{name}", handler=self.show_class, rule=policy.CLASS,
                json_only=True, min_version=CLASSES_SINCE, summary="Show a resource class.",
            ),
            Route(
                method="GET", path="/traits", handler=self.traits, rule=policy.TRAITS, json_only=True, live=True,
                min_version=TRAITS_SINCE, summary="List the traits of all clouds.",
            ),
            Route(
                method="GET", path="/traits/{name}", handler=self.show_trait, rule=policy.TRAIT,
                min_version=TRAITS_SINCE, summary="Show whether some cloud has a trait.",
            ),
        ]  # fmt: skip

    async def classes(self, call: Call) -> Reply:
        """Each once."""
        names = await queries.names(self._given.store, CLASSES.table)
        shown = [view.resource_class(name) for name in names]
        return Reply(200, {"resource_classes": shown}, headers(self._given, call) | await self._old(CLASSES))

    async def show_class(self, call: Call) -> Reply:
        """Its name, where a cloud has it."""
        name = call.params["name"]
        if not await queries.is_name(self._given.store, CLASSES.table, name):
            raise NotFound(f"No such resource class {name}.")
        return Reply(200, view.resource_class(name), headers(self._given, call))

    async def traits(self, call: Call) -> Reply:
        """Each once. Which of them providers have is asked of the clouds."""
        check_query(call.query, ("name", "associated"))
        begin, among = names_asked(call.query)
        more: dict[str, str] = {}
        if associated(call.query) is None:
            names, more = await queries.names(self._given.store, TRAITS.table), await self._old(TRAITS)
        else:
            answers, more = await of_all(self._given, asks(call, f"/traits?{urlencode(call.query.items())}"))
            names = sorted({str(one) for each in answers.values() for one in plain(each).get("traits", [])})
        names = [one for one in names if one.startswith(begin) and (among is None or one in among)]
        return Reply(200, {"traits": names}, headers(self._given, call) | more)

    async def _old(self, kind: MirrorKind) -> dict[str, str]:
        """Which of the clouds that have names are silent."""
        return await self._given.staleness(kind, await queries.clouds(self._given.store, kind.table))

    async def show_trait(self, call: Call) -> Reply:
        """Nothing, where a cloud has it."""
        name = call.params["name"]
        if not await queries.is_name(self._given.store, TRAITS.table, name):
            raise NotFound(f"No such trait(s): {name}.")
        return Reply(204, None, headers(self._given, call))
