"""Stop managing a cloud: drop our rows of it, and leave everything there as it is.

No call is made to the child. It is frozen first, so that no look begins a change there any more; then presences are
dropped, some at a time, those that need others before what they need. A run that was broken off goes on where it
stopped: the cloud stays frozen until its row is gone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from msgspec import Struct

from fractus.model.errors import Conflict
from fractus.model.resource import Presence, Resource
from fractus.reconcile.adopt.adopt import AdoptionDependencies, ProgressHook, order
from fractus.reconcile.guard.returned import LEFT
from fractus.reconcile.relations import Relations
from fractus.store import clouds, findings, holds, lanes, presences, work
from fractus.store.retrying import rerun
from fractus.store.transaction import Transaction

#: Written in one transaction: others write in between.
_BATCH = 50

REASON = "it is being detached"


class Let(Struct):
    """What was dropped, by kind: how many vanish from users' lists, live on elsewhere, or are put elsewhere."""

    vanished: Counter[str]
    stayed: Counter[str]
    moved: Counter[str]


@rerun
async def freeze(parts: AdoptionDependencies, cloud: str, by: str) -> None:
    """No change is begun in the cloud from here on, and nothing new is assigned to it."""
    async with parts.store.transaction() as tx:
        await clouds.hold(tx, cloud, holds.FROZEN, reason=REASON, by=by)


async def detach(parts: AdoptionDependencies, cloud: str, progress: ProgressHook | None = None) -> Let:
    """Drop all, and of the cloud itself. It must have been frozen, for long enough that changes begun are done."""
    row = await clouds.fetch(parts.store, cloud)
    if row is None or row.state != holds.FROZEN:
        raise Conflict(f"The cloud '{cloud}' is not frozen: what is under way there might still change it.")
    let = Let(Counter(), Counter(), Counter())
    # What follows others is placed there again, where a worker looks at it before those are dropped: each pass drops as
    # many as there were when it began, and the next one what came meanwhile.
    while not await _end(parts, cloud):
        left = await presences.left_in(parts.store, cloud)
        for kind in _in_order(parts, left):
            done = 0
            while done < left[kind] and (came_to := await _some(parts, cloud, kind)):
                for what in came_to:
                    getattr(let, what)[kind] += 1
                done += len(came_to)
                if progress is not None:
                    progress(kind, done, max(done, left[kind]))
    return let


def _in_order(parts: AdoptionDependencies, left: Mapping[str, int]) -> list[str]:
    """Kinds, those that need others before what they need."""
    kinds = [kind for kind in reversed(order(parts.adoptions)) if kind in left]
    return kinds + [kind for kind in left if kind not in kinds]


@rerun
async def _some(parts: AdoptionDependencies, cloud: str, kind: str) -> list[str]:
    """Drop some presences of a kind: what came of each, by the names in `Let`."""
    async with parts.store.transaction() as tx:
        held = await presences.in_cloud(tx, cloud, kind, limit=_BATCH)
        return [await _let_go(parts, tx, presence) for presence in held]


@rerun
async def _end(parts: AdoptionDependencies, cloud: str) -> bool:
    """Drop the cloud itself, unless something is left in it."""
    async with parts.store.transaction() as tx:
        if await presences.left_in(tx, cloud):
            return False
        await work.forget_cloud(tx, cloud)
        await lanes.drop(tx, cloud)
        await findings.forget_cloud(tx, cloud)
        await clouds.drop(tx, cloud)
    return True


async def _let_go(parts: AdoptionDependencies, tx: Transaction, presence: Presence) -> str:
    kind, life = presence.kind, parts.lifecycles[presence.kind]
    await presences.drop(tx, presence)
    resource = await parts.resources.fetch(tx, kind, presence.id)
    if resource is None:
        return "vanished"
    _forget(resource, presence.cloud)
    await life.left(tx, resource, presence)
    # What follows it leaves that cloud too, unless it is dropped itself.
    moved = await Relations(parts.resources, parts.lifecycles).moved(tx, kind, resource.id)
    await parts.ledger.wake_all(tx, (key for key in moved if key[2] != presence.cloud))
    others = await presences.of_resource(tx, kind, presence.id)
    never_there = presence.remote_id is None and presence.creating_since is None
    adoption = parts.adoptions.get(kind)
    if resource.wanted and life.traits.assigned and never_there:
        # Nothing of it was there yet: another cloud can have it, if its user left the choice.
        resource.choice, resource.home = {**resource.choice, "cloud": ""}, None
        what = "moved"
    elif others or (adoption is not None and adoption.rests_here(resource, presence)):
        what = "stayed"
    else:
        await _vanish(parts, tx, resource, presence.cloud)
        what = "vanished"
    await parts.resources.save(tx, resource, life.summarise(resource, others))
    await work.wake(tx, kind, resource.id)
    return what


async def _vanish(parts: AdoptionDependencies, tx: Transaction, resource: Resource, cloud: str) -> None:
    """It lives there alone: gone from here, with a tombstone that says where it lives on."""
    resource.wanted = False
    resource.deleted_at = resource.deleted_at or tx.now()
    resource.choice = {**resource.choice, "detached": {"cloud": cloud, "at": tx.now()}, "gone_at": tx.now()}
    await parts.lifecycles[resource.kind].gone(tx, resource)
    needs = await parts.resources.needs(tx, resource.kind, resource.id)
    await parts.resources.set_needs(tx, resource.kind, resource.id, [])
    for need in needs:
        await work.wake_waiting(tx, need.kind, need.id)


def _forget(resource: Resource, cloud: str) -> None:
    """What is remembered of the cloud is true no more: neither that its bits are there, nor what once left it, so that
    nothing is sent away from it should it come back.
    """
    choice = dict(resource.choice)
    if cloud in choice.get(LEFT, {}):
        choice[LEFT] = {name: id for name, id in choice[LEFT].items() if name != cloud}
    if cloud in choice.get("only", ()):
        choice["only"] = [name for name in choice["only"] if name != cloud]
    resource.choice = choice
