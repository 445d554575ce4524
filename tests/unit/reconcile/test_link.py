"""Law 11: if most clouds look down at once, our own link is the suspect, and nothing is moved away from them."""

from __future__ import annotations

import pytest

from fractus.reconcile.guard import automatic_changes
from fractus.reconcile.guard.link import Sight, judge
from fractus.reconcile.machine import Pace
from fractus.store import holds
from tests.unit.reconcile.toy import World

NOW = 100_000.0


def sights(*, up: int = 0, down: int = 0, silent: int = 0, gone: int = 0, never: int = 0) -> list[Sight]:
    made = [("up", up, True, NOW - 5), ("down", down, False, NOW - 5), ("silent", silent, True, NOW - 40)]
    found = [Sight(f"{name}{n}", well, seen) for name, count, well, seen in made for n in range(count)]
    found += [Sight(f"gone{n}", False, NOW - 7200) for n in range(gone)]
    return found + [Sight(f"never{n}", False, None) for n in range(never)]


@pytest.mark.parametrize(
    ("seen", "suspect"),
    [
        ({}, False),
        ({"up": 3}, False),
        ({"up": 2, "down": 1}, False),
        ({"up": 1, "down": 1}, False),
        ({"up": 1, "down": 2}, True),
        ({"down": 2}, True),
        ({"down": 1}, True),
        ({"up": 1, "silent": 2}, True),
        ({"up": 5, "silent": 3, "down": 2}, False),
        ({"up": 5, "silent": 3, "down": 3}, True),
        # What has been away for hours, or was never there, says nothing of our link.
        ({"up": 1, "down": 1, "gone": 5}, False),
        ({"up": 1, "never": 5}, False),
        ({"gone": 5}, False),
    ],
)
def test_most_of_those_that_answered_lately_must_be_away(seen: dict[str, int], suspect: bool) -> None:
    assert bool(judge(sights(**seen), now=NOW, silent=30.0)) is suspect


def test_it_says_how_many_and_which() -> None:
    reported = judge(sights(up=1, down=2), now=NOW, silent=30.0)
    assert reported.startswith("2 of 3 clouds do not answer (down0, down1)")


async def swept(world: World, *names: str) -> None:
    for name in names:
        await world.worker.sweep_once(name, full=False)


async def test_with_one_cloud_down_a_box_goes_elsewhere_and_with_most_down_it_waits(world: World) -> None:
    for name in ("east", "north", "west"):
        await world.cloud(name)
    await swept(world, "east", "north", "west")
    east, north = world.children.clouds["east"], world.children.clouds["north"]
    assert east is not None
    assert north is not None
    await world.box("b1")
    await world.assign()
    (first,) = await world.where()
    assert first == "east"
    east.down = north.down = True
    await swept(world, "east", "north", "west")
    for _ in range(6):
        await world.settle(20)
        world.clock.time += 10
        await swept(world, "east", "north", "west")
    assert await world.where() == ["east"]

    # The link is well again, and only one is really down: now it moves.
    north.down = False
    world.clock.time += 1
    for _ in range(20):
        await swept(world, "east", "north", "west")
        await world.settle(20)
        world.clock.time += 20
    (place,) = await world.where()
    assert place in ("north", "west")


async def test_what_may_not_move_waits_where_it_is_and_goes_when_allowed(world: World) -> None:
    world.machine.pace = Pace(automatic_least=0)
    for name in ("east", "north", "west"):
        await world.cloud(name)
    east = world.children.clouds["east"]
    assert east is not None
    await world.box()
    await world.assign()
    assert await world.where() == ["east"]
    east.down = True
    for _ in range(6):
        await swept(world, "east", "north", "west")
        await world.settle(20)
        world.clock.time += 10
    assert await world.where() == ["east"]
    assert (await world.shown())["status"] == "error"
    assert [one.name for one in await holds.every(world.store)] == ["unasked/east"]
    east.down = False
    await swept(world, "east")
    await world.settle(60)
    assert await world.where() == ["east"]
    assert (await world.shown())["status"] == "settled"


async def test_a_share_of_a_cloud_may_be_changed_and_then_a_hold_is_placed(world: World) -> None:
    world.machine.pace = Pace(automatic_least=2, automatic_window=600.0)
    await world.cloud("east")

    async def may(id: str) -> bool:
        async with world.sqlite.transaction() as tx:
            return await automatic_changes.may(world.machine, tx, "east", "box", id, "move elsewhere")

    assert [await may("b1"), await may("b1"), await may("b2")] == [True, True, True]
    assert not await may("b3")
    hold = await holds.fetch(world.store, holds.of_automatic_changes("east"))
    assert hold is not None
    assert "fractus cloud allow east" in hold.reason
    world.clock.time += 3600
    assert not await may("b3")
    async with world.sqlite.transaction() as tx:
        await holds.release(tx, holds.of_automatic_changes("east"))
        await holds.forget_automatic_changes(tx, "east")
    assert await may("b3")


async def test_the_count_begins_anew_with_the_window(world: World) -> None:
    world.machine.pace = Pace(automatic_least=1, automatic_window=600.0)
    await world.cloud("east")
    for number in range(5):
        async with world.sqlite.transaction() as tx:
            assert await automatic_changes.may(world.machine, tx, "east", "box", f"b{number}", "make anew")
        world.clock.time += 601
    assert await holds.every(world.store) == []
