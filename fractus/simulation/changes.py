"""Servers that change by themselves, and a journal of when each change could be seen.

The journal is a file of JSON lines for each process: `at`, the wall time from which the cloud's API showed it, `cloud`,
`server` (its id there), `what` happened, and what came of it: `vm_state`, and `host` as the cloud's API calls it. With
it can be measured how long a parent took to see the same.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO, NamedTuple

import msgspec

from fractus.base import log as logging
from fractus.clouds.simulated.others import Others
from fractus.clouds.simulated.records import ServerRecord
from fractus.simulation.child import Child

log = logging.logger("simulate")

#: Changes of one cloud within so long are made together. Seconds.
_TURN = 2.0
#: So many servers of a cloud are stopped or broken at a time, but no more than a fifth.
_DOWN = 50
#: A cloud grows and shrinks: how many servers it has is looked at so often, in turns.
_COUNT_EVERY = 30


class Done(NamedTuple):
    """A change."""

    server: str
    """Its id in the child."""
    what: str
    vm_state: str
    host: str


class Changes:
    """Changes servers of some clouds, one cloud after the other."""

    def __init__(self, children: Sequence[Child], seed: int, journal: Path) -> None:
        """`percent` of the servers change in a minute, once it is set."""
        self.percent = 0.0
        self._clouds = [_Cloud(child, f"{seed} {child.name} changes") for child in children]
        self._journal: BinaryIO = journal.open("ab", buffering=1 << 16)

    async def run(self) -> None:
        """Until it is cancelled."""
        pause = _TURN / max(1, len(self._clouds))
        try:
            while True:
                for cloud in self._clouds:
                    began = time.monotonic()
                    if self.percent:
                        self._turn(cloud)
                    await asyncio.sleep(max(0.0, pause - (time.monotonic() - began)))
                self._journal.flush()
        finally:
            self._journal.close()

    def _turn(self, cloud: _Cloud) -> None:
        try:
            done = cloud.turn(self.percent)
        except Exception:
            log.exception("nothing was changed", cloud=cloud.child.name)
            return
        if done:
            cloud.child.pulse.changed(lambda: self._note(cloud.child.name, done))

    def _note(self, cloud: str, done: list[Done]) -> None:
        if self._journal.closed:
            return
        at = time.time()
        for one in done:
            line = {"at": at, "cloud": cloud, **one._asdict()}
            self._journal.write(msgspec.json.encode(line) + b"\n")


class _Cloud:
    """One of them."""

    def __init__(self, child: Child, seed: str) -> None:
        self.child = child
        self._others = Others(child.inside.backend, seed)
        self._turns = 0
        self._servers = 0
        self._owed = 0.0
        self._turned = time.monotonic()

    def turn(self, percent: float) -> list[Done]:
        """Make the changes that are due."""
        records = self.child.inside.backend.look()
        if self._turns % _COUNT_EVERY == 0:
            self._servers = records.count(ServerRecord)
        self._turns += 1
        now = time.monotonic()
        # What a process that was busy or stopped for long has missed is not made up for in one go.
        self._owed += self._servers * percent / 100 / 60 * min(now - self._turned, 3 * _TURN)
        self._turned = now
        due = math.floor(self._owed)
        self._owed -= due
        down = min(_DOWN, self._servers // 5)
        return [done for done in (self._one(down) for _ in range(due)) if done is not None]

    def _one(self, down: int) -> Done | None:
        done = self._others.meddle(down)
        if done is None or not done[0].marker:
            return None
        server, what = done
        return Done(server.marker, what, server.vm_state, server.host)
