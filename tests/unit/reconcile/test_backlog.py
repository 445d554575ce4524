"""What has piled up for a cloud that was away: quiet until it is back, then at its pace, and nobody else notices."""

from __future__ import annotations

import apsw
import pytest

from fractus.model.errors import Throttled
from fractus.reconcile.machine import Pace
from fractus.store import work
from fractus.store.sqlite import _DIALECT
from tests.unit.reconcile.toy import World


async def pile(world: World, number: int) -> None:
    for index in range(number):
        await world.want("box", f"b{index:03}", zone="east")


async def waiting(world: World) -> list[work.Pending]:
    """What waits for the return of east."""
    found = []
    for row in await world.pending():
        found += [
            one for one in await work.about(world.store, row[0], row[1]) if one.waits_on == "cloud/east"
        ]
    return found


async def test_while_a_cloud_is_away_its_items_are_hardly_looked_at(world: World) -> None:
    east = await world.cloud("east")
    east.down = True
    await pile(world, 20)
    await world.settle(120)
    east.calls.clear()
    await world.settle(3600)
    # Each looks by itself every two and a half to five minutes; before, it was every fifteen to thirty seconds.
    assert 20 * 10 <= len(east.calls) <= 20 * 30
    assert len(await waiting(world)) == 20


async def test_all_of_it_is_due_with_the_first_sweep_that_is_answered(world: World) -> None:
    east = await world.cloud("east")
    east.down = True
    await pile(world, 20)
    await world.settle(600)
    assert not await world.worker.sweep_once("east", full=False)
    assert len(await waiting(world)) == 20
    east.down = False
    assert await world.worker.sweep_once("east", full=False)
    assert await waiting(world) == []
    moment = world.clock.time
    await world.settle(1)
    assert len(east.here()) == 20
    assert world.clock.time - moment <= 1


async def test_without_any_sweep_it_is_done_all_the_same(world: World) -> None:
    east = await world.cloud("east")
    east.down = True
    await pile(world, 3)
    await world.settle(600)
    east.down = False
    await world.settle(400)
    assert len(east.here()) == 3


async def test_what_was_never_made_and_is_not_wanted_any_more_costs_no_call(world: World) -> None:
    east = await world.cloud("east")
    east.down = True
    await pile(world, 5)
    await world.settle(600)
    for index in range(5):
        await world.remove("box", f"b{index:03}")
    east.calls.clear()
    await world.settle(1)
    assert await world.where("box", "b000") == []
    assert east.calls == []
    assert await world.pending() == []


async def test_the_newest_request_does_not_wait_for_all_that_is_older(world: World) -> None:
    await world.cloud("east")
    await pile(world, 20)
    await world.assign()
    world.clock.time += 10
    await world.want("box", "fresh", zone="east")
    for claim in await world.worker._claim("", 1):
        await world.worker.handle(claim)
    now = world.clock.now()
    found = await work.due(world.store, "east", now, 8, newest=4)
    assert "fresh" in [one.id for one in found]
    assert len({one.id for one in found}) == 8
    assert "fresh" not in [one.id for one in await work.due(world.store, "east", now, 8)]
    # Where all are taken, none is taken twice.
    every = await work.due(world.store, "east", now, 100, newest=50)
    assert len(every) == len({one.id for one in every}) == 21
    assert [one.id for one in await work.due(world.store, "east", now, 1, newest=1)] == ["fresh"]


async def test_after_an_outage_one_goes_first_and_then_more(world: World) -> None:
    east = await world.cloud("east")
    worker = world.worker
    assert worker._room("east") == Pace().concurrency
    east.down = True
    assert worker._room("east") < Pace().concurrency
    east.down = False
    rooms = [worker._room("east")]
    assert rooms == [1]
    await pile(world, 30)
    for _ in range(40):
        claims = [
            *await worker._claim("", 100),
            *(await worker._claim("east", worker._room("east"))),
        ]
        for claim in claims:
            await worker.handle(claim)
        rooms.append(worker._room("east"))
    assert rooms == sorted(rooms)
    assert rooms[-1] > 8


async def test_a_pause_that_a_service_asks_for_is_kept_by_who_needs_it_and_soon_over_for_others(
    world: World,
) -> None:
    east, _west = await world.cloud("east"), await world.cloud("west")
    east.fail("create", Throttled("too much", after=200.0))
    await world.want("box", "b1", zone="east")
    await world.assign()
    (claim,) = await world.worker._claim("east", 10)
    await world.worker.handle(claim)
    assert world.worker._room("east") == 0
    assert world.worker._room("west") == Pace().concurrency
    (row,) = [one for one in await work.about(world.store, "box", "b1") if one.cloud == "east"]
    assert row.due_at == world.clock.time + 200
    world.clock.time += 2
    assert 0 < world.worker._room("east") < Pace().concurrency


@pytest.mark.parametrize("query", ["_due", "_newest", "_next", "_waits"])
def test_what_a_worker_asks_all_the_time_reads_the_end_of_an_index_and_not_the_backlog(
    world: World, query: str
) -> None:
    connection: apsw.Connection = world.sqlite.connection
    text = getattr(work, query).compiled(_DIALECT).text
    names = getattr(work, query).compiled(_DIALECT)._names
    plan = " ".join(row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {text}", [1] * len(names)))
    assert "USING INDEX work_by_" in plan or "USING COVERING INDEX work_by_" in plan
    assert "TEMP B-TREE" not in plan
    assert "SCAN" not in plan
