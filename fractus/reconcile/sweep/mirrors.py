"""Sweeping what a cloud has beside our resources: its mirror follows, and is never acted upon.

A mirror is listed whole, within the cloud's budget of listings (decision 0024), and compared with what is held. What is
new or changed is written, what is not listed any more is forgotten. An id that another cloud has too is shown as
another one (`Mirror.id_here`); each cloud's own sweep says so of its own rows, so two that are found to share one both
say it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Any, Protocol, TypeVar

from sqlalchemy import Table

from fractus.base.log import logger
from fractus.model.cloud import Cloud
from fractus.model.errors import Missing, Refused
from fractus.model.mirror import Mirrored
from fractus.reconcile.machine import Machine
from fractus.reconcile.sweep_timing import ASK, TURN, WRITE, SweepTiming
from fractus.store import mirrors, presences
from fractus.store.clouds import REFUSED
from fractus.store.mirrors import MirrorRow
from fractus.store.retrying import rerun

log = logger("reconcile.mirrors")

#: Written in one transaction.
_BATCH = 100

T = TypeVar("T")


class Mirror(Protocol):
    """A kind of mirror, as the machine sees it."""

    @property
    def mirrored(self) -> Mirrored:
        """How a driver lists it."""
        ...

    @property
    def table(self) -> Table:
        """Where its rows are."""
        ...

    @property
    def every(self) -> float:
        """Seconds between two listings, as far as the cloud's budget allows."""
        ...

    @property
    def refers(self) -> Mapping[str, str]:
        """Fields with its cloud's ids of things -> the kinds of those."""
        ...

    def row(self, cloud: str, id: str, remote_id: str, found: Mapping[str, Any]) -> MirrorRow:
        """What is kept of one thing as its cloud shows it."""
        ...

    def id_here(self, cloud: str, remote_id: str, *, shared: bool) -> str:
        """What users know it by. `shared`: another cloud has one of the same id."""
        ...

    def id_of(self, found: Mapping[str, Any]) -> str:
        """Its id there; empty where it has none, and is passed over."""
        ...


class MirrorTurn:
    """One listing of one mirror in one cloud."""

    whole = True
    always = False

    def __init__(self, machine: Machine, child: Cloud, mirror: Mirror, timing: SweepTiming) -> None:
        """Nothing is asked yet."""
        self.machine = machine
        self.cloud = child.name
        self.kind = mirror.mirrored.kind
        self.at = timing.began
        self.cursors: dict[str, Any] = {}
        self._child, self._mirror, self._spent = child, mirror, timing
        self._passed = math.inf
        self._was_refused = False

    @property
    def lateness(self) -> float:
        """How many of its own intervals have passed since it was last asked for."""
        return self._passed / self._mirror.every

    def due(self, known: Mapping[str, Any], early: float, *, full: bool) -> bool:
        """Whether it is time to list. `known`: the cloud's cursors; `early`: seconds that do not count."""
        machine = self.machine
        self._was_refused = bool(known.get(f"{self.kind}#"))
        self.at = machine.clock.monotonic() if full else self._spent.began
        self._passed = self.at - machine.budget.asked_at(self.cloud, self.kind)
        if full:
            return True
        first = f"{self.kind}@" not in known or math.isinf(self._passed)
        return (
            not (first and self.cloud in machine.inventories) and self._passed >= self._mirror.every - early
        )

    async def run(self) -> int:
        """List, and write what is new; how many things had changed.

        A cloud that does not let us list it has none, unless it had some: those are kept, and are stale from then on.
        """
        machine, mirror = self.machine, self._mirror
        started = machine.clock.now()
        found: dict[str, Mapping[str, Any]] = {}
        complete = True
        try:
            with self._spent.on(ASK):
                async for one in self._child.mirrored(mirror.mirrored):
                    if remote_id := mirror.id_of(one):
                        found[remote_id] = one
                    else:
                        complete = False
                    machine.inventories.goes_on(self.cloud)
        except (Refused, Missing) as error:
            log.info("not mirrored", cloud=self.cloud, kind=self.kind, error=error.reason)
            return await self._refused(error.reason, started)
        changed = await self._keep(await self._ours(found), complete=complete)
        if self._was_refused:
            self.cursors[f"{self.kind}#"] = {}
        machine.mirrored[self.cloud, self.kind] = len(found)
        machine.budget.listed(self.cloud, self.kind, self.at)
        self.cursors[f"{self.kind}@"] = started
        return changed

    async def _ours(self, found: dict[str, Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
        """With our ids of what each refers to; without those that refer to what is not ours."""
        for name, kind in self._mirror.refers.items():
            ids = sorted({str(one.get(name)) for one in found.values()})
            held = await presences.by_remotes(self.machine.store, self.cloud, kind, ids)
            found = {
                remote_id: {**one, name: held[str(one.get(name))].id}
                for remote_id, one in found.items()
                if str(one.get(name)) in held
            }
        return found

    async def _refused(self, why: str, started: float) -> int:
        """Absent is not empty (law 10): nothing is forgotten because of an answer that is no list."""
        machine = self.machine
        held = len(await mirrors.of_cloud(machine.store, self._mirror.table, self.cloud))
        if held:
            self.cursors[f"{self.kind}#"] = {REFUSED: why}
        machine.mirrored[self.cloud, self.kind] = held
        machine.budget.listed(self.cloud, self.kind, self.at)
        self.cursors[f"{self.kind}@"] = started
        return 0

    async def _keep(self, found: Mapping[str, Mapping[str, Any]], *, complete: bool) -> int:
        """Make the rows those of what was found. Not `complete`: something was there that cannot be recognised by its
        id, so nothing is known to be gone.
        """
        store, table = self.machine.store, self._mirror.table
        held = await mirrors.of_cloud(store, table, self.cloud)
        shared = await mirrors.shared_ids(store, table, self.cloud, found) if found else set()
        changed: list[MirrorRow] = []
        for remote_id, one in found.items():
            id = self._mirror.id_here(self.cloud, remote_id, shared=remote_id in shared)
            row = self._mirror.row(self.cloud, id, remote_id, one)
            if held.get(remote_id) != (row.id, row.summary):
                changed.append(row)
        gone = sorted(held.keys() - found.keys()) if complete else []
        for rows in _batches(changed):
            await self._write(rows, {row.remote_id for row in rows if row.remote_id in held}, [])
        for ids in _batches(gone):
            await self._write([], set(), ids)
        return len(changed) + len(gone)

    @rerun
    async def _write(self, rows: list[MirrorRow], held: set[str], gone: list[str]) -> None:
        table = self._mirror.table
        with self._spent.on(TURN) as waiting:
            async with self.machine.store.transaction() as tx:
                waiting.turns(WRITE)
                await mirrors.put(tx, table, self.cloud, rows, held)
                await mirrors.drop(tx, table, self.cloud, gone)


def _batches(every: Iterable[T]) -> Iterable[list[T]]:
    rest = iter(every)
    while batch := list(islice(rest, _BATCH)):
        yield batch
