"""A resource as a whole: choose its cloud, hand changes to its presences, and see to its end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence

from fractus.base.retry import backoff
from fractus.model.placement import Placement
from fractus.model.resource import Presence, Resource, at_home
from fractus.reconcile.converge import colocation, peers, relocation, unneeded
from fractus.reconcile.converge.colocation import Member
from fractus.reconcile.converge.ending import end
from fractus.reconcile.converge.following import follow
from fractus.reconcile.converge.needs import first_look
from fractus.reconcile.guard import holds, lessons
from fractus.reconcile.kind import PINNED, UNNEEDED
from fractus.reconcile.machine import Machine, Placing, Tally
from fractus.reconcile.outcome import Outcome, Retry, Settled, Written
from fractus.scheduling.choice import Candidate, Verdict, choose
from fractus.store import clouds, presences
from fractus.store.retrying import rerun
from fractus.store.transaction import Transaction
from fractus.store.work import Claim

#: Of so many clouds that were not chosen it is kept why.
_REASONS = 10
#: Counting takes one in so many of the time between two counts.
_COUNTED_AGAIN = 50.0
#: Of those that need what was deleted in one cloud so many are looked at.
_MOST = 1000


@rerun
async def attend(machine: Machine, claim: Claim) -> Outcome:
    """One look at one resource. Everything is in the store: no cloud is called."""
    try:
        return await _attend(machine, claim)
    finally:
        machine.placing.pop(claim, None)


async def _attend(machine: Machine, claim: Claim) -> Outcome:
    # A first presence is given by who holds this claim, or by who assigns it together with another and says so in its
    # home: where there is neither, none is looked for again below.
    known = await presences.of_resource(machine.store, claim.kind, claim.id)
    async with machine.store.transaction() as tx:
        outcome: Settled | Retry = Settled()
        resource = await machine.resources.fetch(tx, claim.kind, claim.id, to_write=True)
        look_again = known or (resource is not None and resource.home)
        every = await presences.of_resource(tx, claim.kind, claim.id) if look_again else []
        if resource is not None and not resource.wanted:
            await _leave(machine, tx, resource, every)
        elif resource is not None:
            outcome = await _attend_to(machine, tx, claim, resource, every)
        await end(machine, tx, claim, outcome)
    return Written(outcome)


async def _attend_to(
    machine: Machine, tx: Transaction, claim: Claim, resource: Resource, every: list[Presence]
) -> Settled | Retry:
    """See that what is wanted is where it should be, and hand a change to each of its presences."""
    outcome: Settled | Retry = Settled()
    placement = machine.traits(claim.kind).placement
    if placement is Placement.FOLLOWS:
        await follow(machine, tx, resource, every)
    elif placement is Placement.ASSIGNED:
        if not any(one.wanted for one in every):
            outcome = await _assign(machine, tx, claim, resource, every)
        else:
            await _keep_home(machine, tx, resource, every)
            if await relocation.attend(machine, tx, resource, every):
                every = await presences.of_resource(tx, resource.kind, resource.id)
    elif (life := machine.relations.pinned.get(claim.kind)) is not None:
        await _pin(machine, tx, resource, life.pinned_to(resource), every)
    for one in every:
        if one.wanted and one.generation != resource.generation:
            await machine.wake(tx, one.kind, one.id, one.cloud)
        if await _is_unneeded(machine, tx, one):
            await unneeded.note(machine, tx, one)
    await machine.wake_all(tx, await machine.relations.changed(tx, resource.kind, resource.id))
    return outcome


async def _pin(
    machine: Machine, tx: Transaction, resource: Resource, cloud: str, every: list[Presence]
) -> None:
    """It is in this cloud, if in any, for its own sake, and in others only as long as something needs it there."""
    for one in every:
        if one.wanted and one.memory.get(PINNED, False) != (one.cloud == cloud):
            one.memory |= {PINNED: True} if one.cloud == cloud else {PINNED: False, "passing": True}
            await presences.save(tx, one)
            if not await unneeded.is_needed(machine, tx, one):
                await machine.unwant(tx, one)
    if not cloud or any(one.cloud == cloud for one in every):
        return
    made = await machine.place(tx, resource, cloud, resource.project_id)
    if made is not None:
        made.memory[PINNED] = True
        await presences.save(tx, made)
        every.append(made)
        await first_look(machine, tx, resource, cloud)


async def _keep_home(machine: Machine, tx: Transaction, resource: Resource, every: list[Presence]) -> None:
    """Write where it is, if an older process has assigned or moved it."""
    here = at_home(resource.home, every)
    if here is not None and here.cloud != resource.home:
        resource.home = here.cloud
        await machine.resources.save(tx, resource)


async def _is_unneeded(machine: Machine, tx: Transaction, one: Presence) -> bool:
    """Whether it is in its cloud only for others, and they have come to need something else."""
    if not one.wanted or not one.memory.get("passing") or UNNEEDED in one.memory:
        return False
    return not await unneeded.is_needed(machine, tx, one)


async def _leave(machine: Machine, tx: Transaction, resource: Resource, every: list[Presence]) -> None:
    """Ask every presence to leave; when all have left, drop the rest."""
    await machine.wake_all(tx, await machine.relations.changed(tx, resource.kind, resource.id))
    for one in every:
        if one.wanted and await _is_awaited(machine, tx, one):
            one.memory["passing"] = True
            await presences.save(tx, one)
        else:
            await machine.unwant(tx, one)
    if every or resource.choice.get("gone_at"):
        return
    resource.choice = {**resource.choice, "gone_at": tx.now()}
    life = machine.lifecycles.get(resource.kind)
    if life is not None:
        await life.gone(tx, resource)
    needs = await machine.resources.needs(tx, resource.kind, resource.id)
    await machine.resources.set_needs(tx, resource.kind, resource.id, [])
    if resource.deleted_at is None:
        resource.deleted_at = tx.now()
    await machine.refresh_document(tx, resource)
    await machine.wake_waiting(tx, resource.kind, resource.id)
    for need in needs:
        await machine.wake_waiting(tx, need.kind, need.id)


async def _is_awaited(machine: Machine, tx: Transaction, presence: Presence) -> bool:
    """Whether something that was asked for while it was there is still to be made with it in that cloud."""
    if not machine.traits(presence.kind).needed_after_delete:
        return False
    key = presence.kind, presence.id, presence.cloud
    for kind, id in await presences.dependents(tx, *key, every=True, limit=_MOST):
        there = await presences.fetch(tx, kind, id, presence.cloud)
        if there is not None and there.wanted and there.remote_id is None:
            return True
    return False


async def _assign(
    machine: Machine, tx: Transaction, claim: Claim, resource: Resource, leaving: list[Presence]
) -> Settled | Retry:
    """Choose a cloud for a resource, and for those that must be where it is and have none either."""
    together = await colocation.gather(machine, tx, resource, leaving)
    demand = together.demand()
    # Of all presences and clouds: read beside the transaction, or all who place or sweep would get in its way.
    placing = dict(machine.placing)
    held = await _held(machine, resource.kind)
    near = await peers.read(machine, demand.shares)
    members = await peers.members(machine, demand.group, resource.kind)
    rows = await clouds.doors(machine.store)
    narrow = await lessons.unfit(machine, machine.store, demand.shares)
    lacking = {} if demand.cloud else await _lacking(machine, together)
    # What others of this process place is not seen there yet, also where they were done while we read. From here to the
    # choice nobody else comes between.
    placing |= machine.placing
    held.update(one.cloud for one in placing.values() if one.kind == resource.kind)
    members.update(one.cloud for one in placing.values() if demand.group and one.group == demand.group)
    candidates = _candidates(machine, rows, held, peers.count(near, placing.values()), members)
    elsewhere = {**together.confined_to(one.name for one in candidates), **narrow}
    elsewhere |= _for_others(lacking, candidates, {*elsewhere, *together.refused()})
    avoided = together.avoided(machine)
    verdict = choose(
        candidates,
        asked=demand.cloud,
        kinds=demand.kinds,
        refused={**together.refused(), **elsewhere},
        avoided=avoided,
        listed=_REASONS,
        affinity=machine.affinity,
        group=demand.group.policy if demand.group is not None else None,
    )
    if not verdict.cloud:
        return await _nowhere(machine, tx, claim, resource, verdict)
    machine.placing[claim] = Placing(resource.kind, verdict.cloud, demand.shares, demand.group)
    apart = peers.elsewhere(near, placing.values(), verdict.cloud)
    for member in together.members:
        _count(machine, tx, member.resource.kind, verdict.cloud)
        await _place(machine, tx, member, verdict, reasons_first={*elsewhere, *avoided}, apart=apart)
    return Settled()


async def _lacking(machine: Machine, together: colocation.Together) -> dict[str, str]:
    """Clouds that seem to have no room for one of those that are placed together, with why."""
    found: dict[str, str] = {}
    for member in together.members:
        room = machine.room.get(member.resource.kind)
        if room is not None:
            found |= await room.lacking(machine.store, member.resource)
    return found


def _for_others(
    lacking: Mapping[str, str], candidates: Sequence[Candidate], refused: Collection[str]
) -> Mapping[str, str]:
    """`lacking`, as long as another cloud is left: what room a cloud has was read a while ago, so it is asked rather
    than none.
    """
    others = (one for one in candidates if one.enabled and not one.closed and one.healthy)
    return lacking if any(one.name not in lacking and one.name not in refused for one in others) else {}


def _candidates(
    machine: Machine,
    rows: Sequence[clouds.Door],
    held: Counter[str],
    near: Counter[str],
    members: Counter[str],
) -> list[Candidate]:
    candidates = []
    for row in rows:
        child = machine.children.get(row.name)
        candidates.append(
            Candidate(
                row.name,
                enabled=row.enabled,
                closed=row.closed if row.enabled else "",
                healthy=child is not None and child.healthy(),
                kinds=frozenset(child.actuators()) if child is not None else frozenset(),
                held=held[row.name],
                near=near[row.name],
                members=members[row.name],
                weight=float(machine.children.settings(row.name).get("weight", 1.0)),
            )
        )
    return candidates


def _count(machine: Machine, tx: Transaction, kind: str, cloud: str) -> None:
    """One more of a kind is held by a cloud, once this is written."""
    tally = machine.tallies.get(kind)
    if tally is not None:
        tx.after_commit(lambda: tally.held.update([cloud]))


async def _held(machine: Machine, kind: str) -> Counter[str]:
    """How many of a kind each cloud has. Counted anew, but no more often than costs a fiftieth of the time: a million
    are not counted for each server that comes to them. What this worker places is added meanwhile.
    """
    clock = machine.clock
    tally = machine.tallies.get(kind)
    began = clock.monotonic()
    if tally is None or began - tally.at >= _COUNTED_AGAIN * tally.took:
        counted = Counter(await presences.counts(machine.store, kind))
        tally = machine.tallies[kind] = Tally(counted, clock.monotonic(), clock.monotonic() - began)
    return Counter(tally.held)


async def _place(
    machine: Machine,
    tx: Transaction,
    member: Member,
    verdict: Verdict,
    *,
    reasons_first: Collection[str],
    apart: dict[str, list[str]],
) -> None:
    """Write the choice, and the presence that follows from it.

    Of a hundred clouds that were not chosen only some are kept, for the row is read at every look: those that something
    was against, and the nearest. `apart`: as `peers.elsewhere` says it.
    """
    resource = member.resource
    first = {*reasons_first, *resource.choice.get("refused", {})}
    kept = sorted(verdict.why_not, key=lambda name: name not in first)[:_REASONS]
    resource.choice = {
        **resource.choice,
        "cloud": verdict.cloud,
        "why": verdict.why,
        "why_not": {name: verdict.why_not[name] for name in kept},
        "chosen_at": tx.now(),
        "error": "",
    }
    resource.choice.pop("apart", None)
    if apart:
        resource.choice["apart"] = apart
    resource.home = verdict.cloud
    made = await machine.place(tx, resource, verdict.cloud)
    every = None if made is None else [*member.every, made]
    await machine.refresh_document(tx, resource, every=every, observed_only=True)
    await first_look(machine, tx, resource, verdict.cloud)
    if apart:
        await peers.mark(machine, tx, resource, verdict.cloud, apart)


async def _nowhere(
    machine: Machine, tx: Transaction, claim: Claim, resource: Resource, verdict: Verdict
) -> Settled | Retry:
    """No cloud can take it. If that may pass, go on trying; in any case say so to the user in time."""
    reasons = (
        "; ".join(f"{name}: {why}" for name, why in sorted(verdict.why_not.items())) or "there are no clouds"
    )
    late = tx.now() - resource.created_at > machine.pace.give_up
    if late or not verdict.may_pass:
        resource.choice = {
            **resource.choice,
            "error": f"No valid host was found. {reasons}",
            "why_not": verdict.why_not,
            "cloud": "",
        }
        await machine.refresh_document(tx, resource)
    if verdict.may_pass:
        pause = backoff(claim.attempts + 1, base=2.0, cap=15.0)
        return Retry(reasons, after=pause, on=holds.key(holds.ANYWHERE))
    return Settled()
