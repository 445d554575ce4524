"""List a cloud and compare with what we hold: the truth behind all wake-ups. Every kind that a cloud has is swept.

A *quick* sweep asks for what changed since a cursor. The cursor is the newest stamp that the child itself printed, less
an overlap, so no clock is compared across machines (law 4, W6, W7); it moves only after everything listed was written.
Kinds that their child keeps no stamps of are listed whole instead, more seldom the longer that takes, and as far as
the cloud's budget of whole listings goes (`budget`). A *full* sweep lists everything, and finds what is missing there,
and what is there with our marker but is not known to us. Such findings are reported, never acted upon (law 6). Where
nothing changed nothing is written.
"""

from __future__ import annotations

import math
from collections.abc import AsyncGenerator, AsyncIterator, Collection, Mapping
from typing import Any

from fractus.base.clock import iso, parse_iso
from fractus.base.log import logger
from fractus.model.cloud import Actuator, Cloud, Observed
from fractus.model.errors import CloudError, CredentialsRejected, Throttled, Unreachable
from fractus.model.resource import Presence
from fractus.reconcile import drift
from fractus.reconcile.guard.lessons import Learns, Lesson
from fractus.reconcile.guard.returned import send_away
from fractus.reconcile.guard.same_child import held_by_others, not_held_by_others
from fractus.reconcile.kind import Lifecycle
from fractus.reconcile.machine import Machine, Round, kept
from fractus.reconcile.relations import Key
from fractus.reconcile.sweep import drift_rules
from fractus.reconcile.sweep.ingest import ingest_batch, is_news
from fractus.reconcile.sweep.mirrors import MirrorTurn
from fractus.reconcile.sweep.related import overlooked
from fractus.reconcile.sweep.unmatched import report
from fractus.reconcile.sweep_timing import ASK, TURN, WRITE, SweepTiming
from fractus.store import clouds, presences
from fractus.store.clouds import CloudRecord
from fractus.store.retrying import rerun
from fractus.store.transaction import StoreTrouble

log = logger("reconcile.sweep")

#: Taken off the cursor: two changes may carry the same stamp, and be written in another order than listed. Seconds.
OVERLAP = 5.0
#: Written in one transaction.
_BATCH = 100

#: A kind without a cursor is listed again after so many times what its last listing took: it is to cost its child no
#: more than a twentieth of that one caller's time. One that takes longer than `_LONG` is left to the full sweeps: far
#: above what a page takes in a child under load, for one slow answer must not be taken for a large cloud.
_REST, _LONG = 20.0, 20.0

#: Things a second that whole listings of one kind, of all clouds together, give one worker to compare.
_THINGS = 1000.0

#: That a cloud has answered is written at least so often, and then it is known. Seconds.
_NOTED = 5.0

#: A sweep may come earlier than the one before by so large a part of the interval (`Tempo.counts`), and what is due
#: about now is not to wait for the next one.
_EARLY = 0.1

#: A cloud in which we hold nothing that is swept is asked for something at least so often, for it is to be known
#: whether it answers. Seconds.
_SILENCE = 10.0


async def sweep(
    machine: Machine,
    cloud: str,
    *,
    full: bool,
    kinds: Collection[str] | None = None,
    record: CloudRecord | None = None,
    timing: SweepTiming | None = None,
) -> int | None:
    """Sweep what is due of one cloud; how many things had changed, or None if it did not answer for all of them.

    `kinds`: only these, of a full sweep that is made in steps; `finish_inventory` ends it. `record` is the cloud's row,
    if it has just been read. A cloud's errors are noted, not raised; one kind that fails (a service that is down) does
    not hide the others. `timing` records where the time went.
    """
    timing = timing or SweepTiming(machine.clock)
    child = machine.children.get(cloud)
    if child is None:
        return None
    if record is None:
        record = await clouds.fetch(machine.store, cloud)
    known = {} if record is None else record.cursors
    if not full:
        return await _sweep(machine, child, known, timing, full=False)
    with machine.inventories.under_way(cloud):
        changed = await _sweep(machine, child, known, timing, full=True, kinds=kinds)
        if kinds is None:
            await finish_inventory(machine, cloud)
        return changed


