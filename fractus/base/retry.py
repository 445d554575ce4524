"""How long to wait before the next try."""

from __future__ import annotations

import random


def backoff(attempt: int, *, base: float = 1.0, cap: float = 60.0) -> float:
    """Seconds before try number `attempt` (1 is the first repeat): exponential, jittered over its upper half.

    The jitter keeps the waiters of a child that comes back from arriving all at once (W22).
    """
    top = min(cap, base * 2.0 ** min(max(attempt, 1) - 1, 16))
    return top * random.uniform(0.5, 1.0)
