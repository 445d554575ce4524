"""How many may be at work on one thing at once: fewer when it is in trouble, more again as it recovers.

Additive increase, multiplicative decrease, as in TCP: halved at each sign of trouble, one more for each round that goes
well; after an outage it starts from one and doubles. The signs are a refusal because of load, an answer that was lost,
and answers that take much longer than they used to.
"""

from __future__ import annotations

from collections.abc import Callable

#: Signs of trouble this close together are one: those that were under way when it began all fail. Seconds.
_SAME_TROUBLE = 1.0
#: A pause that is asked for counts for so long at most. Seconds.
_LONGEST_PAUSE = 300.0
#: After so long without trouble all is as ever: where little is done, few good ends come to say so. Seconds.
_FORGOTTEN = 60.0
#: Slow: so many times what is usual, and more than a second.
_SLOW = 4.0
_SLOW_SECONDS = 1.0
#: How fast the two averages follow: the recent one within some five answers, the usual one within some two hundred.
_RECENT, _USUAL = 0.2, 0.005


class Window:
    """A number between 1 and `most`, that follows how things go."""

    def __init__(self, now: Callable[[], float], most: int) -> None:
        """`now` gives seconds of a clock that only goes forward."""
        self._now = now
        self._most = max(1, most)
        self._size = float(self._most)
        self._threshold = float(self._most)
        self._trouble_at = float("-inf")
        self._paused_until = float("-inf")
        self._recent: dict[str, float] = {}
        self._usual: dict[str, float] = {}

    @property
    def size(self) -> int:
        """How many may be at work now."""
        if self._now() - self._trouble_at > _FORGOTTEN:
            self._size = self._threshold = float(self._most)
        return int(self._size)

    @property
    def most(self) -> int:
        """How many when all goes well."""
        return self._most

    @most.setter
    def most(self, most: int) -> None:
        full = self._size >= self._most
        self._most = max(1, most)
        self._size = float(self._most) if full else min(self._size, float(self._most))
        self._threshold = float(self._most) if full else min(self._threshold, float(self._most))

    @property
    def pause(self) -> float:
        """Seconds for which nothing more should begin."""
        return max(0.0, self._paused_until - self._now())

    def well(self, what: str = "", seconds: float = 0.0) -> None:
        """One ended well. `seconds` it took: compared with what `what` usually takes, unless `what` is empty."""
        if what and self._is_slow(what, seconds):
            self.troubled()
            return
        self._size += 1.0 if self._size < self._threshold else 1.0 / self._size
        self._size = min(self._size, float(self._most))

    def troubled(self, pause: float = 0.0) -> None:
        """A sign of trouble; `pause` in seconds, if one was asked for."""
        now = self._now()
        self._paused_until = max(self._paused_until, now + min(pause, _LONGEST_PAUSE))
        if now - self._trouble_at >= _SAME_TROUBLE:
            self._trouble_at = now
            self._size = self._threshold = max(1.0, self._size / 2)

    def lost(self) -> None:
        """It is not there at all: when it is back, begin with one."""
        self._trouble_at = self._now()
        self._size = 1.0
        self._threshold = max(1.0, self._most / 2)

    def _is_slow(self, what: str, seconds: float) -> bool:
        usual = self._usual.get(what, seconds)
        recent = self._recent.get(what, seconds)
        recent += (seconds - recent) * _RECENT
        # What is slow for long becomes usual, so that the window opens again under a child that stays slow.
        self._usual[what] = usual + (seconds - usual) * _USUAL
        self._recent[what] = recent
        return recent > _SLOW_SECONDS and recent > _SLOW * usual
