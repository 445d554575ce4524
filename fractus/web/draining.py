"""How an API process ends without anybody noticing: it says that it will, finishes what it has begun, and goes.

1. At once the health check answers 503, and every answer closes its connection.
2. For the time of the notice it goes on as ever: balancers have to see the health check before they send nothing more.
3. Then it waits for the requests under way, uploads among them, within a limit; and only then the listener closes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from fractus.base.log import logger

log = logger("web.draining")

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]

_GOING = "This process is stopping; others go on."


class Draining:
    """Around an ASGI application: counts what is under way, and brings it to its end when asked to."""

    def __init__(
        self, app: Callable[[Scope, Receive, Send], Awaitable[None]], *, notice: float, within: float
    ) -> None:
        """`notice`: seconds between the word and the wait for requests; `within`: seconds that these get at most."""
        self._app = app
        self._notice = notice
        self._within = within
        self._under_way = 0
        self._idle = asyncio.Event()
        self._idle.set()
        self._going = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI, of requests only."""
        if self._going and scope["path"].rstrip("/") == "/healthcheck":
            await _refuse(send)
            return
        self._under_way += 1
        self._idle.clear()
        try:
            await self._app(scope, receive, self._closing(send))
        finally:
            self._under_way -= 1
            if not self._under_way:
                self._idle.set()

    def _closing(self, send: Send) -> Send:
        async def closing(event: Any) -> None:
            # Looked at now, not when the request came: it may have come before the word, and ends after it.
            if self._going and event["type"] == "http.response.start":
                event = {**event, "headers": [*event.get("headers", ()), (b"connection", b"close")]}
            await send(event)

        return closing

    async def drain(self) -> bool:
        """Bring everything to its end; whether that was done within the limit. To be called once."""
        self._going = True
        log.info("stopping", notice=self._notice, under_way=self._under_way)
        await asyncio.sleep(self._notice)
        try:
            async with asyncio.timeout(self._within):
                await self._idle.wait()
        except TimeoutError:
            log.warning("requests cut off", number=self._under_way, seconds=self._within)
            return False
        return True


async def _refuse(send: Send) -> None:
    body = _GOING.encode()
    headers = [
        (b"content-type", b"text/plain; charset=UTF-8"),
        (b"content-length", str(len(body)).encode()),
        (b"connection", b"close"),
    ]
    await send({"type": "http.response.start", "status": 503, "headers": headers})
    await send({"type": "http.response.body", "body": body})
