"""A clock that stands still until a test moves it."""

from __future__ import annotations

import asyncio
import heapq
import itertools

#: 2026-01-01 00:00:00 UTC.
NEW_YEAR = 1_767_225_600.0

#: Turns of the event loop that those who were woken get before time moves on: enough for some awaits in a row.
_TURNS = 20


class VirtualClock:
    """Implements `fractus.base.clock.Clock`. Who sleeps is woken when `advance` reaches its moment."""

    def __init__(self, start: float = NEW_YEAR) -> None:
        """Begin at `start`, seconds since the epoch."""
        self._start = start
        self._now = start
        self._ahead = 0.0
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._order = itertools.count()

    def now(self) -> float:
        """Seconds since the epoch, UTC."""
        return self._now + self._ahead

    def jump(self, seconds: float) -> None:
        """Have the wall clock set so far ahead (back, if less than none); durations go on as if nothing had been."""
        self._ahead += seconds

    def monotonic(self) -> float:
        """Seconds since this clock began."""
        return self._now - self._start

    async def sleep(self, seconds: float) -> None:
        """Wait until somebody has moved the clock so far."""
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        alarm: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self._now + seconds, next(self._order), alarm))
        await alarm

    def next_alarm(self) -> float | None:
        """When the next sleeper wants to be woken, as `now` has it; None: nobody sleeps."""
        alarm = self._next()
        return None if alarm is None else alarm + self._ahead

    def _next(self) -> float | None:
        while self._sleepers and self._sleepers[0][2].done():
            heapq.heappop(self._sleepers)
        return self._sleepers[0][0] if self._sleepers else None

    async def advance(self, seconds: float) -> None:
        """Move on by `seconds`, waking sleepers one after the other, each at its own moment."""
        target = self._now + seconds
        await self._turns()  # who is about to sleep sleeps from now on, not from later
        while (alarm := self._next()) is not None and alarm <= target:
            self._now = max(self._now, alarm)
            heapq.heappop(self._sleepers)[2].set_result(None)
            await self._turns()
        self._now = max(self._now, target)

    @staticmethod
    async def _turns() -> None:
        for _ in range(_TURNS):
            await asyncio.sleep(0)
