from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from fractus.auth import base_rules
from fractus.services.compute import SERVICE
from fractus.services.compute.keypairs.api import KeypairsApi
from fractus.services.compute.keypairs.kind import KIND
from fractus.web.face import ServiceRoutes
from tests.unit.services.in_process import Door, Rows


@pytest.fixture
async def door(tmp_path: Path) -> AsyncIterator[Door]:
    rows = Rows(tmp_path, {"keypair": KIND.table})
    api = KeypairsApi(rows.store, rows.ledger, rows.clock)
    rules = [*base_rules.NOVA, *KIND.rules]
    yield Door(rows, [ServiceRoutes(service=SERVICE, routes=api.routes(), rules=rules)])
    await rows.store.close()
