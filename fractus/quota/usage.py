"""Statements about what is used. An owner is a pair: (`project`, its id) or (`user`, its id)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias

from sqlalchemy import BigInteger, bindparam, delete, insert, select

from fractus.quota.tables import QUOTA_USAGE
from fractus.store.transaction import Query, Reader, Transaction, upsert

Owner: TypeAlias = tuple[str, str]

PROJECT, USER = "project", "user"

#: Rows that count nothing: who shares a limit queues there.
_FAMILY = "family"

_c = QUOTA_USAGE.c
_owned = (_c.scope == bindparam("s"), _c.owner == bindparam("o"))
_key: dict[str, Any] = {"scope": bindparam("s"), "owner": bindparam("o"), "name": bindparam("n")}
_add = upsert(
    QUOTA_USAGE,
    {**_key, "used": bindparam("d")},
    {"used": _c.used + bindparam("d", type_=BigInteger)},
)
_put = Query(
    insert(QUOTA_USAGE).values(
        scope=bindparam("s"), owner=bindparam("o"), name=bindparam("n"), used=bindparam("d")
    )
)
_drop = Query(delete(QUOTA_USAGE).where(*_owned))
_of = Query(select(_c.name, _c.used).where(*_owned))
_hold = Query(select(_c.name, _c.used).where(*_owned).order_by(_c.name).with_for_update())
_owners = Query(select(_c.scope, _c.owner).where(_c.scope != _FAMILY).distinct())


async def add(tx: Transaction, owner: Owner, name: str, amount: int) -> None:
    """Use so much more; less where `amount` is negative. Whether it is the first of it need not be looked for."""
    scope, id = owner
    await tx.execute(_add, s=scope, o=id, n=name, d=amount)


async def of(reader: Reader, owner: Owner) -> dict[str, int]:
    """All that an owner uses, by the name of the quota."""
    return {name: int(used) for name, used in await reader.rows(_of, s=owner[0], o=owner[1])}


async def hold(tx: Transaction, owner: Owner) -> dict[str, int]:
    """The same, and until this transaction ends nobody else can change it."""
    return {name: int(used) for name, used in await tx.rows(_hold, s=owner[0], o=owner[1])}


async def queue(tx: Transaction, project_id: str) -> None:
    """Wait until nobody else of this project's family is in the middle of a change, and have the next one wait."""
    await add(tx, (_FAMILY, project_id), "", 1)


async def replace(tx: Transaction, owner: Owner, used: Mapping[str, int]) -> None:
    """Write anew all that an owner uses."""
    await tx.execute(_drop, s=owner[0], o=owner[1])
    for name, amount in sorted(used.items()):
        if amount:
            await tx.execute(_put, s=owner[0], o=owner[1], n=name, d=amount)


async def owners(reader: Reader) -> Iterable[Owner]:
    """All who use something, or have used it."""
    return [(scope, owner) for scope, owner in await reader.rows(_owners)]
