"""Mirrors: rows of what clouds have and show, beside our resources. Sweeps write them, readers never do."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import cache
from typing import Any

from msgspec import Struct
from sqlalchemy import Table, bindparam, delete, insert, select, update

from fractus.store.resources import MANY, among, by_sizes, padded
from fractus.store.schema import METADATA
from fractus.store.transaction import Query, Reader, Transaction


class MirrorRow(Struct, frozen=True):
    """One thing of one cloud."""

    remote_id: str
    id: str
    summary: bytes
    columns: Mapping[str, Any]
    """What lists filter and sort by."""


async def of_cloud(reader: Reader, table: Table, cloud: str) -> dict[str, tuple[str, bytes]]:
    """What is held of a cloud: the id there -> (id, document)."""
    return {row[0]: (row[1], bytes(row[2])) for row in await reader.rows(_of_cloud(table), c=cloud)}


async def shared_ids(reader: Reader, table: Table, cloud: str, remote_ids: Collection[str]) -> set[str]:
    """Those of these ids that another cloud has too."""
    found: set[str] = set()
    every = sorted(remote_ids)
    for first in range(0, len(every), MANY):
        query, values = padded(_elsewhere(table), "r", every[first : first + MANY])
        found |= {row[0] for row in await reader.rows(query, c=cloud, **values)}
    return found


async def put(
    tx: Transaction, table: Table, cloud: str, rows: Collection[MirrorRow], held: Collection[str]
) -> None:
    """Write rows of a cloud. `held`: the ids there of rows that are to be changed; the others are new."""
    for row in rows:
        values = {
            "c": cloud,
            "r": row.remote_id,
            "id": row.id,
            "summary": row.summary,
            "observed_at": tx.now(),
        }
        values |= row.columns
        await tx.put((_change if row.remote_id in held else _add)(table), values)


async def drop(tx: Transaction, table: Table, cloud: str, remote_ids: Collection[str]) -> None:
    """Forget what a cloud has no longer."""
    for remote_id in remote_ids:
        await tx.put(_drop(table), {"c": cloud, "r": remote_id})


async def forget_cloud(tx: Transaction, cloud: str) -> None:
    """Forget all that a cloud has, of every mirror."""
    for table in METADATA.sorted_tables:
        if table.info.get("mirror"):
            await tx.execute(_forget(table), c=cloud)


# --- statements -------------------------------------------------------------------------------------


@cache
def _of_cloud(table: Table) -> Query:
    return Query(
        select(table.c.remote_id, table.c.id, table.c.summary).where(table.c.cloud == bindparam("c"))
    )


@cache
def _elsewhere(table: Table) -> Mapping[int, Query]:
    return by_sizes(
        lambda size: select(table.c.remote_id).where(
            among(table.c.remote_id, "r", size), table.c.cloud != bindparam("c")
        )
    )


def _written(table: Table) -> dict[str, Any]:
    keys = ("cloud", "remote_id")
    return {name: bindparam(name) for name in table.c.keys() if name not in keys}  # noqa: SIM118


@cache
def _add(table: Table) -> Query:
    return Query(
        insert(table).values({"cloud": bindparam("c"), "remote_id": bindparam("r"), **_written(table)})
    )


@cache
def _change(table: Table) -> Query:
    return Query(
        update(table)
        .where(table.c.cloud == bindparam("c"), table.c.remote_id == bindparam("r"))
        .values(_written(table))
    )


@cache
def _drop(table: Table) -> Query:
    return Query(delete(table).where(table.c.cloud == bindparam("c"), table.c.remote_id == bindparam("r")))


@cache
def _forget(table: Table) -> Query:
    return Query(delete(table).where(table.c.cloud == bindparam("c")))
