"""Which worker runs which lane: the queue of a cloud with its sweeper, or the queue of whole resources ("").

A lane is held under a lease, like work, but for another end: that N workers do not all look into every queue and sweep
every cloud. Two that run one lane for a while do no harm, for the items in it have leases with fences of their own.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct
from sqlalchemy import Boolean, bindparam, delete, insert, select, update

from fractus.store.schema import LANE, WORKER
from fractus.store.transaction import Query, Reader, Transaction


class Lane(Struct, frozen=True):
    """One lane as it is held. Stamps are seconds since the epoch.

    `by_broker`: the message broker assigned it to its holder; else the holder took it by the ranking.
    """

    cloud: str
    holder: str
    by_broker: bool
    since: float
    until: float


_l, _w = LANE.c, WORKER.c
_every = Query(select(_l.cloud, _l.holder, _l.told, _l.since, _l.until))
_add = Query(
    insert(LANE).values(
        cloud=bindparam("c"),
        holder=bindparam("h"),
        told=bindparam("t", type_=Boolean),
        since=bindparam("at"),
        until=bindparam("until"),
    )
)
_claim = Query(
    update(LANE)
    .where(_l.cloud == bindparam("c"), _l.holder == bindparam("was"), _l.since == bindparam("was_since"))
    .values(
        holder=bindparam("h"),
        told=bindparam("t", type_=Boolean),
        since=bindparam("at"),
        until=bindparam("until"),
    )
)
_note = Query(
    update(LANE)
    .where(_l.cloud == bindparam("c"), _l.holder == bindparam("h"))
    .values(told=bindparam("t", type_=Boolean))
)
_renew = Query(update(LANE).where(_l.holder == bindparam("h")).values(until=bindparam("until")))
_free = Query(
    update(LANE)
    .where(_l.holder == bindparam("h"))
    .values(holder="", told=bindparam("no", type_=Boolean), until=0.0)
)
_drop = Query(delete(LANE).where(_l.cloud == bindparam("c")))
_beat = Query(
    update(WORKER).where(_w.name == bindparam("n")).values(until=bindparam("until"), version=bindparam("v"))
)
_enter = Query(
    insert(WORKER).values(
        name=bindparam("n"), version=bindparam("v"), since=bindparam("at"), until=bindparam("until")
    )
)
_leave = Query(delete(WORKER).where(_w.name == bindparam("n")))
_gone = Query(delete(WORKER).where(_w.until < bindparam("at")))
_workers = Query(select(_w.name, _w.until).order_by(_w.name))
_roster = Query(select(_w.name, _w.version).where(_w.until >= bindparam("at")).order_by(_w.name))


async def every(reader: Reader) -> dict[str, Lane]:
    """All lanes that were ever held, by cloud."""
    return {row[0]: Lane(row[0], row[1], bool(row[2]), row[3], row[4]) for row in await reader.rows(_every)}


async def claim(
    tx: Transaction, cloud: str, holder: str, seconds: float, *, was: Lane | None, by_broker: bool
) -> bool:
    """Take a lane that was last seen as `was`; False where somebody else was quicker."""
    values = {"c": cloud, "h": holder, "t": by_broker, "at": tx.now(), "until": tx.now() + seconds}
    if was is None:
        await tx.execute(_add, **values)
        return True
    return bool(await tx.execute(_claim, **values, was=was.holder, was_since=was.since))


async def note_broker(tx: Transaction, cloud: str, holder: str, *, by_broker: bool) -> None:
    """Note whether the broker agrees that a lane is its holder's."""
    await tx.execute(_note, c=cloud, h=holder, t=by_broker)


async def renew(tx: Transaction, holder: str, seconds: float) -> None:
    """Extend all leases of a worker."""
    await tx.execute(_renew, h=holder, until=tx.now() + seconds)


async def free(tx: Transaction, holder: str) -> None:
    """Release all lanes of a worker, and remove it from the list."""
    await tx.execute(_free, h=holder, no=False)
    await tx.execute(_leave, n=holder)


async def drop(tx: Transaction, cloud: str) -> None:
    """Forget a lane, when its cloud is removed."""
    await tx.execute(_drop, c=cloud)


async def beat(tx: Transaction, worker: str, version: str, seconds: float) -> None:
    """A worker is alive, for so long at least; those that have not said so for long are removed from the list."""
    if not await tx.execute(_beat, n=worker, v=version, until=tx.now() + seconds):
        await tx.execute(_enter, n=worker, v=version, at=tx.now(), until=tx.now() + seconds)
    await tx.execute(_gone, at=tx.now() - 10 * seconds)


async def roster(reader: Reader, now: float) -> list[tuple[str, str]]:
    """Every living worker, and the version that it runs."""
    return [(row[0], row[1]) for row in await reader.rows(_roster, at=now)]


async def workers(reader: Reader) -> Mapping[str, float]:
    """Every worker on the list, and until when it counts as alive."""
    return {row[0]: row[1] for row in await reader.rows(_workers)}
