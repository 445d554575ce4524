from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from fractus.auth import base_rules
from fractus.services.compute import SERVICE
from fractus.services.compute.flavors.api import FlavorsApi
from fractus.services.compute.flavors.kind import KIND
from fractus.web.face import ServiceRoutes
from tests.unit.services.in_process import Door, Rows


@pytest.fixture
async def door(tmp_path: Path) -> AsyncIterator[Door]:
    rows = Rows(tmp_path, {"flavor": KIND.table})
    api = FlavorsApi(rows.store, rows.ledger, rows.tokens)
    rules = [*base_rules.NOVA, *KIND.rules]
    yield Door(rows, [ServiceRoutes(service=SERVICE, routes=api.routes(), rules=rules)])
    await rows.store.close()
