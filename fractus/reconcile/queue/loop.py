"""The worker: one queue for whole resources, one for each cloud, and a sweeper for each cloud.

Every cloud is a bulkhead (law 9): its own claims, its own number of items under way, its own sweeper. A cloud that
hangs fills its own slots and nobody else's.
"""

from __future__ import annotations

import asyncio
import itertools
import math
from collections.abc import Awaitable, Callable, Collection

from fractus.base import guard
from fractus.base import log as logging
from fractus.base.retry import backoff
from fractus.model.errors import CloudError
from fractus.model.purpose import SWEEP, purpose
from fractus.reconcile.converge import acting
from fractus.reconcile.converge.absent import returns
from fractus.reconcile.converge.assign import attend
from fractus.reconcile.converge.converge import converge
from fractus.reconcile.converge.ending import end
from fractus.reconcile.machine import Machine
from fractus.reconcile.outcome import Again, Outcome, Retry, Settled, Waiting, Written
from fractus.reconcile.queue.clock_skew import FarTimestamps
from fractus.reconcile.queue.metrics import Metrics
from fractus.reconcile.queue.ownership import Everything, Ownership
from fractus.reconcile.queue.purge import purge
from fractus.reconcile.queue.watch import Watch
from fractus.reconcile.queue.worker_identity import is_dead, owner_name
from fractus.reconcile.sweep.sweep import finish_inventory, sweep
from fractus.reconcile.sweep.targeted_polls import between
from fractus.reconcile.sweep_timing import SweepTiming
from fractus.reconcile.tempo import Tempo
from fractus.store import clouds, work
from fractus.store import holds as stored_holds
from fractus.store.retrying import rerun
from fractus.store.transaction import StoreTrouble
from fractus.store.work import Claim, LeaseLost

log = logging.logger("reconcile.loop")

#: Steps of one item in a row before it goes back to the queue, so that one item cannot hold a slot for ever.
_STEPS = 20
#: Items of a backlog that are woken in one transaction.
_SLICE = 250
#: Free slots are filled when they are this part of all, unless a notification comes.
_FILLING = 4
#: Items of a cloud that is away that are under way at once: one may be the probe that hangs.
_AWAY_ROOM = 4
#: Between two pages of the search for old tombstones: some 100 million rows a year. Seconds.
_PURGE_PAUSE = 30.0
#: Between two looks for actions that are due. Seconds.
_DUE_PAUSE = 10.0


class _Lane:
    """One queue as this worker runs it, with the cloud's sweeper."""

    def __init__(self) -> None:
        self.closing = False
        self.more = False
        """More may be due than there were slots for."""
        self.tasks: list[asyncio.Task[None]] = []


