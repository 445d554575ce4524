"""The routes of extensions."""

from __future__ import annotations

from fractus.model.errors import NotFound
from fractus.services.compute import only
from fractus.services.compute.extensions import policy, view
from fractus.services.compute.extensions.versions import EXTENSIONS
from fractus.web.faults import NOT_FOUND
from fractus.web.routing import Call, Reply, Route


class ExtensionsApi:
    """A fixed list, which old clients read."""

    def routes(self) -> list[Route]:
        """List and show."""
        return [
            Route(
                method="GET",
                path="/extensions",
                handler=self.index,
                rule=policy.LIST,
                summary="List the extensions that every Nova has.",
            ),
            Route(
                method="GET",
                path="/extensions/{alias}",
                handler=self.show,
                rule=policy.LIST,
                summary="Show an extension.",
            ),
        ]

    async def index(self, call: Call) -> Reply:
        """All of them."""
        _check(call)
        return Reply(200, {"extensions": list(view.EXTENSIONS.values())})

    async def show(self, call: Call) -> Reply:
        """One of them."""
        _check(call)
        found = view.EXTENSIONS.get(call.params["alias"])
        if found is None:
            raise NotFound(NOT_FOUND)
        return Reply(200, {"extension": found})


def _check(call: Call) -> None:
    if EXTENSIONS.behaviour("strict_query", call.version):
        only(call.query.names(), ())
