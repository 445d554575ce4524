"""Remove a presence from its cloud. Only what we created or adopted there is ever deleted (law 6).

What existed there before us and is used because it is the same (`memory["borrowed"]`) stays there: only our row goes.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from fractus.base.retry import backoff
from fractus.model.cloud import Actuator, Scope
from fractus.model.errors import CloudError, Missing, Refused, Throttled
from fractus.model.resource import PENDING, Presence, Resource
from fractus.reconcile.converge import unneeded
from fractus.reconcile.converge.absent import returns
from fractus.reconcile.guard.returned import note_left
from fractus.reconcile.guard.same_child import find, is_held_twice
from fractus.reconcile.kind import Item
from fractus.reconcile.machine import Machine
from fractus.reconcile.outcome import Again, Outcome, Retry, Settled, Waiting
from fractus.store import presences
from fractus.store.retrying import rerun
from fractus.store.transaction import Transaction
from fractus.store.work import Claim

#: A delete that was accepted and yet shows nothing for this long is asked for again. Seconds.
_ASK_AGAIN = 60.0

#: What waits for a silent cloud is woken when it answers again; it looks by itself so seldom. Seconds.
_AWAY_AGAIN = 300.0

#: What has to leave first wakes us as it does. We look by ourselves in case that wake-up gets lost: soon if it is
#: leaving, seldom if nobody has removed it, for a deleted image may have servers for years. Seconds.
_LEAVES, _STAYS = 15.0, 300.0


async def retire(
    machine: Machine,
    claim: Claim,
    resource: Resource,
    presence: Presence,
    actuator: Actuator[Any, Any],
    scope: Scope,
) -> Outcome:
    """One look at a presence that is no longer wanted."""
    # 1. What depends on it in this cloud leaves first.
    dependents = await presences.dependents(machine.store, presence.kind, presence.id, presence.cloud)
    if dependents:
        kind, id = dependents[0]
        first = await presences.fetch(machine.store, kind, id, presence.cloud)
        if first is None:
            return Again()
        return Waiting(
            on=f"{kind}/{id}",
            again_in=_STAYS if first.wanted else _LEAVES,
            reason=f"{kind} {id} must leave first",
            read=machine.readiness_of(first),
        )
    # 2. Without an id nothing was created, unless a create's answer was lost: then that is looked for.
    # 3. With an id it is deleted, and its row is dropped when the cloud says that it is gone (`_leave`).
    try:
        if presence.remote_id is None:
            return await _never_observed(machine, claim, resource, presence, actuator, scope)
        return await _delete(machine, claim, resource, presence, actuator, scope)
    except Missing:
        return await _leave(machine, claim, resource, presence)
    except Throttled as error:
        return Retry(error.reason, after=error.after)
    except Refused as error:
        # In use there by something of the child's own, or by something of ours that is still leaving.
        return Retry(error.reason, after=backoff(claim.attempts + 1, cap=30.0))
    except CloudError as error:
        if not machine.away(presence.cloud):
            return Retry(error.reason, after=backoff(claim.attempts + 1, cap=30.0))
        pause = backoff(claim.attempts + 1, cap=_AWAY_AGAIN)
        return Retry(error.reason, after=pause, on=returns(presence.cloud))


async def _never_observed(
    machine: Machine,
    claim: Claim,
    resource: Resource,
    presence: Presence,
    actuator: Actuator[Any, Any],
    scope: Scope,
) -> Outcome:
    """No answer to a create was ever stored. If one was sent, look for what it may have made, twice."""
    if presence.creating_since is None:
        return await _leave(machine, claim, resource, presence)
    # What it needed there may have left: it is looked for by its marker, so less than all of what is desired will do.
    remote: dict[tuple[str, str], str] = defaultdict(str)
    for need in await machine.resources.needs(machine.store, resource.kind, resource.id):
        there = await presences.fetch(machine.store, need.kind, need.id, presence.cloud)
        if there is not None and there.remote_id is not None:
            remote[need.kind, need.id] = there.remote_id
    facts = await machine.relations.facts(machine.store, resource, presence)
    wanted = machine.lifecycles[resource.kind].wanted(Item(resource, presence, remote, facts=facts))
    observed = await find(machine, presence, actuator, scope, wanted)
    if observed is not None:
        presence.remote_id = observed.remote_id
        presence.creating_since = None
        presence.memory["borrowed"] = not observed.marker
        machine.record_observed(presence, observed)
    elif machine.age(presence.memory.get("looked_at")) > machine.pace.looks:
        presence.memory["looked_at"] = machine.clock.now()
    elif machine.age(presence.memory["looked_at"]) >= machine.pace.quiet:
        return await _leave(machine, claim, resource, presence)
    await machine.write(claim, resource, presence, refresh=False)
    if observed is not None:
        return Again()
    return Waiting(again_in=machine.pace.quiet, reason="looking for what a lost create may have left")


async def _delete(
    machine: Machine,
    claim: Claim,
    resource: Resource,
    presence: Presence,
    actuator: Actuator[Any, Any],
    scope: Scope,
) -> Outcome:
    remote_id = presence.remote_id or ""
    if presence.memory.get("borrowed"):
        return await _leave(machine, claim, resource, presence)
    life = machine.lifecycles[presence.kind]
    if not life.traits.holds_data and await is_held_twice(machine, presence):
        return await _leave(machine, claim, resource, presence)
    if machine.age(presence.memory.get("delete_asked_at")) < _ASK_AGAIN:
        observed = await actuator.observe(scope, remote_id)
        if observed.gone:
            return await _leave(machine, claim, resource, presence)
        return Waiting(again_in=2.0, reason="the cloud is deleting it")
    await actuator.delete(scope, remote_id)
    if not life.traits.async_delete:
        # Deletes of these kinds are done when they are answered.
        return await _leave(machine, claim, resource, presence)
    presence.memory["delete_asked_at"] = machine.clock.now()
    presence.state = PENDING
    await machine.write(claim, resource, presence, refresh=False)
    return Waiting(again_in=1.0, reason="the cloud is deleting it")


@rerun
async def _leave(machine: Machine, claim: Claim, resource: Resource, presence: Presence) -> Outcome:
    """The cloud has confirmed: nothing is there. What served only this one there leaves too."""
    async with machine.store.transaction() as tx:
        await machine.hold(tx, claim)
        await presences.drop(tx, presence)
        fresh = await machine.resources.fetch(tx, resource.kind, resource.id, to_write=True) or resource
        if presence.remote_id is not None or presence.creating_since is not None:
            note_left(fresh, presence)
        await machine.lifecycles[resource.kind].left(tx, fresh, presence)
        needs = await machine.resources.needs(tx, resource.kind, resource.id)
        for need in needs:
            there = await presences.fetch(tx, need.kind, need.id, presence.cloud, to_write=True)
            if there is not None and need.exclusive:
                await machine.unwant(tx, there)
            elif there is not None and await _passes(machine, tx, there):
                await unneeded.note(machine, tx, there)
        await machine.refresh_document(tx, fresh)
        await machine.announce(tx, resource.kind, resource.id)
        await machine.wake(tx, resource.kind, resource.id)
    return Settled()


async def _passes(machine: Machine, tx: Transaction, there: Presence) -> bool:
    """Whether it is only there for others, and the last of them has left."""
    if not there.memory.get("passing"):
        return False
    return not await unneeded.is_needed(machine, tx, there)
