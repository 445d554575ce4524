from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

import fractus.addressing.tables  # noqa: F401  (its tables are part of METADATA)
from fractus.base.clock import SystemClock
from fractus.store.schema import METADATA
from fractus.store.sqlite import SqliteStore


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    made = SqliteStore(tmp_path / "fractus.db", SystemClock())
    made.create(METADATA)
    yield made
    await made.close()
