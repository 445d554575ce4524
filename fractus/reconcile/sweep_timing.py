"""Where the time of a sweep goes: what an operator looks at whose changes are seen late."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager

from fractus.base.clock import Clock

ASK, TURN, WRITE = "ask", "turn", "write"
"""The cloud's answers were waited for; a turn to write; what had changed was written, until it was durable. What is
left of a sweep is comparing, and waiting for the processor.
"""
PARTS = (ASK, TURN, WRITE)


class SweepTiming:
    """The seconds of one sweep, by what they went to. It begins when this is made."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.began = clock.monotonic()
        self.seconds: defaultdict[str, float] = defaultdict(float)

    @property
    def total(self) -> float:
        """Seconds since it began."""
        return self._clock.monotonic() - self.began

    @contextmanager
    def on(self, what: str) -> Iterator[Stint]:
        """While the block runs, time goes to `what`, or what the block says later."""
        stint = Stint(self, what)
        try:
            yield stint
        finally:
            stint.turns("")

    def since(self, moment: float, what: str) -> float:
        """Count what has passed since `moment` for `what`; now."""
        now = self._clock.monotonic()
        self.seconds[what] += now - moment
        return now


class Stint:
    """Time that goes to one thing after the other."""

    def __init__(self, timing: SweepTiming, what: str) -> None:
        self._spent, self._what = timing, what
        self._since = timing.began + timing.total

    def turns(self, what: str) -> None:
        """From now on it goes to `what`."""
        self._since = self._spent.since(self._since, self._what)
        self._what = what
