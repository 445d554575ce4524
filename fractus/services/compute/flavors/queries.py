"""Reading flavors, and what is kept of them beside the document."""

from __future__ import annotations

from sqlalchemy import bindparam, select

from fractus.auth.principal import Principal
from fractus.model.errors import NotFound
from fractus.model.resource import Resource
from fractus.services.compute.dialect.queries import Live, Source
from fractus.services.compute.flavors.kind import KIND
from fractus.store.presences import of_resource
from fractus.store.resources import Resources
from fractus.store.transaction import Query, Reader

LIVE, NAMES = Live(KIND), Live(KIND, "live_name")

_c = KIND.table.c
_visible = Query(select(_c.is_public, _c.access).where(_c.live_id == bindparam("flavorid")))


def may_use(principal: Principal, is_public: bool, access: str) -> bool:
    """Whether the caller may see and use a flavor with these columns."""
    return is_public or principal.is_admin or f"|{principal.project_id}|" in access


async def row_is_free(reader: Reader, resources: Resources, id: str) -> bool | None:
    """Whether a deleted flavor's row has served its time: it is in no cloud and nothing needs it. None: no row."""
    if await resources.fetch(reader, "flavor", id) is None:
        return None
    if await of_resource(reader, "flavor", id):
        return False
    return not await resources.needed_by(reader, "flavor", id)


class FlavorSource(Source):
    """Flavors, for those who build servers."""

    live = LIVE

    async def usable(self, reader: Reader, principal: Principal, flavor_id: str) -> Resource:
        """The flavor that the caller calls `flavor_id` and may use; `NotFound` else, in Nova's words.

        Its `id` is the one for needs; `desired["flavorid"]` is what users call it.
        """
        row = await reader.row(_visible, flavorid=flavor_id)
        found = None
        if row is not None and may_use(principal, *row):
            found = await self.found(reader, flavor_id)
        if found is None:
            raise NotFound(KIND.missing.format(flavor_id))
        return found