class Worker:
    """Works off the queues until it is stopped."""

    def __init__(
        self, machine: Machine, metrics: Metrics, *, owner: str = "", ownership: Ownership | None = None
    ) -> None:
        """`owner` names this worker in leases; `ownership` says which lanes it runs, by default all."""
        self.machine = machine
        self.metrics = metrics
        self.owner = owner or owner_name()
        self.ownership = ownership or Everything()
        self._wake_ups: dict[str, asyncio.Event] = {}
        self._held: dict[tuple[str, str, str], Claim] = {}
        self._full_at: dict[str, float] = {}
        self._watch = Watch(machine, self.owner)
        self._stamps = FarTimestamps(machine)
        self._tempo = Tempo(machine.pace.sweep, machine.pace.sweep_busy)
        self._draining = False
        self._stir = asyncio.Event()
        self.ownership.listen(self._stir.set)

    # ------------------------------------------------------------------ wake-ups

    def notify(self, cloud: str) -> None:
        """Something may be due in this queue."""
        wake_up = self._wake_ups.get(cloud)
        if wake_up is not None:
            wake_up.set()

    def ring_all(self) -> None:
        """Something may be due anywhere."""
        for wake_up in self._wake_ups.values():
            wake_up.set()

    # ------------------------------------------------------------------ running

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set; then finish what is under way, within a limit, and give the rest back."""
        # A database that is away now is looked for again and again; what is to be taken back then runs out by itself.
        await self._quietly(self.free_dead())
        async with asyncio.TaskGroup() as group:
            lanes: dict[str, _Lane] = {}
            left: set[asyncio.Task[None]] = set()
            beside = [group.create_task(self._keep_leases()), group.create_task(self._time())]
            stopping = group.create_task(self._stir_at(stop))
            while not stop.is_set():
                self._stir.clear()
                await self._look_around(group, lanes, left)
                await _until(self._stir, self.machine.pace.poll)
            stopping.cancel()
            await self._drain(lanes, left)
            for task in beside:
                task.cancel()

    async def _stir_at(self, stop: asyncio.Event) -> None:
        await stop.wait()
        self._stir.set()

    async def _look_around(
        self, group: asyncio.TaskGroup, lanes: dict[str, _Lane], left: set[asyncio.Task[None]]
    ) -> None:
        """Which clouds there are, and which of them are ours now."""
        try:
            await self.machine.children.refresh(self.machine.store)
            names = frozenset(self.machine.children.names())
            mine = await self.ownership.mine(names)
            await self._stamps.mend()
            await self._measure()
        except Exception as error:
            # A store that does not answer for a while: what runs goes on, and so does this.
            _say("could not look around", error)
            return
        for name in mine - lanes.keys():
            lane = lanes[name] = _Lane()
            lane.tasks = [group.create_task(self._lane(name, lane))]
            if name:
                lane.tasks.append(group.create_task(self._sweeper(name)))
                continue
            lane.tasks.append(group.create_task(self._actions()))
            if self.machine.pace.keep_deleted:
                lane.tasks.append(group.create_task(self._purger()))
        for name in lanes.keys() - mine:
            lane = lanes.pop(name)
            self._close(name, lane)
            if name and name not in names:
                lane.tasks[0].cancel()
            else:
                # Another worker runs it from now on; what is under way here is ours until it ends.
                left.add(lane.tasks[0])
                lane.tasks[0].add_done_callback(left.discard)

    def _close(self, name: str, lane: _Lane) -> None:
        lane.closing = True
        for task in lane.tasks[1:]:
            task.cancel()
        self.notify(name)
        self._wake_ups.pop(name, None)

    async def _drain(self, lanes: dict[str, _Lane], left: set[asyncio.Task[None]]) -> None:
        """Others may begin at once; what is under way here is finished, and ours until then. Then all is free."""
        self._draining = True
        await self._quietly(self.ownership.leave())
        for name, lane in lanes.items():
            self._close(name, lane)
        under_way = [*left, *(lane.tasks[0] for lane in lanes.values())]
        if under_way:
            _, late = await asyncio.wait(under_way, timeout=self.machine.pace.drain)
            for task in late:
                log.warning("not finished in time: given back", seconds=self.machine.pace.drain)
                task.cancel()
            if late:
                await asyncio.wait(late)
        await self._quietly(self._give_back())

    @rerun
    async def _give_back(self) -> None:
        async with self.machine.store.transaction() as tx:
            await work.free(tx, self.owner)

    async def _quietly(self, step: Awaitable[None]) -> bool:
        """Whether it was done."""
        try:
            await step
        except Exception as error:
            # What is not given back runs out by itself, and what is not woken looks by itself.
            _say("not written", error)
            return False
        return True

    def runs(self, cloud: str) -> bool:
        """Whether this worker runs that lane now."""
        return cloud in self._wake_ups

    @rerun
    async def free_dead(self) -> None:
        """Take back what workers of this host held that are not alive any more, without waiting for their leases."""
        dead = [owner for owner in await work.owners(self.machine.store) if is_dead(owner)]
        if dead:
            async with self.machine.store.transaction() as tx:
                for owner in dead:
                    await work.free(tx, owner)

    async def _lane(self, cloud: str, lane: _Lane) -> None:
        """One queue: keep its slots filled."""
        wake_up = self._wake_ups.setdefault(cloud, asyncio.Event())
        async with asyncio.TaskGroup() as group:
            running: set[asyncio.Task[float]] = set()
            under_way = self.metrics.running.labels(cloud)
            odd, room = False, 0

            def ended(task: asyncio.Task[float]) -> None:
                # Where more is due, some slots are filled at a time: each filling is a look at the queue and a commit.
                # Else what has ended may be due again before the lane would look by itself.
                running.discard(task)
                under_way.set(len(running))
                if lane.more:
                    if room - len(running) >= max(1, room // _FILLING):
                        wake_up.set()
                elif not task.cancelled() and (again := task.result()) < self.machine.pace.poll:
                    asyncio.get_running_loop().call_later(again, wake_up.set)

            while not lane.closing:
                wake_up.clear()
                room = self._room(cloud)
                free = room - len(running)
                # Half of what is taken is the oldest, half the newest, also where one slot comes free at a time.
                odd = not odd
                newest = (free + odd) // 2
                try:
                    # Nobody looks while all slots are taken: more may be due.
                    lane.more = lane.more or free <= 0
                    claims = await self._claim(cloud, free, newest, lane) if free > 0 else []
                    for claim in claims:
                        task = group.create_task(self.handle(claim))
                        running.add(task)
                        task.add_done_callback(ended)
                    under_way.set(len(running))
                    await self._rest(wake_up, cloud, full=len(running) >= room)
                except Exception as error:
                    # A store that does not answer for a while must not end the lane.
                    _say("lane loop error", error, cloud=cloud)
                    await _until(wake_up, backoff(1, base=self.machine.pace.poll))

    def _room(self, cloud: str) -> int:
        """How many items of a queue may be under way now."""
        if not cloud:
            return self.machine.pace.concurrency
        window = self.machine.window(cloud)
        if self.machine.away(cloud):
            # Looks end at once, but for the one that finds out whether it is back.
            window.lost()
            return min(_AWAY_ROOM, window.most)
        return 0 if window.pause else window.size

    async def _rest(self, wake_up: asyncio.Event, cloud: str, *, full: bool) -> None:
        """Sleep until something is due, a notification comes, or the poll interval is over. `full`: till a slot is
        free.
        """
        if wake_up.is_set():
            return
        due = await work.next_due(self.machine.store, cloud)
        pause = self.machine.pace.poll
        if due is not None and not full:
            pause = min(pause, max(due - self.machine.clock.now(), 0.01))
        await _until(wake_up, pause)

    async def _claim(self, cloud: str, limit: int, newest: int = 0, lane: _Lane | None = None) -> list[Claim]:
        now = self.machine.clock.now()
        due = await work.due(self.machine.store, cloud, now, limit, newest=newest)
        # After a long stop of this process an item may be due anew that is still under way here: not twice at once.
        items = [item for item in due if _key(item) not in self._held]
        if lane is not None:
            lane.more = len(due) >= limit or len(items) < len(due)
        return await self._take(items) if items else []

    @rerun
    async def _take(self, items: list[Claim]) -> list[Claim]:
        async with self.machine.store.transaction() as tx:
            claims = await work.claim(tx, self.owner, items, self.machine.pace.lease)
            for claim in claims:
                self.machine.note_lease(tx, claim)
            return claims

    async def _keep_leases(self) -> None:
        """Extend the leases of everything that is under way: an image of many GiB takes longer than a lease."""
        never = asyncio.Event()
        while True:
            await _until(never, self.machine.pace.lease / 3)
            if self._held:
                await self._quietly(self._extend())

    async def _time(self) -> None:
        """Tell how late this process comes to what is due, answers of clouds among it."""
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + self.machine.pace.poll
            await asyncio.sleep(self.machine.pace.poll)
            self.metrics.late.observe(max(0.0, loop.time() - due))

    @rerun
    async def _extend(self) -> None:
        async with self.machine.store.transaction() as tx:
            for claim in list(self._held.values()):
                try:
                    await self.machine.hold(tx, claim)
                except LeaseLost:
                    log.warning("lease lost", kind=claim.kind, id=claim.id, cloud=claim.cloud)

    # ------------------------------------------------------------------ one item

    async def handle(self, claim: Claim) -> float:
        """Look at one item until it settles or has to wait, and write down when to look again.

        In how many seconds that may be; who wakes it sooner notifies.
        """
        logging.request_id.set(claim.request_id)
        self._held[_key(claim)] = claim
        guard.set_guard(lambda: self.machine.may_change(claim))
        look: Callable[[Machine, Claim], Awaitable[Outcome]] = converge if claim.cloud else attend
        try:
            with self.metrics.seconds.labels(claim.cloud, claim.kind).time():
                outcome = await self._steps(look, claim)
            if not isinstance(outcome, Written):
                await self._write(claim, outcome)
            result = outcome.outcome if isinstance(outcome, Written) else outcome
            self.metrics.outcomes.labels(claim.cloud, claim.kind, type(result).__name__).inc()
            if isinstance(result, Waiting) and not result.on:
                self._sent(claim)
            if isinstance(result, Settled):
                return math.inf
            return result.again_in if isinstance(result, Waiting) else 0.0
        except LeaseLost:
            log.warning("another worker took over", kind=claim.kind, id=claim.id, cloud=claim.cloud)
        except Exception as error:
            # The item is looked at again when its lease is over; the others of this queue go on.
            _say("outcome not written", error, kind=claim.kind, id=claim.id, cloud=claim.cloud)
        finally:
            self._held.pop(_key(claim), None)
            self.machine.forget_lease(claim)
            guard.set_guard(None)
        return 0.0

    def _sent(self, claim: Claim) -> None:
        """Its cloud is at it. Where sweeps see the end, they are not to wait for it as if the cloud were quiet."""
        if claim.cloud and self.machine.lifecycles[claim.kind].traits.trust_sweeps:
            self.machine.sent.note(claim.cloud)

    async def _steps(self, look: Callable[[Machine, Claim], Awaitable[Outcome]], claim: Claim) -> Outcome:
        try:
            outcome: Outcome = Again()
            for _ in range(_STEPS):
                outcome = await look(self.machine, claim)
                if not isinstance(outcome, Again):
                    break
            return outcome
        except LeaseLost:
            raise
        except CloudError as error:
            return Retry(error.reason)
        except StoreTrouble as error:
            return Retry(str(error))
        except Exception as error:
            # A fault of ours must not stop the queue; it is retried, and seen in log and metrics.
            log.exception("look failed", kind=claim.kind, id=claim.id, cloud=claim.cloud)
            return Retry(f"{type(error).__name__}: {error}")

    @rerun
    async def _write(self, claim: Claim, outcome: Outcome) -> None:
        async with self.machine.store.transaction() as tx:
            await end(self.machine, tx, claim, outcome)

    # ------------------------------------------------------------------ sweeps and figures

    async def _sweeper(self, cloud: str) -> None:
        """Quick sweeps at their pace, closer looks while something is being built; now and then a full sweep beside
        them, which takes as long as the child can bear.
        """
        inventory: asyncio.Task[None] | None = None
        async with asyncio.TaskGroup() as group:
            while not self._draining:
                due = self._overdue(cloud) or self._unfinished(cloud)
                if due and (inventory is None or inventory.done()):
                    inventory = group.create_task(self._inventory(cloud))
                    # It says that it is coming before the quick sweep looks for that.
                    await asyncio.sleep(0)
                timing = SweepTiming(self.machine.clock)
                answers = await self.sweep_once(cloud, full=False, timing=timing)
                await self._rest_of(cloud, answers=answers, before=self._tempo.counts(cloud, timing))
                self.metrics.sweep_period.observe(timing.total)
            if inventory is not None:
                inventory.cancel()

    def _kinds(self, cloud: str) -> list[str]:
        machine, child = self.machine, self.machine.children.get(cloud)
        if child is None:
            return []
        return [*(kind for kind in child.actuators() if kind in machine.lifecycles), *machine.mirrors]

    def _overdue(self, cloud: str) -> list[str]:
        """The kinds that the inventory is to list whole now, in this order."""
        return self.machine.budget.inventory(cloud, self._kinds(cloud), self.machine.pace.inventory)

    def _unfinished(self, cloud: str) -> bool:
        """Whether what ends an inventory is due: not only where a kind is."""
        since = self._full_at.get(cloud, -math.inf)
        return self.machine.clock.monotonic() - since >= self.machine.pace.inventory

    async def _inventory(self, cloud: str) -> None:
        """List what is overdue: everything, where this worker has not for long; else one kind after the other."""
        machine, interval = self.machine, self.machine.pace.inventory
        at_once = machine.clock.monotonic() - self._full_at.get(cloud, -math.inf) >= 2 * interval
        while (kinds := self._overdue(cloud)) or self._unfinished(cloud):
            async with machine.inventories.turn(cloud):
                done = await self.sweep_once(cloud, full=True, kinds=kinds if at_once else kinds[:1])
                # A kind that could not be listed is tried again by itself, and holds up nothing else.
                done = done or (at_once and not self._overdue(cloud))
                if done and self._unfinished(cloud) and await self._quietly(finish_inventory(machine, cloud)):
                    self._full_at[cloud] = machine.clock.monotonic()
            if at_once or not done:
                return
            await machine.clock.sleep(machine.budget.spacing(len(self._kinds(cloud)), interval))

    async def _rest_of(self, cloud: str, *, answers: bool, before: float) -> None:
        """Until the next sweep. `before`: what has passed of the pause already."""
        try:
            await between(self.machine, self._tempo, cloud, answers=answers, before=before)
        except Exception as error:
            _say("sweep loop error", error, cloud=cloud)
            await self.machine.clock.sleep(self.machine.pace.sweep)

    async def sweep_once(
        self,
        cloud: str,
        *,
        full: bool,
        kinds: Collection[str] | None = None,
        timing: SweepTiming | None = None,
    ) -> bool:
        """One sweep; whether the cloud answered. `kinds`: only these. `timing` records where the time went."""
        mode, timing = "full" if full else "quick", timing or SweepTiming(self.machine.clock)
        mark = purpose.set(SWEEP)
        try:
            record = await clouds.fetch(self.machine.store, cloud)
            if record is not None and record.unswept:
                return False
            changed = await sweep(self.machine, cloud, full=full, kinds=kinds, record=record, timing=timing)
            self.metrics.swept_in(mode, timing)
        except Exception as error:
            _say("sweep failed", error, cloud=cloud)
            self.metrics.swept.labels(cloud, "all", mode, "failed").inc()
            return False
        finally:
            purpose.reset(mark)
        self.metrics.swept.labels(cloud, "all", mode, "failed" if changed is None else "done").inc()
        if changed is not None:
            await self._quietly(self._returned(cloud))
        return changed is not None

    async def _returned(self, cloud: str) -> None:
        """It answers: what waited for that is due. How much of it goes at once is up to its window."""
        kind, name = returns(cloud).split("/", 1)
        if self.machine.away(cloud) or not await work.anything_waits(self.machine.store, kind, name):
            return
        while await self._wake_some(kind, name):
            # Others get their turns between two slices of a backlog.
            self.notify(cloud)
        self.notify(cloud)
        log.info("the cloud answers again", cloud=cloud)

    @rerun
    async def _wake_some(self, kind: str, id: str) -> bool:
        async with self.machine.store.transaction() as tx:
            return await work.wake_some(tx, kind, id, _SLICE)

    async def _actions(self) -> None:
        """Look at actions that are due: whoever has the queue of whole resources does it."""
        while True:
            await self.machine.clock.sleep(_DUE_PAUSE)
            try:
                await acting.look_at_due(self.machine)
            except Exception as error:
                _say("could not look at actions that are due", error)

    async def _purger(self) -> None:
        """Drop old tombstones, a page at a time: whoever has the queue of whole resources does it."""
        machine = self.machine
        for kind in itertools.cycle(machine.resources.tables):
            after = ""
            while True:
                await self.machine.clock.sleep(_PURGE_PAUSE)
                before = machine.clock.now() - machine.pace.keep_deleted
                try:
                    step = await purge(machine.store, machine.resources, kind, after, before)
                except Exception as error:
                    _say("purge failed", error, kind=kind)
                    break
                after = step.after
                if step.ids:
                    log.info("dropped what was deleted long ago", kind=kind, number=len(step.ids))
                if not after:
                    break

    async def _measure(self) -> None:
        now = self.machine.clock.now()
        depths = await work.depths(self.machine.store, now)
        rows = await clouds.every(self.machine.store)
        for cloud in ["", *self.machine.children.names()]:
            self.metrics.depth.labels(cloud).set(depths.get(cloud, 0))
            self.metrics.room.labels(cloud).set(self._room(cloud))
        self.metrics.state.clear()
        for row in rows:
            self.metrics.staleness.labels(row.name).set(now - row.seen_at if row.seen_at else float("inf"))
            self.metrics.state.labels(row.name, row.state).set(1)
        await self._watch.report()
        self.metrics.hold.clear()
        for hold in await stored_holds.every(self.machine.store):
            self.metrics.hold.labels(hold.name).set(1)

    async def run_due(self) -> int:
        """Handle everything that is due now, once, in all queues: how tests and simulations drive the worker."""
        handled = 0
        for cloud in ["", *self.machine.children.names()]:
            claims = await self._claim(cloud, 10_000)
            handled += len(claims)
            async with asyncio.TaskGroup() as group:
                for claim in claims:
                    group.create_task(self.handle(claim))
        return handled


def _say(event: str, error: Exception, **fields: str) -> None:
    """Log what went wrong: a database that is away or full as one line, for it may be so for hours."""
    if isinstance(error, StoreTrouble):
        log.warning(event, why=str(error), **fields)
    else:
        log.error(event, exc_info=error, **fields)


def _key(claim: Claim) -> tuple[str, str, str]:
    return claim.kind, claim.id, claim.cloud


async def _until(event: asyncio.Event, seconds: float) -> None:
    """Wait for the event, at most so long. Real time: it bounds how long a lost wake-up can go unnoticed."""
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return
