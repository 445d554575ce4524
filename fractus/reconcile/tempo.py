"""How fast clouds are swept, where there are many: none is asked more than it bears, and all together not more than
this process can take in.
"""

from __future__ import annotations

import asyncio
import math
import zlib
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

from fractus.base.clock import Clock
from fractus.reconcile.sweep_timing import ASK, SweepTiming

#: While something is built, a cloud is listed again after so many times what its last listing took, but not sooner than
#: `_SOONEST` (seconds): it is to cost its child a small part of one caller's time.
_REST, _SOONEST = 5.0, 0.25
#: Sweeps a second that one worker makes of all clouds together where something is built: each finds the more.
_SWEEPS = 40.0

#: The same for a few things that are asked for by themselves: a third of one caller's time, and soon less.
_CLOSE_REST = 2.0
#: What was sent to a cloud longer ago is looked at the more seldom: after so small a part of the time that has passed.
_AGES = 8.0

#: A quick sweep comes earlier or later by at most this part of the interval, so that not all clouds are swept at once.
_DRAWN = 0.05

#: Full inventories at a time, by one worker: each holds a page, and the ids of all that was listed.
_AT_ONCE = 8
#: One that has got no page for so long has hung, and keeps nobody else waiting: a Nova needs five for a page of a
#: thousand servers, and more when it is busy. Seconds.
_HUNG = 20.0
#: Between two looks at whether there is room. Seconds.
_LOOK = 0.5


class Tempo:
    """The pauses between quick sweeps."""

    def __init__(self, quiet: float, busy: float) -> None:
        """Seconds between two sweeps of a cloud: where nothing is being built, and at most where something is."""
        self._quiet, self._most = quiet, busy
        self._busy: set[str] = set()

    def pause(self, cloud: str, took: float | None, age: float | None = None) -> float:
        """Seconds until the next sweep. `took`: the last listing of what is being built there; None: nothing is.

        `age`: how long ago the latest of it was sent, where it is asked for by itself, and `took` is what that took.
        """
        if took is None:
            self._busy.discard(cloud)
            return self._quiet
        self._busy.add(cloud)
        rest = _REST * took if age is None else max(_CLOSE_REST * took, age / _AGES)
        soon = min(self._most, max(_SOONEST, rest))
        return min(self._quiet, max(soon, len(self._busy) / _SWEEPS))

    def counts(self, cloud: str, timing: SweepTiming) -> float:
        """How much of the pause between two quick sweeps has passed when one has ended that took so long: sweeps of a
        quiet cloud begin at even intervals, but rest for as long as it was waited for, so that a slow one is not asked
        all the time.

        Each cloud has a moment of its own within the interval, to which its sweeps are drawn step by step. A hundred
        that began together would else be swept together for ever, each waiting for all the others.
        """
        quiet = self._quiet
        own = quiet * zlib.crc32(cloud.encode()) / 2**32
        away = (own - timing.began + quiet / 2) % quiet - quiet / 2
        step = max(-_DRAWN * quiet, min(_DRAWN * quiet, away))
        return min(timing.total, max(0.0, quiet - timing.seconds[ASK])) - step


class Sent:
    """That something was sent to a cloud, whose end is to be seen: its sweeper must not sleep on as if it were quiet.

    Known to this process alone. Who does not hear of it finds it at the next sweep.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._wake_ups: dict[str, asyncio.Event] = defaultdict(asyncio.Event)
        self._at: dict[str, float] = {}

    def note(self, cloud: str) -> None:
        """Something was sent, and the cloud is at it."""
        self._at[cloud] = self._clock.monotonic()
        self._wake_ups[cloud].set()

    def taken(self, cloud: str) -> None:
        """Whatever was sent until now is about to be read from the store."""
        self._wake_ups[cloud].clear()

    def age(self, cloud: str) -> float:
        """Seconds since anything was sent there by this process."""
        return self._clock.monotonic() - self._at.get(cloud, -math.inf)

    async def rest(self, cloud: str, seconds: float) -> bool:
        """Sleep so long, or until something is sent there: then True, also where that was before."""
        wake_up = self._wake_ups[cloud]
        heard = asyncio.ensure_future(wake_up.wait())
        slept = asyncio.ensure_future(self._clock.sleep(seconds))
        try:
            await asyncio.wait((heard, slept), return_when=asyncio.FIRST_COMPLETED)
        finally:
            heard.cancel()
            slept.cancel()
        return wake_up.is_set()


class Inventories:
    """Full inventories: a few at a time, for all at once would fill the memory and leave no time for anything else."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._waiting: set[str] = set()
        self._moved: dict[str, float] = {}
        """Cloud -> when its inventory last got on."""

    def __contains__(self, cloud: str) -> bool:
        """Whether there is one of this cloud, or will be soon."""
        return cloud in self._waiting or cloud in self._moved

    @asynccontextmanager
    async def turn(self, cloud: str) -> AsyncIterator[None]:
        """Wait for room. A cloud that hangs does not take it from others."""
        self._waiting.add(cloud)
        try:
            while self._under_way() >= _AT_ONCE:
                await self._clock.sleep(_LOOK)
            with self.under_way(cloud):
                yield
        finally:
            self._waiting.discard(cloud)

    @contextmanager
    def under_way(self, cloud: str) -> Iterator[None]:
        """While it is taken."""
        self._moved[cloud] = self._clock.monotonic()
        try:
            yield
        finally:
            self._moved.pop(cloud, None)

    def goes_on(self, cloud: str) -> None:
        """Another page has come."""
        if cloud in self._moved:
            self._moved[cloud] = self._clock.monotonic()

    def _under_way(self) -> int:
        now = self._clock.monotonic()
        return sum(now - moved < _HUNG for moved in self._moved.values())
