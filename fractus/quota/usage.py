"""Statements about what is used. An owner is a pair: (`project`, its id) or (`user`, its id)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeAlias

from sqlalchemy import BigInteger, bindparam, delete, insert, select

from fractus.quota.tables import QUOTA_USAGE
from fractus.store.transaction import Query, Reader, Transaction, upsert

Owner: TypeAlias = tuple[str, str]

PROJECT, USER = "project", "user"

#: Rows that count nothing: who shares a limit queues there.
_FAMILY = "family"

_TABLE = QUOTA_USAGE.name
_c = QUOTA_USAGE.c
_owned = (_c.scope == bindparam("s"), _c.owner == bindparam("o"))
_key: dict[str, Any] = {"scope": bindparam("s"), "owner": bindparam("o"), "name": bindparam("n")}
_add = upsert(
    QUOTA_USAGE,
    {**_key, "used": bindparam("d")},
    {"used": _c.used + bindparam("d", type_=BigInteger)},
)
_write = upsert(QUOTA_USAGE, {**_key, "used": bindparam("d")}, lambda new: {"used": new.used})
_put = Query(
    insert(QUOTA_USAGE).values(
        scope=bindparam("s"), owner=bindparam("o"), name=bindparam("n"), used=bindparam("d")
    )
)
_drop = Query(delete(QUOTA_USAGE).where(*_owned))
_of = Query(select(_c.name, _c.used).where(*_owned))
_hold = Query(select(_c.name, _c.used).where(*_owned).order_by(_c.name).with_for_update())
_owners = Query(select(_c.scope, _c.owner).where(_c.scope != _FAMILY).distinct())


async def add(tx: Transaction, owner: Owner, amounts: Mapping[str, int]) -> dict[str, int]:
    """Use so much more of each; less where an amount is negative. What all is used then, by name.

    The owner's rows are locked from then on: nobody else can spend until this transaction ends.
    """
    used = await _held(tx, owner, amounts)
    changed = {**used, **{name: used[name] + amount for name, amount in amounts.items()}}
    if changed != used:
        tx.change(_TABLE, owner, changed)
    return changed


async def of(reader: Reader, owner: Owner) -> dict[str, int]:
    """All that an owner uses, by the name of the quota."""
    return {name: int(used) for name, used in await reader.rows(_of, s=owner[0], o=owner[1])}


async def now(tx: Transaction, owner: Owner) -> dict[str, int]:
    """The same, with what this transaction has not written down yet."""
    used: dict[str, int] | None = tx.held(_TABLE, owner)
    return await of(tx, owner) if used is None else used


async def hold(tx: Transaction, owner: Owner) -> dict[str, int]:
    """The same, and until this transaction ends nobody else can change it."""
    return {name: int(used) for name, used in await tx.rows(_hold, s=owner[0], o=owner[1])}


async def _held(tx: Transaction, owner: Owner, names: Iterable[str]) -> dict[str, int]:
    """What an owner uses, locked, with a row for each of `names`."""
    used: dict[str, int] | None = tx.held(_TABLE, owner)
    if used is not None and all(name in used for name in names):
        return used
    found = await hold(tx, owner)
    missing = sorted(set(names).difference(found))
    for name in missing:
        # Made by writing, not by looking: two that found none would wait for each other. It may be there after all.
        await tx.execute(_add, s=owner[0], o=owner[1], n=name, d=0)
    if missing:
        found = await hold(tx, owner)
    tx.hold(_TABLE, owner, found, _settle)
    return found


async def _settle(tx: Transaction, changes: Sequence[tuple[Any, Any, Any]]) -> None:
    # In one order, whoever writes: two that change several of the same never wait for each other.
    for (scope, owner), stored, wanted in sorted(changes, key=lambda one: one[0]):
        for name, used in sorted(wanted.items()):
            if stored.get(name) != used:
                await tx.put(_write, {"s": scope, "o": owner, "n": name, "d": used}, holding=True)


async def queue(tx: Transaction, project_id: str) -> None:
    """Wait until nobody else of this project's family is in the middle of a change, and have the next one wait."""
    await add(tx, (_FAMILY, project_id), {"": 1})


async def replace(tx: Transaction, owner: Owner, used: Mapping[str, int]) -> None:
    """Write anew all that an owner uses."""
    await tx.execute(_drop, s=owner[0], o=owner[1])
    for name, amount in sorted(used.items()):
        if amount:
            await tx.execute(_put, s=owner[0], o=owner[1], n=name, d=amount)


async def owners(reader: Reader) -> Iterable[Owner]:
    """All who use something, or have used it."""
    return [(scope, owner) for scope, owner in await reader.rows(_owners)]
