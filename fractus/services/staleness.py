"""What is shown of a cloud that has not answered for too long says so (law 3), in a header of the answer."""

from __future__ import annotations

from collections.abc import Collection

from fractus.base.clock import Clock
from fractus.store import clouds
from fractus.store.transaction import Reader

HEADER = "Fractus-Stale"
"""Names the clouds, with commas between."""


async def stale(reader: Reader, clock: Clock, after: float, names: Collection[str]) -> list[str]:
    """Which of these clouds have not answered for more than `after` seconds, sorted."""
    if not names:
        return []
    answered = await clouds.answered_at(reader)
    oldest = clock.now() - after
    return sorted(name for name in names if (answered.get(name) or 0.0) < oldest)


def header(names: Collection[str]) -> dict[str, str]:
    """What says so; nothing where none is stale."""
    return {HEADER: ", ".join(names)} if names else {}
