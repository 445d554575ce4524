"""Reading server groups and their members: the servers that need them."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import bindparam, select

from fractus.auth.principal import Principal
from fractus.model.resource import Resource
from fractus.services.compute.dialect.queries import Live, Source
from fractus.services.compute.server_groups.kind import KIND
from fractus.store.resources import MANY, among, by_sizes, padded
from fractus.store.schema import NEED
from fractus.store.transaction import Query, Reader, Row, Transaction

LIVE = Live(KIND)

_c = KIND.table.c
_page = select(_c.id, _c.summary, _c.extra).where(_c.live.is_not(None)).order_by(_c.created_at, _c.id)
_page = _page.limit(bindparam("n")).offset(bindparam("o"))
_of_project = Query(_page.where(_c.project_id == bindparam("p")))
_of_all = Query(_page)
_members = by_sizes(
    lambda size: (
        select(NEED.c.need_id, NEED.c.id)
        .where(NEED.c.need_kind == KIND.name, among(NEED.c.need_id, "group", size), NEED.c.kind == "server")
        .order_by(NEED.c.id)
    )
)
_members_of = Query(
    select(NEED.c.id).where(
        NEED.c.need_kind == KIND.name, NEED.c.need_id == bindparam("group"), NEED.c.kind == "server"
    )
)


async def page(reader: Reader, project_id: str | None, *, limit: int, offset: int) -> Sequence[Row]:
    """`(id, summary, extra)` of some groups, oldest first; `project_id` None: of all projects."""
    if project_id is None:
        return await reader.rows(_of_all, n=limit, o=offset)
    return await reader.rows(_of_project, n=limit, o=offset, p=project_id)


async def members(reader: Reader, ids: Sequence[str]) -> dict[str, list[str]]:
    """The servers of each of these groups that are not deleted."""
    found: dict[str, list[str]] = {id: [] for id in ids}
    for first in range(0, len(ids), MANY):
        query, asked = padded(_members, "group", ids[first : first + MANY])
        for group_id, server_id in await reader.rows(query, **asked):
            found[group_id].append(server_id)
    return found


class ServerGroupSource(Source):
    """Server groups, for those who build servers."""

    live = LIVE

    async def usable(self, tx: Transaction, principal: Principal, id: str) -> Resource | None:
        """The group, where the caller may put servers into it. Others who do so wait until this transaction ends."""
        if await LIVE.id(tx, id) is None:
            return None
        group = await self._resources.fetch(tx, KIND.name, id, to_write=True)
        if group is None or not (principal.is_admin or group.project_id == principal.project_id):
            return None
        return group

    async def members(self, reader: Reader, id: str) -> list[str]:
        """The servers of a group that are not deleted."""
        return [server_id for (server_id,) in await reader.rows(_members_of, group=id)]

    async def exists(self, reader: Reader, id: str) -> bool:
        """Whether there is such a group."""
        return await LIVE.id(reader, id) is not None
