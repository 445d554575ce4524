"""Time, handed in so that tests can own it.

Wall time (`now`) is compared only with other stamps of the same machine or of the store; stamps made by a child
are never compared with ours (law 4). `monotonic` measures durations.
"""

from __future__ import annotations

import asyncio
import datetime
import functools
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


class SharedClock:
    """One time for several machines: that of the database they share, as far as it has reported it.

    Leases and due times are written by one machine and read by another, so they are all in this time; no machine's own
    clock comes into it (law 4), and if one of those jumps nothing happens. Between two readings of the database's clock
    our monotonic clock goes on from the last.
    """

    def __init__(self, own: Clock) -> None:
        """`own` counts the seconds, and is believed until the database was heard for the first time."""
        self._own = own
        self._zero: float | None = None

    def now(self) -> float:
        """Seconds since the epoch, UTC."""
        return self._own.now() if self._zero is None else self._zero + self._own.monotonic()

    def monotonic(self) -> float:
        """Seconds of a clock that never jumps back."""
        return self._own.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await self._own.sleep(seconds)

    def heard(self, theirs: float, asked: float, answered: float) -> None:
        """The database said that it was `theirs`, somewhere between `asked` and `answered` (monotonic)."""
        error = (answered - asked) / 2
        zero = theirs - (asked + answered) / 2
        if self._zero is None or abs(zero - self._zero) > error:
            self._zero = zero


def iso(stamp: float) -> str:
    """`stamp` as Nova, Neutron and Glance print it: `2026-01-31T12:00:00Z`."""
    return _second(int(round(stamp, 6) // 1))


@functools.lru_cache(maxsize=4096)
def _second(stamp: int) -> str:
    """What happens in one second is printed alike, and each thing has its stamps printed many times."""
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
