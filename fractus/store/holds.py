"""Holds in force: an operator's (read-only, everything frozen, one resource frozen), and those a worker placed.

A hold is in force while its row exists. An operator's hold on one cloud is kept in the cloud's own row (`clouds.hold`).
"""

from __future__ import annotations

from msgspec import Struct
from sqlalchemy import and_, bindparam, delete, func, insert, or_, select, union_all, update

from fractus.store.schema import AUTOMATIC_CHANGE, CLOUD, HOLD
from fractus.store.transaction import Query, Reader, Transaction

#: Every write of users is refused.
READ_ONLY = "read-only"
#: No outside change is made anywhere.
ALL_FROZEN = "all-frozen"

OF_ALL = (READ_ONLY, ALL_FROZEN)

#: What an operator may say of a cloud: anything goes; nothing new is assigned there; nor is any change begun there; nor
#: is any made at all.
OPEN, CORDONED, DRAINING, FROZEN = "open", "cordoned", "draining", "frozen"


def of_resource(kind: str, id: str) -> str:
    """The name of the hold that freezes one resource."""
    return f"resource/{kind}/{id}"


def of_link(owner: str) -> str:
    """The name of the hold that a worker places when it suspects its own link."""
    return f"link/{owner}"


def of_slowed(cloud: str, owner: str) -> str:
    """The name of the note that a worker does less in a cloud at once than it may."""
    return f"slowed/{cloud}/{owner}"


def of_automatic_changes(cloud: str) -> str:
    """The name of the hold on automatic changes in a cloud."""
    return f"unasked/{cloud}"


class Hold(Struct, frozen=True):
    """One that is on: its name, the reason in words, who put it on (empty: fractus), and when."""

    name: str
    reason: str
    by: str
    at: float


_c = HOLD.c
_named = _c.name == bindparam("name")
_fields = select(_c.name, _c.reason, _c.pulled_by, _c.pulled_at)
_every = Query(_fields.order_by(_c.name))
_one = Query(_fields.where(_named))
_add = Query(
    insert(HOLD).values(
        name=bindparam("name"),
        reason=bindparam("why"),
        pulled_by=bindparam("by"),
        pulled_at=bindparam("at"),
    )
)
_set = Query(
    update(HOLD)
    .where(_named)
    .values(reason=bindparam("why"), pulled_by=bindparam("by"), pulled_at=bindparam("at"))
)
_drop = Query(delete(HOLD).where(_named))
_against = Query(
    union_all(
        select(_c.name, _c.reason).where(or_(_c.name == ALL_FROZEN, _c.name == bindparam("resource"))),
        select(CLOUD.c.state, func.coalesce(CLOUD.c.state_reason, "")).where(
            CLOUD.c.name == bindparam("cloud"), or_(CLOUD.c.state == DRAINING, CLOUD.c.state == FROZEN)
        ),
    )
)

_u = AUTOMATIC_CHANGE.c
_did = and_(_u.cloud == bindparam("c"), _u.kind == bindparam("k"), _u.id == bindparam("i"))
_again = Query(update(AUTOMATIC_CHANGE).where(_did).values(at=bindparam("now"), what=bindparam("what")))
_do = Query(
    insert(AUTOMATIC_CHANGE).values(
        cloud=bindparam("c"),
        kind=bindparam("k"),
        id=bindparam("i"),
        at=bindparam("now"),
        what=bindparam("what"),
    )
)
_done = Query(select(func.count()).where(_u.cloud == bindparam("c"), _u.at > bindparam("since")))
_outdated = Query(delete(AUTOMATIC_CHANGE).where(_u.cloud == bindparam("c"), _u.at <= bindparam("since")))


async def every(reader: Reader) -> list[Hold]:
    """All that are on, by name."""
    return [Hold(*row) for row in await reader.rows(_every)]


async def fetch(reader: Reader, name: str) -> Hold | None:
    """One, or None while it is off."""
    row = await reader.row(_one, name=name)
    return None if row is None else Hold(*row)


async def place(tx: Transaction, name: str, reason: str, by: str = "") -> None:
    """Place a hold, or replace its reason."""
    values = {"name": name, "why": reason, "by": by, "at": tx.now()}
    if not await tx.execute(_set, **values):
        await tx.execute(_add, **values)


async def release(tx: Transaction, name: str) -> bool:
    """Release a hold; whether it was in force."""
    return bool(await tx.execute(_drop, name=name))


async def against(reader: Reader, kind: str, id: str, cloud: str) -> dict[str, str]:
    """What stops outside changes of one resource in one cloud: name of a hold, or state of the cloud -> reason."""
    rows = await reader.rows(_against, resource=of_resource(kind, id), cloud=cloud)
    return {row[0]: row[1] for row in rows}


async def automatic_changes(reader: Reader, cloud: str, since: float) -> int:
    """How many things of a cloud we have changed automatically after `since`."""
    row = await reader.row(_done, c=cloud, since=since)
    return int(row[0]) if row else 0


async def note_automatic_change(
    tx: Transaction, cloud: str, kind: str, id: str, what: str, keep_since: float
) -> None:
    """Count the automatic change `what` of (kind, id) in a cloud; what is older is forgotten."""
    key = {"c": cloud, "k": kind, "i": id}
    await tx.execute(_outdated, c=cloud, since=keep_since)
    if not await tx.execute(_again, **key, now=tx.now(), what=what):
        await tx.execute(_do, **key, now=tx.now(), what=what)


async def forget_automatic_changes(tx: Transaction, cloud: str) -> None:
    """Start to count the automatic changes in a cloud again."""
    await tx.execute(_outdated, c=cloud, since=tx.now())
