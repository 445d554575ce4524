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
from fractus.model.errors import CloudError, CredentialsRejected, Unreachable
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
_forget = Query(
    delete(FINDING).where(_c.cloud == bindparam("c"), _c.kind == bindparam("k"), _c.seen_at < bindparam("at"))
)
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


async def sweep(machine: Machine, cloud: str, *, full: bool) -> int | None:
    """Sweep all swept kinds of one cloud; how many things had changed, or None if it did not answer for all of them.

    A cloud's errors are noted, not raised; one kind that fails (a service that is down) does not hide the others.
    """
    child = machine.children.get(cloud)
    if child is None:
        return None
    changed = 0
    cursors: dict[str, Any] = {}
    failed = ""
    for kind, actuator in child.actuators().items():
        life = machine.lifecycles.get(kind)
        if life is None or not life.swept:
            continue
        try:
            more, cursors[kind] = await _sweep_kind(machine, cloud, kind, actuator, full=full)
            changed += more
        except CloudError as error:
            failed = error.reason
            log.warning("sweep failed", cloud=cloud, kind=kind, error=error.reason)
            if isinstance(error, Unreachable | CredentialsRejected):
                break
    if full:
        await _attend_to(machine, cloud)
    async with machine.store.transaction() as tx:
        record = await clouds.fetch(tx, cloud)
        if failed:
            await clouds.failed(tx, cloud, failed)
        elif record is not None:
            await clouds.seen(tx, cloud, {**record.cursors, **cursors})
    return None if failed else changed


async def _sweep_kind(
    machine: Machine, cloud: str, kind: str, actuator: Actuator[Any, Any], *, full: bool
) -> tuple[int, str]:
    """How many things of one kind had changed, and up to which stamp of the child's it is known now."""
    record = await clouds.fetch(machine.store, cloud)
    cursor = "" if record is None else str(record.cursors.get(kind, ""))
    full = full or not cursor
    started = machine.clock.now()
    # After a full listing only what was listed counts: a child whose clock was set back gets its cursor back too.
    newest, changed = "" if full else cursor, 0
    present: set[str] = set()
    strays: list[Seen] = []
    async for batch in _batches(actuator.list_changed("" if full else cursor)):
        more, stray = await _take_all(machine, cloud, kind, batch)
        changed += more
        for seen in batch:
            newest = max(newest, _less_overlap(seen.changed_at))
            present.add(seen.remote_id)
        if full:
            strays += stray
    if full:
        await _missing(machine, cloud, kind, present, started)
        await _report(machine, cloud, kind, strays)
    return changed, newest


async def _take_all(machine: Machine, cloud: str, kind: str, batch: list[Seen]) -> tuple[int, list[Seen]]:
    """Write what was seen of some things: how many had changed, and which are nothing that we know of.

    One that cannot be taken in (a fault of ours, an answer that nobody thought of) is left to the log, and must not
    keep the others from being seen: then they are written one by one.
    """
    try:
        async with machine.store.transaction() as tx:
            took = [await _take(machine, tx, cloud, kind, seen) for seen in batch]
    except Exception:
        if len(batch) == 1:
            log.exception("cannot take in", cloud=cloud, kind=kind, remote_id=batch[0].remote_id)
            return 0, []
        alone = [await _take_all(machine, cloud, kind, [seen]) for seen in batch]
        return sum(more for more, _ in alone), [seen for _, stray in alone for seen in stray]
    return took.count(True), [seen for seen, known in zip(batch, took, strict=True) if known is None]


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
    before = machine.face(presence)
    if not machine.observed(presence, seen):
        return False
    await presences.save(tx, presence)
    resource = await machine.resources.fetch(tx, kind, presence.id)
    if resource is not None:
        await machine.retell(tx, resource)
    await machine.wake(tx, kind, presence.id, cloud)
    if machine.face(presence) != before:
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


async def _attend_to(machine: Machine, cloud: str) -> None:
    """Have looked at what is unsettled and has no work: a store that was restored, or a fault that nobody knows of."""
    left = await presences.unattended(machine.store, cloud)
    if not left:
        return
    async with machine.store.transaction() as tx:
        for kind, id in left:
            log.warning("nobody attended to it", kind=kind, id=id, cloud=cloud)
            await machine.wake(tx, kind, id, cloud)


def _is_missing(one: Presence, present: set[str], started: float) -> bool:
    older = one.observed_at is not None and one.observed_at < started
    return one.remote_id is not None and one.remote_id not in present and older


async def _report(machine: Machine, cloud: str, kind: str, strays: list[Seen]) -> None:
    """Write down what is there and not ours: `orphan` with our marker, else `foreign`. The latest full sweep counts."""
    at = machine.clock.now()
    for first in range(0, len(strays), _BATCH):
        async with machine.store.transaction() as tx:
            for seen in strays[first : first + _BATCH]:
                what = "orphan" if seen.marker else "foreign"
                detail = seen.marker or seen.name
                await tx.execute(_note, c=cloud, k=kind, r=seen.remote_id, what=what, detail=detail, at=at)
    async with machine.store.transaction() as tx:
        await tx.execute(_forget, c=cloud, k=kind, at=at)