async def _sweep(
    machine: Machine,
    child: Cloud,
    known: Mapping[str, Any],
    timing: SweepTiming,
    *,
    full: bool,
    kinds: Collection[str] | None = None,
) -> int | None:
    cloud, changed = child.name, 0
    cursors: dict[str, Any] = {}
    # 1. Choose what to list now: what is due, within the cloud's budget.
    turns, failed = await _due(machine, child, known, timing, full=full, kinds=kinds)
    # 2. List it, kind by kind, and write what differs; a cursor counts only after everything listed was written.
    for turn in turns:
        try:
            changed += await turn.run()
            cursors |= turn.cursors
        except CloudError as error:
            failed = error.reason
            log.warning("sweep failed", cloud=cloud, kind=turn.kind, error=error.reason)
            if isinstance(error, Unreachable | CredentialsRejected):
                break
            if turn.whole:
                machine.budget.failed(cloud, turn.kind, error.after if isinstance(error, Throttled) else 0.0)
    # 3. Apply the operator's rules to what was found.
    if turns and not full:
        await drift_rules.apply(machine, cloud, full=False)
    # 4. Store the cursors, and that the cloud answered or did not.
    if failed or turns:
        await _note_sweep(machine, cloud, failed, known, cursors)
    return None if failed else changed


async def _due(
    machine: Machine,
    child: Cloud,
    known: Mapping[str, Any],
    timing: SweepTiming,
    *,
    full: bool,
    kinds: Collection[str] | None,
) -> tuple[list[Turn | MirrorTurn], str]:
    """What is to be listed now, in the cloud's own order of kinds; and why it could not say that of all, if so."""
    due: list[Turn | MirrorTurn] = []
    failed = ""
    for kind, actuator in child.actuators().items():
        life = machine.lifecycles.get(kind)
        if life is None or (kinds is not None and kind not in kinds):
            continue
        turn = Turn(machine, child.name, life, actuator, timing=timing)
        try:
            if await turn.due(known, full=full):
                due.append(turn)
        except CloudError as error:
            failed = error.reason
            log.warning("sweep failed", cloud=child.name, kind=kind, error=error.reason)
            if isinstance(error, Unreachable | CredentialsRejected):
                break
    for kind, mirror in machine.mirrors.items():
        listing = MirrorTurn(machine, child, mirror, timing)
        if (kinds is None or kind in kinds) and listing.due(known, _early(machine), full=full):
            due.append(listing)
    if not full:
        chosen = await _within_budget(machine, child, known, due)
        return [each for each in due if each in chosen], failed
    for each in due:
        machine.budget.spend(child.name, each.kind)
    return due, failed


async def _within_budget(
    machine: Machine, child: Cloud, known: Mapping[str, Any], due: list[Turn | MirrorTurn]
) -> list[Turn | MirrorTurn]:
    """What of it a quick sweep lists: servers, by their cursor, in any case."""
    cloud, budget = child.name, machine.budget
    chosen = [turn for turn in due if turn.always]
    if len(chosen) == len(due):
        return chosen
    swept = [kind for kind in child.actuators() if kind in machine.lifecycles]
    held, under_way = await presences.standing_kinds(machine.store, cloud, swept)
    budget.note_activity(cloud, under_way)
    held |= {kind for kind in (*swept, *machine.mirrors) if f"{kind}@" not in known}
    held |= {kind for kind in machine.mirrors if machine.mirrored.get((cloud, kind), 1)}
    chosen += [turn for turn in due if turn not in chosen and not turn.whole and turn.kind in held]
    whole = [turn for turn in due if turn.whole]
    chosen += budget.choose(cloud, whole, held)
    return chosen or budget.liveness(cloud, [turn for turn in due if turn.kind not in held], _SILENCE)


async def finish_inventory(machine: Machine, cloud: str) -> None:
    """What ends a full sweep: rules about all findings, and what is unsettled and nobody's work."""
    await drift_rules.apply(machine, cloud, full=True)
    await _attend_to(machine, cloud)


