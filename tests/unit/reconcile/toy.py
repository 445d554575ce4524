"""A world of toy clouds and toy kinds, with a clock that a test moves, to tell stories in.

A *box* is what users want: it is put into a chosen cloud and needs a *net* there, which many share, and a *plug* of its
own. Boxes are swept; the others are looked at one by one.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
from prometheus_client import CollectorRegistry
from sqlalchemy import select

from fractus.model.cloud import Cloud, Scope
from fractus.model.placement import LOCAL, Placement
from fractus.model.resource import Need, Presence, Resource, Summary
from fractus.reconcile.machine import Machine, Pace
from fractus.reconcile.queue.loop import Worker
from fractus.reconcile.queue.metrics import Metrics
from fractus.reconcile.sweep.sweep import sweep
from fractus.store import clouds, presences, work
from fractus.store.clouds import CloudRecord
from fractus.store.ledger import Ledger
from fractus.store.resources import Resources
from fractus.store.schema import FINDING
from fractus.store.sqlite import SqliteStore
from fractus.store.transaction import Query, Row, Store, Transaction
from tests.unit.own_tables import every_table
from tests.unit.reconcile.toy_cloud import Gate, HandClock, Thing, ToyCloud, nothing
from tests.unit.reconcile.toy_kinds import LIVES, TABLES

__all__ = ["BASIC", "MORE", "HandClock", "Thing", "ToyCloud", "World", "as_store"]

#: What most stories are about.
BASIC = ("box", "net", "plug")
#: All toy kinds.
MORE = tuple(TABLES)


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


def parts_of(needs: Sequence[Need]) -> list[str]:
    """What a toy thing is made of in its cloud, as its request names it."""
    return [f"{need.kind}/{need.id}" for need in needs if need.awaited]


class DeafNotifier:
    """Every wake-up is lost."""

    def notify(self, cloud: str) -> None:
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

    def __init__(self, path: Path, pace: Pace | None = None, kinds: Sequence[str] = BASIC) -> None:
        """`kinds`: those that there are besides the basic ones."""
        self.kinds = tuple(kinds)
        self.clock = HandClock()
        self.sqlite = SqliteStore(path / "world.db", self.clock)
        for connection in (self.sqlite._writer, self.sqlite.connection):
            connection.execute("PRAGMA synchronous=OFF")
        self.sqlite.create(every_table())
        self.store = GatedStore(self.sqlite)
        self.resources = Resources({kind: TABLES[kind] for kind in self.kinds})
        self.ledger = Ledger(self.resources, DeafNotifier())
        self.children = ToyChildren()
        self.lives = {kind: LIVES[kind](kind) for kind in self.kinds if kind in LIVES}
        self.machine = Machine(
            store=self.store,
            resources=self.resources,
            lifecycles=self.lives,
            children=self.children,
            clock=self.clock,
            notifier=DeafNotifier(),
            scope_of=self.scope_of,
            pace=pace or Pace(),
        )
        self.worker = self.new_worker("first")

    @staticmethod
    async def scope_of(project_id: str) -> Scope:
        return Scope(project_id)

    def new_worker(self, owner: str) -> Worker:
        return Worker(self.machine, Metrics(CollectorRegistry()), owner=owner)

    # ------------------------------------------------------------------ clouds and requests

    async def cloud(self, name: str, *, enabled: bool = True, kinds: Iterable[str] | None = None) -> ToyCloud:
        offered = [kind for kind, life in self.lives.items() if life.traits is not LOCAL]
        made = ToyCloud(name, self.clock, offered if kinds is None else kinds)
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
        parts = parts_of(needs)
        resource = Resource(
            kind=kind, id=id, project_id="p1", desired={"size": size, "parts": parts, **desired}
        )
        assign = self.machine.traits(kind).placement in (Placement.ASSIGNED, Placement.FOLLOWS)
        async with self.sqlite.transaction() as tx:
            await self.ledger.create(tx, resource, self.summarise(resource, []), needs, assign=assign)
        return resource

    def summarise(self, resource: Resource, every: list[Presence]) -> Summary:
        """As its kind says it; of one without a lifecycle the API does."""
        life = self.lives.get(resource.kind)
        return Summary("here", {"id": resource.id}) if life is None else life.summarise(resource, every)

    async def box(self, id: str = "b1", **desired: Any) -> Resource:
        """A box with a plug of its own in the net that all boxes share."""
        if await self.resource("net", "n1") is None:
            await self.want("net", "n1")
        await self.want("plug", f"p-{id}", [Need("net", "n1")])
        needs = [Need("net", "n1"), Need("plug", f"p-{id}", exclusive=True)]
        return await self.want("box", id, needs, **desired)

    async def change(self, kind: str, id: str, needs: Sequence[Need] | None = None, **desired: Any) -> None:
        async with self.sqlite.transaction() as tx:
            resource = await self.resources.fetch(tx, kind, id)
            assert resource is not None
            resource.desired |= desired
            if needs is not None:
                resource.desired["parts"] = parts_of(needs)
            every = await presences.of_resource(tx, kind, id)
            await self.ledger.change(tx, resource, self.summarise(resource, every), needs)

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
