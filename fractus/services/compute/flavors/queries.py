"""Reading flavors, and what is kept of them beside the document."""

from __future__ import annotations

from sqlalchemy import bindparam, select

from fractus.auth.principal import Principal
from fractus.model.errors import NotFound
from fractus.model.resource import Resource
from fractus.services.compute.flavors.table import FLAVOR
from fractus.store.listing import Filter
from fractus.store.presences import of_resource
from fractus.store.resources import Resources
from fractus.store.transaction import Query, Reader, Row

_c = FLAVOR.c
_shown = Query(
    select(_c.summary, _c.extra, _c.is_public, _c.access).where(_c.live_id == bindparam("flavorid"))
)
_named = Query(select(_c.id).where(_c.live_id == bindparam("flavorid")))
_called = Query(select(_c.id).where(_c.live_name == bindparam("name")))


def _like(project: str) -> str:
    escaped = project.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%|{escaped}|%"


def allowed(principal: Principal) -> list[Filter]:
    """What a caller may see, either of them: public flavors, and those their project was given access to."""
    either = [Filter("is_public", "eq", True)]
    if principal.project_id:
        either.append(Filter("access", "like", _like(principal.project_id)))
    return either


def missing(flavor_id: str) -> NotFound:
    """Nova's sentence."""
    return NotFound(f"Flavor {flavor_id} could not be found.")


async def flavor_shown(reader: Reader, flavor_id: str, principal: Principal) -> Row:
    """`(summary, extra)` of a flavor that the caller may see; `NotFound` else."""
    row = await reader.row(_shown, flavorid=flavor_id)
    if row is None:
        raise missing(flavor_id)
    summary, extra, public, access = row
    if not (public or principal.is_admin or f"|{principal.project_id}|" in access):
        raise missing(flavor_id)
    return (summary, extra)


async def flavor_fetch(reader: Reader, resources: Resources, flavor_id: str) -> Resource:
    """A flavor by the id that users know; `NotFound` where there is none."""
    row = await reader.row(_named, flavorid=flavor_id)
    found = None if row is None else await resources.fetch(reader, "flavor", row[0])
    if found is None:
        raise missing(flavor_id)
    return found


async def flavor_taken(reader: Reader, flavor_id: str, name: str) -> str:
    """Which of the two is in use: `id`, `name`, or neither (an empty text)."""
    if await reader.row(_named, flavorid=flavor_id) is not None:
        return "id"
    return "name" if await reader.row(_called, name=name) is not None else ""


async def flavor_named(reader: Reader, resources: Resources, name: str) -> Resource | None:
    """A flavor by its name."""
    row = await reader.row(_called, name=name)
    return None if row is None else await resources.fetch(reader, "flavor", row[0])


async def flavor_row_is_free(reader: Reader, resources: Resources, id: str) -> bool | None:
    """Whether a deleted flavor's row has served its time: it is in no cloud and nothing needs it. None: no row."""
    if await resources.fetch(reader, "flavor", id) is None:
        return None
    if await of_resource(reader, "flavor", id):
        return False
    return not await resources.needed_by(reader, "flavor", id)


class FlavorSource:
    """Flavors, for those who build servers."""

    def __init__(self, resources: Resources) -> None:
        """Read them from `resources`."""
        self._resources = resources

    async def usable(self, reader: Reader, principal: Principal, flavor_id: str) -> Resource:
        """The flavor that the caller calls `flavor_id` and may use; `NotFound` else, in Nova's words.

        Its `id` is the one for needs; `desired["flavorid"]` is what users call it.
        """
        await flavor_shown(reader, flavor_id, principal)
        return await flavor_fetch(reader, self._resources, flavor_id)