async def _note_sweep(
    machine: Machine, cloud: str, failed: str, known: Mapping[str, Any], cursors: dict[str, Any]
) -> None:
    """Write what is new: that it fails, or how far it is known, or, now and then, that it has answered."""
    now = machine.clock.monotonic()
    moved = {kind: stamp for kind, stamp in cursors.items() if known.get(kind) != stamp}
    at, error = machine.noted.get(cloud, (-math.inf, ""))
    if failed == error and not moved and now - at < min(_NOTED, machine.pace.sweep) - _early(machine):
        return
    await _write_note(machine, cloud, failed, moved)
    machine.noted[cloud] = now, failed


@rerun
async def _write_note(machine: Machine, cloud: str, failed: str, cursors: dict[str, Any]) -> None:
    async with machine.store.transaction() as tx:
        if failed:
            await clouds.failed(tx, cloud, failed)
            return
        record = await clouds.fetch(tx, cloud)
        if record is not None:
            await clouds.record_sweep(tx, cloud, {**record.cursors, **cursors})


class Turn:
    """One listing of one kind in one cloud."""

    def __init__(
        self,
        machine: Machine,
        cloud: str,
        life: Lifecycle,
        actuator: Actuator[Any, Any],
        *,
        lists: bool = True,
        timing: SweepTiming | None = None,
    ) -> None:
        """Nothing is asked yet. `lists`: False where things are asked for one by one instead. `timing`: of the sweep
        that it is part of.
        """
        self.machine = machine
        self.cloud = cloud
        self.life = life
        self.kind = life.name
        self.actuator = actuator
        self.lists = lists
        self.timing = timing or SweepTiming(machine.clock)
        self.whole = False
        self.passed, self.every = math.inf, 1.0
        """Seconds since it was last asked for, and those after which it is due again."""
        self.since = ""
        self.started = machine.clock.now()
        self.at = self.timing.began
        """When it counts as begun, by the clock that never jumps. In a quick sweep as all of it: when that comes to a
        kind depends on how long the others before it take, and how often a kind is listed shall not.
        """
        self.before: Mapping[str, Any] = {}
        """What listings before said of the cloud itself."""
        self.cursors: dict[str, Any] = {}
        """What is known when it is done: kind -> the child's stamp; `<kind>@` -> when it was last listed whole, by our
        clock; `<kind>#` -> what the listing said of the cloud itself.
        """

    @property
    def always(self) -> bool:
        """Whether every quick sweep lists it: what is believed of sweeps, by its cursor. Without one, for nothing of it
        was ever there, everything would be listed.
        """
        return self.life.traits.trust_sweeps and not self.whole and bool(self.since)

    @property
    def lateness(self) -> float:
        """How many of its own intervals have passed since it was last asked for."""
        return self.passed / self.every

    async def due(self, known: Mapping[str, Any], *, full: bool) -> bool:
        """Whether it is time to list, and how: whole (also the first time), or what changed. `known`: the cursors."""
        machine, kind = self.machine, self.kind
        self.since, self.before = str(known.get(kind, "")), known.get(f"{kind}#", {})
        latest = machine.rounds.get((self.cloud, kind))
        self.at = machine.clock.monotonic() if full else self.timing.began
        passed = float("inf") if latest is None else self.at - latest.at
        # One that fails is asked for no more often than one that does not.
        self.passed = min(passed, self.at - machine.budget.asked_at(self.cloud, kind))
        self.every = self.life.sweeping.whole
        if full or f"{kind}@" not in known:
            self.whole = True
            return full or (self.cloud not in machine.inventories and self._is_time())
        if await self.actuator.has_cursor():
            # While something is built, sweeps follow one another faster: that is for what they count as a look of.
            pace = 0.0 if self.life.traits.trust_sweeps else machine.pace.sweep
            return passed >= max(self.life.sweeping.changes, pace) - _early(machine)
        self.whole = True
        if latest is None:
            # Nobody knows yet how much there is. The full sweep that a worker begins with will tell; until then what
            # changes is not to wait for a listing of everything.
            return self.cloud not in machine.inventories and self._is_time()
        took, number = latest.took, latest.number
        self.every = max(self.life.sweeping.whole, took * _REST)
        if took > _LONG or not self._is_time():
            return False
        # All clouds that this worker sweeps together are listed no faster than it can compare.
        since = (passed + _early(machine)) * _THINGS
        if since >= number * len(machine.rounds):
            return True
        return since >= number * sum(swept == kind for _, swept in machine.rounds)

    def _is_time(self) -> bool:
        return self.passed >= self.every - _early(self.machine)

    async def run(self) -> int:
        """List, and write what is new; how many things had changed."""
        machine, cloud, kind, timing = self.machine, self.cloud, self.kind, self.timing
        began, self.started = machine.clock.monotonic(), machine.clock.now()
        # After a whole listing only what was listed counts: a child whose clock was set back gets its cursor back too.
        newest, changed, number = "" if self.whole else self.since, 0, 0
        present: set[str] = set()
        unmatched: list[Observed] = []
        lesson = self.life.lesson() if isinstance(self.life, Learns) else None
        batches = _batches(self.actuator.list_changed("" if self.whole else self.since))
        while True:
            with timing.on(ASK):
                batch = await anext(batches, None)
            if batch is None:
                break
            more, apart = await ingest(self, batch)
            changed += more
            number += len(batch)
            if lesson is not None:
                lesson.learn(batch)
            if self.whole:
                machine.inventories.goes_on(cloud)
            for observed in batch:
                newest = max(newest, _less_overlap(observed.changed_at))
                if self.whole:
                    present.add(observed.remote_id)
            if self.whole:
                unmatched += apart
        if self.whole:
            await _missing(machine, cloud, kind, present, self.started)
            unmatched = await not_held_by_others(machine.store, cloud, kind, unmatched)
            await report(machine, cloud, kind, unmatched, present)
            await send_away(machine, cloud, kind, await self._once_ours(unmatched))
            self.cursors[f"{kind}@"] = self.started
        if lesson is not None and (learnt := await self._learnt(lesson)):
            self.cursors[f"{kind}#"] = learnt
        took = machine.clock.monotonic() - began
        if self.whole:
            machine.budget.listed(cloud, kind, self.at)
        if changed:
            machine.budget.note_activity(cloud, [kind])
        machine.rounds[cloud, kind] = Round(self.at, took, not self.whole, number)
        self.cursors[kind] = newest
        return changed

    async def _learnt(self, lesson: Lesson) -> dict[str, Any]:
        machine = self.machine
        return await lesson.learnt(machine.store, machine.resources, whole=self.whole, before=self.before)

    async def _once_ours(self, unmatched: list[Observed]) -> list[Observed]:
        """Those whose resource we know. Of most orphans we know nothing; they cost a read, and no transaction."""
        machine, kind = self.machine, self.kind
        return [
            observed
            for observed in unmatched
            if observed.marker
            and await machine.resources.fetch(machine.store, kind, observed.marker) is not None
        ]


