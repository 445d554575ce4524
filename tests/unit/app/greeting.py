"""The smallest application: it answers."""

from __future__ import annotations

from typing import Any


async def _answer(scope: dict[str, Any], receive: Any, send: Any) -> None:
    while scope["type"] == "lifespan":
        stage = (await receive())["type"]
        await send({"type": f"{stage}.complete"})
        if stage == "lifespan.shutdown":
            return
    if scope["type"] != "http":
        raise RuntimeError(f"{scope['type']} is nothing that this application serves")
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"hi"})


def application() -> Any:
    """As Granian asks for it."""
    return _answer
