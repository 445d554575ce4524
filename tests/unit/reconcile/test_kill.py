"""The worker is killed at each place where it waits: for a cloud, before and after, and for the store.

Whatever the moment, after a restart the same things are there, each exactly once (0 duplicates, 0 orphans).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from tests.unit.reconcile.toy import ToyCloud, World


class Assassin:
    """Stops whoever comes through the gates for the n-th time."""

    def __init__(self, world: World, at: int) -> None:
        self.at = at
        self.count = 0
        self.place = ""
        self.struck = asyncio.Event()
        world.store.gate = self.gate
        for cloud in world.children.clouds.values():
            assert cloud is not None
            cloud.gate = self.gate

    async def gate(self, place: str) -> None:
        self.count += 1
        if self.count == self.at:
            self.place = place
            self.struck.set()
        if self.struck.is_set():
            await asyncio.Event().wait()


async def run_and_kill(world: World, at: int) -> str:
    """Let the worker go on until its n-th wait, kill it there; another goes on after its leases. Says where it was."""
    assassin = Assassin(world, at)
    working = asyncio.create_task(world.settle(120))
    struck = asyncio.create_task(assassin.struck.wait())
    await asyncio.wait([working, struck], return_when=asyncio.FIRST_COMPLETED)
    for task in (working, struck):
        task.cancel()
    await asyncio.gather(working, struck, return_exceptions=True)
    if assassin.place:
        assassin.at, assassin.struck = -1, asyncio.Event()
        world.worker = world.new_worker(f"after {at}")
        world.clock.time += world.machine.pace.lease + 1
        await world.settle(120)
    return assassin.place


async def create(world: World) -> None:
    await world.box(size=3)


async def change(world: World) -> None:
    await world.box(size=3)
    await world.settle()
    await world.change("box", "b1", size=4, kick=1)


async def remove(world: World) -> None:
    await world.box(size=3)
    await world.settle()
    await world.remove("box", "b1")


async def remove_while_it_is_made(world: World) -> None:
    await world.box(size=3)
    await world.assign()
    await world.remove("box", "b1")


async def remove_with_lost_answers(world: World) -> None:
    for cloud in world.children.clouds.values():
        assert cloud is not None
        cloud.lose("create", 3)
        cloud.lose("delete", 2)
    await world.box(size=3)
    await world.settle(1)
    await world.remove("box", "b1")


async def one_of_each(east: ToyCloud, west: ToyCloud, world: World) -> None:
    things = [(one.kind, one.marker) for one in east.here() + west.here()]
    assert things == [("box", "b1")]
    assert len(east.here("plug") + west.here("plug")) == 1
    assert (await world.shown())["status"] == "settled"


async def changed_once(east: ToyCloud, west: ToyCloud, world: World) -> None:
    await one_of_each(east, west, world)
    box = (east.here() + west.here())[0]
    assert box.size == 4
    assert box.kicks <= 1, "a kick is never repeated"


async def nothing_left(east: ToyCloud, west: ToyCloud, world: World) -> None:
    for kind in ("box", "plug"):
        assert east.here(kind) + west.here(kind) == []
    assert (await world.shown())["status"] == "gone"
    assert await world.where() == []
    assert world.lives["box"].ended == ["b1"], "what it held was released once"


Story = Callable[[World], Awaitable[None]]
End = Callable[[ToyCloud, ToyCloud, World], Awaitable[None]]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("begin", "end"),
    [
        (create, one_of_each),
        (change, changed_once),
        (remove, nothing_left),
        (remove_while_it_is_made, nothing_left),
        (remove_with_lost_answers, nothing_left),
    ],
)
async def test_killed_at_any_moment(tmp_path: Path, begin: Story, end: End) -> None:
    places = []
    for at in range(1, 1000):
        directory = tmp_path / str(at)
        directory.mkdir()
        world = World(directory)
        try:
            east, west = await world.cloud("east"), await world.cloud("west")
            await begin(world)
            place = await run_and_kill(world, at)
            await end(east, west, world)
            assert await world.pending() == [], f"killed at {place}"
        except AssertionError as error:
            raise AssertionError(f"killed at wait {at}: {place}") from error
        finally:
            await world.close()
        if not place:
            break
        places.append(place)
    assert len(places) > 5
