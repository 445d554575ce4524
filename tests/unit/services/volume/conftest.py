from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from fractus.auth import base_rules
from fractus.services import volume
from fractus.services.volume.extensions import policy as extension_policy
from fractus.services.volume.extensions.api import ExtensionsApi
from fractus.services.volume.limits import policy as limit_policy
from fractus.services.volume.limits.api import LimitsApi
from fractus.services.volume.lists import policy as list_policy
from fractus.services.volume.lists.api import ListsApi
from fractus.web.face import ServiceRoutes
from tests.unit.services.in_process import Door, Rows


class Storage(Door):
    """Block storage alone."""

    def __init__(self, directory: Path) -> None:
        routes = [*ListsApi().routes(), *LimitsApi().routes(), *ExtensionsApi().routes()]
        rules = [*base_rules.CINDER, *list_policy.RULES, *limit_policy.RULES, *extension_policy.RULES]
        self.given = ServiceRoutes(
            service=volume.SERVICE, routes=routes, rules=rules, unserved=volume.unserved(routes)
        )
        super().__init__(Rows(directory, {}), [self.given])


@pytest.fixture
async def door(tmp_path: Path) -> AsyncIterator[Storage]:
    storage = Storage(tmp_path)
    yield storage
    await storage.rows.store.close()
