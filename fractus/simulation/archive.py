"""Servers that were deleted long ago are dropped, as an operator's `nova-manage db archive_deleted_rows` does: else a
simulation that makes and deletes servers for hours grows by each of them.

They stay listable (`changes-since`, `deleted=True`) for two hours, which is longer than anybody is away in a bench.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from fractus.base import log as logging
from fractus.clouds.simulated.records import ServerRecord
from fractus.reconcile.queue.purge import purge_these
from fractus.simulation.child import Child

log = logging.logger("simulate")

#: So long a deleted server is kept, and so often each cloud is looked at. Seconds.
KEPT, _EVERY = 7200.0, 600.0
#: Servers of one cloud that are dropped at once, and the pause before the next so many. Seconds.
_PAGE, _PAUSE = 50, 1.0


class Archive:
    """Looks at some clouds, one after the other."""

    def __init__(self, children: Sequence[Child]) -> None:
        """Nothing is done yet."""
        self._children = children

    async def run(self) -> None:
        """Until it is cancelled."""
        while self._children:
            for child in self._children:
                await asyncio.sleep(_EVERY / len(self._children))
                try:
                    await _all_of(child)
                except Exception:
                    log.exception("what was deleted is kept", cloud=child.name)


async def _all_of(child: Child) -> None:
    while True:
        if await let_go(child) < _PAGE:
            return
        await asyncio.sleep(_PAUSE)


async def let_go(child: Child) -> int:
    """Some of a cloud's servers that were deleted long enough ago; how many. What anything is still known of stays."""
    records = child.inside.backend.look()
    before = child.clock.now() - KEPT
    old = records.gone_before(ServerRecord, before, _PAGE)
    machine = child.worker.machine
    gone = await purge_these(
        machine.store, machine.resources, "server", [server.marker for server in old], before
    )
    for server in old:
        if server.marker in gone:
            records.drop(server)
    return len(gone)
