from __future__ import annotations

import asyncio

import pytest

from fractus.clouds.openstack.once import Once


class Work:
    def __init__(self) -> None:
        self.runs = 0
        self.gate = asyncio.Event()

    async def run(self) -> int:
        self.runs += 1
        await self.gate.wait()
        return self.runs

    async def fail(self) -> int:
        self.runs += 1
        await self.gate.wait()
        raise KeyError(self.runs)


async def test_those_who_ask_meanwhile_share_the_answer() -> None:
    once: Once[str, int] = Once()
    work = Work()
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(once.run("a", work.run)) for _ in range(5)]
        await asyncio.sleep(0)
        work.gate.set()
    assert [task.result() for task in tasks] == [1] * 5
    assert await once.run("a", work.run) == 2


async def test_a_failure_is_shared_too_and_not_kept() -> None:
    once: Once[str, int] = Once()
    work = Work()
    waiting = asyncio.gather(*(once.run("a", work.fail) for _ in range(3)), return_exceptions=True)
    await asyncio.sleep(0)
    work.gate.set()
    assert [type(result) for result in await waiting] == [KeyError] * 3
    assert work.runs == 1
    with pytest.raises(KeyError):
        await once.run("a", work.fail)


async def test_when_the_first_is_cancelled_the_next_begins_anew() -> None:
    once: Once[str, int] = Once()
    work = Work()
    first = asyncio.ensure_future(once.run("a", work.run))
    await asyncio.sleep(0)
    second = asyncio.ensure_future(once.run("a", work.run))
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.sleep(0)
    work.gate.set()
    assert await second == 2
    assert first.cancelled()


async def test_one_who_waits_can_be_cancelled_alone() -> None:
    once: Once[str, int] = Once()
    work = Work()
    first = asyncio.ensure_future(once.run("a", work.run))
    await asyncio.sleep(0)
    second = asyncio.ensure_future(once.run("a", work.run))
    await asyncio.sleep(0)
    second.cancel()
    await asyncio.sleep(0)
    work.gate.set()
    assert await first == 1
    assert second.cancelled()
