"""What a worker says of itself, for operators on any node: its link is suspect, a cloud is asked for less at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from fractus.base.log import logger
from fractus.reconcile.guard import link
from fractus.reconcile.machine import Machine
from fractus.store import holds
from fractus.store.retrying import rerun

log = logger("reconcile.watch")

#: What is so is said again after this long, so that what a dead worker said can be recognised by its age. Seconds.
_AGAIN = 30.0


class Watch:
    """Writes what is so, when it begins, now and then, and takes it back when it ends: in quiet times nothing."""

    def __init__(self, machine: Machine, owner: str) -> None:
        """`owner` names the worker."""
        self._machine = machine
        self._owner = owner
        self._said: dict[str, tuple[str, float]] = {}

    async def report(self) -> None:
        """Look, and write what has changed."""
        now = self._machine.clock.now()
        true = await self._so()
        fresh = {
            name: why
            for name, why in true.items()
            if name not in self._said or now - self._said[name][1] >= _AGAIN
        }
        over = list(self._said.keys() - true.keys())
        if not fresh and not over:
            return
        await self._write(fresh, over)
        for name, why in fresh.items():
            if name not in self._said:
                log.warning("hold placed", hold=name, reason=why)
            self._said[name] = (why, now)
        for name in over:
            log.warning("hold released", hold=name)
            del self._said[name]

    @rerun
    async def _write(self, on: Mapping[str, str], off: Iterable[str]) -> None:
        async with self._machine.store.transaction() as tx:
            for name, why in on.items():
                await holds.place(tx, name, why)
            for name in off:
                await holds.release(tx, name)

    async def _so(self) -> dict[str, str]:
        found = {}
        suspect = await link.suspect(self._machine, self._machine.store)
        if suspect:
            found[holds.of_link(self._owner)] = suspect
        for cloud in self._machine.children.names():
            window = self._machine.window(cloud)
            if 2 * window.size > window.most and not window.pause:
                continue
            why = (
                "it does not answer"
                if self._machine.away(cloud)
                else "it is slow, or says that it has too much to do"
            )
            name = holds.of_slowed(cloud, self._owner)
            found[name] = f"{max(1, window.size)} of {window.most} items at once, for {why}"
        return found
