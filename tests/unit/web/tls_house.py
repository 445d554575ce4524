"""A fractus with its Keystone in one application, as Granian asks for it: all of it behind one certificate."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from fractus.base.clock import SystemClock
from fractus.simulation.node import Node

#: Where it keeps everything, its URL, and the password of its administrator: by the environment.
DIRECTORY, URL, PASSWORD = "TLS_HOUSE_DIRECTORY", "TLS_HOUSE_URL", "TLS_HOUSE_PASSWORD"


class House:
    """Opened when the web server starts, closed when it ends."""

    def __init__(self) -> None:
        self.node = Node(Path(os.environ[DIRECTORY]), "fractus", os.environ[URL], SystemClock())

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        """ASGI."""
        if scope["type"] != "lifespan":
            await self.node(scope, receive, send)
            return
        while True:
            stage = (await receive())["type"]
            if stage == "lifespan.startup":
                if self.node.identity.empty:
                    self.node.identity.found(os.environ[PASSWORD])
                self.node.open()
                await self.node.parts.children.refresh(self.node.parts.store)
            else:
                await self.node.close()
            await send({"type": f"{stage}.complete"})
            if stage == "lifespan.shutdown":
                return


def application() -> House:
    """Made anew in each process."""
    return House()
