"""Usage computed anew from the resources: what to do when somebody has doubts, and after a restored backup."""

from __future__ import annotations

from collections.abc import AsyncIterator

from msgspec import Struct

from fractus.quota import counting, usage
from fractus.quota.quota import Quota
from fractus.quota.usage import Owner
from fractus.store.retrying import rerun_unless_written
from fractus.store.transaction import Store


class Difference(Struct, frozen=True):
    """One number that was wrong, in the smallest unit. `scope` says whether the owner is a `project` or a `user`."""

    scope: str
    owner: str
    name: str
    held: int
    counted: int


async def recount(
    store: Store, quota: Quota, *, project_id: str = "", dry_run: bool = False
) -> AsyncIterator[list[Difference]]:
    """Count all owners, or one project, each in a transaction of its own, and write what was found.

    Yields a list for each that was looked at, empty where all was right. While one is counted nothing of it can be made
    or deleted, so the number is that of one moment. `dry_run`: writes nothing.
    """
    for owner in [(usage.PROJECT, project_id)] if project_id else await everybody(store, quota):
        yield await _recount_one(store, quota, owner, dry_run=dry_run)


@rerun_unless_written
async def _recount_one(store: Store, quota: Quota, owner: Owner, *, dry_run: bool) -> list[Difference]:
    async with store.transaction() as tx:
        held = await usage.hold(tx, owner)
        counted = await counting.count_owner(tx, quota.costs, quota.tables, owner)
        wrong = [
            Difference(*owner, name, held.get(name, 0), counted.get(name, 0))
            for name in sorted({*held, *counted})
            if held.get(name, 0) != counted.get(name, 0)
        ]
        if wrong and not dry_run:
            await usage.replace(tx, owner, counted)
    return wrong


async def everybody(store: Store, quota: Quota) -> list[Owner]:
    """All who use something or are said to."""
    found = {owner async for owner in counting.owners(store, quota.costs, quota.tables)}
    return sorted({*found, *await usage.owners(store)})
