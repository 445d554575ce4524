"""The routes of discovery."""

from __future__ import annotations

from collections.abc import Sequence

from fractus.model.errors import NotFound
from fractus.services.image.info import policy
from fractus.web.routing import Call, Reply, Route


class InfoApi:
    """What this Glance can do."""

    def __init__(self, import_methods: Sequence[str]) -> None:
        """`import_methods`: those that `images` serves."""
        self._methods = list(import_methods)

    def routes(self) -> list[Route]:
        """Everything below /info."""
        return [
            Route(
                method="GET",
                path="/info/import",
                handler=self.methods,
                rule=policy.SEE,
                summary="List the import methods.",
            ),
            Route(
                method="GET",
                path="/info/stores",
                handler=self.stores,
                rule=policy.SEE,
                summary="There is one store, so this is not found, as in Glance.",
            ),
            Route(
                method="GET",
                path="/info/stores/detail",
                handler=self.stores,
                rule=policy.SEE,
                summary="There is one store, so this is not found, as in Glance.",
            ),
            Route(
                method="GET",
                path="/info/usage",
                handler=self.usage,
                rule=policy.SEE,
                summary="Use of image quotas: empty while there are none, as in Glance.",
            ),
        ]

    async def methods(self, _call: Call) -> Reply:
        """Import methods."""
        methods = {"description": "Import methods available.", "type": "array", "value": self._methods}
        return Reply(200, {"import-methods": methods})

    async def stores(self, _call: Call) -> Reply:
        """404."""
        raise NotFound("Multi backend is not supported at this site.")

    async def usage(self, _call: Call) -> Reply:
        """Nothing: no image quotas."""
        return Reply(200, {"usage": {}})
