"""A breaker: after enough failures in a row, calls fail at once instead of waiting for a dead child."""

from __future__ import annotations

from fractus.base.clock import Clock
from fractus.base.retry import backoff


class Breaker:
    """Counts failures in a row of one service of one child. Closed: calls pass. Open: they do not.

    When its time has come, one call is let through as a probe (half-open); its end closes the breaker or opens it for
    longer. The waiting grows with each failed probe and is jittered, so that many nodes do not probe as one.
    """

    def __init__(
        self, clock: Clock, *, threshold: int = 5, shortest: float = 2.0, longest: float = 30.0
    ) -> None:
        self._clock = clock
        self._threshold = threshold
        self._shortest = shortest
        self._longest = longest
        self._failures = 0
        self._opened = 0
        self._probe_at = 0.0
        self._probing = False

    @property
    def open(self) -> bool:
        """Calls would fail at once. Not while a probe is due: then the next call is let through."""
        return self._opened > 0 and (self._probing or self._clock.monotonic() < self._probe_at)

    def wait(self) -> float:
        """Seconds until the next probe is let through."""
        return max(0.0, self._probe_at - self._clock.monotonic()) if self._opened else 0.0

    def enter(self) -> bool:
        """Whether a call may pass now. Every call that passes must end in `succeeded`, `failed` or `abandoned`."""
        if not self._opened:
            return True
        if self.open:
            return False
        self._probing = True
        return True

    def succeeded(self) -> None:
        """The service answered, whatever it said."""
        self._failures = 0
        self._opened = 0
        self._probing = False

    def failed(self) -> None:
        """No connection, no answer in time, or a gateway that has lost the service."""
        self._failures += 1
        was_probe, self._probing = self._probing, False
        if self._opened and not was_probe:
            return  # one of those that were under way when it opened
        if self._failures >= self._threshold:
            self._opened += 1
            self._probe_at = self._clock.monotonic() + backoff(
                self._opened, base=self._shortest, cap=self._longest
            )

    def abandoned(self) -> None:
        """The caller went away before the end: nothing was learnt."""
        self._probing = False
