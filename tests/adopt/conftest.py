"""Stories over a whole world, of clouds that had a life before fractus."""

from __future__ import annotations

from pathlib import Path

import pytest

from fractus.testing import plugin
from fractus.testing.plugin import no_task_left, world

__all__ = ["no_task_left", "world"]

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    plugin.pytest_collection_modifyitems([item for item in items if item.path.is_relative_to(HERE)])
