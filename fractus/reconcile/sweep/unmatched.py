"""What is in a cloud and is nothing that we hold: reported, never touched (law 6)."""

from __future__ import annotations

from fractus.model.cloud import Observed
from fractus.model.resource import Presence
from fractus.reconcile import drift
from fractus.reconcile.machine import Machine
from fractus.store import findings, presences
from fractus.store.findings import CHANGED, FOREIGN, MISSING, ORPHAN, Finding
from fractus.store.retrying import rerun
from fractus.store.transaction import Transaction

#: Written in one transaction.
_BATCH = 100


async def report(
    machine: Machine, cloud: str, kind: str, unmatched: list[Observed], present: set[str]
) -> None:
    """Bring the findings about a kind in line with a whole listing: `orphan` with our marker, else `foreign`.

    Only what differs from what is written already is written. Findings about what is ours are looked after where they
    arise; those that were left behind (by a fault, or a version of fractus that knew nothing of them) are mended here.
    """
    held = await findings.of_kind(machine.store, cloud, kind)
    there = {observed.remote_id: _finding(cloud, kind, observed) for observed in unmatched}
    news = [one for id, one in there.items() if not _same(held.get(id), one)]
    over = [id for id, one in held.items() if id not in there and one.what in (ORPHAN, FOREIGN)]
    ours = [id for id, one in held.items() if one.what in (MISSING, CHANGED)]
    for first in range(0, len(news), _BATCH):
        await _put_all(machine, news[first : first + _BATCH], held)
    for first in range(0, len(over), _BATCH):
        await _drop_all(machine, cloud, kind, over[first : first + _BATCH])
    await _mend(machine, cloud, kind, ours)


@rerun
async def _put_all(machine: Machine, news: list[Finding], held: dict[str, Finding]) -> None:
    async with machine.store.transaction() as tx:
        for one in news:
            await _put(tx, one, held.get(one.remote_id))


@rerun
async def _drop_all(machine: Machine, cloud: str, kind: str, ids: list[str]) -> None:
    async with machine.store.transaction() as tx:
        for id in ids:
            await findings.drop(tx, cloud, kind, id)


def _finding(cloud: str, kind: str, observed: Observed) -> Finding:
    return Finding(
        cloud=cloud,
        kind=kind,
        remote_id=observed.remote_id,
        what=ORPHAN if observed.marker else FOREIGN,
        detail=f"{observed.name} (managed by another: {observed.managed_by})"
        if observed.managed_by
        else observed.name,
        resource_id=observed.marker,
        project_id="",
    )


def _same(held: Finding | None, one: Finding) -> bool:
    return (
        held is not None
        and bool(held.id)
        and (held.what, held.detail, held.resource_id)
        == (
            one.what,
            one.detail,
            one.resource_id,
        )
    )


async def _put(tx: Transaction, one: Finding, held: Finding | None) -> None:
    """Write it, unless it became ours since it was listed."""
    if await presences.by_remote(tx, one.cloud, one.kind, one.remote_id) is not None:
        return
    if held is not None and held.what == one.what:
        one.state, one.first_seen_at = held.state, held.first_seen_at
    await findings.put(tx, one)


async def _mend(machine: Machine, cloud: str, kind: str, ours: list[str]) -> None:
    """Remove findings about presences that have none (any more)."""
    known = await presences.by_remotes(machine.store, cloud, kind, ours)
    for id in ours:
        if _not_to_report(known.get(id)):
            await _drop_over(machine, cloud, kind, id)


@rerun
async def _drop_over(machine: Machine, cloud: str, kind: str, id: str) -> None:
    """Unless something has arisen since we looked: what is written of it goes with the presence that it is about."""
    async with machine.store.transaction() as tx:
        if _not_to_report(await presences.by_remote(tx, cloud, kind, id)):
            await findings.drop(tx, cloud, kind, id)


def _not_to_report(presence: Presence | None) -> bool:
    return presence is None or drift.mark(presence.memory) == ({}, False)
