"""Take what exists in a cloud under our management, without touching it.

The child is only listed (`survey`). Then each thing becomes a resource with a settled presence, in a transaction of its
own, kind by kind in the order in which they need one another. What was taken already is passed over, so a run that was
broken off goes on where it stopped, and a second run changes nothing. What cannot be taken is listed with its reason,
and never guessed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Mapping
from contextlib import asynccontextmanager
from typing import Any, Protocol

from msgspec import Struct

from fractus.base.clock import Clock
from fractus.base.log import logger
from fractus.model.cloud import Cloud, Observed
from fractus.model.errors import Refused
from fractus.model.resource import SETTLED, Presence, Resource
from fractus.reconcile.adopt.adoption import Adopt, Adoption, Conflict, Ignore, Merge, Verdict, stamp
from fractus.reconcile.guard.returned import has_left
from fractus.reconcile.kind import Lifecycle
from fractus.reconcile.machine import kept
from fractus.reconcile.relations import Relations
from fractus.store import findings, presences
from fractus.store.copying import copied
from fractus.store.ledger import Ledger
from fractus.store.resources import Resources
from fractus.store.retrying import again
from fractus.store.transaction import Store, StoreTrouble, Transaction

log = logger("reconcile.adopt")

Key = tuple[str, str]
"""Kind and remote id."""

ProgressHook = Callable[[str, int, int], None]
"""Hears of progress: the kind, how many of it are done, and of how many."""


class AdoptionDependencies(Protocol):
    """What taking over works with; wiring's core is one."""

    @property
    def store(self) -> Store:
        """Where it is written."""
        ...

    @property
    def resources(self) -> Resources:
        """All kinds' tables."""
        ...

    @property
    def ledger(self) -> Ledger:
        """How resources are written."""
        ...

    @property
    def lifecycles(self) -> Mapping[str, Lifecycle]:
        """Every kind."""
        ...

    @property
    def adoptions(self) -> Mapping[str, Adoption]:
        """Every kind that can be taken over."""
        ...

    @property
    def clock(self) -> Clock:
        """The time of the store."""
        ...

    def now(self) -> float:
        """Seconds since the epoch."""
        ...


class DryRun:
    """What taking over works with, over another store: what it writes there is what it would write."""

    def __init__(self, parts: AdoptionDependencies, store: Store) -> None:
        self.store = store
        self.resources, self.ledger = parts.resources, parts.ledger
        self.lifecycles, self.adoptions = parts.lifecycles, parts.adoptions
        self.clock, self.now = parts.clock, parts.now


@asynccontextmanager
async def dry(parts: AdoptionDependencies) -> AsyncIterator[DryRun]:
    """Taking over, as a dry run: all of it over a copy of the store, so each thing finds what became of those before.

    In transactions that are undone it would not: an address that two things have would be free for both.
    """
    async with copied(parts.store, parts.clock) as store:
        yield DryRun(parts, store)


class Survey(Struct, frozen=True):
    """All that a cloud has, as one pass of listings showed it. `gaps`: sentences about what could not be listed."""

    cloud: str
    things: dict[str, dict[str, Any]]
    unread: dict[str, int]
    gaps: list[str]


class IdentityMapping(Struct, frozen=True):
    """Which projects and users of the child are which of ours. `same`: all have the same ids on both sides."""

    projects: Mapping[str, str] = {}
    users: Mapping[str, str] = {}
    same_users: bool = False


class Conflicted(Struct, frozen=True):
    """One thing that was not taken, and why."""

    kind: str
    remote_id: str
    name: str
    reason: str


class Report(Struct):
    """What came of it: numbers by kind, what was left alone by kind and reason, and what is in the way."""

    taken: Counter[str]
    joined: Counter[str]
    known: Counter[str]
    left: dict[str, Counter[str]]
    conflicts: list[Conflicted]
    gaps: list[str]
    capped: bool = False
    """It stopped because as many were taken as may be at once."""


class _Undo(Exception):
    """Nothing of this thing is to be written."""

    def __init__(self, verdict: Verdict) -> None:
        super().__init__(verdict)
        self.verdict = verdict


