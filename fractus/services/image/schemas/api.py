"""The routes of schemas."""

from __future__ import annotations

from typing import Any

from fractus.services.image.schemas import policy, view
from fractus.web.routing import Call, Handler, Reply, Route

_SCHEMAS = {
    "image": view.IMAGE,
    "images": view.IMAGES,
    "member": view.MEMBER,
    "members": view.MEMBERS,
    "task": view.TASK,
    "tasks": view.TASKS,
}


class SchemasApi:
    """Fixed documents."""

    def routes(self) -> list[Route]:
        """One for each schema."""
        return [
            Route(
                method="GET",
                path=f"/schemas/{name}",
                handler=_shown(schema),
                rule=policy.SEE,
                summary=f"The JSON schema of {name}.",
            )
            for name, schema in _SCHEMAS.items()
        ]


def _shown(schema: dict[str, Any]) -> Handler:
    async def show(_call: Call) -> Reply:
        return Reply(200, schema)

    return show
