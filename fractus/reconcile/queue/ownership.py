"""Which lanes this worker runs, where several share the clouds.

Lanes are leases in the store, and every worker is on a list there with a lease of its own. From that list all come to
the same idea of who should run what (`spread`). Who may also ask a broker (single active consumer: one of all who wait
for a cloud's messages gets them, and when it dies the next one does, at once) believes that before its own idea.

What is held is kept until somebody else takes it, so that a lane which moves is never without a worker; and a lane that
nobody renews is taken by whoever is first in its ranking, whatever the broker says: with it dead, or wrong, all lanes
still run. Two that run one lane for a moment do no harm: what is in it has leases with fences.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Protocol

from fractus import __version__
from fractus.base.clock import Clock
from fractus.base.log import logger
from fractus.reconcile.queue.spread import spread
from fractus.reconcile.queue.worker_identity import is_dead
from fractus.store import lanes
from fractus.store.lanes import Lane
from fractus.store.retrying import rerun
from fractus.store.transaction import Store

log = logger("reconcile.ownership")

#: A lane is not taken from a worker that holds it for less than this, so that two who disagree do not tear at it.
#: Seconds.
_HELD_AT_LEAST = 5.0
#: For so long the broker has the time to name somebody for a lane that nobody holds. Seconds.
_PATIENCE = 5.0


class Ownership(Protocol):
    """Says which lanes this worker runs."""

    async def mine(self, clouds: Iterable[str]) -> frozenset[str]:
        """Of all lanes (these clouds' and the one of whole resources, "") those that are ours now.

        Asked at every look around, and when `listen`'s callback was called.
        """
        ...

    def listen(self, changed: Callable[[], None]) -> None:
        """Have `changed` called when another answer is to be expected."""
        ...

    async def leave(self) -> None:
        """Give everything back at once: this worker ends."""
        ...


class Broker(Protocol):
    """Somebody who can say at once which lanes are ours. It may be away."""

    def prefer(self, ranks: Mapping[str, int]) -> None:
        """Our place in the ranking of each lane; 0: it should be ours."""
        ...

    def assigned(self) -> frozenset[str] | None:
        """The lanes that are ours by the broker; None while it cannot be asked."""
        ...

    def listen(self, changed: Callable[[], None]) -> None:
        """Have `changed` called when `assigned` answers something else."""
        ...

    async def leave(self) -> None:
        """Let others have our lanes."""
        ...


class Everything:
    """All lanes: for one worker alone."""

    async def mine(self, clouds: Iterable[str]) -> frozenset[str]:
        """All."""
        return frozenset({"", *clouds})

    def listen(self, changed: Callable[[], None]) -> None:
        """Nothing ever changes."""

    async def leave(self) -> None:
        """Nothing is to be given back."""


class Shared:
    """Implements `Ownership` over the store's leases, and a broker where there is one."""

    def __init__(
        self, store: Store, clock: Clock, owner: str, *, seconds: float = 15.0, broker: Broker | None = None
    ) -> None:
        """`owner` is this worker. `seconds`: for how long a worker that says nothing counts as alive."""
        self._store = store
        self._clock = clock
        self._owner = owner
        self._seconds = seconds
        self._broker = broker
        self._beat_at = float("-inf")

    def listen(self, changed: Callable[[], None]) -> None:
        """Have `changed` called when the broker says something else."""
        if self._broker is not None:
            self._broker.listen(changed)

    async def mine(self, clouds: Iterable[str]) -> frozenset[str]:
        """See `Ownership`."""
        names = {"", *clouds}
        await self._beat()
        now = self._clock.now()
        alive = {
            self._owner,
            *(one for one, until in (await lanes.workers(self._store)).items() if until >= now),
        }
        ranking = spread(names, alive)
        assigned = None
        if self._broker is not None:
            self._broker.prefer({name: ranking[name].index(self._owner) for name in names})
            assigned = self._broker.assigned()
        held = {name: lane for name, lane in (await lanes.every(self._store)).items() if name in names}
        ours = {name for name, lane in held.items() if lane.holder == self._owner}
        wanted = {
            name: held.get(name)
            for name in names - ours
            if self._may_claim(held.get(name), assigned, name, now, first=ranking[name][0] == self._owner)
        }
        wrong = {name for name in ours if held[name].by_broker != (assigned is not None and name in assigned)}
        return frozenset(ours | await self._write(wanted, wrong, assigned or frozenset()))

    async def leave(self) -> None:
        """See `Ownership`."""
        if self._broker is not None:
            await self._broker.leave()
        await self._free()

    @rerun
    async def _free(self) -> None:
        async with self._store.transaction() as tx:
            await lanes.free(tx, self._owner)

    @rerun
    async def _beat(self) -> None:
        """Say that we live, now and then; at first also who does not: workers of this host that were killed."""
        now = self._clock.monotonic()
        if now - self._beat_at < self._seconds / 3:
            return
        dead = [one for one in await lanes.workers(self._store) if is_dead(one)]
        async with self._store.transaction() as tx:
            for one in dead:
                await lanes.free(tx, one)
            await lanes.beat(tx, self._owner, __version__, self._seconds)
            await lanes.renew(tx, self._owner, self._seconds)
        self._beat_at = now

    def _may_claim(
        self, lane: Lane | None, assigned: frozenset[str] | None, name: str, now: float, *, first: bool
    ) -> bool:
        free = lane is None or not lane.holder or lane.until < now
        # One that seems to begin far ahead was written before a clock was set back.
        steady = lane is not None and abs(now - lane.since) >= _HELD_AT_LEAST
        if assigned is None:
            # Whom the broker chose knows better, as long as it lives.
            return first and (free or (steady and lane is not None and not lane.by_broker))
        if name in assigned:
            return free or steady or (lane is not None and not lane.by_broker)
        forgotten = lane is None or now - max(lane.until, lane.since) >= _PATIENCE
        return first and free and forgotten

    async def _write(
        self, wanted: Mapping[str, Lane | None], wrong: Iterable[str], assigned: frozenset[str]
    ) -> set[str]:
        taken = await self._claim(wanted, assigned)
        wrong = list(wrong)
        if wrong:
            await self._note_broker(wrong, assigned)
        if taken:
            log.info("lanes taken", clouds=sorted(taken), by_broker=bool(taken & assigned))
        return taken

    @rerun
    async def _note_broker(self, wrong: list[str], assigned: frozenset[str]) -> None:
        async with self._store.transaction() as tx:
            for name in wrong:
                await lanes.note_broker(tx, name, self._owner, by_broker=name in assigned)

    async def _claim(self, wanted: Mapping[str, Lane | None], assigned: frozenset[str]) -> set[str]:
        if not wanted:
            return set()
        taken = set()
        try:
            async with self._store.transaction() as tx:
                for name, was in wanted.items():
                    took = await lanes.claim(
                        tx, name, self._owner, self._seconds, was=was, by_broker=name in assigned
                    )
                    if took:
                        taken.add(name)
        except Exception as error:
            if len(wanted) == 1:
                log.info("lane not taken", clouds=list(wanted), error=f"{type(error).__name__}: {error}")
                return set()
            # A lane that somebody else takes at this very moment must not spoil the others.
            return set().union(*[await self._claim({name: was}, assigned) for name, was in wanted.items()])
        return taken
