"""Tombstones are dropped after a while: rows of what was deleted long ago, and that nothing refers to any more.

A deleted thing stays until every cloud has confirmed (law 5), and as long as something is still known of it: work, a
finding about it (a child that was restored may show it again), somebody who needs it.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from sqlalchemy import Select, Table, bindparam, delete, exists, or_, select

from fractus.store import actions
from fractus.store.resources import Resources, among, by_sizes, padded
from fractus.store.retrying import rerun
from fractus.store.schema import FINDING, HOLD, NEED, PRESENCE, WORK
from fractus.store.transaction import Query, Reader, Store, Transaction

#: Rows that are looked at in one step: what a store does in some milliseconds.
PAGE = 200


@lru_cache(maxsize=256)
def _old(table: Table) -> Query:
    """Ids of a page of a kind, in their order, with what of them is long deleted and known to nobody."""
    t = table.c
    return Query(_forgotten(table).where(t.id > bindparam("after"), t.id <= bindparam("last")))


@lru_cache(maxsize=256)
def _old_of(table: Table) -> dict[int, Query]:
    """The same of some of them."""
    return by_sizes(lambda size: _forgotten(table).where(among(table.c.id, "key", size)))


def _forgotten(table: Table) -> Select[tuple[str]]:
    t = table.c
    held = [
        exists().where(PRESENCE.c.kind == bindparam("kind"), PRESENCE.c.id == t.id),
        exists().where(WORK.c.kind == bindparam("kind"), WORK.c.id == t.id),
        exists().where(NEED.c.need_kind == bindparam("kind"), NEED.c.need_id == t.id),
        exists().where(or_(FINDING.c.resource_id == t.id, FINDING.c.remote_id == t.id)),
    ]
    return select(t.id).where(t.deleted_at < bindparam("before"), *(~one for one in held))


@lru_cache(maxsize=256)
def _last(table: Table) -> Query:
    ids = (
        select(table.c.id).where(table.c.id > bindparam("after")).order_by(table.c.id).limit(PAGE).subquery()
    )
    return Query(select(ids.c.id).order_by(ids.c.id.desc()).limit(1))


_needs = Query(delete(NEED).where(NEED.c.kind == bindparam("k"), NEED.c.id == bindparam("i")))
_hold = Query(delete(HOLD).where(HOLD.c.name == bindparam("name")))


class Step:
    """One page of a kind: what of it can go, and where the next begins (empty: there is none)."""

    def __init__(self, ids: list[str], after: str) -> None:
        self.ids = ids
        self.after = after


async def look(reader: Reader, resources: Resources, kind: str, after: str, before: float) -> Step:
    """What of the page after `after` was deleted before that time, and can go."""
    table = resources.tables[kind]
    row = await reader.row(_last(table), after=after)
    if row is None:
        return Step([], "")
    last: str = row[0]
    rows = await reader.rows(_old(table), kind=kind, after=after, last=last, before=before)
    return Step([row[0] for row in rows], last)


@rerun
async def purge(store: Store, resources: Resources, kind: str, after: str, before: float) -> Step:
    """Drop what `look` finds, looked at again in the transaction that does it."""
    async with store.transaction() as tx:
        step = await look(tx, resources, kind, after, before)
        for id in step.ids:
            await _let_go(tx, resources, kind, id)
        return step


@rerun
async def purge_these(
    store: Store, resources: Resources, kind: str, ids: Sequence[str], before: float
) -> set[str]:
    """Drop those of these, at most `MANY`, that were deleted before that time and are known to nobody; which."""
    if not ids:
        return set()
    query, asked = padded(_old_of(resources.tables[kind]), "key", ids)
    async with store.transaction() as tx:
        gone = {row[0] for row in await tx.rows(query, kind=kind, before=before, **asked)}
        for id in gone:
            await _let_go(tx, resources, kind, id)
        return gone


async def _let_go(tx: Transaction, resources: Resources, kind: str, id: str) -> None:
    await tx.execute(_needs, k=kind, i=id)
    await tx.execute(_hold, name=f"resource/{kind}/{id}")
    await actions.forget(tx, kind, id)
    await resources.drop(tx, kind, id)
