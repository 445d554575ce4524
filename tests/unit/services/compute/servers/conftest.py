from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from fractus.services.compute.servers.table import SERVER
from fractus.store.schema import METADATA
from fractus.store.sqlite import SqliteStore
from tests.unit.own_tables import every_table
from tests.unit.services.compute.servers.house import House, TestClock


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    clock = TestClock()
    store = SqliteStore(str(tmp_path / "store.sqlite"), clock)
    store.create(every_table())
    assert SERVER.metadata is METADATA
    made = House(store, clock)
    await made.add_cloud("east")
    await made.add_cloud("west")
    yield made
    await store.close()
