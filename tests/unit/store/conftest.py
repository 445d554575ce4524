"""A store with the machine's own tables."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from fractus.testing.stores import AnyStore, fresh
from tests.unit.own_tables import every_table


class HandClock:
    """Time that only a test moves."""

    def __init__(self) -> None:
        self.time = 1000.0

    def now(self) -> float:
        return self.time

    def monotonic(self) -> float:
        return self.time

    async def sleep(self, seconds: float) -> None:
        self.time += seconds


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
async def tables(tmp_path: Path, clock: HandClock) -> AsyncIterator[AnyStore]:
    """With every table that is known; `store` in some modules is one with tables of their own."""
    async with fresh(tmp_path / "store.db", clock, every_table()) as made:
        yield made
