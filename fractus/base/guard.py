"""The right to change something outside, and whether we still have it at the moment of sending.

A process may be stopped for minutes at any point (a suspended machine, SIGSTOP, swap) and go on as if nothing had been:
what it meant to send then is somebody else's work by now. Whoever begins such work says until when it is his; whoever
sends asks, as late as can be. The time is one that also runs while the machine sleeps.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextvars import ContextVar

#: Raises where the running task may change nothing outside any more. Set by who begins work; None: there is no limit.
_guard: ContextVar[Callable[[], None] | None] = ContextVar("guard", default=None)


def boottime() -> float:
    """Seconds since the machine came up, those that it slept among them."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def set_guard(check: Callable[[], None] | None) -> None:
    """Have `check` called before every outside change of this task, and of those that it starts."""
    _guard.set(check)


def check() -> None:
    """To be called right before an outside change is sent; raises whatever the guard raises."""
    guard = _guard.get()
    if guard is not None:
        guard()
