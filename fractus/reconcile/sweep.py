"""List a cloud and compare with what we hold: the truth behind all wake-ups.

A *quick* sweep asks for what changed since a cursor. The cursor is the newest stamp that the child itself printed, less
an overlap, so no clock is compared across machines (law 4, W6, W7); it moves only after everything listed was written.
A *full* sweep lists everything, and finds what is missing there, and what is there with our marker but is not known to
us. Such findings are reported, never acted upon (law 6).
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from sqlalchemy import bindparam, delete, insert

from fractus.base.clock import iso, parse_iso
from fractus.base.log import logger
from fractus.model.cloud import Actuator, Seen
from fractus.model.errors import CloudError
from fractus.model.resource import Presence
from fractus.reconcile.machine import Machine
from fractus.store import clouds, presences
from fractus.store.schema import FINDING
from fractus.store.transaction import Query, Transaction

log = logger("reconcile.sweep")

#: Taken off the cursor: two changes may carry the same stamp, and be written in another order than listed. Seconds.
OVERLAP = 5.0
#: Written in one transaction.
_BATCH = 100

_c = FINDING.c
_forget = Query(delete(FINDING).where(_c.cloud == bindparam("c"), _c.kind == bindparam("k")))
_note = Query(
    insert(FINDING)
    .prefix_with("OR REPLACE", dialect="sqlite")
    .values(
        cloud=bindparam("c"),
        kind=bindparam("k"),
        remote_id=bindparam("r"),
        what=bindparam("what"),
        detail=bindparam("detail"),
        seen_at=bindparam("at"),
    )
)


async def sweep(machine: Machine, cloud: str, *, full: bool) -> int:
    """Sweep all swept kinds of one cloud; how many things had changed. A cloud's errors are noted, not raised."""
    child = machine.children.get(cloud)
    if child is None:
        return 0
    changed = 0
    try:
        for kind, actuator in child.actuators().items():
            life = machine.lifecycles.get(kind)
            if life is not None and life.swept:
                changed += await _sweep_kind(machine, cloud, kind, actuator, full=full)
    except CloudError as error:
        async with machine.store.transaction() as tx:
            await clouds.failed(tx, cloud, error.reason)
        log.warning("sweep failed", cloud=cloud, error=error.reason)
        return 0
    return changed


async def _sweep_kind(
    machine: Machine, cloud: str, kind: str, actuator: Actuator[Any, Any], *, full: bool
) -> int:
    record = await clouds.fetch(machine.store, cloud)
    if record is None:
        return 0
    cursors = dict(record.cursors)
    cursor = str(cursors.get(kind, ""))
    full = full or not cursor
    started = machine.clock.now()
    newest, changed = cursor, 0
    present: set[str] = set()
    stray: list[Seen] = []
    async for batch in _batches(actuator.list_changed("" if full else cursor)):
        async with machine.store.transaction() as tx:
            for seen in batch:
                newest = max(newest, _less_overlap(seen.changed_at))
                present.add(seen.remote_id)
                took = await _take(machine, tx, cloud, kind, seen)
                changed += took is True
                if took is None and full:
                    stray.append(seen)
    if full:
        await _missing(machine, cloud, kind, present, started)
        await _report(machine, cloud, kind, stray)
    cursors[kind] = newest
    async with machine.store.transaction() as tx:
        await clouds.seen(tx, cloud, cursors)
    return changed


async def _batches(things: AsyncIterator[Seen]) -> AsyncIterator[list[Seen]]:
    batch: list[Seen] = []
    async for seen in things:
        batch.append(seen)
        if len(batch) >= _BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def _less_overlap(stamp: str) -> str:
    """The child's stamp less the overlap, in the one form that all stamps are compared in."""
    try:
        return iso(parse_iso(stamp) - OVERLAP) if stamp else ""
    except ValueError:
        return ""


async def _take(machine: Machine, tx: Transaction, cloud: str, kind: str, seen: Seen) -> bool | None:
    """Write what was seen of one thing: whether it had changed, or None if it is nothing that we know of."""
    if seen.unread:
        return False
    presence = await presences.by_remote(tx, cloud, kind, seen.remote_id)
    if presence is None:
        return await _unknown(machine, tx, cloud, kind, seen)
    if not machine.observed(presence, seen):
        return False
    await presences.save(tx, presence)
    resource = await machine.resources.fetch(tx, kind, presence.id)
    if resource is not None:
        await machine.retell(tx, resource)
    await machine.wake(tx, kind, presence.id, cloud)
    await machine.wake_waiting(tx, kind, presence.id)
    return True


async def _unknown(machine: Machine, tx: Transaction, cloud: str, kind: str, seen: Seen) -> bool | None:
    """Not a remote id that we hold. If it carries our marker, a create whose answer was lost may be waiting for it."""
    if seen.gone:
        return False
    if not seen.marker:
        return None
    presence = await presences.fetch(tx, kind, seen.marker, cloud)
    if presence is not None and presence.remote_id is None:
        await machine.wake(tx, kind, presence.id, cloud)
        return True
    return None


async def _missing(machine: Machine, cloud: str, kind: str, present: set[str], started: float) -> None:
    """Have everything looked at that we hold and a full listing did not show."""
    after = ""
    while True:
        held = await presences.in_cloud(machine.store, cloud, kind, after=after)
        if not held:
            return
        after = held[-1].id
        lost = [one for one in held if _is_missing(one, present, started)]
        if lost:
            async with machine.store.transaction() as tx:
                for one in lost:
                    await machine.wake(tx, kind, one.id, cloud)


def _is_missing(one: Presence, present: set[str], started: float) -> bool:
    older = one.observed_at is not None and one.observed_at < started
    return one.remote_id is not None and one.remote_id not in present and older


async def _report(machine: Machine, cloud: str, kind: str, stray: list[Seen]) -> None:
    """Write down what is there and not ours: `orphan` with our marker, else `foreign`. The latest full sweep counts."""
    async with machine.store.transaction() as tx:
        await tx.execute(_forget, c=cloud, k=kind)
        for seen in stray:
            what = "orphan" if seen.marker else "foreign"
            await tx.execute(
                _note,
                c=cloud,
                k=kind,
                r=seen.remote_id,
                what=what,
                detail=seen.marker or seen.name,
                at=tx.now(),
            )
