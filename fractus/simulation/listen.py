"""Where the clouds of a process are called: a port for each, one loop for all."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

from uvicorn.config import Config
from uvicorn.server import ServerState

#: Connections that may wait to be taken: a parent that comes back opens all of its own at once.
_BACKLOG = 512

#: Seconds that a connection nobody uses is kept, as Apache and uWSGI in front of OpenStack do by the usual settings.
_KEEP_ALIVE = 75


class Door:
    """One cloud's port. It can be shut, so that nobody listens there, and opened again."""

    def __init__(self, application: Any, host: str, port: int) -> None:
        """Nothing is bound yet. `application` is ASGI."""
        self._config = Config(
            application,
            http="httptools",
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            date_header=False,
            proxy_headers=False,
            timeout_keep_alive=_KEEP_ALIVE,
        )
        self._config.load()
        self._state = ServerState()
        self._where = host, port
        self._server: asyncio.Server | None = None

    @property
    def is_open(self) -> bool:
        """Whether anybody listens."""
        return self._server is not None

    async def open(self) -> None:
        """Listen. OSError where the port is taken."""
        if self._server is None:
            host, port = self._where
            self._server = await asyncio.get_running_loop().create_server(
                self._protocol, host, port, backlog=_BACKLOG, reuse_address=True
            )

    def _protocol(self) -> asyncio.Protocol:
        made: asyncio.Protocol = self._config.http_protocol_class(  # type: ignore[call-arg]
            config=self._config, server_state=self._state, app_state={}, _loop=asyncio.get_running_loop()
        )
        return made

    def shut(self) -> None:
        """Listen no more, and cut the connections that there are."""
        if self._server is not None:
            self._server.close()
            self._server = None
        self.cut()

    def cut(self) -> None:
        """Cut every connection, in the middle of whatever it is at."""
        for connection in list(self._state.connections):
            transport: Any = getattr(connection, "transport", None)
            if transport is not None:
                sock = transport.get_extra_info("socket")
                if sock is not None:
                    # Gone at once, with a reset: what is left unsent is not lingered over.
                    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
                transport.abort()
