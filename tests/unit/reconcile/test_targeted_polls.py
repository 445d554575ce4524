"""What is looked at between two sweeps of a cloud, and how often."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from fractus.model.errors import Unreachable
from fractus.model.resource import Presence
from fractus.reconcile.machine import Pace, Round
from fractus.reconcile.sweep.targeted_polls import between
from fractus.reconcile.tempo import Sent, Tempo
from fractus.store import work
from fractus.testing.clock import VirtualClock
from tests.unit.reconcile.test_loop import running, settled, until
from tests.unit.reconcile.test_ownership import ScriptedBroker, shared
from tests.unit.reconcile.toy import HandClock, ToyCloud, World


class Stepping:
    """In place of a clock's `sleep`: whoever sleeps has slept at once, and the time is later."""

    def __init__(self, clock: HandClock) -> None:
        self.clock = clock
        self.slept: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.clock.time += seconds
        await asyncio.sleep(0)


@pytest.fixture
def stepping(world: World, monkeypatch: pytest.MonkeyPatch) -> Stepping:
    made = Stepping(world.clock)
    monkeypatch.setattr(world.clock, "sleep", made)
    return made


async def rest(world: World, *, answers: bool = True) -> None:
    """From one sweep of east to the next."""
    pace = world.machine.pace
    await between(world.machine, Tempo(pace.sweep, pace.sweep_busy), "east", answers=answers)


async def building(world: World, *, number: int = 1, seconds: float = 2.0, swept: bool = True) -> ToyCloud:
    """A cloud to which so many boxes were sent a moment ago; they are ready after some seconds."""
    east = await world.cloud("east")
    east.building = seconds
    if swept:
        await world.sweep("east")
    for at in range(1, number + 1):
        await world.want("box", f"b{at}")
    while await world.worker.run_due():
        pass
    assert len(east.here()) == number
    east.calls.clear()
    return east


async def box(world: World, id: str = "b1") -> Presence:
    presence = await world.presence("box", id, "east")
    assert presence is not None
    return presence


# --- that something was sent ----------------------------------------------------------------------


async def test_who_rests_is_roused_when_something_is_sent_to_its_cloud() -> None:
    clock = VirtualClock()
    sent = Sent(clock)
    resting = asyncio.create_task(sent.rest("east", 5.0))
    await clock.advance(1.0)
    sent.note("west")
    await clock.advance(1.0)
    assert not resting.done(), "that was for another cloud"
    sent.note("east")
    assert await resting is True
    assert clock.monotonic() == 2.0


async def test_what_was_sent_before_the_rest_is_not_missed_and_is_notified_once() -> None:
    clock = VirtualClock()
    sent = Sent(clock)
    sent.note("east")
    assert await sent.rest("east", 5.0) is True
    sent.taken("east")
    resting = asyncio.create_task(sent.rest("east", 5.0))
    await clock.advance(5.0)
    assert await resting is False
    assert sent.age("east") == 5.0
    assert sent.age("west") == float("inf")


async def test_a_look_that_leaves_a_cloud_at_work_says_so_and_one_that_waits_for_a_need_does_not(
    world: World,
) -> None:
    east = await world.cloud("east")
    east.building = 30.0
    await world.box()
    await world.assign()
    await world.worker.run_due()
    assert world.machine.sent.age("east") == float("inf"), "it waits for what it needs there"
    world.clock.time += 1
    await world.settle(1)
    assert len(east.here()) == 1
    assert world.machine.sent.age("east") <= 1.0


# --- few things -----------------------------------------------------------------------------------


