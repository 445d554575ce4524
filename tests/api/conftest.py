"""Stories over a whole world: nothing runs on after a test, and nothing that nobody foresaw happened in it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from fractus.testing import plugin
from fractus.testing.plugin import no_task_left, world

__all__ = ["no_task_left", "world"]

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    plugin.pytest_collection_modifyitems([item for item in items if item.path.is_relative_to(HERE)])


@pytest.fixture(autouse=True)
def no_surprise() -> Iterator[None]:
    """Fails where the API or the worker met what nobody foresaw: they log it as an error and go on."""
    with capture_logs() as lines:
        yield
    surprises = [line for line in lines if line["log_level"] in ("error", "critical")]
    assert not surprises, "\n".join(map(str, surprises))