async def survey(
    cloud: Cloud,
    adoptions: Mapping[str, Adoption],
    *,
    users: Collection[str] = (),
    progress: ProgressHook | None = None,
) -> Survey:
    """List everything that can be taken over. Only reads; a `CloudError` where the cloud does not answer.

    `users` (the child's ids): whose keys to ask for, beside those who have servers.
    """
    things: dict[str, dict[str, Any]] = {}
    unread: Counter[str] = Counter()
    gaps: list[str] = []
    offered = cloud.actuators()
    kinds = [kind for kind in order(adoptions) if kind in offered]
    # Servers first: whose keys to ask for is known from them.
    for number, kind in enumerate(sorted(kinds, key=lambda one: one != "server")):
        found: dict[str, Any] = {}
        try:
            async for observed in cloud.inventory(kind, {*users, *_users(things)}):
                if observed.unread:
                    unread[kind] += 1
                elif not observed.gone:
                    found[observed.remote_id] = observed
        except Refused as refusal:
            gaps.append(f"{kind}: {refusal.reason}")
        things[kind] = found
        if progress is not None:
            progress("", number + 1, len(kinds))
    gaps += [f"{kind}: the cloud could not tell {count} of them just now" for kind, count in unread.items()]
    return Survey(cloud.name, things, dict(unread), gaps)


def _users(things: Mapping[str, Mapping[str, Any]]) -> set[str]:
    servers = things.get("server", {}).values()
    return {observed.user_id for observed in servers if observed.user_id and not observed.marker}


def order(adoptions: Mapping[str, Adoption]) -> list[str]:
    """Kinds, those that others come after first."""
    done: list[str] = []

    def visit(kind: str) -> None:
        if kind in done or kind not in adoptions:
            return
        for before in adoptions[kind].after:
            visit(before)
        done.append(kind)

    for kind in adoptions:
        visit(kind)
    return done


def marked(found: Survey) -> set[Key]:
    """All that carries our marker."""
    return {
        (kind, id)
        for kind, every in found.things.items()
        for id, observed in every.items()
        if observed.marker
    }


def closure(found: Survey, adoptions: Mapping[str, Adoption], keys: Iterable[Key]) -> set[Key]:
    """`keys`, and whatever of the same cloud they need."""
    wanted: set[Key] = set()
    queue = list(keys)
    while queue:
        key = queue.pop()
        observed = found.things.get(key[0], {}).get(key[1])
        if key in wanted or observed is None:
            continue
        wanted.add(key)
        queue += adoptions[key[0]].needed(observed, found.things)
    return wanted


async def adopt(
    parts: AdoptionDependencies,
    found: Survey,
    identities: IdentityMapping,
    *,
    only: Collection[Key] | None = None,
    dry_run: bool = False,
    at_most: int | None = None,
    progress: ProgressHook | None = None,
) -> Report:
    """Take over what was found; `only` these and what they need, where it is given.

    `dry_run`: says what would come of it and writes nothing. `at_most`: stop after so many.
    """
    if dry_run:
        async with dry(parts) as copy:
            return await adopt(copy, found, identities, only=only, at_most=at_most, progress=progress)
    chosen = None if only is None else closure(found, parts.adoptions, only)
    run = _Run(parts, found, identities)
    for kind in order(parts.adoptions):
        every = [
            observed
            for observed in found.things.get(kind, {}).values()
            if chosen is None or (kind, observed.remote_id) in chosen
        ]
        rank = parts.adoptions[kind].rank
        every.sort(key=lambda observed: (rank(observed), observed.created_at, observed.remote_id))
        for number, observed in enumerate(every):
            if at_most is not None and run.report.taken.total() + run.report.joined.total() >= at_most:
                run.report.capped = True
                return run.report
            await run.one(kind, observed)
            if progress is not None:
                progress(kind, number + 1, len(every))
    return run.report


