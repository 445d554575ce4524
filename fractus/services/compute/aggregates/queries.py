"""Reading aggregates."""

from __future__ import annotations

from sqlalchemy import select

from fractus.services.compute.aggregates.kind import KIND
from fractus.services.compute.dialect.queries import Live
from fractus.store.transaction import Query, Reader, Row

BY_NAME = Live(KIND, "live_name")

_c = KIND.table.c
_every = Query(select(_c.id, _c.summary, _c.extra).where(_c.live.is_not(None)).order_by(_c.created_at, _c.id))


async def every(reader: Reader) -> list[Row]:
    """`(id, summary, extra)` of all, oldest first: Nova lists them without pages."""
    return list(await reader.rows(_every))
