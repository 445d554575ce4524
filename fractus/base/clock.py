"""Time, handed in so that tests can own it.

Wall time (`now`) is compared only with other stamps of the same machine or of the store; stamps made by a child
are never compared with ours (law 4). `monotonic` measures durations.
"""

from __future__ import annotations

import asyncio
import datetime
import time
from typing import Protocol


class Clock(Protocol):
    """Where the time comes from; `fractus.testing` has one that a test moves by hand."""

    def now(self) -> float:
        """Seconds since the epoch, UTC."""
        ...

    def monotonic(self) -> float:
        """Seconds of a clock that never jumps back."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        ...


class SystemClock:
    """The machine's own clock."""

    def now(self) -> float:
        """Seconds since the epoch, UTC."""
        return time.time()

    def monotonic(self) -> float:
        """Seconds of a clock that never jumps back."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Wait on the running event loop."""
        await asyncio.sleep(seconds)


def iso(stamp: float) -> str:
    """`stamp` as Nova, Neutron and Glance print it: `2026-01-31T12:00:00Z`."""
    moment = datetime.datetime.fromtimestamp(stamp, datetime.UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def iso_micro(stamp: float) -> str:
    """`stamp` with microseconds and no zone, as Nova prints `launched_at`: `2026-01-31T12:00:00.000000`."""
    moment = datetime.datetime.fromtimestamp(stamp, datetime.UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%f")


def parse_iso(text: str) -> float:
    """Seconds since the epoch of an ISO 8601 text (no zone means UTC); ValueError where it is none."""
    moment = datetime.datetime.fromisoformat(text.strip().replace("Z", "+00:00"))
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=datetime.UTC)
    return moment.timestamp()
