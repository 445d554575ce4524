from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

import fractus.addressing.tables  # noqa: F401  (its tables are part of METADATA)
from fractus.base.clock import SystemClock
from fractus.store.schema import METADATA
from fractus.testing.stores import AnyStore, fresh


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[AnyStore]:
    async with fresh(tmp_path / "fractus.db", SystemClock(), METADATA) as made:
        yield made
