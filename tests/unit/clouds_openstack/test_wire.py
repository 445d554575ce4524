"""How a child is asked: fewer calls when it is in trouble, a pause when it asks for one, work before sweeps."""

from __future__ import annotations

import asyncio

import pytest

from fractus.clouds.openstack.pace import Limits
from fractus.clouds.openstack.transport import Answer, Call
from fractus.clouds.openstack.wire import Wire
from fractus.model.errors import Throttled, Unreachable
from fractus.model.purpose import SWEEP, purpose
from tests.unit.clouds_openstack.fake import Clock


class Slow:
    """A child that answers when a test says so, and counts how many it is asked at once."""

    def __init__(self) -> None:
        self.inside = 0
        self.most = 0
        self.order: list[str] = []
        self.go = asyncio.Event()
        self.go.set()
        self.answers: list[Answer | Exception] = []

    async def exchange(self, call: Call) -> Answer:
        self.inside += 1
        self.most = max(self.most, self.inside)
        self.order.append(call.url)
        try:
            await self.go.wait()
        finally:
            self.inside -= 1
        answer = self.answers.pop(0) if self.answers else Answer(200, {})
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def close(self) -> None:
        return None


def get(url: str = "/x", service: str = "compute", lane: str = "work") -> Call:
    return Call(service=service, method="GET", url=url, lane=lane)


async def many(wire: Wire, slow: Slow, number: int) -> int:
    """So many calls at once; how many the child saw at a time."""
    slow.most, slow.inside = 0, 0
    slow.go.clear()
    async with asyncio.TaskGroup() as group:
        for _ in range(number):
            group.create_task(wire.send(get()))
        for _ in range(20):
            await asyncio.sleep(0)
        most = slow.most
        slow.go.set()
    return most


async def test_an_overloaded_child_is_asked_half_as_much_at_once_and_more_again_as_it_recovers(
    clock: Clock,
) -> None:
    slow = Slow()
    wire = Wire("paris", slow, Limits(max_calls=8, calls_per_second=0), clock)
    assert await many(wire, slow, 20) == 8
    slow.answers = [Answer(503, {})]
    assert (await wire.send(get())).status == 503
    assert await many(wire, slow, 4) == 4
    clock.time += 1
    slow.answers = [Answer(429, {})]
    await wire.send(get())
    before = await many(wire, slow, 3)
    assert before < 8
    for _ in range(200):
        await wire.send(get())
    assert await many(wire, slow, 20) == 8


async def test_a_service_that_asks_for_a_pause_is_left_alone_and_the_others_are_not(clock: Clock) -> None:
    slow = Slow()
    wire = Wire("paris", slow, Limits(), clock)
    slow.answers = [Answer(429, {"retry-after": "7"})]
    await wire.send(get())
    asked = len(slow.order)
    with pytest.raises(Throttled) as error:
        await wire.send(get())
    assert error.value.after == pytest.approx(7, abs=0.1)
    assert len(slow.order) == asked
    assert (await wire.send(get(service="network"))).status == 200
    assert (await wire.send(get(lane="live"))).status == 200
    clock.time += 8
    assert (await wire.send(get())).status == 200


async def test_when_it_was_away_it_is_asked_one_by_one_at_first(clock: Clock) -> None:
    slow = Slow()
    wire = Wire("paris", slow, Limits(max_calls=8, breaker_threshold=3, calls_per_second=0), clock)
    for _ in range(3):
        slow.answers = [Unreachable("no connection")]
        with pytest.raises(Unreachable):
            await wire.send(get())
    assert not wire.healthy()
    clock.time += 60
    await wire.send(get())
    assert wire.healthy()
    assert await many(wire, slow, 2) == 2
    for _ in range(100):
        await wire.send(get())
    assert await many(wire, slow, 20) == 8


async def test_users_work_goes_before_the_pages_of_a_sweep(clock: Clock) -> None:
    slow = Slow()
    wire = Wire("paris", slow, Limits(max_calls=1, calls_per_second=0), clock)
    slow.go.clear()

    async def page() -> None:
        purpose.set(SWEEP)
        await wire.send(get("/page"))

    async with asyncio.TaskGroup() as group:
        group.create_task(wire.send(get("/first")))
        await asyncio.sleep(0)
        for _ in range(2):
            group.create_task(page())
        for _ in range(20):
            await asyncio.sleep(0)
        group.create_task(wire.send(get("/work")))
        for _ in range(20):
            await asyncio.sleep(0)
        slow.go.set()
    assert slow.order == ["/first", "/work", "/page", "/page"]


async def test_sweeps_have_a_pace_of_their_own(clock: Clock) -> None:
    slow = Slow()
    wire = Wire("paris", slow, Limits(pages_per_second=5, calls_per_second=0), clock)
    began = clock.time
    for _ in range(50):
        await wire.send(get())
    assert clock.time == began
    mark = purpose.set(SWEEP)
    try:
        for _ in range(15):
            await wire.send(get())
    finally:
        purpose.reset(mark)
    assert clock.time - began == pytest.approx(2.0)
