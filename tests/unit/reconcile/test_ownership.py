"""Which worker runs which lane: by the store's leases alone, and with a broker that says so."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from math import ceil
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from fractus.reconcile.machine import Pace
from fractus.reconcile.queue.loop import Worker
from fractus.reconcile.queue.metrics import Metrics
from fractus.reconcile.queue.ownership import Shared
from fractus.reconcile.queue.worker_identity import owner_name
from fractus.store import lanes
from tests.unit.reconcile.test_loop import QUICK, running, settled, until
from tests.unit.reconcile.toy import World

CLOUDS = [f"c{number}" for number in range(20)]
ALL = {"", *CLOUDS}


class ScriptedBroker:
    """Says what a test wants it to say; None is a broker that is away."""

    def __init__(self, reported: frozenset[str] | None = None) -> None:
        self.says = reported
        self.ranks: Mapping[str, int] = {}
        self.left = False

    def prefer(self, ranks: Mapping[str, int]) -> None:
        self.ranks = ranks

    def assigned(self) -> frozenset[str] | None:
        return self.says

    def listen(self, changed: Callable[[], None]) -> None:
        self.changed = changed

    async def leave(self) -> None:
        self.left = True


def shared(world: World, name: str, broker: ScriptedBroker | None = None) -> Shared:
    return Shared(world.store, world.clock, name, broker=broker)


async def look(world: World, *workers: Shared, times: int = 1, apart: float = 1.0) -> list[frozenset[str]]:
    """All look around, one after the other, several times; what each runs then."""
    for _ in range(times):
        world.clock.time += apart
        for worker in workers:
            await worker.mine(CLOUDS)
    return [await worker.mine(CLOUDS) for worker in workers]


def assert_fair(parts: list[frozenset[str]]) -> None:
    assert set().union(*parts) == ALL
    assert sum(len(part) for part in parts) == len(ALL), "a lane runs twice"
    assert max(len(part) for part in parts) <= ceil(len(ALL) / len(parts))


# --- by the store alone ---------------------------------------------------------------------------


async def test_the_first_worker_runs_everything_at_once(world: World) -> None:
    assert await shared(world, "a").mine(CLOUDS) == ALL


async def test_who_comes_gets_its_share_and_nothing_runs_twice(world: World) -> None:
    a, b, c = (shared(world, name) for name in "abc")
    await look(world, a, times=6)
    assert_fair(await look(world, a, b, times=8))
    assert_fair(await look(world, a, b, c, times=8))


async def test_who_comes_after_the_clock_was_set_back_by_a_day_gets_its_share_too(world: World) -> None:
    a, b = shared(world, "a"), shared(world, "b")
    await look(world, a, times=6)
    world.clock.ahead = -86_400.0
    assert_fair(await look(world, a, b, times=8))


async def test_a_lane_that_moves_is_never_without_a_worker(world: World) -> None:
    a, b = shared(world, "a"), shared(world, "b")
    await look(world, a, times=6)
    for _ in range(12):
        one, other = await look(world, a, b)
        assert one | other == ALL


async def test_who_leaves_gives_back_at_once(world: World) -> None:
    a, b = shared(world, "a"), shared(world, "b")
    await look(world, a, b, times=8)
    await a.leave()
    assert await b.mine(CLOUDS) == ALL, "without waiting for a lease"


async def test_who_dies_is_missed_when_its_lease_is_over(world: World) -> None:
    a, b = shared(world, "a"), shared(world, "b")
    parts = await look(world, a, b, times=8)
    held = (await look(world, b, times=8))[0]
    assert held == parts[1], "it may only be slow"
    assert (await look(world, b, times=9))[0] == ALL


async def test_who_was_killed_on_this_host_is_missed_at_once(world: World) -> None:
    host, pid, started = owner_name().rsplit(":", 2)
    killed = shared(world, f"{host}:{pid}:{int(started) - 1}")
    await killed.mine(CLOUDS)
    assert await shared(world, owner_name()).mine(CLOUDS) == ALL


async def test_who_comes_back_after_a_long_stop_believes_the_store(world: World) -> None:
    a, b = shared(world, "a"), shared(world, "b")
    await look(world, a, b, times=8)
    await look(world, b, times=40)
    one, other = await a.mine(CLOUDS), await b.mine(CLOUDS)
    assert not one & other
    assert_fair(await look(world, a, b, times=8))


async def test_two_that_come_at_the_same_moment_share(world: World) -> None:
    a, b = shared(world, "a"), shared(world, "b")
    await asyncio.gather(a.mine(CLOUDS), b.mine(CLOUDS))
    assert_fair(await look(world, a, b, times=8))


async def test_a_cloud_that_is_added_gets_one_worker(world: World) -> None:
    a, b = shared(world, "a"), shared(world, "b")
    await look(world, a, b, times=8)
    parts = [await worker.mine([*CLOUDS, "new"]) for worker in (a, b, a)]
    assert sum("new" in part for part in parts[1:]) == 1


# --- with a broker --------------------------------------------------------------------------------


async def test_the_broker_is_believed_at_once(world: World) -> None:
    a, broker = shared(world, "a"), ScriptedBroker()
    await look(world, a, times=6)
    b = shared(world, "b", broker)
    broker.says = frozenset({"c3", "c4"})
    assert await b.mine(CLOUDS) == {"c3", "c4"}
    assert broker.ranks.keys() == ALL
    assert await a.mine(CLOUDS) == ALL - {"c3", "c4"}


async def test_who_does_not_reach_the_broker_robs_nobody_who_does(world: World) -> None:
    knows, deaf = ScriptedBroker(frozenset(ALL)), ScriptedBroker(None)
    a, b = shared(world, "a", knows), shared(world, "b", deaf)
    for one, other in await asyncio.gather(*(look(world, a, b) for _ in range(1))):
        assert one == ALL
        assert not other
    one, other = await look(world, a, b, times=20)
    assert (one, other) == (ALL, frozenset())


async def test_with_every_broker_dead_the_lanes_are_shared_all_the_same(world: World) -> None:
    brokers = [ScriptedBroker(frozenset(ALL)), ScriptedBroker(frozenset())]
    a, b = shared(world, "a", brokers[0]), shared(world, "b", brokers[1])
    await look(world, a, b, times=8)
    for broker in brokers:
        broker.says = None
    assert_fair(await look(world, a, b, times=8))
    brokers[0].says, brokers[1].says = frozenset(), frozenset(ALL)
    one, other = await look(world, a, b, times=8)
    assert (one, other) == (frozenset(), ALL), "back to what the broker says"


async def test_a_lane_that_the_broker_forgot_is_run_all_the_same(world: World) -> None:
    broker = ScriptedBroker(frozenset(ALL - {"c7"}))
    a = shared(world, "a", broker)
    await look(world, a)
    async with world.store.transaction() as tx:
        await lanes.drop(tx, "c7")
    assert (await look(world, a, times=20))[0] == ALL


async def test_what_the_broker_gave_to_another_is_kept_until_that_one_takes_it(world: World) -> None:
    broker = ScriptedBroker(frozenset(ALL))
    a = shared(world, "a", broker)
    await look(world, a, times=3)
    broker.says = frozenset()
    assert (await look(world, a, times=30))[0] == ALL
    b = shared(world, "b", ScriptedBroker(frozenset(ALL)))
    one, other = await look(world, a, b)
    assert (one, other) == (frozenset(), ALL)


async def test_two_that_are_sent_the_same_do_not_tear_at_it(world: World) -> None:
    """A broker that is cut in two may tell both. Each change of hands costs a full sweep."""
    a, b = (shared(world, name, ScriptedBroker(frozenset(ALL))) for name in "ab")
    holders = []
    for _ in range(30):
        one, other = await look(world, a, b)
        assert one | other == ALL
        holders.append("c1" in one and "c1" not in other)
    changes = sum(before != after for before, after in itertools.pairwise(holders))
    assert changes <= 30 / 5


async def test_leaving_tells_the_broker_first(world: World) -> None:
    broker = ScriptedBroker(frozenset(ALL))
    a = shared(world, "a", broker)
    await look(world, a)
    await a.leave()
    assert broker.left
    assert {lane.holder for lane in (await lanes.every(world.store)).values()} == {""}


# --- workers as they run --------------------------------------------------------------------------


@pytest.fixture
def quick(tmp_path: Path) -> World:
    return World(tmp_path, QUICK)


def _worker(world: World, name: str, broker: ScriptedBroker | None = None) -> Worker:
    ownership = Shared(world.store, world.clock, name, broker=broker)
    return Worker(world.machine, Metrics(CollectorRegistry()), owner=name, ownership=ownership)


async def test_two_workers_sweep_every_cloud_once(quick: World) -> None:
    for name in ("east", "west", "north", "south"):
        await quick.cloud(name)
    workers = [_worker(quick, name) for name in ("one", "two")]
    async with AsyncExitStack() as stack:
        for worker in workers:
            await stack.enter_async_context(running(worker))
        await until(lambda: workers[0].runs("") or workers[1].runs(""))
        for _ in range(10):
            quick.clock.time += 1
            await asyncio.sleep(0.03)
        await until(lambda: all(any(w.runs(c) for w in workers) for c in ("east", "west", "north", "south")))
        for cloud in ("", "east", "west", "north", "south"):
            assert sum(worker.runs(cloud) for worker in workers) == 1, cloud
        assert all(sum(worker.runs(c) for c in ("east", "west", "north", "south")) for worker in workers)
        for number, zone in enumerate(("east", "west", "north", "south")):
            await quick.want("box", f"b{number}", zone=zone)
        for number in range(4):
            await until(lambda number=number: settled(quick, f"b{number}"))
    await quick.close()


async def test_a_lane_that_moves_takes_its_work_along(quick: World) -> None:
    east = await quick.cloud("east")
    brokers = [ScriptedBroker(frozenset({"", "east"})), ScriptedBroker(frozenset())]
    one, two = (_worker(quick, name, broker) for name, broker in zip(("one", "two"), brokers, strict=True))
    go_on, asked = asyncio.Event(), asyncio.Event()

    async def hang(place: str) -> None:
        if place == "before create" and not asked.is_set():
            asked.set()
            await go_on.wait()

    east.gate = hang
    async with running(one), running(two):
        await quick.want("box", "b1", zone="east")
        await asyncio.wait_for(asked.wait(), 60)
        quick.clock.time += 6
        brokers[0].says, brokers[1].says = frozenset(), frozenset({"", "east"})
        for broker in brokers:
            broker.changed()
        await until(lambda: two.runs("east") and two.runs(""))
        await until(lambda: not one.runs("east"))
        await quick.want("box", "b2", zone="east")
        await until(lambda: settled(quick, "b2"))
        go_on.set()
        await until(lambda: settled(quick, "b1"))
    assert east.calls.count("create") == 2, "what was under way ended where it was"
    await quick.close()


async def test_a_store_that_fails_for_a_while_stops_no_worker(quick: World) -> None:
    await quick.cloud("east")
    worker = _worker(quick, "one")
    async with running(worker):
        await until(lambda: worker.runs("east"))
        broken = True

        async def gate(_place: str) -> None:
            if broken:
                raise OSError("the database is away")

        quick.store.gate = gate
        quick.clock.time += 10
        await asyncio.sleep(0.1)
        broken = False
        await quick.want("box", "b1", zone="east")
        await until(lambda: settled(quick))
    await quick.close()


async def test_what_is_not_finished_in_time_is_given_back(tmp_path: Path) -> None:
    world = World(tmp_path, Pace(poll=0.02, sweep=0.05, sweep_busy=0.05, drain=0.1))
    east = await world.cloud("east")
    asked = asyncio.Event()

    async def hang(place: str) -> None:
        if place == "before create" and not asked.is_set():
            asked.set()
            await asyncio.Event().wait()

    east.gate = hang
    async with running(_worker(world, "one")):
        await world.want("box", "b1", zone="east")
        await asyncio.wait_for(asked.wait(), 60)
    # No lease has to run out: less time goes by than that takes.
    async with running(_worker(world, "two")):
        for _ in range(6):
            world.clock.time += 2
            await asyncio.sleep(0.05)
        await until(lambda: settled(world))
    assert len(east.here("box")) == 1
    await world.close()
