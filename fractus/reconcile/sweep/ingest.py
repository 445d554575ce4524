"""Write what a sweep observed, many things in one transaction.

What is done by that is settled on the spot: a server that a sweep shows running, and that nobody has under a lease,
needs no look of its own; nor does a port that it shows as it was sent. All else is handed to the queue.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from fractus.model.action import Action
from fractus.model.cloud import Observed
from fractus.model.placement import NeedsAt
from fractus.model.resource import INCOMING, PENDING, SETTLED, Need, Presence, Resource
from fractus.reconcile import drift
from fractus.reconcile.converge import acting
from fractus.reconcile.converge.needs import all_met, needs_changed
from fractus.reconcile.guard.returned import OTHERS
from fractus.reconcile.kind import Done, Item, Lifecycle, Plan, Wait
from fractus.reconcile.machine import SWEPT, SWEPT_AGAIN, Machine, kept
from fractus.store import actions, presences, work
from fractus.store.transaction import Transaction


class Listing(Protocol):
    """What is being listed."""

    machine: Machine
    cloud: str
    life: Lifecycle
    kind: str
    started: float
    lists: bool


class _Held:
    """What we hold of some things in a cloud, read in one go."""

    def __init__(
        self,
        there: dict[str, Presence],
        resources: dict[str, Resource],
        every: dict[str, list[Presence]],
        asked: dict[str, list[Action]],
    ) -> None:
        self.there = there
        self.resources = resources
        self.every = every
        self.asked = asked


async def ingest_batch(turn: Listing, tx: Transaction, news: Sequence[Observed]) -> list[bool | None]:
    """Write what was seen of each thing: whether it had changed, or None if it is nothing that we know of."""
    machine, kind = turn.machine, turn.kind
    there = await presences.by_remotes(tx, turn.cloud, kind, [observed.remote_id for observed in news])
    changed = [observed for observed in news if _changed(turn, there.get(observed.remote_id), observed)]
    ids = [there[observed.remote_id].id for observed in changed]
    held = _Held(
        there,
        await machine.resources.many(tx, kind, ids) if ids else {},
        await presences.of_resources(tx, kind, ids) if ids else {},
        await actions.open_of_many(tx, kind, ids) if kind in machine.acting else {},
    )
    results: list[bool | None] = []
    for observed in news:
        presence = there.get(observed.remote_id)
        if presence is None:
            results.append(await _unknown(turn, tx, observed))
        elif is_news(turn, presence, observed):
            await _ingest_one(turn, tx, held, presence, observed)
            results.append(True)
        else:
            results.append(False)
    return results


def is_news(turn: Listing, held: Presence, observed: Observed) -> bool:
    """Whether anything is to be written about it."""
    if kept(observed) == held.observed:
        return bool(held.memory.get(drift.GONE)) and not observed.gone
    return not _is_old(turn, held, observed)


def _changed(turn: Listing, held: Presence | None, observed: Observed) -> bool:
    return held is not None and is_news(turn, held, observed)


def _is_old(turn: Listing, held: Presence, observed: Observed) -> bool:
    """Whether it was looked at while it was being listed, and what was listed is older, by the child's own stamps."""
    at = held.observed_at
    raced = at is not None and at >= turn.started and turn.machine.age(at) < float("inf")
    return (
        raced
        and bool(observed.changed_at)
        and observed.changed_at < str((held.observed or {}).get("changed_at", ""))
    )


async def _ingest_one(
    turn: Listing, tx: Transaction, held: _Held, presence: Presence, observed: Observed
) -> None:
    machine, kind = turn.machine, turn.kind
    face, mark, was = (
        machine.readiness_of(presence),
        drift.mark(presence.memory),
        presences.standing(presence),
    )
    resource = held.resources.get(presence.id)
    machine.record_observed(presence, observed)
    if turn.life.traits.trust_sweeps and turn.lists:
        presence.memory[SWEPT] = True
        machine.named.add((turn.cloud, kind))
    asked = held.asked.get(presence.id, ())
    to_do = resource is None or await _judge(turn, tx, resource, presence, observed, asked)
    await presences.save(tx, presence, was=was)
    drifted = await drift.keep(tx, presence, mark, resource)
    if resource is not None:
        every = [presence if one.cloud == presence.cloud else one for one in held.every[presence.id]]
        await machine.refresh_document(tx, resource, drifted=drifted, every=every, observed_only=True)
    if to_do:
        await machine.wake(tx, kind, presence.id, turn.cloud)
    if machine.readiness_of(presence) != face:
        await machine.announce(tx, kind, presence.id)
    if presence.role == INCOMING and presence.state == SETTLED:
        await machine.wake(tx, kind, presence.id)


async def _judge(
    turn: Listing,
    tx: Transaction,
    resource: Resource,
    presence: Presence,
    observed: Observed,
    asked: Sequence[Action],
) -> bool:
    """Whether it is to be looked at; else it is as it should be, or on its way, as sweeps will see."""
    needs: dict[Need, Presence | None] = {}
    if turn.life.traits.needs_at is NeedsAt.ALWAYS:
        tables = turn.machine.resources.tables
        needs = await presences.of_needs(tx, presence.kind, presence.id, turn.cloud, tables)
    facts = await turn.machine.relations.facts(tx, resource, presence)
    item = Item(resource, presence, drift.remote_of(needs), asked, facts)
    steady = drift.is_steady(item)
    plan = drift.next_step(turn.life, item, observed)
    if plan is None:
        return True
    if steady:
        return not isinstance(plan, Done) or not plan.memory.items() <= presence.memory.items()
    if turn.life.traits.needs_at is NeedsAt.ALWAYS:
        whole = all_met(turn.machine, needs, resource.project_id)
    else:
        # It needs nothing any more, but for what a change may have brought.
        whole = turn.life.traits.trust_sweeps and not needs_changed(resource, presence)
    return not (whole and await _follow(turn, tx, item, plan))


async def _follow(turn: Listing, tx: Transaction, item: Item, plan: Plan) -> bool:
    """Do without a look what needs none, where nobody is at it.

    Whoever has it under a lease will write what became of it, so then it is left to be looked at once more.
    """
    machine, presence = turn.machine, item.presence
    if presence.memory.get(OTHERS) or drift.UNVERIFIED in presence.memory:
        # What is to be observed again is looked at: the listing may have begun before that was asked for.
        return False
    key = presence.kind, presence.id, presence.cloud
    presence.memory.pop("missed_at", None)
    if isinstance(plan, Wait) and presence.state == PENDING and not turn.life.traits.trust_sweeps:
        # It goes on waiting as it does: for what it waits on, or until it is due.
        return await work.is_free(tx, *key)
    if isinstance(plan, Wait) and presence.state == PENDING:
        # Until a listing has named it, nobody knows that one will.
        pause = max(plan.seconds, SWEPT_AGAIN) if machine.sweeps(presence) or turn.lists else plan.seconds
        return await work.put_off(tx, *key, machine.clock.now() + pause)
    if isinstance(plan, Done) and await work.drop_free(tx, *key):
        drift.settle(turn.life, item, plan)
        await machine.write_actions(
            tx, item.resource, acting.over(item.actions, plan.over, machine.clock.now())
        )
        return True
    return False


async def _unknown(turn: Listing, tx: Transaction, observed: Observed) -> bool | None:
    """Not a remote id that we hold. If it carries our marker, a create whose answer was lost may be waiting for it."""
    presence = await presences.fetch(tx, turn.kind, observed.marker, turn.cloud)
    if presence is not None and presence.remote_id is None:
        await turn.machine.wake(tx, turn.kind, presence.id, turn.cloud)
        return True
    return None
