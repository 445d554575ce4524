"""An API process that is asked to stop: what it says, what it waits for, and for how long."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from structlog.testing import capture_logs

from fractus.web.draining import Draining


class App:
    """Answers when it may."""

    def __init__(self) -> None:
        self.go_on = asyncio.Event()

    async def __call__(self, scope: Any, receive: Any, send: Callable[[Any], Awaitable[None]]) -> None:
        await self.go_on.wait()
        await send({"type": "http.response.start", "status": 200, "headers": [(b"a", b"b")]})
        await send({"type": "http.response.body", "body": b""})


async def ask(app: Any, path: str = "/x") -> tuple[int, dict[bytes, bytes]]:
    events: list[Any] = []

    async def send(event: Any) -> None:
        events.append(event)

    await app({"type": "http", "path": path}, None, send)
    return events[0]["status"], dict(events[0]["headers"])


async def test_what_is_under_way_is_waited_for_and_closes_its_connection() -> None:
    app = App()
    draining = Draining(app, notice=0.0, within=30.0)
    asking = asyncio.create_task(ask(draining))
    await asyncio.sleep(0)
    ending = asyncio.create_task(draining.drain())
    await asyncio.sleep(0.02)
    assert not ending.done()
    app.go_on.set()
    assert await ending
    assert await asking == (200, {b"a": b"b", b"connection": b"close"})


async def test_during_the_notice_the_health_check_alone_says_no() -> None:
    app = App()
    app.go_on.set()
    draining = Draining(app, notice=0.2, within=1.0)
    assert (await ask(draining, "/healthcheck"))[0] == 200
    assert b"connection" not in (await ask(draining))[1]
    ending = asyncio.create_task(draining.drain())
    await asyncio.sleep(0)
    assert (await ask(draining, "/healthcheck"))[0] == 503
    assert (await ask(draining, "/healthcheck/"))[0] == 503
    assert (await ask(draining))[0] == 200
    assert await ending


async def test_what_takes_too_long_is_not_waited_for() -> None:
    draining = Draining(App(), notice=0.0, within=0.05)
    asking = asyncio.create_task(ask(draining))
    await asyncio.sleep(0)
    with capture_logs() as logs:
        assert not await draining.drain()
    assert "requests cut off" in {entry["event"] for entry in logs}
    asking.cancel()
    await asyncio.wait([asking])
