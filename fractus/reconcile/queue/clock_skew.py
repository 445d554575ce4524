"""Work that a wrong clock has put off: what is due, or held, further ahead than anything ever is.

A node whose clock was hours ahead for a moment writes moments that lie hours ahead, and nobody would look at them till
then. Looking too early does no harm, so what is due too far ahead is due now. A lease is another matter: whoever holds
it may be at work. It is taken away only when it was not renewed for as long as a lease lasts, by our own steady clock.
"""

from __future__ import annotations

import math

from fractus.base.log import logger
from fractus.reconcile.machine import Machine
from fractus.store import work

log = logger("reconcile.clock_skew")

#: Seconds ahead that nothing is ever due, if it waits for nothing, or if it waits for something that will wake it.
_FAR, _FAR_WAITING = 900.0, 3600.0
#: Seconds between two looks.
_PACE = 30.0


class FarTimestamps:
    """Looks for them now and then."""

    def __init__(self, machine: Machine) -> None:
        """Nothing was looked at yet."""
        self._machine = machine
        self._looked_at = -math.inf
        self._leases: dict[tuple[str, str, str], tuple[float, float]] = {}
        """Item -> until when it is held, and since when (by our steady clock) that is so."""

    async def mend(self) -> None:
        """Have looked at what a wrong clock has put off. Does nothing where the last look was a moment ago."""
        clock = self._machine.clock
        if clock.monotonic() - self._looked_at < _PACE:
            return
        self._looked_at = clock.monotonic()
        store, now = self._machine.store, clock.now()
        held: dict[tuple[str, str, str], float] = {}
        for cloud in ["", *self._machine.children.names()]:
            if await work.far_ahead(store, cloud, now + _FAR, now + _FAR_WAITING):
                async with store.transaction() as tx:
                    number = await work.pull_back(tx, cloud, now + _FAR, now + _FAR_WAITING)
                log.warning("a clock was wrong: what was put off is due now", cloud=cloud, items=number)
            held |= await work.held_until_after(store, cloud, now + 2 * self._machine.pace.lease)
        await self._free(held)

    async def _free(self, held: dict[tuple[str, str, str], float]) -> None:
        clock, pace = self._machine.clock, self._machine.pace
        known, self._leases = self._leases, {}
        for item, until in held.items():
            before = known.get(item)
            since = before[1] if before is not None and before[0] == until else clock.monotonic()
            self._leases[item] = until, since
            if clock.monotonic() - since >= pace.lease:
                async with self._machine.store.transaction() as tx:
                    await work.free_item(tx, *item, until)
                log.warning("a clock was wrong: a lease that nobody renews is over", item=item)
