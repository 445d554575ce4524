"""The routes of discovery."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fractus.model.errors import NotFound
from fractus.services.image.info import policy
from fractus.store import clouds
from fractus.store.transaction import Reader
from fractus.web.routing import Call, Reply, Route

#: What our own store is called.
HERE = "fractus"


class InfoApi:
    """What this Glance can do."""

    def __init__(self, import_methods: Sequence[str], store: Reader | None = None) -> None:
        """`import_methods`: those that `images` serves. `store` knows the clouds, each of which is a store; None: there
        is one store alone.
        """
        self._methods = list(import_methods)
        self._store = store

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
                summary="List the stores: ours, which is the default, and each cloud.",
            ),
            Route(
                method="GET",
                path="/info/stores/detail",
                handler=self.detail,
                rule=policy.DETAIL,
                summary="List the stores with their types and weights.",
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
        """Ours and each cloud; 404 where there is ours alone."""
        return Reply(200, {"stores": await self._stores()})

    async def detail(self, _call: Call) -> Reply:
        """The same with types, as Glance names them: ours is a directory, that of a cloud is another Glance's."""
        found = await self._stores()
        for one in found:
            here = one["id"] == HERE
            one |= {"type": "file" if here else "glance", "properties": {}, "weight": 1 if here else 0}
        return Reply(200, {"stores": found})

    async def _stores(self) -> list[dict[str, Any]]:
        if self._store is None:
            raise NotFound("Multi backend is not supported at this site.")
        every = [one.name for one in await clouds.doors(self._store) if one.enabled]
        return [
            {"id": HERE, "description": "the store of this installation", "default": "true"},
            *({"id": name, "description": f"the image store of the cloud {name}"} for name in sorted(every)),
        ]

    async def usage(self, _call: Call) -> Reply:
        """Nothing: no image quotas."""
        return Reply(200, {"usage": {}})
