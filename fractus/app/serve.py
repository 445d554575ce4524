"""The API process: the ASGI application under Granian.

Granian imports `fractus.app.serve:application` in each of its worker processes and calls it for the application; the
settings reach them the way they reach every process: state directory, file, environment.
"""

from __future__ import annotations

import asyncio
import math
import os
import resource
import signal
from collections.abc import Awaitable, Callable
from typing import Any

from granian.constants import HTTPModes, Interfaces, SSLProtocols
from granian.http import HTTP1Settings
from granian.log import LogLevels
from granian.server import Server

from fractus.app import wiring
from fractus.base import collector
from fractus.base import log as logging
from fractus.model.errors import ApiError
from fractus.notify.broker import RabbitNotifier
from fractus.settings.loading import Settings, load
from fractus.store.transaction import StoreTrouble
from fractus.web import tls
from fractus.web.draining import Draining

log = logging.logger("app.serve")

#: How often an API process looks whether children were added or changed, for its live routes. Seconds.
_REFRESH = 2.0


#: Connections that a process holds at once. One more is accepted only when another one ends, which may take as long as
#: a client keeps its own open; each costs some kilobytes.
_CONNECTIONS = 8192

#: Descriptors that a process needs besides: database, Keystone, children, what it reads and writes of images.
_OTHERS = 128

#: Connections that the kernel keeps for a process that is busy.
_BACKLOG = 4096

#: A connection on which no request has begun, or whose headers are not complete, is closed after so long. Seconds.
_HEADERS_WITHIN = 30

#: New processes that take the place of old ones have so long to start before those end. Seconds.
_SIDE_BY_SIDE = 5.0

#: What closing the store, the broker and Keystone's connections may take after the last request. Seconds.
_CLOSING = 5


class _Application:
    """The ASGI application, with the start and end of the process around it."""

    def __init__(self, settings: Settings) -> None:
        logging.configure(settings.log.level, json=settings.log.json)
        self._notifier = wiring.notifier(settings)
        self._parts = wiring.core(settings, notifier=self._notifier, crowded=True)
        self._tokens = wiring.keystone_tokens(self._parts)
        self._projects = wiring.keystone_project_lookup(settings)
        self._limits = wiring.keystone_limits(self._parts)
        self._requests = Draining(
            wiring.api(self._parts, self._tokens, self._projects),
            notice=settings.api.drain_notice,
            within=settings.api.drain_within,
        )
        self._ending: asyncio.Task[None] | None = None
        self._refreshing: asyncio.Task[None] | None = None

    async def __call__(self, scope: dict[str, Any], receive: Callable[[], Awaitable[Any]], send: Any) -> None:
        """ASGI."""
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        else:
            await self._requests(scope, receive, send)

    async def _lifespan(self, receive: Callable[[], Awaitable[Any]], send: Any) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                if isinstance(self._notifier, RabbitNotifier):
                    self._notifier.start()
                try:
                    await self._parts.kinds.images_api.recover()
                except (StoreTrouble, ApiError, OSError) as error:
                    # No database, or no disk. The next start will do it; what was cut off can be uploaded anew
                    # meanwhile.
                    log.warning("uploads that were cut off are not looked for", why=str(error))
                self._refreshing = asyncio.get_running_loop().create_task(self._refresh())
                # In place of the web server's own, which would close the listener at once.
                asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, self._terminate)
                collector.settle()
                await send({"type": "lifespan.startup.complete"})
            elif message["type"] == "lifespan.shutdown":
                await self._close()
                await send({"type": "lifespan.shutdown.complete"})
                return

    def _terminate(self) -> None:
        """SIGTERM, perhaps twice: from the process that started this one, and from whoever stops them all."""
        if self._ending is None:
            self._ending = asyncio.get_running_loop().create_task(self._end())

    async def _end(self) -> None:
        await self._requests.drain()
        # The web server takes this as it takes SIGTERM: no connection is open any more that anybody waits at.
        os.kill(os.getpid(), signal.SIGINT)

    async def _refresh(self) -> None:
        while True:
            try:
                await self._parts.children.refresh(self._parts.store)
            except StoreTrouble as error:
                log.warning("children could not be read", why=str(error))
            except Exception:
                log.exception("children could not be read")
            try:
                await self._parts.kinds.images_api.settle()
            except Exception as error:
                log.warning("images do not wait for their bits yet", why=str(error))
            if self._limits is not None:
                try:
                    await self._limits.refresh_if_due()
                except Exception:
                    log.exception("limits could not be read")
            await asyncio.sleep(_REFRESH)

    async def _close(self) -> None:
        if self._refreshing is not None:
            self._refreshing.cancel()
            await asyncio.wait([self._refreshing])
        if isinstance(self._notifier, RabbitNotifier):
            await self._notifier.close()
        await self._tokens.close()
        await self._projects.close()
        await self._parts.close()


def application() -> _Application:
    """Made anew in each of Granian's processes."""
    return _Application(load())


def main(settings: Settings) -> None:
    """Serve until asked to stop."""
    # The store is made or migrated here, once, before several processes open it.
    asyncio.run(_prepare(settings))
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    listen(settings, "fractus.app.serve:application")


def connections(descriptors: int) -> int:
    """How many connections a process may hold that may have so many descriptors (-1: any number): each may be an
    upload, which takes a second one.
    """
    if descriptors < 0:
        return _CONNECTIONS
    return max(8, min(_CONNECTIONS, (descriptors - _OTHERS) // 2))


def listen(settings: Settings, target: str) -> None:
    """Serve what `target` (`module:function`) makes, in as many processes as are asked for."""
    files = tls.files_of(settings.api)
    server = Server(
        target,
        factory=True,
        address=settings.api.host,
        port=settings.api.port,
        workers=settings.api.workers,
        interface=Interfaces.ASGI,
        # Where HTTP/2 is spoken too, the server waits for the first byte of a connection without a limit.
        http=HTTPModes.http1,
        http1_settings=HTTP1Settings(header_read_timeout=_HEADERS_WITHIN * 1000),
        # No route is a WebSocket: a request to upgrade is answered as the plain request that it also is.
        websockets=False,
        log_level=LogLevels.warning,
        respawn_failed_workers=True,
        workers_kill_timeout=math.ceil(settings.api.drain_notice + settings.api.drain_within) + _CLOSING,
        process_name=None,
        backlog=_BACKLOG,
        backpressure=connections(resource.getrlimit(resource.RLIMIT_NOFILE)[0]),
        ssl_cert=files.cert if files else None,
        ssl_key=files.key if files else None,
        ssl_protocol_min=SSLProtocols.tls12,
        respawn_interval=_SIDE_BY_SIDE,
    )
    if files is not None:
        # It starts new processes beside the old ones, which end as at any stop: the port is never closed.
        tls.watch(files, lambda: os.kill(os.getpid(), signal.SIGHUP))
    server.serve()


async def _prepare(settings: Settings) -> None:
    parts = wiring.core(settings)
    await parts.close()
