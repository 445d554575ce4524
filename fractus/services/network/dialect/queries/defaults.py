"""Which thing requests get that name none."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Table

from fractus.store.listing import Filter, page
from fractus.store.transaction import Reader

_DEFAULT = (Filter("is_default", "eq", True), Filter("deleted_at", "null"))


async def default_of(reader: Reader, table: Table, **among: Any) -> str | None:
    """The id of the default one among the things that have these values in their columns."""
    of = [Filter(name, "eq", value) for name, value in among.items()]
    found = await page(reader, table, [*of, *_DEFAULT], columns=("id",), limit=1)
    return str(found[0][0]) if found else None
