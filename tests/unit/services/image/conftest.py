from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from fractus.auth import base_rules
from fractus.services import image
from fractus.services.image.bits import BitsDirectory
from fractus.services.image.images import policy
from fractus.services.image.images.api import ImagesApi
from fractus.services.image.images.schema import IMPORT_METHODS
from fractus.services.image.images.table import IMAGE, IMAGE_TASK
from fractus.services.image.info import policy as info_policy
from fractus.services.image.info.api import InfoApi
from fractus.services.image.schemas import policy as schema_policy
from fractus.services.image.schemas.api import SchemasApi
from fractus.web.face import ServiceRoutes
from tests.unit.services.in_process import Door, Rows

CAP = 8 << 20


class Gallery(Door):
    """The image service, with its files."""

    def __init__(self, directory: Path) -> None:
        rows = Rows(directory, {"image": IMAGE, "image_task": IMAGE_TASK})
        self.directory = directory / "images"
        self.bits = BitsDirectory(self.directory, cap=CAP)
        self.images = ImagesApi(rows.store, rows.ledger, self.bits)
        routes = [*self.images.routes(), *SchemasApi().routes(), *InfoApi(IMPORT_METHODS).routes()]
        rules = [*base_rules.GLANCE, *policy.RULES, *schema_policy.RULES, *info_policy.RULES]
        given = ServiceRoutes(
            service=image.SERVICE, routes=routes, rules=rules, unserved=image.unserved(routes)
        )
        super().__init__(rows, [given])

    def files(self) -> list[str]:
        """What lies in the directory."""
        return sorted(path.name for path in self.directory.iterdir())


@pytest.fixture
async def door(tmp_path: Path) -> AsyncIterator[Gallery]:
    gallery = Gallery(tmp_path)
    yield gallery
    await gallery.rows.store.close()
