"""What every part of the machine holds, and how it writes what it saw."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol

import msgspec
from msgspec import Struct

from fractus.base import guard
from fractus.base.clock import Clock
from fractus.base.window import Window
from fractus.model.action import Action
from fractus.model.cloud import Cloud, Observed, Scope
from fractus.model.observation import observed_as
from fractus.model.placement import LOCAL, Placement, Traits
from fractus.model.resource import BLOCKED, INCOMING, OVER, PENDING, Presence, Resource, found
from fractus.reconcile import drift
from fractus.reconcile.budget import Budget
from fractus.reconcile.kind import (
    ADMITTED,
    ARRIVED,
    OWNER,
    PINNED,
    UNNEEDED,
    USERS,
    Acts,
    Concludes,
    Guards,
    Learns,
    Lifecycle,
    MadeByClouds,
    Shared,
    ShownByOthers,
)
from fractus.reconcile.relations import Key, Relations
from fractus.reconcile.tempo import Inventories, Sent
from fractus.scheduling.choice import Affinity, Group
from fractus.store import actions, findings, presences, work
from fractus.store.ledger import Notifier
from fractus.store.resources import Resources
from fractus.store.retrying import rerun
from fractus.store.transaction import Reader, Store, Transaction
from fractus.store.work import Claim, LeaseLost


class Children(Protocol):
    """The clouds this process is connected to."""

    def names(self) -> Iterable[str]:
        """All of them."""
        ...

    def get(self, name: str) -> Cloud | None:
        """One, or None if there is no such cloud or it cannot be connected to."""
        ...

    def settings(self, name: str) -> Mapping[str, Any]:
        """What the operator set for it (its weight ...)."""
        ...

    async def refresh(self, store: Store) -> None:
        """Read the rows again: connect to what is new or changed."""
        ...


#: In the memory of a presence: a sweep has named it, so that sweeps are known to see it.
SWEPT = "swept"
#: What sweeps will see change is looked at by itself so seldom. Seconds.
SWEPT_AGAIN = 30.0
#: That something has not changed is believed of sweeps for so long after it was itself seen. Seconds.
_BELIEVED = 60.0
#: Our own clocks may differ so much. Seconds.
_SKEW = 1.0

ScopeOf = Callable[[str], Awaitable[Scope]]
"""Project id -> how a driver is given it."""


class Pace(Struct, frozen=True):
    """How fast the machine works. Seconds."""

    lease: float = 60.0
    """How long a dead worker's items are left alone. Extended while work goes on."""
    concurrency: int = 16
    """Items of one cloud under way at a time, in one worker."""
    quiet: float = 5.0
    """How long a lost create may still be under way in a child that answers again: looked for twice this far apart."""
    looks: float = 600.0
    """A first look longer ago than this counts no more: two looks at one thing belong together."""
    give_up: float = 30.0
    """After this long without an answer another cloud is tried, or the user is shown an error."""
    avoid: float = 60.0
    """How long a cloud that did not answer is not chosen again for the same resource."""
    sweep: float = 5.0
    """Between quick sweeps of a cloud."""
    sweep_busy: float = 1.0
    """The same while something is being built there."""
    inventory: float = 600.0
    """Within which each kind of a cloud is listed whole."""
    listings: float = 12.0
    """Whole listings a minute of a cloud where nothing is under way."""
    at_most: int = 100
    """How many things a rule about drift may change at once; above it, it changes none."""
    poll: float = 1.0
    """How long lost wake-ups may go unnoticed."""
    drain: float = 8.0
    """How long a worker that is asked to stop finishes what is under way."""
    silent: float = 90.0
    """A cloud that has not answered a sweep for so long is away, though none has failed."""
    keep_unneeded: float = 0.0
    """How long what is in a cloud only for others stays there after the last of them."""
    keep_deleted: float = 0.0
    """After so long the rows of what was deleted are dropped; 0: never."""
    automatic_percent: float = 10.0
    """The share of what a cloud holds that automatic changes may touch within `automatic_window`."""
    automatic_least: int = 50
    """So many may be in any case."""
    automatic_window: float = 600.0


class Round(Struct, frozen=True):
    """One listing of a kind in a cloud: when it began, by the clock that never jumps, and how long it took."""

    at: float
    took: float
    changes: bool = False
    """It was asked for what had changed, by the child's own cursor."""
    number: int = 0
    """How many things were listed."""