async def ingest(turn: Turn, batch: list[Observed]) -> tuple[int, list[Observed]]:
    """Write what was seen of some things: how many had changed, and which are nothing that we know of.

    Most things are as they were: they are compared first, and cost no transaction. One that cannot be taken in (a fault
    of ours, an answer that nobody thought of) is left to the log, and must not keep the others from being seen.
    """
    machine, documents = (
        turn.machine,
        {observed.remote_id: kept(observed) for observed in batch if not observed.unread},
    )
    same = (
        await presences.as_observed(machine.store, turn.cloud, turn.kind, documents, drift.GONE)
        if documents
        else set()
    )
    read = [observed for observed in batch if not observed.unread and observed.remote_id not in same]
    if not read:
        return 0, []
    held = await presences.by_remotes(
        turn.machine.store, turn.cloud, turn.kind, [observed.remote_id for observed in read]
    )
    news: list[Observed] = []
    unmatched: list[Observed] = []
    for observed in read:
        there = held.get(observed.remote_id)
        if there is not None:
            news += [observed] if is_news(turn, there, observed) else []
        elif not observed.gone:
            (news if await _is_awaited(turn, observed) else unmatched).append(observed)
    changed, unknown = await _write(turn, news)
    return changed, unmatched + unknown


async def _is_awaited(turn: Turn, observed: Observed) -> bool:
    """Whether it may be what a create left whose answer was lost."""
    if not observed.marker:
        return False
    presence = await presences.fetch(turn.machine.store, turn.kind, observed.marker, turn.cloud)
    if presence is None or presence.remote_id is not None:
        return False
    return not await held_by_others(turn.machine.store, turn.cloud, turn.kind, [observed])


