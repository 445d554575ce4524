"""The worker as it runs: lanes, polling, bulkheads, stopping. These live in real time, and briefly."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from fractus.model.errors import Throttled
from fractus.reconcile.converge import converge, ending, needs
from fractus.reconcile.machine import Machine, Pace
from fractus.reconcile.outcome import Again, Outcome, Settled
from fractus.reconcile.queue import loop
from fractus.reconcile.queue.loop import Worker, is_dead, owner_name
from fractus.store import work
from fractus.store.transaction import Transaction
from fractus.store.work import Claim
from tests.unit.reconcile.toy import World

QUICK = Pace(poll=0.02, sweep=0.05, sweep_busy=0.05, lease=60.0, concurrency=4)


@pytest.fixture
async def quick(tmp_path: Path) -> AsyncIterator[World]:
    made = World(tmp_path, QUICK)
    yield made
    await made.close()


@asynccontextmanager
async def running(worker: Worker) -> AsyncIterator[None]:
    stop = asyncio.Event()
    task = asyncio.create_task(worker.run(stop))
    try:
        yield
    finally:
        stop.set()
        await asyncio.wait_for(task, 60)


async def until(condition: Callable[[], Any], seconds: float = 60.0) -> None:
    async with asyncio.timeout(seconds):
        while True:
            found = condition()
            if await found if asyncio.iscoroutine(found) else found:
                return
            await asyncio.sleep(0.005)


async def status(world: World, id: str = "b1") -> str:
    return str((await world.shown("box", id))["status"])


async def settled(world: World, id: str = "b1") -> bool:
    return await status(world, id) == "settled"


# --- wake for speed, sweep for truth ------------------------------------------------------------


async def test_with_every_notification_lost_everything_is_found_by_looking(quick: World) -> None:
    east = await quick.cloud("east")
    async with running(quick.worker):
        await quick.box()
        await until(lambda: settled(quick))
        await quick.remove("box", "b1")
        await until(lambda: _gone(quick))
    assert east.here("box") == []


async def _gone(world: World) -> bool:
    return await status(world) == "gone"


async def test_a_notification_is_answered_before_the_next_look(tmp_path: Path) -> None:
    world = World(tmp_path, Pace(poll=30.0))
    try:
        await world.cloud("east")
        world.machine.notifier = _Ring(world.worker)
        world.ledger._notifier = _Ring(world.worker)
        async with running(world.worker):
            await until(lambda: world.worker._wake_ups.keys() == {"", "east"})
            await world.box()
            await until(lambda: settled(world))
    finally:
        await world.close()


class _Ring:
    def __init__(self, worker: Worker) -> None:
        self._worker = worker

    def notify(self, cloud: str) -> None:
        self._worker.notify(cloud)


async def test_the_running_worker_sweeps(quick: World) -> None:
    east = await quick.cloud("east")
    async with running(quick.worker):
        await quick.box()
        await until(lambda: settled(quick))
        quick.clock.time += 10
        east.change(east.here()[0].remote_id, size=9)
        await until(lambda: east.calls.count("resize") == 1)
        orphan = east.put("box", "x", marker="nobody")
        quick.clock.time += quick.machine.pace.inventory
        await until(lambda: _found(quick, orphan.remote_id))


async def _found(world: World, remote_id: str) -> bool:
    return remote_id in await world.findings()


async def test_a_full_sweep_that_failed_is_repeated_at_the_pace_of_quick_ones(quick: World) -> None:
    east = await quick.cloud("east")
    unknown = east.put("box", "theirs")
    east.down = True
    failed = quick.worker.metrics.swept.labels("east", "all", "full", "failed")._value
    async with running(quick.worker):
        await until(lambda: failed.get() >= 2)
        assert not quick.worker._full_at
        east.down = False
        await until(lambda: _found(quick, unknown.remote_id))
        await until(lambda: quick.worker._full_at)


async def test_a_cloud_that_is_added_and_one_that_is_removed_while_it_runs(quick: World) -> None:
    await quick.cloud("east")
    async with running(quick.worker):
        await quick.want("box", "b1")
        await until(lambda: settled(quick))
        await quick.cloud("west")
        await quick.want("box", "b2", zone="west")
        await until(lambda: settled(quick, "b2"))
        del quick.children.clouds["east"]
        await quick.want("box", "b3", zone="west")
        await until(lambda: settled(quick, "b3"))


# --- law 9: bulkheads ---------------------------------------------------------------------------


async def test_law_9_a_cloud_that_hangs_slows_no_other(quick: World) -> None:
    east, west = await quick.cloud("east"), await quick.cloud("west")
    go_on = asyncio.Event()

    async def hang(_place: str) -> None:
        await go_on.wait()

    east.gate = hang
    async with running(quick.worker):
        for number in range(10):
            await quick.want("box", f"e{number}", zone="east")
        await until(lambda: east.calls.count("create") == QUICK.concurrency)
        for number in range(10):
            await quick.want("box", f"w{number}", zone="west")
        await until(lambda: len(west.here()) == 10)
        assert east.calls.count("create") == QUICK.concurrency, (
            "its own slots are full, no more is sent to it"
        )
        go_on.set()
        await until(lambda: len(east.here()) == 10)


async def test_law_9_a_full_lane_waits_and_does_not_spin(quick: World) -> None:
    east = await quick.cloud("east")
    go_on = asyncio.Event()

    async def hang(_place: str) -> None:
        await go_on.wait()

    east.gate = hang
    async with running(quick.worker):
        for number in range(10):
            await quick.want("box", f"e{number}", zone="east")
        await until(lambda: east.calls.count("create") == QUICK.concurrency)
        rests = 0
        rest = quick.worker._rest

        async def counted(wake_up: asyncio.Event, cloud: str, *, full: bool) -> None:
            nonlocal rests
            rests += cloud == "east"
            await rest(wake_up, cloud, full=full)

        quick.worker._rest = counted  # type: ignore[method-assign]
        began = time.monotonic()
        await asyncio.sleep(0.2)
        assert rests <= (time.monotonic() - began) / QUICK.poll + 2
        go_on.set()


async def test_law_9_work_has_no_limit_of_age(world: World) -> None:
    east = await world.cloud("east")
    east.down = True
    await world.want("box", "b1", zone="east")
    await world.settle(600)
    world.clock.time += 30 * 86400
    await world.settle(600)
    east.down = False
    assert await world.worker.sweep_once("east", full=False)
    await world.settle(60)
    assert await status(world) == "settled"


@pytest.mark.parametrize(("asked", "expected"), [(0.0, 0.1), (-5.0, 0.1), (7.0, 7.0), (1e12, 300.0)])
async def test_a_child_may_ask_us_to_come_back_at_no_odd_time(
    world: World, asked: float, expected: float
) -> None:
    east = await world.cloud("east")
    east.fail("create", Throttled("slow down", after=asked))
    await world.want("box", "b1", zone="east")
    await world.assign()
    (claim,) = await world.worker._claim("east", 10)
    await world.worker.handle(claim)
    (pending,) = await work.about(world.store, "box", "b1")
    assert pending.due_at == world.clock.now() + expected


# --- faults of ours -----------------------------------------------------------------------------


async def test_a_fault_of_ours_in_one_item_is_retried_and_stops_no_other(quick: World) -> None:
    await quick.cloud("east")
    plan = quick.lives["box"].plan
    broken = True

    def stumbles(item: Any, seen: Any) -> Any:
        if broken and item.resource.id == "b1":
            raise ZeroDivisionError
        return plan(item, seen)

    quick.lives["box"].plan = stumbles  # type: ignore[method-assign]
    with capture_logs() as logs:
        async with running(quick.worker):
            await quick.want("box", "b1")
            await quick.want("box", "b2")
            await until(lambda: settled(quick, "b2"))
            broken = False
            quick.clock.time += 120
            await until(lambda: settled(quick))
    assert "look failed" in {entry["event"] for entry in logs}


async def test_an_outcome_that_cannot_be_written_stops_no_other(
    quick: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await quick.cloud("east")
    write = ending.end
    broken = True

    async def stumbles(machine: Machine, tx: Transaction, claim: work.Claim, outcome: Any) -> None:
        if broken and claim.id == "b1" and claim.cloud:
            raise OSError("disk full")
        await write(machine, tx, claim, outcome)

    for where in (loop, converge, needs):
        monkeypatch.setattr(where, "end", stumbles)
    with capture_logs() as logs:
        async with running(quick.worker):
            await quick.want("box", "b1")
            await quick.want("box", "b2")
            await until(lambda: settled(quick, "b2"))
            await until(lambda: _released(quick, "b2"))
            broken = False
            quick.clock.time += QUICK.lease + 1
            await until(lambda: _released(quick, "b1"))
    assert "outcome not written" in {entry["event"] for entry in logs}


async def _released(world: World, id: str) -> bool:
    return await work.about(world.store, "box", id) == []


async def test_an_item_that_always_goes_on_at_once_goes_back_to_the_queue_now_and_then(world: World) -> None:
    east = await world.cloud("east")
    await world.want("box", "b1")
    await world.settle()
    east.change(east.here()[0].remote_id, size=5)
    change = east.change
    east.change = lambda remote_id, **values: change(remote_id, **{**values, "size": 5})  # type: ignore[method-assign]
    world.clock.time += 10
    await world.change("box", "b1", size=6)
    await world.worker.run_due()
    (pending,) = await work.about(world.store, "box", "b1")
    assert pending.due_at <= world.clock.now()
    assert pending.claimed_by == ""
    assert east.calls.count("resize") == loop._STEPS


# --- leases and stopping ------------------------------------------------------------------------


async def test_stopping_lets_what_is_under_way_end_and_keeps_its_lease_until_then(tmp_path: Path) -> None:
    world = World(tmp_path, Pace(poll=0.02, sweep=0.05, sweep_busy=0.05, lease=0.15))
    try:
        east = await world.cloud("east")
        go_on, asked = asyncio.Event(), asyncio.Event()

        async def hang(place: str) -> None:
            if place == "before create":
                asked.set()
                await go_on.wait()

        east.gate = hang
        stop = asyncio.Event()
        task = asyncio.create_task(world.worker.run(stop))
        await world.want("box", "b1")
        await asyncio.wait_for(asked.wait(), 60)
        stop.set()
        other = world.new_worker("second")
        for _ in range(5):
            world.clock.time += 0.1
            assert await other._claim("east", 10) == []
            # Its holder has real time to extend it: as much as this machine needs.
            extended = world.clock.time + 0.1
            await until(lambda at=extended: work.held_until_after(world.store, "east", at))  # type: ignore[misc]
        assert not task.done()
        go_on.set()
        await asyncio.wait_for(task, 60)
        assert east.made == [("box", "b1")]
        assert (await world.presence("box", "b1", "east")).remote_id is not None  # type: ignore[union-attr]
    finally:
        await world.close()


async def test_what_is_due_again_when_its_look_ends_is_looked_at_though_nobody_rings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World(tmp_path, Pace(poll=600.0, sweep=600.0, sweep_busy=600.0))
    looks: list[int] = []

    async def look(machine: Machine, claim: Claim) -> Outcome:
        looks.append(1)
        return Again() if len(looks) < 3 * loop._STEPS else Settled()

    monkeypatch.setattr(loop, "converge", look)
    try:
        await world.cloud("east")
        await world.want("box", "b1")
        await world.assign()
        async with running(world.worker):
            await until(lambda: len(looks) >= 3 * loop._STEPS)
    finally:
        await world.close()


async def test_what_a_dead_worker_of_this_host_held_is_taken_back_at_once(world: World) -> None:
    await world.cloud("east")
    await world.want("box", "b1")
    await world.assign()
    host, _, started = owner_name().split(":")
    world.worker.owner = f"{host}:{2**22 + 1}:{started}"
    assert len(await world.worker._claim("east", 10)) == 1
    world.worker = world.new_worker("second")
    await world.worker.run_due()
    assert await status(world) == "pending"
    await world.worker.free_dead()
    await world.settle(0)
    assert await status(world) == "settled"


def test_who_is_dead() -> None:
    host, pid, started = owner_name().split(":")
    assert not is_dead(owner_name())
    assert is_dead(f"{host}:{2**22 + 1}:5"), "no such process"
    assert is_dead(f"{host}:{pid}:{int(started) + 1}"), "another process has its number now"
    assert not is_dead(f"elsewhere:{2**22 + 1}:5"), "of other hosts nothing is known"
    assert not is_dead(f"{host}x:{2**22 + 1}:5"), "nor of another container of the same name"
    assert not is_dead("by hand"), "nor of whoever names itself otherwise"


async def test_run_due_is_quick(world: World) -> None:
    """What simulations are driven with."""
    east = await world.cloud("east")
    for number in range(100):
        await world.want("box", f"b{number}")
    began = time.process_time()
    await world.settle()
    assert len(east.here()) == 100
    assert time.process_time() - began < 5
