"""A real broker for each module that asks for one: started once, as it takes some seconds."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tools.broker import rabbit


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[rabbit.Broker]:
    if reason := rabbit.why_not():
        pytest.skip(reason)
    made = rabbit.Broker(Path(tmp_path_factory.mktemp("rabbit")))
    made.start()
    try:
        yield made
    finally:
        made.close()
