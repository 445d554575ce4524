"""Work: which (kind, id) should be looked at, when, in which cloud, and by whom just now.

A row is a key, never a payload. It is written in the same transaction as the change that asks for it, so accepted work
is never lost; a worker holds it under a short lease with a fence, and what it found is written only while the fence is
still its own (law 7). An empty `cloud` means the resource as a whole: assign, and its end.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from msgspec import Struct
from sqlalchemy import (
    Double,
    Integer,
    String,
    and_,
    bindparam,
    case,
    delete,
    func,
    literal,
    literal_column,
    or_,
    select,
    update,
)

from fractus.base.log import request_id
from fractus.store.schema import WORK
from fractus.store.transaction import Query, Reader, Transaction, upsert


class LeaseLost(Exception):
    """Another worker holds this item now: whatever was found must not be written."""


class Claim(Struct, frozen=True):
    """An item under our lease."""

    kind: str
    id: str
    cloud: str
    fence: str
    wakes: int
    attempts: int
    request_id: str = ""


_c = WORK.c
_DUE = bindparam("due", type_=Double)
_REQUEST = bindparam("r", type_=String)
_NOW = bindparam("now", type_=Double)
_WAKES = bindparam("w", type_=Integer)
_here = and_(_c.kind == bindparam("k"), _c.id == bindparam("i"), _c.cloud == bindparam("c"))
_mine = and_(_here, _c.fence == bindparam("f"))

#: One statement for what is there and what is not: two who wake the same thing do not get into each other's way.
_wake = upsert(
    WORK,
    {
        "kind": bindparam("k"),
        "id": bindparam("i"),
        "cloud": bindparam("c"),
        "due_at": bindparam("due"),
        "request_id": bindparam("r"),
    },
    lambda new: {
        "due_at": case((_c.due_at < new.due_at, _c.due_at), else_=new.due_at),
        "wakes": _c.wakes + literal_column("1"),
        "waits_on": literal_column("''", String),
        "request_id": case(
            (new.request_id == literal_column("''", String), _c.request_id), else_=new.request_id
        ),
    },
)
_wait = upsert(
    WORK,
    {
        "kind": bindparam("k"),
        "id": bindparam("i"),
        "cloud": bindparam("c"),
        "due_at": bindparam("later", type_=Double),
        "waits_on": bindparam("on"),
        "request_id": bindparam("r"),
    },
    {
        "due_at": case((_c.due_at < _DUE, _c.due_at), else_=_DUE),
        "wakes": _c.wakes + 1,
        "waits_on": literal("", String),
        "request_id": case((_REQUEST == "", _c.request_id), else_=_REQUEST),
    },
)
_wake_waiting = Query(
    update(WORK)
    .where(_c.waits_on == bindparam("on"))
    .values(due_at=bindparam("due"), wakes=_c.wakes + 1, waits_on="")
)
_nth_waiting = Query(
    select(_c.id)
    .where(_c.waits_on == bindparam("on"))
    .order_by(_c.id)
    .limit(1)
    .offset(bindparam("n", type_=Integer))
)
_wake_some = Query(
    update(WORK)
    .where(_c.waits_on == bindparam("on"), _c.id <= bindparam("last"))
    .values(due_at=bindparam("due"), wakes=_c.wakes + 1, waits_on="")
)
_clouds_waiting = Query(select(_c.cloud).where(_c.waits_on == bindparam("on")).with_for_update())
_due = Query(
    select(_c.kind, _c.id, _c.wakes, _c.attempts, _c.request_id)
    .where(
        _c.cloud == bindparam("c"),
        _c.due_at <= _NOW,
        or_(_c.claimed_by == "", _c.claimed_until < _NOW),
    )
    .order_by(_c.due_at)
    .limit(bindparam("n"))
)
_newest = Query(
    select(_c.kind, _c.id, _c.wakes, _c.attempts, _c.request_id)
    .where(
        _c.cloud == bindparam("c"),
        _c.due_at <= _NOW,
        or_(_c.claimed_by == "", _c.claimed_until < _NOW),
    )
    .order_by(_c.due_at.desc())
    .limit(bindparam("n"))
)
_claim = Query(
    update(WORK)
    .where(
        _here,
        _c.due_at <= _NOW,
        or_(_c.claimed_by == "", _c.claimed_until < _NOW, _c.fence == bindparam("f")),
    )
    .values(fence=bindparam("f"), claimed_by=bindparam("by"), claimed_until=bindparam("until"))
)
_extend = Query(update(WORK).where(_mine).values(claimed_until=bindparam("until")))
_finish = Query(delete(WORK).where(_mine, _c.wakes == bindparam("w")))
_given_back = {
    "due_at": _DUE,
    "waits_on": bindparam("on", type_=String),
    "attempts": bindparam("a"),
    "reason": bindparam("why"),
    "fence": "",
    "claimed_by": "",
    "claimed_until": 0.0,
}
_release = Query(update(WORK).where(_mine, _c.wakes == _WAKES).values(_given_back))
_release_woken = Query(update(WORK).where(_mine).values(_given_back))
_put_off = Query(
    update(WORK)
    .where(_here, _c.waits_on == "", or_(_c.claimed_by == "", _c.claimed_until < _NOW))
    .values(due_at=_DUE)
)
#: Who has it under a lease that has not run out is about to write what became of it.
_drop_free = Query(delete(WORK).where(_here, or_(_c.claimed_by == "", _c.claimed_until < _NOW)))
_is_free = Query(
    select(_c.kind).where(_here, or_(_c.claimed_by == "", _c.claimed_until < _NOW)).with_for_update()
)
_free = Query(
    update(WORK).where(_c.claimed_by == bindparam("by")).values(claimed_by="", claimed_until=0.0, fence="")
)
_owners = Query(select(_c.claimed_by).where(_c.claimed_by != "").distinct())
# Not min(): a database then reads the whole queue, where this reads its beginning.
_next = Query(
    select(_c.due_at).where(_c.cloud == bindparam("c"), _c.claimed_by == "").order_by(_c.due_at).limit(1)
)
_waits = Query(select(_c.kind).where(_c.waits_on == bindparam("on")).limit(1))
_expired = Query(
    select(func.count()).where(
        _c.cloud == bindparam("c"),
        _c.due_at <= bindparam("now"),
        _c.claimed_by != "",
        _c.claimed_until < bindparam("now"),
    )
)
_depth = Query(select(_c.cloud, func.count()).where(_c.due_at <= bindparam("now")).group_by(_c.cloud))
_about = Query(
    select(_c.kind, _c.id, _c.cloud, _c.due_at, _c.attempts, _c.claimed_by, _c.waits_on, _c.reason).where(
        _c.kind == bindparam("k"), _c.id == bindparam("i")
    )
)
_too_far = and_(
    _c.cloud == bindparam("c"),
    _c.claimed_by == "",
    _c.due_at > bindparam("far"),
    or_(_c.waits_on == "", _c.due_at > bindparam("farther")),
)
_far = Query(select(func.count()).where(_too_far))
_pull_back = Query(update(WORK).where(_too_far).values(due_at=bindparam("now"), wakes=_c.wakes + 1))
_held_after = Query(
    select(_c.kind, _c.id, _c.cloud, _c.claimed_until).where(
        _c.cloud == bindparam("c"), _c.claimed_by != "", _c.claimed_until > bindparam("at")
    )
)
_free_item = Query(
    update(WORK)
    .where(_here, _c.claimed_until == bindparam("until"))
    .values(claimed_by="", claimed_until=0.0, fence="")
)
_forget = Query(delete(WORK).where(_c.cloud == bindparam("c")))


async def wake(tx: Transaction, kind: str, id: str, cloud: str = "", *, due: float | None = None) -> None:
    """Have (kind, id) looked at in `cloud`, at once or at `due`. Harmless if it is asked for twice."""
    at = tx.now() if due is None else due
    await tx.put(_wake, {"k": kind, "i": id, "c": cloud, "due": at, "r": request_id.get()})


async def wait(tx: Transaction, kind: str, id: str, cloud: str, on: str, due: float) -> None:
    """New work that waits: to be looked at when `on` changes, or at `due`. If it is there already, it is due now."""
    now, request = tx.now(), request_id.get()
    await tx.execute(_wait, k=kind, i=id, c=cloud, later=due, on=on, due=now, r=request)


async def wake_waiting(tx: Transaction, kind: str, id: str) -> list[str]:
    """Wake whatever waits on (kind, id); the clouds whose queues have got something to do."""
    on = f"{kind}/{id}"
    clouds = sorted({row[0] for row in await tx.rows(_clouds_waiting, on=on)})
    if clouds:
        await tx.execute(_wake_waiting, on=on, due=tx.now())
    return clouds


async def wake_some(tx: Transaction, kind: str, id: str, number: int) -> bool:
    """Wake about so many of those that wait on (kind, id); whether more may be left. For ten thousand of them, whom
    nobody else should have to wait for.
    """
    on = f"{kind}/{id}"
    last = await tx.row(_nth_waiting, on=on, n=number - 1)
    if last is None:
        await tx.execute(_wake_waiting, on=on, due=tx.now())
        return False
    await tx.execute(_wake_some, on=on, last=last[0], due=tx.now())
    return True


async def due(reader: Reader, cloud: str, now: float, limit: int, *, newest: int = 0) -> list[Claim]:
    """Up to `limit` items of a cloud's queue that are due, the oldest first: what may be claimed.

    `newest` of them are taken from the other end, for behind the backlog of an outage nobody's new request should wait.
    """
    found = await reader.rows(_due, c=cloud, now=now, n=limit - newest) if limit > newest else []
    if newest and len(found) == limit - newest:
        first = {row[:2] for row in found}
        late = await reader.rows(_newest, c=cloud, now=now, n=newest)
        found += [row for row in late if row[:2] not in first]
    return [
        Claim(kind, id, cloud, uuid.uuid4().hex, wakes, attempts, request)
        for kind, id, wakes, attempts, request in found
    ]


async def claim(tx: Transaction, owner: str, items: Sequence[Claim], seconds: float) -> list[Claim]:
    """Take those of `items` (of `due`) that nobody has taken meanwhile, under a lease of `seconds`.

    Whether an item can be had is asked and done in one statement. A second run takes the same items as the first.
    """
    now, taken = tx.now(), []
    for one in items:
        key = {"k": one.kind, "i": one.id, "c": one.cloud}
        if await tx.execute(_claim, **key, f=one.fence, by=owner, now=now, until=now + seconds):
            taken.append(one)
    return taken


async def anything_waits(reader: Reader, kind: str, id: str) -> bool:
    """Whether any item waits on (kind, id)."""
    return await reader.row(_waits, on=f"{kind}/{id}") is not None


async def hold(tx: Transaction, claim: Claim, seconds: float) -> None:
    """Extend the lease, and make sure that it is ours: `LeaseLost` if not. Every write of a worker begins with this."""
    until = tx.now() + seconds
    if not await tx.execute(_extend, k=claim.kind, i=claim.id, c=claim.cloud, f=claim.fence, until=until):
        raise LeaseLost(f"{claim.kind}/{claim.id}@{claim.cloud}")


async def finish(tx: Transaction, claim: Claim) -> bool | None:
    """Nothing is left to do. If it was woken meanwhile it stays, due at once: False. None: it is not ours any more."""
    key = {"k": claim.kind, "i": claim.id, "c": claim.cloud, "f": claim.fence}
    if await tx.execute(_finish, **key, w=claim.wakes):
        return True
    return False if await tx.execute(_release_woken, **key, due=tx.now(), on="", a=0, why="") else None


async def release(
    tx: Transaction, claim: Claim, *, due: float, waits_on: str = "", attempts: int = 0, reason: str = ""
) -> bool | None:
    """Give it back, to be looked at again at `due`, or sooner when `waits_on` changes.

    If it was woken meanwhile it is due at once: False. None: it is not ours any more.
    """
    key = {"k": claim.kind, "i": claim.id, "c": claim.cloud, "f": claim.fence}
    more = {"a": attempts, "why": reason}
    if await tx.execute(_release, **key, w=claim.wakes, due=due, on=waits_on, **more):
        return True
    return False if await tx.execute(_release_woken, **key, due=tx.now(), on="", **more) else None


async def drop_free(tx: Transaction, kind: str, id: str, cloud: str) -> bool:
    """Nothing is left to do about what nobody holds: False where there is no such item, or somebody has it."""
    return bool(await tx.execute(_drop_free, k=kind, i=id, c=cloud, now=tx.now()))


async def put_off(tx: Transaction, kind: str, id: str, cloud: str, due: float) -> bool:
    """Have an item that nobody holds, and that waits for nothing but time, looked at not before `due`.

    False where there is no such item.
    """
    return bool(await tx.execute(_put_off, k=kind, i=id, c=cloud, now=tx.now(), due=due))


async def is_free(tx: Transaction, kind: str, id: str, cloud: str) -> bool:
    """Whether there is such an item and nobody holds it: it will be looked at when it is due, or woken."""
    return await tx.row(_is_free, k=kind, i=id, c=cloud, now=tx.now()) is not None


async def free(tx: Transaction, owner: str) -> int:
    """Give back everything that a worker held which is known to be dead."""
    return await tx.execute(_free, by=owner)


async def owners(reader: Reader) -> list[str]:
    """All workers that hold something."""
    return [row[0] for row in await reader.rows(_owners)]


async def next_due(reader: Reader, cloud: str) -> float | None:
    """When the next item of this queue is due."""
    row = await reader.row(_next, c=cloud)
    return None if row is None or row[0] is None else float(row[0])


async def expired(reader: Reader, cloud: str, now: float) -> int:
    """How many due items are held under leases that ran out."""
    row = await reader.row(_expired, c=cloud, now=now)
    return int(row[0]) if row else 0


async def depths(reader: Reader, now: float) -> dict[str, int]:
    """How many items are due in each cloud's queue."""
    return {cloud: int(number) for cloud, number in await reader.rows(_depth, now=now)}


