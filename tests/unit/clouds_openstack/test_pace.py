from __future__ import annotations

import asyncio
import itertools

import msgspec
import pytest

from fractus.clouds.openstack.pace import Gate, Lanes, Limits, Rate
from tests.unit.clouds_openstack.fake import Clock


async def test_a_burst_of_one_second_passes_and_then_the_rate_holds(clock: Clock) -> None:
    rate = Rate(clock, 10)
    for _ in range(10):
        await rate.take()
    assert clock.slept == []
    began = clock.time
    for _ in range(20):
        await rate.take()
    assert clock.time - began == pytest.approx(2.0)


async def test_no_rate_is_no_limit(clock: Clock) -> None:
    rate = Rate(clock, 0)
    for _ in range(1000):
        await rate.take()
    assert clock.slept == []


async def test_lanes_do_not_hold_each_other_up() -> None:
    lanes = Lanes(Limits(max_live_calls=1, max_uploads=1))
    async with lanes["bulk"], asyncio.timeout(60), lanes["live"]:
        assert lanes["bulk"].locked()


def test_limits_are_read_from_settings_among_others() -> None:
    limits = Limits.of({"max_calls": "3", "call_timeout": 5, "colour": "blue"})
    assert (limits.max_calls, limits.call_timeout, limits.max_uploads) == (3, 5.0, Limits().max_uploads)
    with pytest.raises(msgspec.ValidationError):
        Limits.of({"max_calls": "many"})


async def test_a_burst_may_be_set(clock: Clock) -> None:
    rate = Rate(clock, 10, burst=3)
    for _ in range(3):
        await rate.take()
    assert clock.slept == []
    await rate.take()
    assert clock.slept == [pytest.approx(0.1)]


async def enter(gate: Gate, order: list[str], name: str, rank: int, leave: asyncio.Event) -> None:
    async with gate.turn(rank):
        order.append(name)
        await leave.wait()


async def turns() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_work_goes_before_sweeps_and_does_not_stop_them() -> None:
    gate = Gate(lambda: 1)
    order: list[str] = []
    leaves = [asyncio.Event() for _ in range(13)]
    names = [("first", 0)] + [(f"sweep{n}", 1) for n in range(3)] + [(f"work{n}", 0) for n in range(9)]
    async with asyncio.TaskGroup() as group:
        for (name, rank), leave in zip(names, leaves, strict=True):
            group.create_task(enter(gate, order, name, rank, leave))
            await turns()
        assert order == ["first"]
        for _ in range(len(names)):
            leaves[[name for name, _ in names].index(order[-1])].set()
            await turns()
    sweeps = [index for index, name in enumerate(order) if name.startswith("sweep")]
    assert order[1].startswith("work")
    assert [second - first for first, second in itertools.pairwise(sweeps)] == [4, 4]


async def test_a_gate_follows_its_room_both_ways() -> None:
    room = 3
    gate = Gate(lambda: room)
    order: list[str] = []
    leave = [asyncio.Event() for _ in range(6)]
    async with asyncio.TaskGroup() as group:
        for number in range(6):
            group.create_task(enter(gate, order, str(number), 0, leave[number]))
        await turns()
        assert len(order) == 3
        room = 1
        leave[0].set()
        leave[1].set()
        await turns()
        assert len(order) == 3
        room = 4
        gate.fill()
        await turns()
        assert len(order) == 6
        for one in leave:
            one.set()


async def test_who_goes_away_while_waiting_leaves_the_place_to_others() -> None:
    gate = Gate(lambda: 1)
    order: list[str] = []
    leave = asyncio.Event()
    first = asyncio.create_task(enter(gate, order, "first", 0, leave))
    await turns()
    second = asyncio.create_task(enter(gate, order, "second", 0, leave))
    third = asyncio.create_task(enter(gate, order, "third", 0, leave))
    await turns()
    leave.set()
    await asyncio.sleep(0)
    second.cancel()
    await asyncio.gather(first, second, third, return_exceptions=True)
    assert "third" in order
    async with asyncio.timeout(60), gate.turn():
        pass
