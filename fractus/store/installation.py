"""Which fractus this is: an id that is made once, on first use, and stays for as long as its database does."""

from __future__ import annotations

from sqlalchemy import bindparam, delete, insert, select

from fractus.base.ids import new_id
from fractus.store import clouds
from fractus.store.retrying import rerun_unless_written
from fractus.store.schema import INSTALLATION
from fractus.store.transaction import Query, Reader, Store, Transaction

_c = INSTALLATION.c
_read = Query(select(_c.id))
_write = Query(insert(INSTALLATION).values(one=1, id=bindparam("id"), created_at=bindparam("at")))
_drop = Query(delete(INSTALLATION))


async def fetch(reader: Reader) -> str:
    """Its id; empty where it has none yet."""
    row = await reader.row(_read)
    return "" if row is None else str(row[0])


async def ensure(store: Store) -> str:
    """Its id, made if need be."""
    return await fetch(store) or await _found(store)


@rerun_unless_written
async def _found(store: Store) -> str:
    async with store.transaction() as tx:
        id = await fetch(tx)
        if not id:
            id = new_id()
            await tx.execute(_write, id=id, at=tx.now())
    return id


async def become(tx: Transaction, id: str) -> None:
    """Be another installation from now on: the one whose database was lost. Every cloud is connected to anew."""
    await tx.execute(_drop)
    await tx.execute(_write, id=id, at=tx.now())
    await clouds.reconnect(tx)
