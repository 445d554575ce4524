"""A toy cloud in memory, three toy kinds, a clock that a test moves, and a world of them to tell stories in.

A *box* is what users want: it is put into a chosen cloud and needs a *net* there, which many share, and a *plug* of its
own. Boxes are swept; the others are looked at one by one.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
from prometheus_client import CollectorRegistry
from sqlalchemy import select

from fractus.base.clock import iso
from fractus.model.cloud import Actuator, Cloud, Report, Scope, Seen, Step, Wanted
from fractus.model.errors import CloudError, Missing, OutcomeUnknown, Refused, Unreachable
from fractus.model.placement import assigned, carried
from fractus.model.resource import Need, Presence, Resource, Summary
from fractus.reconcile.kind import (
    Apply,
    Demand,
    Difference,
    Done,
    Fail,
    Item,
    Plan,
    Sweeping,
    Wait,
    adopt_fields,
    with_wanted,
)
from fractus.reconcile.loop import Worker
from fractus.reconcile.machine import Machine, Pace
from fractus.reconcile.metrics import Metrics
from fractus.reconcile.sweep import sweep
from fractus.store import clouds, presences, work
from fractus.store.clouds import CloudRecord
from fractus.store.ledger import Ledger
from fractus.store.resources import Resources
from fractus.store.schema import FINDING, METADATA, resource_table
from fractus.store.sqlite import SqliteStore
from fractus.store.transaction import Query, Row, Store, Transaction

TABLES = {kind: resource_table(f"toy_{kind}") for kind in ("box", "net", "plug")}

Gate = Callable[[str], Awaitable[None]]


async def nothing(_place: str) -> None:
    """A gate that lets everything through."""


class HandClock:
    """Time that only a test moves."""

    def __init__(self) -> None:
        self.time = 1_800_000_000.0
        self.ahead = 0.0
        """Of the wall clock."""

    def now(self) -> float:
        return self.time + self.ahead

    def monotonic(self) -> float:
        return self.time

    async def sleep(self, seconds: float) -> None:
        """For sweepers, which live in real time in the few tests that run them."""
        await asyncio.sleep(min(seconds, 0.01))


class BoxWanted(Wanted, frozen=True, kw_only=True):
    size: int = 0
    parts: dict[str, str] = {}


class BoxSeen(Seen, frozen=True, kw_only=True):
    size: int = 0
    status: str = "ready"
    kicks: int = 0
    owner: str = ""


class Thing(msgspec.Struct):
    """What is in a toy cloud."""

    kind: str
    remote_id: str
    marker: str
    name: str
    owner: str
    size: int
    parts: dict[str, str]
    ready_at: float
    changed_at: float
    kicks: int = 0
    broken: str = ""
    gone: bool = False


class ToyCloud:
    """A child: it keeps things, by its own clock, and fails as it is told."""

    def __init__(self, name: str, clock: HandClock, kinds: Iterable[str] = TABLES) -> None:
        self.name = name
        self.clock = clock
        self.kinds = tuple(kinds)
        self.things: dict[str, Thing] = {}
        self.made: list[tuple[str, str]] = []
        self.calls: list[str] = []
        self.skew = 0.0
        self.cursors = True
        self.building = 0.0
        self.down = False
        self.faults: dict[str, list[CloudError]] = {}
        self.lost: dict[str, int] = {}
        self.gate: Gate = nothing
        self._count = 0

    # ------------------------------------------------------------------ what tests say and ask

    def fail(self, verb: str, *errors: CloudError) -> None:
        """The next calls of `verb` fail so, and do nothing."""
        self.faults.setdefault(verb, []).extend(errors)

    def lose(self, verb: str, times: int = 1) -> None:
        """The next calls of `verb` are done, and their answers lost."""
        self.lost[verb] = self.lost.get(verb, 0) + times

    def here(self, kind: str = "box") -> list[Thing]:
        """What is there of a kind."""
        return [thing for thing in self.things.values() if thing.kind == kind and not thing.gone]

    def put(self, kind: str, name: str, marker: str = "") -> Thing:
        """Something that we did not make (or, with a marker, made and know no more)."""
        self._count += 1
        now = self.clock.now() + self.skew
        made = Thing(kind, f"{self.name}-{self._count}", marker, name, "", 1, {}, now, now)
        self.things[made.remote_id] = made
        return made

    def change(self, remote_id: str, **values: Any) -> None:
        """Somebody else changes it there."""
        thing = self.things[remote_id]
        for name, value in values.items():
            setattr(thing, name, value)
        thing.changed_at = self.clock.now() + self.skew

    # ------------------------------------------------------------------ Cloud

    def actuators(self) -> Mapping[str, Actuator[Any, Any]]:
        return {kind: ToyActuator(self, kind) for kind in self.kinds}

    def healthy(self) -> bool:
        return not self.down

    async def check(self) -> Report:
        return Report(reachable=not self.down)

    async def console_log(self, scope: Scope, remote_id: str, lines: int | None, deadline: float) -> str:
        return ""

    async def close(self) -> None:
        return None

    # ------------------------------------------------------------------ how calls go

    async def call(self, verb: str, act: Callable[[], Any]) -> Any:
        self.calls.append(verb)
        await self.gate(f"before {verb}")
        if self.down:
            raise Unreachable(f"{self.name} is down")
        if self.faults.get(verb):
            raise self.faults[verb].pop(0)
        done = act()
        await self.gate(f"after {verb}")
        if self.lost.get(verb):
            self.lost[verb] -= 1
            raise OutcomeUnknown(f"{self.name}: no answer to {verb}")
        return done

    def seen(self, thing: Thing) -> BoxSeen:
        building = self.clock.now() + self.skew < thing.ready_at
        return BoxSeen(
            remote_id=thing.remote_id,
            marker=thing.marker,
            name=thing.name,
            changed_at=iso(max(thing.changed_at, thing.changed_at if building else thing.ready_at)),
            gone=thing.gone,
            size=thing.size,
            status="broken" if thing.broken else "building" if building else "ready",
            kicks=thing.kicks,
            owner=thing.owner,
        )

    def make(self, kind: str, wanted: BoxWanted, owner: str) -> Thing:
        for remote_id in wanted.parts.values():
            if remote_id not in self.things or self.things[remote_id].gone:
                raise Refused(f"{remote_id} is not there", status=404)
        self._count += 1
        now = self.clock.now() + self.skew
        made = Thing(
            kind,
            f"{self.name}-{self._count}",
            wanted.id,
            wanted.name,
            owner,
            wanted.size,
            wanted.parts,
            now + (self.building if kind == "box" else 0.0),
            now,
        )
        self.things[made.remote_id] = made
        self.made.append((kind, wanted.id))
        return made

    def get(self, kind: str, remote_id: str) -> Thing:
        thing = self.things.get(remote_id)
        if thing is None or thing.gone or thing.kind != kind:
            raise Missing(f"{remote_id} is not there")
        return thing

    def end(self, kind: str, remote_id: str) -> None:
        self.get(kind, remote_id)
        users = [
            one.remote_id for one in self.things.values() if remote_id in one.parts.values() and not one.gone
        ]
        if users:
            raise Refused(f"{remote_id} is in use by {users[0]}", status=409)
        self.change(remote_id, gone=True)


class ToyActuator:
    """One kind of thing in a toy cloud."""

    def __init__(self, cloud: ToyCloud, kind: str) -> None:
        self.cloud = cloud
        self.kind = kind

    async def observe(self, scope: Scope, remote_id: str) -> BoxSeen:
        cloud = self.cloud
        seen: BoxSeen = await cloud.call("observe", lambda: cloud.seen(cloud.get(self.kind, remote_id)))
        return seen

    async def find(self, scope: Scope, wanted: BoxWanted) -> BoxSeen | None:
        def look() -> BoxSeen | None:
            found = [thing for thing in self.cloud.here(self.kind) if thing.marker == wanted.id]
            return self.cloud.seen(found[0]) if found else None

        seen: BoxSeen | None = await self.cloud.call("find", look)
        return seen

    async def create(self, scope: Scope, wanted: BoxWanted) -> BoxSeen:
        cloud = self.cloud
        seen: BoxSeen = await cloud.call(
            "create", lambda: cloud.seen(cloud.make(self.kind, wanted, scope.project_id))
        )
        return seen

    async def apply(self, scope: Scope, remote_id: str, step: Step) -> None:
        def act() -> None:
            thing = self.cloud.get(self.kind, remote_id)
            if step.verb == "kick":
                self.cloud.change(remote_id, kicks=thing.kicks + 1)
            else:
                self.cloud.change(remote_id, size=step.body["size"])

        await self.cloud.call(step.verb, act)

    async def delete(self, scope: Scope, remote_id: str) -> None:
        await self.cloud.call("delete", lambda: self.cloud.end(self.kind, remote_id))

    async def has_cursor(self) -> bool:
        return self.cloud.cursors

    async def list_changed(self, since: str) -> AsyncIterator[BoxSeen]:
        def listed() -> list[BoxSeen]:
            every = [self.cloud.seen(one) for one in self.cloud.things.values() if one.kind == self.kind]
            return [one for one in every if (one.changed_at >= since if since else not one.gone)]

        for seen in await self.cloud.call("list", listed):
            yield seen


class ToyLife:
    """What the machine must know of a toy kind."""

    seen_type = BoxSeen

    def __init__(self, kind: str) -> None:
        self.name = kind
        self.traits = assigned() if kind == "box" else carried()
        self.sweeping = Sweeping(changes=0.0 if self.traits.trust_sweeps else 5.0)
        self.ended: list[str] = []
        self.left_clouds: list[tuple[str, str]] = []

    def demand(self, resource: Resource) -> Demand:
        return Demand(cloud=resource.desired.get("zone", ""), kinds=frozenset({self.name}))

    async def prepare(self, tx: Transaction, resource: Resource, cloud: str) -> dict[str, Any]:
        return {"kicked": 0, "prepared_for": cloud}

    def wanted(self, item: Item) -> BoxWanted:
        parts = {key: item.remote[tuple(key.split("/"))] for key in item.resource.desired["parts"]}  # type: ignore[index]
        return BoxWanted(
            id=item.resource.id, name=item.resource.name, size=item.resource.desired["size"], parts=parts
        )

    def plan(self, item: Item, seen: BoxSeen) -> Plan:
        memory, desired = item.presence.memory, item.resource.desired
        if seen.gone:
            return Fail(f"it is gone from {item.presence.cloud}")
        if seen.status == "building":
            return Wait(2.0, "it is being built")
        if seen.status == "broken":
            return Fail("no room left there", elsewhere=True)
        if seen.size != desired["size"]:
            return Apply(Step("resize", {"size": desired["size"]}))
        kick = desired.get("kick", 0)
        if memory["kicked"] < kick:
            if memory.get("doing") == f"kick:{kick}":
                return Done({"kicked": kick, "unsure": True})
            return Apply(Step("kick"), {"kicked": kick}, once=f"kick:{kick}")
        return Done()

    def differences(self, item: Item, seen: BoxSeen) -> list[Difference]:
        """A box is always made as it is wanted; what is carried keeps what others made of it, and tells."""
        size = item.resource.desired["size"]
        return [] if self.traits.assigned or seen.size == size else [Difference("size", size, seen.size)]

    def as_wanted(self, item: Item, seen: BoxSeen, fields: Collection[str]) -> BoxSeen:
        return with_wanted(self.wanted(item), seen, fields)  # type: ignore[no-any-return]

    def adopt(self, resource: Resource, found: Mapping[str, Any], now: float) -> list[Need] | None:
        adopt_fields(resource, found)
        return None

    def settled(self, presence: Presence, seen: BoxSeen) -> bool:
        return seen.status == "ready"

    async def told(self, tx: Transaction, resource: Resource) -> None:
        return None

    def summarise(self, resource: Resource, presences: list[Presence]) -> Summary:
        here = [one for one in presences if one.wanted]
        status = "gone" if resource.deleted_at else "waiting"
        if here:
            status = "error" if here[0].error else here[0].state
        elif resource.choice.get("error"):
            status = "error"
        document = {
            "id": resource.id,
            "status": status,
            "cloud": here[0].cloud if here else None,
            "why": here[0].error if here else resource.choice.get("error", ""),
        }
        return Summary(status, document)

    async def left(self, tx: Transaction, resource: Resource, presence: Presence) -> None:
        self.left_clouds.append((resource.id, presence.cloud))

    async def gone(self, tx: Transaction, resource: Resource) -> None:
        self.ended.append(resource.id)


class GatedStore:
    """A store with a gate before and after each transaction, where a test may kill whoever comes through."""

    def __init__(self, inner: SqliteStore) -> None:
        self.inner = inner
        self.gate: Gate = nothing

    async def rows(self, query: Query, **values: Any) -> list[Row]:
        return await self.inner.rows(query, **values)

    async def row(self, query: Query, **values: Any) -> Row | None:
        return await self.inner.row(query, **values)

    def transaction(self) -> AbstractAsyncContextManager[Transaction]:
        return self._transaction()

    @asynccontextmanager
    async def _transaction(self) -> AsyncIterator[Transaction]:
        await self.gate("before transaction")
        async with self.inner.transaction() as tx:
            yield tx
        await self.gate("after transaction")

    async def close(self) -> None:
        await self.inner.close()


class DeafBell:
    """Every wake-up is lost."""

    def ring(self, cloud: str) -> None:
        return None


class ToyChildren:
    """The clouds of a world. A name without a cloud is one that cannot be connected to."""

    def __init__(self) -> None:
        self.clouds: dict[str, ToyCloud | None] = {}

    def names(self) -> Iterable[str]:
        return list(self.clouds)

    def get(self, name: str) -> Cloud | None:
        return self.clouds.get(name)

    def settings(self, name: str) -> Mapping[str, Any]:
        return {}

    async def refresh(self, store: Store) -> None:
        return None


class World:
    """A store, some clouds, and a worker that a test drives by hand."""

    def __init__(self, path: Path, pace: Pace | None = None) -> None:
        self.clock = HandClock()
        self.sqlite = SqliteStore(path / "world.db", self.clock)
        for connection in (self.sqlite._writer, self.sqlite.connection):
            connection.execute("PRAGMA synchronous=OFF")
        self.sqlite.create(METADATA)
        self.store = GatedStore(self.sqlite)
        self.resources = Resources(TABLES)
        self.ledger = Ledger(self.resources, DeafBell())
        self.children = ToyChildren()
        self.lives = {kind: ToyLife(kind) for kind in TABLES}
        self.machine = Machine(
            store=self.store,
            resources=self.resources,
            lifecycles=self.lives,
            children=self.children,
            clock=self.clock,
            bell=DeafBell(),
            scope_of=self.scope_of,
            pace=pace or Pace(),
        )
        self.worker = self.new_worker("first")

    @staticmethod
    async def scope_of(project_id: str) -> Scope:
        return Scope(project_id)

    def new_worker(self, owner: str) -> Worker:
        return Worker(self.machine, Metrics(CollectorRegistry()), owner=owner)

    # ------------------------------------------------------------------ clouds and wishes

    async def cloud(self, name: str, *, enabled: bool = True, kinds: Iterable[str] = TABLES) -> ToyCloud:
        made = ToyCloud(name, self.clock, kinds)
        self.children.clouds[name] = made
        async with self.sqlite.transaction() as tx:
            await clouds.add(tx, CloudRecord(name=name, driver="toy", enabled=enabled))
        return made

    async def enable(self, name: str, enabled: bool) -> None:
        async with self.sqlite.transaction() as tx:
            row = await clouds.fetch(tx, name)
            assert row is not None
            row.enabled = enabled
            await clouds.configure(tx, row)

    async def want(
        self, kind: str, id: str, needs: Sequence[Need] = (), *, size: int = 1, **desired: Any
    ) -> Resource:
        """A user wants a thing; carried kinds go nowhere until something needs them."""
        parts = [f"{need.kind}/{need.id}" for need in needs if not need.loose]
        resource = Resource(
            kind=kind, id=id, project_id="p1", desired={"size": size, "parts": parts, **desired}
        )
        life = self.lives[kind]
        async with self.sqlite.transaction() as tx:
            await self.ledger.create(
                tx, resource, life.summarise(resource, []), needs, assign=life.traits.assigned
            )
        return resource

    async def box(self, id: str = "b1", **desired: Any) -> Resource:
        """A box with a plug of its own in the net that all boxes share."""
        if await self.resource("net", "n1") is None:
            await self.want("net", "n1")
        await self.want("plug", f"p-{id}", [Need("net", "n1")])
        needs = [Need("net", "n1"), Need("plug", f"p-{id}", exclusive=True)]
        return await self.want("box", id, needs, **desired)

    async def change(self, kind: str, id: str, **desired: Any) -> None:
        async with self.sqlite.transaction() as tx:
            resource = await self.resources.fetch(tx, kind, id)
            assert resource is not None
            resource.desired |= desired
            every = await presences.of_resource(tx, kind, id)
            await self.ledger.change(tx, resource, self.lives[kind].summarise(resource, every))

    async def remove(self, kind: str, id: str) -> None:
        async with self.sqlite.transaction() as tx:
            resource = await self.resources.fetch(tx, kind, id)
            assert resource is not None
            await self.ledger.remove(tx, resource, hide=False)

    # ------------------------------------------------------------------ time

    async def settle(self, seconds: float = 60.0) -> None:
        """Work off everything, moving the clock on to what is due within `seconds`."""
        end = self.clock.time + seconds
        for _ in range(10_000):
            if await self.worker.run_due():
                continue
            due = await self.next_due()
            if due is None or due > end:
                return
            self.clock.time = max(due, self.clock.time)
        raise AssertionError("it does not come to rest")

    async def assign(self) -> None:
        """Only choose clouds; none is called."""
        for claim in await self.worker._claim("", 100):
            await self.worker.handle(claim)

    async def next_due(self) -> float | None:
        times = [await work.next_due(self.store, name) for name in ["", *self.children.names()]]
        return min((time for time in times if time is not None), default=None)

    async def sweep(self, cloud: str, *, full: bool = False) -> int | None:
        return await sweep(self.machine, cloud, full=full)

    # ------------------------------------------------------------------ what there is

    async def resource(self, kind: str, id: str) -> Resource | None:
        return await self.resources.fetch(self.store, kind, id)

    async def shown(self, kind: str = "box", id: str = "b1") -> dict[str, Any]:
        """The document that users see."""
        resource = await self.resource(kind, id)
        assert resource is not None
        shown: dict[str, Any] = msgspec.json.decode(resource.summary)
        return shown

    async def presence(self, kind: str, id: str, cloud: str) -> Presence | None:
        return await presences.fetch(self.store, kind, id, cloud)

    async def where(self, kind: str = "box", id: str = "b1") -> list[str]:
        return [one.cloud for one in await presences.of_resource(self.store, kind, id)]

    async def pending(self) -> list[Row]:
        """All work there is."""
        table = work.WORK
        return await self.store.rows(Query(select(table.c.kind, table.c.id, table.c.cloud, table.c.reason)))

    async def findings(self) -> dict[str, str]:
        rows = await self.store.rows(Query(select(FINDING.c.remote_id, FINDING.c.what)))
        return {row[0]: row[1] for row in rows}

    async def close(self) -> None:
        await self.store.close()


def as_store(store: GatedStore) -> Store:
    """So that a type checker sees that it is one."""
    return store
