"""How much at once, and how fast: a child is never asked for more than its operator allows."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from msgspec import Struct, convert

from fractus.base.clock import Clock


class Limits(Struct, frozen=True, kw_only=True):
    """The limits of one child, from the settings of its row; names and units are the operator's."""

    max_calls: int = 16
    """Calls under way at once, when all goes well: fewer while the child is slow, asks for a pause, loses answers."""
    max_live_calls: int = 4
    """Live reads (console logs) under way at once: their own lane, so that a busy worker does not hold up a user."""
    max_uploads: int = 2
    """Images on their way at once: their own lane, so that gigabytes do not hold up anything."""
    calls_per_second: float = 100.0
    """Averaged; 0: as many as it can do."""
    burst: float = 0.0
    """Calls that may go at once before that average holds; 0: one second's worth."""
    pages_per_second: float = 20.0
    """Calls of sweeps, averaged, within the others: how fast a whole child is listed."""
    connect_timeout: float = 10.0
    """Seconds to reach the child."""
    call_timeout: float = 60.0
    """Seconds for one call, waiting for the answer included."""
    upload_rate: float = 256 * 1024.0
    """Slowest acceptable upload, in bytes per second: an image of size s may take call_timeout + s / upload_rate."""
    sweep_pause: float = 0.2
    """Seconds between two pages of a listing of everything: 10,000 servers are 50 pages, and not to be felt there."""
    breaker_threshold: int = 5
    """Failures in a row after which a service is left alone for a while."""

    @classmethod
    def of(cls, settings: dict[str, Any]) -> Limits:
        """Those of a cloud's settings that are limits; `msgspec.ValidationError` where one is of the wrong type."""
        return convert(
            {key: settings[key] for key in settings if key in cls.__struct_fields__}, cls, strict=False
        )


class Rate:
    """Lets callers pass at an average rate, with bursts (GCRA). `burst` in calls; 0: one second's worth."""

    def __init__(self, clock: Clock, per_second: float, burst: float = 0.0) -> None:
        self._clock = clock
        self._gap = 1.0 / per_second if per_second > 0 else 0.0
        self._burst = max(1.0, burst) * self._gap if burst > 0 else 1.0
        self._due = 0.0

    async def take(self) -> None:
        """Wait for a turn. Turns are given in the order of asking."""
        now = self._clock.monotonic()
        self._due = max(self._due, now) + self._gap
        early = self._due - self._burst - now
        if early > 1e-6:  # sums of fractions are never exact
            await self._clock.sleep(early)


#: Every so many-th who is let in is one of the lower rank, if any waits: sweeps are slowed by work, not stopped.
_SHARE = 4


class Gate:
    """Lets in as many at once as there is `room` for, which changes. Who waits goes by rank: 0 before 1."""

    def __init__(self, room: Callable[[], int]) -> None:
        self._room = room
        self._inside = 0
        self._waiting: tuple[deque[asyncio.Future[None]], ...] = (deque(), deque())
        self._let_in = 0

    @asynccontextmanager
    async def turn(self, rank: int = 0) -> AsyncIterator[None]:
        """Inside the block the caller is one of those that are in."""
        if self._inside < self._room() and not any(self._waiting):
            self._inside += 1
        else:
            await self._wait(rank)
        try:
            yield
        finally:
            self._inside -= 1
            self.fill()

    async def _wait(self, rank: int) -> None:
        place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting[rank].append(place)
        self.fill()
        try:
            await place
        except asyncio.CancelledError:
            if place.done() and not place.cancelled():
                # Let in and called off in the same moment.
                self._inside -= 1
                self.fill()
            raise

    def fill(self) -> None:
        """Let in those for whom there is room: called when somebody leaves, and when there is more of it."""
        while self._inside < self._room() and any(self._waiting):
            place = self._next()
            if not place.done():
                self._inside += 1
                place.set_result(None)

    def _next(self) -> asyncio.Future[None]:
        high, low = self._waiting
        self._let_in += 1
        if low and (not high or self._let_in % _SHARE == 0):
            return low.popleft()
        return high.popleft()


class Lanes:
    """Semaphores of what goes beside the rest: `live`, `bulk`."""

    def __init__(self, limits: Limits) -> None:
        self._lanes = {
            "live": asyncio.Semaphore(limits.max_live_calls),
            "bulk": asyncio.Semaphore(limits.max_uploads),
        }

    def __getitem__(self, name: str) -> asyncio.Semaphore:
        return self._lanes[name]
