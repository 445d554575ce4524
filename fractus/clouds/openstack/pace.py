"""How much at once, and how fast: a child is never asked for more than its operator allows."""

from __future__ import annotations

import asyncio
from typing import Any

from msgspec import Struct, convert

from fractus.base.clock import Clock


class Limits(Struct, frozen=True, kw_only=True):
    """The limits of one child, from the settings of its row; names and units are the operator's."""

    max_calls: int = 16
    """Calls under way at once."""
    max_live_calls: int = 4
    """Live reads (console logs) under way at once: their own lane, so that a busy worker does not hold up a user."""
    max_uploads: int = 2
    """Images on their way at once: their own lane, so that gigabytes do not hold up anything."""
    calls_per_second: float = 100.0
    """Averaged; a burst of one second's worth may go at once."""
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
    """Lets callers pass at an average rate, with bursts of up to one second's worth (GCRA)."""

    def __init__(self, clock: Clock, per_second: float) -> None:
        self._clock = clock
        self._gap = 1.0 / per_second if per_second > 0 else 0.0
        self._burst = 1.0
        self._due = 0.0

    async def take(self) -> None:
        """Wait for a turn. Turns are given in the order of asking."""
        now = self._clock.monotonic()
        self._due = max(self._due, now) + self._gap
        early = self._due - self._burst - now
        if early > 1e-6:  # sums of fractions are never exact
            await self._clock.sleep(early)


class Lanes:
    """Semaphores by name: `work`, `live`, `bulk`."""

    def __init__(self, limits: Limits) -> None:
        self._lanes = {
            "work": asyncio.Semaphore(limits.max_calls),
            "live": asyncio.Semaphore(limits.max_live_calls),
            "bulk": asyncio.Semaphore(limits.max_uploads),
        }

    def __getitem__(self, name: str) -> asyncio.Semaphore:
        return self._lanes[name]
