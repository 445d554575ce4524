"""The routes of extensions."""

from __future__ import annotations

from fractus.model.errors import NotFound
from fractus.services.volume.extensions import policy, view
from fractus.web.faults import NOT_FOUND
from fractus.web.routing import Call, Reply, Route


class ExtensionsApi:
    """A fixed list."""

    def routes(self) -> list[Route]:
        """List and show."""
        return [
            Route(
                method="GET",
                path="/extensions",
                handler=self.index,
                rule=policy.LIST,
                summary="List the extensions of which something is served.",
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
        return Reply(200, {"extensions": list(view.EXTENSIONS.values())})

    async def show(self, call: Call) -> Reply:
        """One of them."""
        found = view.EXTENSIONS.get(call.params["alias"])
        if found is None:
            raise NotFound(NOT_FOUND)
        return Reply(200, {"extension": found})
