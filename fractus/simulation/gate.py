"""What stands before a simulated cloud: how long its answers take, and what is wrong with it, on request."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from msgspec import Struct

from fractus.base.ids import new_request_id
from fractus.simulation.child import Child
from fractus.simulation.listen import Door

_SLOW = 5.0
_STATUS = {"error": 500, "busy": 503, "throttle": 429}
_RETRY_AFTER = b"5"

#: Seconds that an idle OpenStack on two cores takes (tools/realcloud/baseline.md), for the call and for each KiB of its
#: answer: a page of 100 detailed servers of 2.5 KiB takes 0.5 s, one server 0.08 s.
_BASE = {
    ("compute", "GET"): (0.07, 0.0018),
    ("compute", "POST"): (0.33, 0.0),
    ("network", "GET"): (0.05, 0.0006),
    ("network", "POST"): (0.13, 0.0),
    ("image", "GET"): (0.02, 0.0005),
    ("identity", "GET"): (0.01, 0.0),
    ("identity", "POST"): (0.25, 0.0),
}
_ELSE = (0.1, 0.0)

#: Answers of one sort differ: the spread of their logarithms. One in a hundred takes twice as long.
_SPREAD = 0.3


class Latency:
    """How long answers take, drawn by a seeded chance."""

    def __init__(self, factor: float, seed: str) -> None:
        """`factor`: times what an idle OpenStack takes; 0: no time at all."""
        self.factor = factor
        self._random = random.Random(seed)

    def draw(self, path: str, method: str, size: int) -> float:
        """Seconds for a call with an answer of `size` bytes."""
        base, per_kib = _BASE.get((path.split("/", 2)[1], method), _ELSE)
        return (base + per_kib * size / 1024) * self.factor * self._random.lognormvariate(0.0, _SPREAD)


class _Ask(Struct, frozen=True):
    scope: dict[str, Any]
    receive: Callable[[], Awaitable[Any]]
    send: Callable[[Any], Awaitable[None]]


class Gate:
    """One cloud's door, and what waits behind it."""

    def __init__(self, child: Child, latency: Latency, host: str, port: int) -> None:
        """Well, until set otherwise; it will listen on `host` and `port`."""
        self.child = child
        self.latency = latency
        self.fault = "none"
        self._well = asyncio.Event()
        self._well.set()
        self.door = Door(self, host, port)

    async def suffer(self, fault: str) -> None:
        """From now on this is wrong with it; `none`: nothing."""
        self.fault = fault
        if fault == "refuse":
            self.door.shut()
        else:
            await self.door.open()
        if fault == "away":
            self.door.cut()
        if fault == "hang":
            self._well.clear()
        else:
            self._well.set()

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        """ASGI."""
        ask = _Ask(scope, receive, send)
        if self.fault != "none":
            if self.fault == "hang":
                await self._well.wait()
            elif self.fault == "slow":
                await asyncio.sleep(_SLOW)
            elif self.fault == "away":
                self.door.cut()
                return
            elif self.fault in _STATUS:
                await _refuse(ask, _STATUS[self.fault])
                return
        await self._answer(ask)

    async def _answer(self, ask: _Ask) -> None:
        if not self.latency.factor:
            await self.child(ask.scope, ask.receive, ask.send)
            return
        head: Any = None

        async def send(event: Any) -> None:
            # Held back until it is known how much there is to say.
            nonlocal head
            if event["type"] == "http.response.start":
                head = event
                return
            if head is not None:
                size = len(event.get("body", b""))
                await asyncio.sleep(self.latency.draw(ask.scope["path"], ask.scope["method"], size))
                await ask.send(head)
                head = None
            await ask.send(event)

        await self.child(ask.scope, ask.receive, send)


async def _refuse(ask: _Ask, status: int) -> None:
    message = "The server is currently unavailable. Please try again at a later time."
    if status == 500:
        message = "Unexpected API Error. Please report this."
    body = msgspec.json.encode({"error": {"code": status, "title": "Error", "message": message}})
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        (b"x-openstack-request-id", new_request_id().encode()),
    ]
    if status == 429:
        headers.append((b"retry-after", _RETRY_AFTER))
    await ask.send({"type": "http.response.start", "status": status, "headers": headers})
    await ask.send({"type": "http.response.body", "body": body})
