"""How fast many clouds are swept."""

from __future__ import annotations

import asyncio
import itertools

import pytest

from fractus.reconcile.sweep_timing import ASK, SweepTiming
from fractus.reconcile.tempo import Inventories, Tempo
from fractus.testing.clock import VirtualClock
from tests.unit.reconcile.toy import HandClock


def test_a_quiet_cloud_is_swept_at_the_operators_pace() -> None:
    assert Tempo(5.0, 1.0).pause("a", None) == 5.0


def test_a_busy_one_as_often_as_it_bears() -> None:
    tempo = Tempo(5.0, 1.0)
    assert tempo.pause("a", 0.001) == 0.25
    assert tempo.pause("a", 0.1) == 0.5
    assert tempo.pause("a", 9.0) == 1.0


def test_what_is_asked_for_by_itself_is_asked_for_more_often_while_it_is_young() -> None:
    tempo = Tempo(5.0, 1.0)
    assert tempo.pause("a", 0.001, age=0.0) == 0.25
    assert tempo.pause("a", 0.2, age=0.0) == 0.4
    assert tempo.pause("a", 0.2, age=6.0) == 0.75
    assert tempo.pause("a", 0.2, age=60.0) == 1.0


def test_a_hundred_busy_ones_share_what_a_worker_can_take_in() -> None:
    tempo = Tempo(5.0, 1.0)
    pauses = [tempo.pause(f"c{number}", 0.001) for number in range(100)]
    assert pauses[0] == 0.25
    assert pauses[-1] == 100 / 40
    assert tempo.pause("c0", None) == 5.0
    assert tempo.pause("c1", 0.001) == 99 / 40


def _took(clock: HandClock, asked: float, total: float) -> SweepTiming:
    timing = SweepTiming(clock)
    timing.began -= total
    timing.seconds[ASK] = asked
    return timing


def test_sweeps_of_a_quiet_cloud_begin_at_even_intervals_however_long_they_take() -> None:
    tempo, clock = Tempo(5.0, 1.0), HandClock()
    began = []
    for total in [0.1, 2.0, 0.1, 1.0] * 20:
        began.append(clock.monotonic())
        clock.time += total
        clock.time += tempo.pause("a", None) - tempo.counts("a", _took(clock, 0.1, total))
    gaps = [later - earlier for earlier, later in itertools.pairwise(began)]
    assert all(4.7 <= gap <= 5.3 for gap in gaps)
    assert gaps[40:] == pytest.approx([5.0] * len(gaps[40:]))


def test_a_cloud_that_answers_slowly_is_not_asked_all_the_time() -> None:
    tempo, clock = Tempo(5.0, 1.0), HandClock()
    for asked, rest in ((3.0, 3.0), (60.0, 5.0)):
        assert 5.0 - tempo.counts("a", _took(clock, asked, asked + 0.1)) == pytest.approx(rest, abs=0.26)


def test_clouds_that_were_begun_together_are_not_swept_together_for_ever() -> None:
    tempo, clock = Tempo(5.0, 1.0), HandClock()
    start = clock.monotonic()
    at = {f"c{number}": start for number in range(100)}
    for _ in range(60):
        for cloud, moment in at.items():
            clock.time = moment
            at[cloud] += 5.0 - tempo.counts(cloud, SweepTiming(clock))
    first = min(at.values())
    together = max(sum(0.0 <= one - moment < 0.5 for one in at.values()) for moment in at.values())
    assert max(at.values()) - first <= 5.5
    assert together < 25, "of a hundred, in a tenth of the interval"


async def test_inventories_are_taken_a_few_at_a_time() -> None:
    clock = VirtualClock()
    inventories = Inventories(clock)
    under_way: set[str] = set()
    most = 0

    async def take(cloud: str) -> None:
        nonlocal most
        async with inventories.turn(cloud):
            under_way.add(cloud)
            most = max(most, len(under_way))
            await clock.sleep(1.0)
            under_way.discard(cloud)

    tasks = [asyncio.create_task(take(f"c{number}")) for number in range(30)]
    await asyncio.sleep(0)
    assert "c29" in inventories, "it will be taken, so nobody else need list all of it"
    for _ in range(40):
        await clock.advance(0.5)
    await asyncio.gather(*tasks)
    assert most == 8
    assert "c29" not in inventories


async def test_inventories_that_hang_keep_nobody_waiting() -> None:
    clock = VirtualClock()
    inventories = Inventories(clock)
    taken = asyncio.Event()

    async def hang(cloud: str) -> None:
        async with inventories.turn(cloud):
            await asyncio.Event().wait()

    async def take() -> None:
        async with inventories.turn("well"):
            taken.set()

    hanging = [asyncio.create_task(hang(f"c{number}")) for number in range(8)]
    await asyncio.sleep(0)
    well = asyncio.create_task(take())
    await clock.advance(15.0)
    assert not taken.is_set(), "a large page may take as long"
    await clock.advance(10.0)
    await asyncio.wait_for(well, 60)
    for task in hanging:
        task.cancel()
    await asyncio.gather(*hanging, return_exceptions=True)
