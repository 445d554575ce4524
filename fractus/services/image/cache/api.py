"""The routes of the cache: not found, as with a Glance that has none."""

from __future__ import annotations

from fractus.model.errors import NotFound
from fractus.services.image.cache import policy
from fractus.web.faults import NOT_FOUND
from fractus.web.routing import Call, Reply, Route


class CacheApi:
    """There is no cache."""

    def routes(self) -> list[Route]:
        """Everything below /cache."""
        one = "/cache/{image_id}"
        return [
            Route(
                method=method,
                path=path,
                handler=self.none,
                rule=rule,
                summary="There is no cache, so this is not found, as in Glance.",
            )
            for method, path, rule in (
                ("GET", "/cache", policy.LIST),
                ("DELETE", "/cache", policy.DELETE),
                ("GET", "/cache/nodes/{image_id}", policy.NODES),
                ("PUT", one, policy.QUEUE),
                ("DELETE", one, policy.DELETE),
            )
        ] + [
            Route(
                method=method,
                path="/queued_images/{image_id}",
                handler=self.unknown,
                rule=policy.QUEUE,
                summary="The cache's older routes are not there, as in a Glance without one.",
            )
            for method in ("PUT", "DELETE")
        ]

    async def unknown(self, _call: Call) -> Reply:
        """404, in the words of a path that nobody knows."""
        raise NotFound(NOT_FOUND)

    async def none(self, _call: Call) -> Reply:
        """404."""
        raise NotFound("Caching via API is not supported at this site.")
