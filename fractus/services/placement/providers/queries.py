"""Rows of the mirrors of Placement."""

from __future__ import annotations

from functools import cache

from sqlalchemy import Table, bindparam, select

from fractus.services import mirror_rows
from fractus.services.mirror_rows import Found
from fractus.services.placement.providers.kind import PROVIDERS
from fractus.store.listing import Filter, Filters
from fractus.store.transaction import Query, Reader


async def providers(reader: Reader, filters: Filters) -> list[Found]:
    """Providers in the order of clouds, and in each by name."""
    return await mirror_rows.found(reader, PROVIDERS, filters, order=("name",))


async def provider(reader: Reader, id: str) -> Found | None:
    """The one that an id is of."""
    rows = await providers(reader, [Filter("id", "eq", id)])
    return rows[0] if rows else None


async def clouds(reader: Reader, table: Table = PROVIDERS.table) -> list[str]:
    """The clouds whose Placement lets us list its providers (or what else is in a table), and has some."""
    return [row[0] for row in await reader.rows(_clouds(table))]


async def names(reader: Reader, table: Table) -> list[str]:
    """Every name that some cloud has, once."""
    return [row[0] for row in await reader.rows(_names(table))]


async def is_name(reader: Reader, table: Table, name: str) -> bool:
    """Whether some cloud has it."""
    return await reader.row(_one(table), n=name) is not None


@cache
def _clouds(table: Table) -> Query:
    return Query(select(table.c.cloud).distinct().order_by(table.c.cloud))


@cache
def _names(table: Table) -> Query:
    return Query(select(table.c.name).distinct().order_by(table.c.name))


@cache
def _one(table: Table) -> Query:
    return Query(select(table.c.name).where(table.c.name == bindparam("n")).limit(1))
