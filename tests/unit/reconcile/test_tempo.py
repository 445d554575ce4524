"""How fast many clouds are swept."""

from __future__ import annotations

import asyncio

from fractus.reconcile.tempo import Inventories, Tempo
from fractus.testing.clock import VirtualClock


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
    await asyncio.wait_for(well, 5)
    for task in hanging:
        task.cancel()
    await asyncio.gather(*hanging, return_exceptions=True)