class _Run:
    """One pass over what was found. Implements `adoption.AdoptionContext`."""

    def __init__(self, parts: AdoptionDependencies, found: Survey, identities: IdentityMapping) -> None:
        self._parts = parts
        self._found = found
        self._identities = identities
        self._relations = Relations(parts.resources, parts.lifecycles)
        self._became: dict[Key, str] = {}
        """The ids of what things became in this run: also of what has no presence."""
        self.report = Report(Counter(), Counter(), Counter(), {}, [], list(found.gaps))

    # ------------------------------------------------------------------ what kinds ask

    @property
    def cloud(self) -> str:
        """Its name."""
        return self._found.cloud

    def project(self, remote_id: str) -> str | None:
        """Our id of a project of the child."""
        return self._identities.projects.get(remote_id)

    def user(self, remote_id: str) -> str:
        """Our id of a user of the child."""
        return remote_id if self._identities.same_users else self._identities.users.get(remote_id, "")

    def listed(self, kind: str) -> Mapping[str, Any]:
        """All that the child has of a kind."""
        return self._found.things.get(kind, {})

    def planned(self, kind: str, remote_id: str) -> str:
        """The id that a thing has here, or will have."""
        observed = self.listed(kind).get(remote_id)
        return remote_id if observed is None else observed.marker or remote_id

    async def resource(self, tx: Transaction, kind: str, id: str) -> Resource | None:
        """A resource of ours that users have."""
        found = await self._parts.resources.fetch(tx, kind, id)
        if found is not None and found.wanted and found.deleted_at is None:
            return found
        return None

    async def taken(self, tx: Transaction, kind: str, remote_id: str) -> Resource | None:
        """The resource that a thing of this child is already."""
        if known := self._became.get((kind, remote_id)):
            return await self._parts.resources.fetch(tx, kind, known)
        there = await presences.by_remote(tx, self.cloud, kind, remote_id)
        return None if there is None or not there.wanted else await self.resource(tx, kind, there.id)

    async def save(self, tx: Transaction, resource: Resource) -> None:
        """Write another resource, whose document names the one that is being taken over."""
        every = await presences.of_resource(tx, resource.kind, resource.id)
        summary = self._parts.lifecycles[resource.kind].summarise(resource, every)
        await self._parts.resources.save(tx, resource, summary)

    # ------------------------------------------------------------------ one thing

    async def one(self, kind: str, observed: Observed) -> None:
        """Take one thing over, or note why not."""
        became: Resource | None = None
        try:
            verdict, became = await again(lambda: self._judge(kind, observed), repeatable=True)
        except _Undo as undo:
            verdict = undo.verdict
        except StoreTrouble:
            raise
        except Exception as error:
            # One that nobody thought of must not keep the others from being taken; it is reported like any clash.
            log.exception("cannot be taken over", cloud=self.cloud, kind=kind, remote_id=observed.remote_id)
            verdict = Conflict(f"it could not be written: {type(error).__name__}: {error}")
        self._note(kind, observed, verdict, became)

    async def _judge(self, kind: str, observed: Observed) -> tuple[Verdict | None, Resource | None]:
        """One transaction: what becomes of it (None: it is known), and the resource that it became."""
        became: Resource | None = None
        async with self._parts.store.transaction() as tx:
            if await self._is_known(tx, kind, observed):
                return None, None
            verdict = _managed(observed) or await self._parts.adoptions[kind].judge(tx, observed, self)
            if isinstance(verdict, Adopt):
                verdict, became = await self._take(tx, kind, observed, verdict)
            elif isinstance(verdict, Merge):
                verdict, became = await self._join(tx, kind, observed, verdict)
            if isinstance(verdict, Conflict):
                raise _Undo(verdict)
        return verdict, became

    def _note(self, kind: str, observed: Observed, verdict: Verdict | None, became: Resource | None) -> None:
        match verdict:
            case None:
                self.report.known[kind] += 1
            case Adopt():
                self.report.taken[kind] += 1
            case Merge(placed=True):
                self.report.joined[kind] += 1
            case Merge():
                self.report.known[kind] += 1
            case Ignore(reason):
                self.report.left.setdefault(kind, Counter())[reason] += 1
            case Conflict(reason):
                self.report.conflicts.append(Conflicted(kind, observed.remote_id, observed.name, reason))
        if became is not None and not isinstance(verdict, Conflict):
            self._became[kind, observed.remote_id] = became.id

    async def _is_known(self, tx: Transaction, kind: str, observed: Observed) -> bool:
        """Whether it is ours, or a create whose answer is still awaited will find it."""
        if await presences.by_remote(tx, self.cloud, kind, observed.remote_id) is not None:
            return True
        awaited = await presences.fetch(tx, kind, observed.marker, self.cloud) if observed.marker else None
        return awaited is not None and awaited.remote_id is None

    async def _take(
        self, tx: Transaction, kind: str, observed: Observed, take: Adopt
    ) -> tuple[Verdict, Resource | None]:
        resource, resources = take.resource, self._parts.resources
        buried = await resources.fetch(tx, kind, resource.id)
        if buried is not None:
            # What was dropped, or ended here, and is there (again): it comes back in the place of its tombstone.
            if await presences.of_resource(tx, kind, buried.id):
                return Conflict(f"{kind} {buried.id} was deleted here and has not left every cloud yet"), None
            if has_left(buried.choice, self.cloud, observed.remote_id):
                # A cloud that was put back to an old backup has it again: the end that was asked for holds.
                return Conflict(
                    f"{kind} {buried.id} was deleted here: it is back, and its user wanted its end"
                ), None
            await resources.drop(tx, kind, buried.id)
        resource.created_at = resource.created_at or tx.now()
        resource.updated_at = stamp(observed.changed_at) or resource.created_at
        there = [self._presence(kind, observed, resource, take.memory)] if take.placed else []
        if there and self._parts.lifecycles[kind].traits.assigned:
            resource.home = self.cloud
        summary = self._parts.lifecycles[kind].summarise(resource, there)
        await self._parts.ledger.adopt(tx, resource, summary, take.needs)
        for one in there:
            await presences.add(tx, one)
        await self._came(tx, kind, resource.id, observed)
        return take, resource

    async def _join(
        self, tx: Transaction, kind: str, observed: Observed, join: Merge
    ) -> tuple[Verdict, Resource | None]:
        resource = await self.resource(tx, kind, join.id)
        if resource is None:
            return Conflict(f"{kind} {join.id} has gone from here a moment ago"), None
        if not join.placed:
            return join, resource
        held = await presences.fetch(tx, kind, join.id, self.cloud)
        if held is not None:
            return Conflict(
                f"{kind} {join.id} is there already, as {held.remote_id or 'what is being made'}"
            ), None
        await presences.add(tx, self._presence(kind, observed, resource, join.memory))
        await self.save(tx, resource)
        await self._came(tx, kind, resource.id, observed)
        return join, resource

    async def _came(self, tx: Transaction, kind: str, id: str, observed: Observed) -> None:
        """It has a presence there now: nothing is left to report, and what follows it comes there too."""
        await findings.drop(tx, self.cloud, kind, observed.remote_id)
        await self._parts.ledger.wake_all(tx, await self._relations.moved(tx, kind, id))

    def _presence(
        self, kind: str, observed: Observed, resource: Resource, memory: Mapping[str, Any]
    ) -> Presence:
        """Settled: it is as it should be, for what should be was read off it."""
        return Presence(
            kind=kind,
            id=resource.id,
            cloud=self.cloud,
            state=SETTLED,
            generation=resource.generation,
            remote_id=observed.remote_id,
            observed=kept(observed),
            observed_at=self._parts.now(),
            memory={**memory, **({} if observed.marker else {"adopted": True})},
            created_at=resource.created_at,
        )


def _managed(observed: Observed) -> Ignore | None:
    """What another fractus made there, or this one under another name of the cloud, stays that one's."""
    return (
        Ignore(f"it carries the mark of another fractus ({observed.managed_by})")
        if observed.managed_by
        else None
    )