async def _write(turn: Turn, news: list[Observed]) -> tuple[int, list[Observed]]:
    if not news:
        return 0, []
    try:
        took = await _write_batch(turn, news)
    except StoreTrouble:
        # Not the fault of anything in it. The sweep fails, and its cursor stays where it is.
        raise
    except Exception:
        if len(news) == 1:
            log.exception("cannot take in", cloud=turn.cloud, kind=turn.kind, remote_id=news[0].remote_id)
            return 0, []
        alone = [await _write(turn, [observed]) for observed in news]
        return sum(more for more, _ in alone), [observed for _, apart in alone for observed in apart]
    return took.count(True), [observed for observed, known in zip(news, took, strict=True) if known is None]


@rerun
async def _write_batch(turn: Turn, news: list[Observed]) -> list[bool | None]:
    with turn.timing.on(TURN) as waiting:
        async with turn.machine.store.transaction() as tx:
            waiting.turns(WRITE)
            return await ingest_batch(turn, tx, news)


async def _batches(things: AsyncIterator[Observed]) -> AsyncGenerator[list[Observed]]:
    batch: list[Observed] = []
    async for observed in things:
        batch.append(observed)
        if len(batch) >= _BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def _early(machine: Machine) -> float:
    """Seconds before it is due that something may be done with the sweep that comes now."""
    return _EARLY * machine.pace.sweep


def _less_overlap(stamp: str) -> str:
    """The child's stamp less the overlap, in the one form that all stamps are compared in."""
    try:
        return iso(parse_iso(stamp) - OVERLAP) if stamp else ""
    except ValueError:
        return ""


async def _missing(machine: Machine, cloud: str, kind: str, present: set[str], started: float) -> None:
    """Have everything looked at that we hold and a whole listing did not show, and that is not known to be gone; and
    what is to be observed again, for until then nothing makes use of it, and its wake-up may have got lost.
    """
    after = ""
    while True:
        held = await presences.in_cloud(machine.store, cloud, kind, after=after)
        if not held:
            return
        after = held[-1].id
        now = machine.clock.now()
        lost = [
            one for one in held if drift.UNVERIFIED in one.memory or _is_missing(one, present, started, now)
        ]
        if lost:
            await wake_all(machine, cloud, [(kind, one.id) for one in lost])


async def _attend_to(machine: Machine, cloud: str) -> None:
    """Have looked at what is unsettled and has no work: a store that was restored, or a fault that nobody knows of."""
    left = await presences.unattended(machine.store, cloud)
    for kind, id in left:
        log.warning("unqueued work found", kind=kind, id=id, cloud=cloud)
    if left:
        await wake_all(machine, cloud, left)
    if keys := await overlooked(machine, cloud):
        await _wake_keys(machine, keys)


@rerun
async def _wake_keys(machine: Machine, keys: list[Key]) -> None:
    async with machine.store.transaction() as tx:
        await machine.wake_all(tx, keys)


@rerun
async def wake_all(machine: Machine, cloud: str, keys: list[tuple[str, str]]) -> None:
    """Have each (kind, id) looked at now."""
    async with machine.store.transaction() as tx:
        for kind, id in keys:
            await machine.wake(tx, kind, id, cloud)


def _is_missing(one: Presence, present: set[str], started: float, now: float) -> bool:
    if one.remote_id is None or one.remote_id in present or one.memory.get(drift.GONE):
        return False
    # Seen since the listing began, it is there. A stamp that lies ahead, of a clock that was wrong, says nothing.
    return one.observed_at is not None and not started <= one.observed_at <= now
