"""How a child learns what happened in the simulated cloud below it: it is notified, and need not look every few
seconds.

A worker sweeps its clouds by the clock because nobody tells it of changes there. Here both are in one process: what the
simulated cloud will do by itself next is known, and what is done to it from outside goes through our hands. So a sweep
is taken right then, of what changed since the last one, and between changes nothing runs at all. A hundred clouds at
rest cost nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from fractus.base import log as logging
from fractus.base.clock import iso_micro
from fractus.clouds.simulated.cloud import SimulatedCloud
from fractus.reconcile.machine import Machine
from fractus.reconcile.sweep.sweep import Turn
from fractus.simulation import INSIDE

log = logging.logger("simulate")

#: What changes by itself or by others' hands: first what servers show parts of.
_KINDS = ("port", "server")
#: Changes that follow one another sooner are seen together. Seconds.
_GATHER = 0.05
#: Looked at twice: what a look of the worker at the same server wrote may be older than what was listed. Seconds.
_OVERLAP = 1.0
#: After a failure it is tried again. Seconds.
_AGAIN = 1.0


class Pulse:
    """One child's sweeps."""

    def __init__(self, machine: Machine, child: SimulatedCloud, since: float) -> None:
        """`since`: the stamp of the simulated cloud up to which everything is known."""
        self._machine = machine
        self._child = child
        self._since = since
        self._changed = asyncio.Event()
        self._shown: list[Callable[[], None]] = []
        child.faults.after_change = lambda call: self._changed.set()
        # Any look there moves on all that is due, also what the caller does not ask about.
        child.backend.moved = self._changed.set

    def changed(self, shown: Callable[[], None] | None = None) -> None:
        """Something has changed there. `shown` is called when the child's API shows it."""
        if shown is not None:
            self._shown.append(shown)
        self._changed.set()

    async def run(self) -> None:
        """Until it is cancelled."""
        self._changed.set()
        while True:
            try:
                await self._wait()
                await self.beat()
                await asyncio.sleep(_GATHER)
            except Exception:
                log.exception("a simulated cloud was not looked at", cloud=self._child.name)
                self._changed.set()
                await asyncio.sleep(_AGAIN)

    async def _wait(self) -> None:
        quiet = self._child.backend.quiet_for()
        try:
            async with asyncio.timeout(quiet):
                await self._changed.wait()
        except TimeoutError:
            pass

    async def beat(self) -> None:
        """Have what changed taken into the child's store."""
        backend, shown = self._child.backend, self._shown
        self._shown = []
        now = backend.now()
        backend.look()
        self._changed.clear()
        for kind in _KINDS:
            turn = Turn(self._machine, INSIDE, self._machine.lifecycles[kind], self._child.actuators()[kind])
            turn.since = iso_micro(self._since - _OVERLAP)
            await turn.run()
        self._since = now
        for call in shown:
            call()
