"""The routes of extensions."""

from __future__ import annotations

from collections.abc import Collection

from fractus.model.errors import NotFound
from fractus.services.network.extensions.view import served
from fractus.web.routing import Call, Reply, Route


class ExtensionApi:
    """Handlers of extensions. Neutron's policy has no rule for them: everybody with a token."""

    def __init__(self, aliases: Collection[str]) -> None:
        """`aliases`: those of the kinds that are served."""
        self._documents = served(aliases)

    def routes(self) -> list[Route]:
        """All of them."""
        return [
            Route(
                method="GET", path="/extensions", handler=self.index,
                rule="regular_user", summary="List extensions.",
            ),
            Route(
                method="GET", path="/extensions/{alias}", handler=self.show,
                rule="regular_user", summary="Show an extension.",
            ),
        ]  # fmt: skip

    async def index(self, call: Call) -> Reply:
        """GET extensions."""
        return Reply(200, {"extensions": list(self._documents.values())})

    async def show(self, call: Call) -> Reply:
        """GET an extension."""
        found = self._documents.get(call.params["alias"])
        if found is None:
            raise NotFound(f"Extension with alias {call.params['alias']} does not exist", type="HTTPNotFound")
        return Reply(200, {"extension": found})