class Pending(Struct, frozen=True):
    """One item as an operator sees it."""

    kind: str
    id: str
    cloud: str
    due_at: float
    attempts: int
    claimed_by: str
    waits_on: str
    reason: str


async def about(reader: Reader, kind: str, id: str) -> list[Pending]:
    """What is pending for a resource."""
    return [Pending(*row) for row in await reader.rows(_about, k=kind, i=id)]


async def forget_cloud(tx: Transaction, cloud: str) -> None:
    """Drop a cloud's queue, when the cloud is removed."""
    await tx.execute(_forget, c=cloud)


async def far_ahead(reader: Reader, cloud: str, far: float, farther: float) -> int:
    """How many items of a queue are due later than `far`, waiting for nothing, or later than `farther` in any case."""
    row = await reader.row(_far, c=cloud, far=far, farther=farther)
    return int(row[0]) if row else 0


async def pull_back(tx: Transaction, cloud: str, far: float, farther: float) -> int:
    """Make these due now; how many there were."""
    return await tx.execute(_pull_back, c=cloud, far=far, farther=farther, now=tx.now())


async def held_until_after(reader: Reader, cloud: str, at: float) -> dict[tuple[str, str, str], float]:
    """(kind, id, cloud) -> until when it is held, of what is held longer than till `at`."""
    return {(k, i, c): float(until) for k, i, c, until in await reader.rows(_held_after, c=cloud, at=at)}


async def free_item(tx: Transaction, kind: str, id: str, cloud: str, until: float) -> None:
    """Give back one item, if its lease is still the same."""
    await tx.execute(_free_item, k=kind, i=id, c=cloud, until=until)
