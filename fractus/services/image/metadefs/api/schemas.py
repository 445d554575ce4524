"""The schemas that Glance publishes of metadata definitions."""

from __future__ import annotations

from typing import Any

from fractus.services.image.metadefs import policy, schema
from fractus.web.routing import Call, Handler, Reply, Route


def schema_routes() -> list[Route]:
    """One for each."""
    return [
        Route(
            method="GET",
            path=f"/schemas/metadefs/{name}",
            handler=_shown(document),
            rule=policy.SEE_SCHEMAS,
            summary=f"The JSON schema of {name.replace('_', ' ')} of metadata definitions.",
        )
        for name, document in schema.PUBLISHED.items()
    ]


def _shown(document: dict[str, Any]) -> Handler:
    async def show(_call: Call) -> Reply:
        return Reply(200, document)

    return show
