"""A world for each test."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from tests.unit.reconcile.toy import World


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    made = World(tmp_path)
    yield made
    await made.close()


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    """Faults on purpose are logged with their stack, which takes longer to print than the test."""
    with capture_logs():
        yield
