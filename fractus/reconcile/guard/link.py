"""Is it the clouds, or our own link? If most of them look down at once, the link is the suspect (law 11, W21).

Then nothing is done that rests on a cloud's absence: no server is moved away from a silent cloud. What clouds *say* is
acted upon as ever.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from fractus.reconcile.machine import Machine
from fractus.store import clouds
from fractus.store.transaction import Reader

#: A cloud that has not been heard from for so long is known to be away, and says nothing of our link today. Seconds.
_LONG_GONE = 3600.0


class Sight(Struct, frozen=True):
    """One cloud as it looks from here.

    `well`: its breakers are closed, and its last sweep did not fail. `seen_at`: when it last answered a sweep to anyone
    of us, or None.
    """

    name: str
    well: bool
    seen_at: float | None


def judge(sights: Sequence[Sight], *, now: float, silent: float) -> str:
    """Why our own link is the suspect, in words; empty where it is not.

    It is if more than half of the clouds that answered within the last hour do not answer now. `silent`: after so many
    seconds without an answer a cloud counts as away, whatever else is known of it.
    """
    lately = [one for one in sights if one.seen_at is not None and now - one.seen_at <= _LONG_GONE]
    away = [one.name for one in lately if not one.well or now - (one.seen_at or 0.0) > silent]
    if 2 * len(away) <= len(lately):
        return ""
    return (
        f"{len(away)} of {len(lately)} clouds do not answer ({', '.join(sorted(away))}): "
        "our own link is the suspect, so nothing is moved away from them"
    )


async def suspect(machine: Machine, reader: Reader) -> str:
    """As `judge`, of the clouds as they are now. Those that nobody is to look at say nothing."""
    sights = []
    for row in await clouds.every(reader):
        child = machine.children.get(row.name)
        if not row.unswept:
            well = child is not None and child.healthy() and not row.error
            sights.append(Sight(row.name, well, row.seen_at))
    return judge(sights, now=machine.clock.now(), silent=machine.pace.silent)