class Tally(Struct):
    """How many of a kind each cloud holds: as counted at a moment, which took so long, and what was placed since."""

    held: Counter[str]
    at: float
    took: float


class Placing(Struct, frozen=True):
    """The choice of a cloud for something of `kind` that is not written yet."""

    kind: str
    cloud: str
    shares: frozenset[Shared] = frozenset()
    group: Group | None = None


class Room(Protocol):
    """What knows which clouds have room for resources of a kind."""

    async def lacking(self, reader: Reader, resource: Resource) -> Mapping[str, str]:
        """Clouds that seem to have none for it, with why. They are left for others, as long as there are others."""
        ...


class Machine:
    """The parts, built once by wiring."""

    def __init__(
        self,
        *,
        store: Store,
        resources: Resources,
        lifecycles: Mapping[str, Lifecycle],
        children: Children,
        clock: Clock,
        notifier: Notifier,
        scope_of: ScopeOf,
        pace: Pace,
        affinity: Affinity = Affinity.PREFER,
        mirrors: Mapping[str, Any] = {},
        room: Mapping[str, Room] = {},
    ) -> None:
        """Keep the parts. `scope_of` names a project for the driver; `mirrors`: kinds of `reconcile.mirrors.Mirror`."""
        self.store = store
        self.resources = resources
        self.lifecycles = lifecycles
        self.guards = {kind: life for kind, life in lifecycles.items() if isinstance(life, Guards)}
        """Kinds of which a cloud is informed which projects may use one."""
        self.made_by_clouds = {kind: one for kind, one in lifecycles.items() if isinstance(one, MadeByClouds)}
        """Kinds of which clouds make some by themselves."""
        self.reporting = {kind: one for kind, one in lifecycles.items() if isinstance(one, ShownByOthers)}
        assigned = {kind for kind, life in lifecycles.items() if life.traits.assigned}
        self.relations = Relations(resources, lifecycles)
        ties = any(followed & assigned for followed in self.relations.followers.values())
        self.colocates = len(assigned) > 1 or ties
        """Whether one assigned resource can need another, so that both must be in one cloud."""
        self.acting = frozenset(kind for kind, life in lifecycles.items() if isinstance(life, Acts))
        """Kinds of whose resources actions are asked."""
        self.concluding = {kind: life for kind, life in lifecycles.items() if isinstance(life, Concludes)}
        """Kinds of which an action's end has consequences."""
        self.children = children
        self.clock = clock
        self.notifier = notifier
        self.scope_of = scope_of
        self.pace, self.affinity = pace, affinity
        self.awake: Callable[[], float] = guard.boottime
        self._ours_until: dict[str, float] = {}
        self.rounds: dict[tuple[str, str], Round] = {}
        """(cloud, kind) -> its latest listing, of this process."""
        self.named: set[tuple[str, str]] = set()
        """(cloud, kind) of what sweeps by this process have named something that we made."""
        self.noted: dict[str, tuple[float, str]] = {}
        """Cloud -> when we last wrote whether it answers a sweep, and the error, if it did not."""
        self.inventories = Inventories(clock)
        """Full inventories that this process takes."""
        self.mirrors, self.room = mirrors, room
        self.mirrored: dict[tuple[str, str], int] = {}
        """(cloud, kind of mirror) -> how many were there when it was last listed."""
        self.budget = Budget(clock, pace.listings)
        """How many whole listings of each cloud this process may make."""
        self.sent = Sent(clock)
        """What this process has sent to clouds, and they are at."""
        self.placing: dict[Claim, Placing] = {}
        """What is being placed right now, and not written yet."""
        self.tallies: dict[str, Tally] = {}
        """Kind -> how many of it each cloud holds."""
        self._windows: dict[str, Window] = {}

    def age(self, stamp: float | None) -> float:
        """Seconds since a stamp of our own; infinite where there is none, or where it lies ahead: a clock was wrong
        then or is now, and how long ago it was nobody knows.
        """
        if stamp is None or stamp > self.clock.now() + _SKEW:
            return math.inf
        return max(0.0, self.clock.now() - stamp)

    def traits(self, kind: str) -> Traits:
        """Where resources of a kind live. A kind without a lifecycle is in no cloud."""
        life = self.lifecycles.get(kind)
        return LOCAL if life is None else life.traits

    def sweeps(self, presence: Presence) -> bool:
        """Whether sweeps will tell when it changes: they have named it, or another of its kind in its cloud, so they
        are known to see such things; and the last one was answered not long ago.
        """
        key = presence.cloud, presence.kind
        if not presence.memory.get(SWEPT) and key not in self.named:
            return False
        latest = self.rounds.get(key)
        if latest is None or not self.lifecycles[presence.kind].traits.trust_sweeps:
            return False
        return self.clock.monotonic() - latest.at - latest.took <= 3 * self.pace.sweep

    def observed_lately(self, presence: Presence) -> bool:
        """Whether what we hold is as good as a look: seen a moment ago, or unchanged since by a sweep a moment ago.

        A sweep by the child's cursor tells of what it does not name that it has not changed. That is believed of what
        is on its way and sweeps have named before, and only for a while: what was removed without a trace is not named.
        """
        age = self.age(presence.observed_at)
        if age < self.pace.sweep_busy:
            return True
        if presence.state != PENDING or age > _BELIEVED or not self.sweeps(presence):
            return False
        latest = self.rounds[presence.cloud, presence.kind]
        ago = self.clock.monotonic() - latest.at
        return latest.changes and ago < min(age, self.pace.sweep_busy)

    def window(self, cloud: str) -> Window:
        """How many items of a cloud may be under way here at once: it follows how the cloud fares."""
        most = int(self.children.settings(cloud).get("max_items", 0)) or self.pace.concurrency
        window = self._windows.get(cloud)
        if window is None:
            window = self._windows[cloud] = Window(self.clock.monotonic, most)
        if window.most != most:
            window.most = most
        return window

    def away(self, cloud: str) -> bool:
        """Whether calls to a cloud would fail at once: it is not connected, or its breaker is open."""
        child = self.children.get(cloud)
        return child is None or not child.healthy()

    def observation_of(self, presence: Presence) -> Any:
        """The presence's last observation in its kind's type, or None."""
        return observed_as(presence, self.lifecycles[presence.kind].observed_type)

    def record_observed(self, presence: Presence, observed: Observed) -> bool:
        """Put what was seen into the presence; whether it differs from what we held."""
        fresh = kept(observed)
        changed: bool = fresh != presence.observed
        presence.observed = fresh
        presence.observed_at = self.clock.now()
        return changed

    async def wake(self, tx: Transaction, kind: str, id: str, cloud: str = "") -> None:
        """Have it looked at now."""
        await work.wake(tx, kind, id, cloud)
        tx.after_commit(lambda: self.notifier.notify(cloud))

    async def wake_all(self, tx: Transaction, keys: Iterable[Key]) -> None:
        """Have each of these looked at now."""
        for key in keys:
            await self.wake(tx, *key)

    async def announce(self, tx: Transaction, kind: str, id: str) -> None:
        """(kind, id) is not as it was for others: wake those who wait for it, and those whose facts come from it."""
        await self.wake_waiting(tx, kind, id)
        await self.wake_all(tx, await self.relations.changed(tx, kind, id))

    async def wake_waiting(self, tx: Transaction, kind: str, id: str) -> None:
        """Have everything that waits on (kind, id) looked at now."""
        for cloud in await work.wake_waiting(tx, kind, id):
            tx.after_commit(lambda name=cloud: self.notifier.notify(name))  # type: ignore[misc]

    async def place(
        self, tx: Transaction, resource: Resource, cloud: str, project_id: str = ""
    ) -> Presence | None:
        """A new presence: the resource should be in a cloud, for something of a project. None where it has one there
        already.
        """
        made = Presence(kind=resource.kind, id=resource.id, cloud=cloud)
        if not await presences.add_new(tx, made):
            return None
        made.memory = await self.lifecycles[resource.kind].prepare(tx, resource, cloud)
        if resource.kind in self.guards and project_id:
            made.memory[USERS] = {project_id: resource.generation}
        if made.memory:
            await presences.save(tx, made)
        await self.wake_all(tx, await self.relations.moved(tx, resource.kind, resource.id))
        placement = self.traits(resource.kind).placement
        if placement is Placement.FOLLOWS or (self.colocates and placement is Placement.ASSIGNED):
            # What is carried is looked for by those who wait for it when it is ready, and not before.
            await self.wake_waiting(tx, resource.kind, resource.id)
        return made

    async def hold(self, tx: Transaction, claim: Claim) -> None:
        """Make sure that the lease is still ours; every write begins with it."""
        self.note_lease(tx, claim)
        await work.hold(tx, claim, self.pace.lease)

    def note_lease(self, tx: Transaction, claim: Claim) -> None:
        """Once `tx` is durable the item is ours for a lease from now on."""
        until = self.awake() + self.pace.lease
        tx.after_commit(lambda: self._ours_until.__setitem__(claim.fence, until))

    def may_change(self, claim: Claim) -> None:
        """`LeaseLost` where our lease has run out by our own reckoning, however short ago it was confirmed.

        A lease that others hold by now is seen at the next write; this is for what is sent before that.
        """
        if self.awake() >= self._ours_until.get(claim.fence, float("inf")):
            raise LeaseLost(f"{claim.kind}/{claim.id}@{claim.cloud}: stopped for longer than its lease")

    def forget_lease(self, claim: Claim) -> None:
        """The item is not under way here any more."""
        self._ours_until.pop(claim.fence, None)

    async def refresh_document(
        self,
        tx: Transaction,
        resource: Resource,
        *,
        drifted: bool = False,
        every: list[Presence] | None = None,
        observed_only: bool = False,
    ) -> None:
        """Write again how users see a resource, from its presences (`every`, where they are known already).

        `drifted`: what is drift has changed. `observed_only`: nothing but that, and what its cloud says of it: others
        show of it what is wanted, and what is found otherwise there.
        """
        life = self.lifecycles.get(resource.kind)
        if life is None:
            await self.resources.save(tx, resource)
            return
        if every is None:
            every = await presences.of_resource(tx, resource.kind, resource.id)
        if isinstance(life, Learns):
            life.learn(resource, every)
        summary = life.summarise(resource, every)
        probe = msgspec.json.encode(summary.document)
        changed = probe != resource.summary or summary.status != resource.status
        if changed:
            resource.updated_at = tx.now()
            # `updated` is part of the document: tell it with the new stamp.
            await self.resources.save(tx, resource, life.summarise(resource, every))
        else:
            await self.resources.save(tx, resource, summary)
        if drifted or (changed and not observed_only):
            await life.document_changed(tx, resource)
        if changed and (others := self.reporting.get(resource.kind)) is not None:
            await others.progressed(tx, resource)

    def readiness_of(self, presence: Presence | None) -> tuple[Any, ...] | None:
        """What of a presence matters to those who wait on it; None where it is not there."""
        if presence is None:
            return None
        observed = self.observation_of(presence)
        usable = (
            observed is not None
            and not presence.memory.get(drift.GONE)
            and self.lifecycles[presence.kind].settled(presence, observed)
        )
        memory = presence.memory
        allowed = memory.get(OWNER), memory.get(ADMITTED)
        use = (presence.remote_id, _reached(presence), allowed) if usable else None
        unverified = memory.get(drift.UNVERIFIED)
        return presence.wanted, use, presence.state == BLOCKED, presence.error, unverified

    def arrived(self, presence: Presence) -> bool:
        """Whether the cloud has all that was asked of it (`Presence.asked`), or does not answer, so that nothing that
        is waited for can be built there either.
        """
        reached = _reached(presence)
        return not reached or presence.asked <= reached or self.away(presence.cloud)

    def admits(self, presence: Presence, project_id: str) -> bool:
        """Whether the cloud lets a project use it, as far as is known."""
        life = self.guards.get(presence.kind)
        if life is None or not project_id:
            return True
        return life.admits(presence, self.observation_of(presence), project_id)

    @rerun
    async def begin(
        self, claim: Claim, presence: Presence, resource: Resource, *, anew: bool = False
    ) -> bool:
        """Write that an outside change is about to be made. False, and nothing written, if nobody wants it any more.

        `anew`: it is made of what it needs there. From here on that does not leave before it; and what has begun to
        leave is not built upon.
        """
        async with self.store.transaction() as tx:
            await self.hold(tx, claim)
            held = await presences.fetch(tx, presence.kind, presence.id, presence.cloud, to_write=True)
            if held is None or not held.wanted:
                return False
            if anew and await presences.needs_leave(tx, presence.kind, presence.id, presence.cloud):
                return False
            self._keep_what_others_wrote(presence, held)
            await presences.save(tx, presence)
            await drift.keep(tx, presence, drift.mark(held.memory), resource)
            return True

    @rerun
    async def write(
        self,
        claim: Claim,
        resource: Resource,
        presence: Presence,
        *,
        refresh: bool = True,
        end: Callable[[Transaction], Awaitable[None]] | None = None,
        acted: Sequence[Action] = (),
    ) -> None:
        """Write what a look learnt, under our lease; tell users, and wake those who wait on it if it matters to them.

        A look lasts as long as its cloud takes to answer, and others write the same row meanwhile: a removed resource
        makes its presences unwanted, a sweep sees them change. What they wrote stays. `end` ends the look in the same
        transaction, and makes sure that the item is ours. `acted`: actions of which something came.
        """
        async with self.store.transaction() as tx:
            await (self.hold(tx, claim) if end is None else end(tx))
            await self.write_actions(tx, resource, acted)
            held = await presences.fetch(tx, presence.kind, presence.id, presence.cloud, to_write=True)
            if held is None:
                return
            self._keep_what_others_wrote(presence, held)
            await presences.save(tx, presence)
            if held.remote_id is not None and held.remote_id != presence.remote_id:
                await findings.drop(tx, held.cloud, held.kind, held.remote_id)
            drifted = await drift.keep(tx, presence, drift.mark(held.memory), resource)
            if refresh or drifted:
                fresh = await self.resources.fetch(tx, resource.kind, resource.id, to_write=True)
                if fresh is not None:
                    observed = found([held]) == found([presence])
                    await self.refresh_document(tx, fresh, drifted=drifted, observed_only=observed)
            if self.readiness_of(held) != self.readiness_of(presence):
                await self.announce(tx, presence.kind, presence.id)
            if presence.role == INCOMING and presence.state != held.state:
                await self.wake(tx, presence.kind, presence.id)

    async def write_actions(self, tx: Transaction, resource: Resource, acted: Iterable[Action]) -> None:
        """Write what came of a resource's actions, and what follows from those that are finished."""
        for action in acted:
            await actions.save(tx, action)
            concluding = self.concluding.get(action.kind)
            if concluding is not None and action.finished_at is not None:
                await concluding.concluded(tx, resource, action)

    async def unwant(self, tx: Transaction, presence: Presence) -> None:
        """Have a presence leave its cloud."""
        if presence.wanted:
            presence.wanted = False
            presence.state = PENDING
            await presences.save(tx, presence)
            await self.wake_waiting(tx, presence.kind, presence.id)
            await self.wake_all(tx, await self.relations.moved(tx, presence.kind, presence.id))
        await self.wake(tx, presence.kind, presence.id, presence.cloud)

    def _keep_what_others_wrote(self, presence: Presence, held: Presence) -> None:
        """Take over from the row as it is now what has changed since a look read it: never wanted again, seen later."""
        presence.role = held.role
        if not held.wanted and presence.wanted:
            presence.wanted, presence.state = False, PENDING
        observed, theirs = presence.observed_at, held.observed_at
        if observed is not None and theirs is not None and theirs > observed and self.age(theirs) < math.inf:
            presence.observed, presence.observed_at = held.observed, theirs
            for key in (drift.DRIFT, drift.GONE):
                presence.memory.pop(key, None)
                if key in held.memory:
                    presence.memory[key] = held.memory[key]
        for project, at in held.memory.get(USERS, {}).items():
            noted = presence.memory.setdefault(USERS, {})
            noted[project] = max(at, noted.get(project, at))
        for once in ("passing", OVER):
            if held.memory.get(once):
                presence.memory[once] = True
        if PINNED in held.memory:
            presence.memory[PINNED] = held.memory[PINNED]
        if UNNEEDED in held.memory:
            presence.memory[UNNEEDED] = held.memory[UNNEEDED]
        else:
            presence.memory.pop(UNNEEDED, None)
        asked = held.memory.get(drift.REPAIR)
        if asked is not None and asked["token"] != presence.memory.get(drift.REPAIRED):
            presence.memory[drift.REPAIR] = asked
        unverified = held.memory.get(drift.UNVERIFIED)
        if unverified is not None and unverified != presence.memory.get(drift.VERIFIED):
            presence.memory[drift.UNVERIFIED] = unverified


def _reached(presence: Presence) -> int:
    """The newest generation of which its cloud is known to have all; 0: none yet."""
    arrived: int = presence.memory.get(ARRIVED, 0)
    return max(presence.generation, arrived)


def kept(observed: Observed) -> dict[str, Any]:
    """What of an observation is kept with its presence."""
    fresh: dict[str, Any] = msgspec.to_builtins(observed)
    for name in ("managed_by", *observed.PASSING):
        fresh.pop(name, None)
    return fresh
