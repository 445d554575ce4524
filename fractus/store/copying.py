"""A copy of a store: what is tried there is whole, and nobody else sees or waits for it."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from sqlalchemy import Table, bindparam, select, tuple_

from fractus.base.clock import Clock
from fractus.store.schema import METADATA
from fractus.store.sqlite import SqliteStore
from fractus.store.transaction import Query, Reader, Store, add_new_row

#: Rows that are read at a time, and written in one transaction.
_BATCH = 2000
#: KiB of pages that a connection to the copy keeps at hand.
_CACHE = 16_384


@asynccontextmanager
async def copied(source: Reader, clock: Clock) -> AsyncIterator[Store]:
    """All rows of a store, in a file of this machine that is removed at the end.

    The store is only read, in batches: a row that is written meanwhile is in the copy as it was or as it is.
    """
    with tempfile.TemporaryDirectory(prefix="fractus-") as directory:
        copy = SqliteStore(Path(directory) / "copy.db", clock)
        try:
            copy.create(METADATA)
            copy.relax(_CACHE)
            for table in METADATA.sorted_tables:
                await _copy(source, copy, table)
            yield copy
        finally:
            await copy.close()


async def _copy(source: Reader, copy: Store, table: Table) -> None:
    names = [column.name for column in table.columns]
    add = add_new_row(table, {name: bindparam(f"v_{name}") for name in names})
    key = list(table.primary_key.columns)
    every = select(table).order_by(*key).limit(bindparam("most"))
    # By key and not by number: rows that come and go meanwhile move no others from one batch to another.
    after = tuple_(*key) > tuple_(*(bindparam(f"after_{column.name}", type_=column.type) for column in key))
    first, further = Query(every), Query(every.where(after))
    places = [(f"after_{column.name}", names.index(column.name)) for column in key]
    rows = await source.rows(first, most=_BATCH)
    while rows:
        async with copy.transaction() as tx:
            for row in rows:
                await tx.execute(add, **{f"v_{name}": value for name, value in zip(names, row, strict=True)})
        last = rows[-1]
        rows = await source.rows(further, most=_BATCH, **{name: last[place] for name, place in places})