async def test_a_cloud_that_was_quiet_is_looked_at_as_soon_as_something_was_sent(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.cloud("east")
    stepping, hangs = Stepping(world.clock), asyncio.Event()

    async def sleep(seconds: float) -> None:
        if seconds < world.machine.pace.sweep_busy:
            await stepping(seconds)
        else:
            hangs.set()
            await asyncio.Event().wait()

    monkeypatch.setattr(world.clock, "sleep", sleep)
    resting = asyncio.create_task(rest(world))
    await asyncio.wait_for(hangs.wait(), 60)
    east = world.children.clouds["east"]
    assert east is not None
    east.building = 0.3
    await world.want("box", "b1")
    while await world.worker.run_due():
        pass
    await until(lambda: settled(world))
    assert world.clock.monotonic() - (await box(world)).created_at < 1.0
    resting.cancel()
    await asyncio.gather(resting, return_exceptions=True)


async def test_few_things_are_asked_for_and_nothing_is_listed(world: World, stepping: Stepping) -> None:
    east = await building(world, number=3)
    began = world.clock.time
    await rest(world)
    assert set(east.calls) == {"observe"}
    assert [await settled(world, id) for id in ("b1", "b2", "b3")] == [True] * 3
    assert world.clock.time == began + world.machine.pace.sweep, "the next sweep is as soon as ever"
    assert await world.pending() == [], "without a look of its own"


async def test_what_is_as_it_was_is_asked_for_and_not_written(world: World, stepping: Stepping) -> None:
    await building(world, seconds=60.0)
    await rest(world)
    written: list[str] = []

    async def gate(place: str) -> None:
        written.append(place)

    world.store.gate = gate
    await rest(world)
    assert written == []


async def test_what_has_been_building_for_longer_is_asked_for_less_often(
    world: World, stepping: Stepping
) -> None:
    east = await building(world, seconds=300.0)
    await rest(world)
    young = east.calls.count("observe")
    east.calls.clear()
    world.clock.time += 60
    await rest(world)
    pace = world.machine.pace
    assert east.calls.count("observe") <= pace.sweep / pace.sweep_busy < young


@pytest.mark.parametrize(("took", "pause"), [(0.01, 0.25), (0.2, 0.4), (3.0, 1.0)])
async def test_a_cloud_that_is_slow_is_left_alone_for_longer(
    world: World, stepping: Stepping, took: float, pause: float
) -> None:
    east = await building(world, seconds=300.0)

    async def slow(place: str) -> None:
        if place == "before observe":
            world.clock.time += took

    east.gate = slow
    await rest(world)
    assert stepping.slept[0] == 0.25
    assert stepping.slept[1] == pytest.approx(pause), "twice what it took, within bounds"


async def test_what_is_leaving_is_confirmed_without_waiting_for_a_sweep(
    world: World, stepping: Stepping
) -> None:
    east = await building(world, seconds=0.0)
    await rest(world)
    await world.remove("box", "b1")
    while await world.worker.run_due():
        pass
    assert (await box(world)).memory["delete_asked_at"], "its end is not confirmed yet"
    (item,) = [one for one in await work.about(world.store, "box", "b1") if one.cloud == "east"]
    own = item.due_at
    east.calls.clear()
    await rest(world)
    assert set(east.calls) == {"observe"}
    (item,) = [one for one in await work.about(world.store, "box", "b1") if one.cloud == "east"]
    assert item.due_at < own
    while await world.worker.run_due():
        pass
    assert (await world.shown())["status"] == "gone"


async def test_what_is_not_there_though_it_should_be_is_left_to_a_look(
    world: World, stepping: Stepping
) -> None:
    east = await building(world, seconds=60.0)
    due = [one.due_at for one in await work.about(world.store, "box", "b1")]
    del east.things[east.here()[0].remote_id]
    await rest(world)
    assert [one.due_at for one in await work.about(world.store, "box", "b1")] == due
    assert (await box(world)).state == "pending"


async def test_what_no_listing_has_named_is_not_taken_for_something_that_listings_show(
    world: World, stepping: Stepping
) -> None:
    east = await building(world, seconds=60.0)
    east.change(east.here()[0].remote_id, name="news")
    await rest(world)
    assert (await box(world)).observed["name"] == "news"  # type: ignore[index]
    assert not world.machine.sweeps(await box(world))
    (item,) = await work.about(world.store, "box", "b1")
    assert item.due_at <= world.clock.now() + 2.0, "so it goes on being looked at by itself"


# --- many things, and clouds that do not answer -----------------------------------------------------


async def test_many_things_are_left_to_sweeps_which_follow_sooner(world: World, stepping: Stepping) -> None:
    east = await building(world, number=4)
    world.machine.rounds["east", "box"] = Round(world.clock.time, 0.1)
    await rest(world)
    assert east.calls == []
    assert stepping.slept == [0.5]


async def test_a_cloud_that_did_not_answer_the_sweep_is_not_asked(world: World, stepping: Stepping) -> None:
    east = await building(world)
    await rest(world, answers=False)
    assert east.calls == []


async def test_a_cloud_that_stops_answering_is_left_to_the_next_sweep(
    world: World, stepping: Stepping
) -> None:
    east = await building(world)
    east.fail("observe", Unreachable("gone away"))
    began = world.clock.time
    await rest(world)
    assert east.calls == ["observe"]
    assert world.clock.time - began <= world.machine.pace.sweep_busy


async def test_a_cloud_that_is_away_is_not_called(world: World, stepping: Stepping) -> None:
    east = await building(world)
    east.down = True
    await rest(world)
    assert east.calls == []


# --- as it runs -----------------------------------------------------------------------------------

#: Sweeps that come too late for any test, and looks that come soon.
SLOW = Pace(poll=0.02, sweep=600.0, sweep_busy=0.05, lease=60.0)


@pytest.fixture
async def slow(tmp_path: Path) -> AsyncIterator[World]:
    made = World(tmp_path, SLOW)
    yield made
    await made.close()


def _asleep(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A quiet cloud's sweeper sleeps for ever; what is shorter passes at once, and the clock moves on by it."""
    stepping = Stepping(world.clock)

    async def sleep(seconds: float) -> None:
        if seconds > 1.0:
            await asyncio.Event().wait()
        await asyncio.sleep(0.005)
        await stepping(seconds)

    monkeypatch.setattr(world.clock, "sleep", sleep)


async def test_one_worker_sees_the_end_though_no_sweep_comes(
    slow: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    _asleep(slow, monkeypatch)
    east = await slow.cloud("east")
    east.building = 0.5
    async with running(slow.worker):
        await until(lambda: _swept(slow))
        for id in ("b1", "b2"):
            await slow.box(id)
            await until(lambda named=id: settled(slow, named))  # type: ignore[misc]


async def _swept(world: World) -> bool:
    return ("east", "box") in world.machine.rounds


async def test_who_takes_over_a_lane_sees_the_end_of_what_another_has_sent(
    slow: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    _asleep(slow, monkeypatch)
    east = await slow.cloud("east")
    east.building = 1000.0
    broker = {name: ScriptedBroker(frozenset({"", "east"} if name == "a" else ())) for name in "ab"}
    workers = {name: slow.new_worker(name) for name in "ab"}
    for name, worker in workers.items():
        worker.ownership = shared(slow, name, broker[name])
        worker.ownership.listen(worker._stir.set)
    async with AsyncExitStack() as stack:
        for worker in workers.values():
            await stack.enter_async_context(running(worker))
        await slow.box()
        await until(lambda: bool(east.here()))
        broker["a"].says, broker["b"].says = frozenset(), frozenset({"", "east"})
        for one in broker.values():
            one.changed()
        await until(lambda: workers["b"].runs("east") and not workers["a"].runs("east"))
        slow.machine.sent = Sent(slow.clock)  # nothing of it is known in another process
        there = east.here()[0]
        there.ready_at = slow.clock.time
        east.change(there.remote_id)
        await until(lambda: settled(slow))
