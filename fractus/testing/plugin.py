"""For pytest: a `world`, and a check that no test leaves a task running. Enable it with `-p fractus.testing.plugin`."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from fractus.testing.world import World

#: Turns of the loop in which what was cancelled at the end of a test may still come to its own end.
_TURNS = 10


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    """Two simulated clouds, a and b, and all of fractus before them."""
    async with World(clouds=2, tmp_path=tmp_path) as made:
        yield made


@pytest.fixture
async def no_task_left() -> AsyncIterator[None]:
    """Used by every asynchronous test: fails where a task outlives it."""
    before = asyncio.all_tasks()
    yield
    for _ in range(_TURNS):
        await asyncio.sleep(0)
    left = [task for task in asyncio.all_tasks() - before if task is not asyncio.current_task()]
    shown = [str(task) for task in left]
    for task in left:
        task.cancel()
    await asyncio.gather(*left, return_exceptions=True)
    assert not left, f"tasks were left running: {shown}"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Every asynchronous test gets `no_task_left`, set up first and so torn down last."""
    for item in items:
        if isinstance(item, pytest.Function) and inspect.iscoroutinefunction(item.obj):
            item.fixturenames.insert(0, "no_task_left")
