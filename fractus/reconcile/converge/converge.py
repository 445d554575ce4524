"""Make one presence true, one step at a time.

Create is three steps (law 1): write that a create may be under way; look for what an earlier, lost create may have
left, if there was one; create. A lost create is looked for *twice*, `Pace.quiet` apart, while the child answers: a
child that was frozen first works off what it had accepted before it froze, and our first look may overtake that.
"""

from __future__ import annotations

from typing import Any

import msgspec

from fractus.base.retry import backoff
from fractus.model.action import Action
from fractus.model.cloud import Actuator, Observed, Scope, Step, Wanted
from fractus.model.errors import (
    CloudError,
    CredentialsRejected,
    Missing,
    OutcomeUnknown,
    Refused,
    Throttled,
    Unreachable,
)
from fractus.model.placement import NeedsAt
from fractus.model.resource import BLOCKED, OVER, PENDING, SETTLED, Presence, Resource
from fractus.reconcile import drift
from fractus.reconcile.converge import acting, unneeded
from fractus.reconcile.converge.absent import actuator_of, returns
from fractus.reconcile.converge.ending import end
from fractus.reconcile.converge.needs import Unmet, meet, meet_changed, meet_named, verify
from fractus.reconcile.converge.orphans import ORPHAN, see_off
from fractus.reconcile.converge.retire import retire
from fractus.reconcile.guard import automatic_changes, holds, link, returned
from fractus.reconcile.guard.concurrency import Watched
from fractus.reconcile.guard.same_child import find
from fractus.reconcile.kind import ARRIVED, UNNEEDED, Apply, Done, Fail, Item, Lifecycle, MayEnd, Plan, Wait
from fractus.reconcile.machine import SWEPT_AGAIN, Machine
from fractus.reconcile.outcome import Again, Blocked, Held, Outcome, Retry, Settled, Waiting, Written
from fractus.store import findings, presences
from fractus.store.retrying import rerun
from fractus.store.work import Claim

#: After so many failed tries it is said, to what waits for it, that a change of what is there does not arrive.
_TRIES = 5

#: Between two looks for what a cloud makes by itself. Seconds.
_ARRIVES = 3.0

#: Between two looks for what makes it, which also wakes who waits for it. Seconds.
_MAKER_ARRIVES = 30.0

#: What waits for a silent cloud is woken when it answers again; it looks by itself so seldom. Seconds.
_AWAY_AGAIN = 300.0


def fingerprint(presence: Presence) -> bytes:
    """All of a presence but when it was seen: what is as it was need not be written."""
    return msgspec.json.encode(msgspec.structs.replace(presence, observed_at=None))


class Look:
    """One look at one presence: everything the steps below hand on to each other."""

    def __init__(
        self,
        machine: Machine,
        claim: Claim,
        item: Item,
        actuator: Actuator[Any, Any],
        scope: Scope,
    ) -> None:
        """Keep it together."""
        self.machine = machine
        self.claim = claim
        self.item = item
        self.actuator = actuator
        self.scope = scope
        # Nothing is compared of what is not there yet: whatever comes of it is written.
        self.read = b"" if item.presence.remote_id is None else fingerprint(item.presence)
        self.acted: list[Action] = []
        """Open actions of which something came: written with the presence."""

    @property
    def life(self) -> Lifecycle:
        """The kind's lifecycle."""
        return self.machine.lifecycles[self.item.resource.kind]

    async def whole(self) -> Item:
        """The item with the ids there of what it needs, also where nothing is waited for any more."""
        if self.item.remote or self.life.traits.needs_at is NeedsAt.AT_CREATE:
            return self.item
        machine = self.machine
        whole = await drift.item_of(machine.store, self.resource, self.presence)
        return msgspec.structs.replace(self.item, remote=whole.remote)

    @property
    def presence(self) -> Presence:
        """The presence."""
        return self.item.presence

    @property
    def resource(self) -> Resource:
        """The resource."""
        return self.item.resource

    async def save(self, *, refresh: bool = True) -> None:
        """Write the presence under our lease."""
        await self.machine.write(self.claim, self.resource, self.presence, refresh=refresh, acted=self.acted)

    async def end(self, outcome: Settled | Waiting | Blocked) -> Outcome:
        """Write the presence, and with it what the look came to."""
        machine, claim = self.machine, self.claim
        await machine.write(
            claim,
            self.resource,
            self.presence,
            end=lambda tx: end(machine, tx, claim, outcome),
            acted=self.acted,
        )
        return Written(outcome)

    async def begin(self, *, anew: bool = False) -> bool:
        """Write the presence before an outside change; False if that change is no longer wanted, or possible."""
        return await self.machine.begin(self.claim, self.presence, self.resource, anew=anew)


async def converge(machine: Machine, claim: Claim) -> Outcome:
    """One look at one presence, with at most one outside change."""
    resource = await machine.resources.fetch(machine.store, claim.kind, claim.id)
    read = presences.fetch_acting if claim.kind in machine.acting else presences.fetch
    presence = await read(machine.store, claim.kind, claim.id, claim.cloud)
    if presence is None or (resource is None and ORPHAN not in presence.memory):
        return Settled()
    held = await holds.reason_held(machine.store, presence)
    if held:
        return Held(claim.cloud, held)
    reached = actuator_of(machine.children.get(claim.cloud), claim.cloud, claim.kind)
    actuator = Watched(reached, machine.window(claim.cloud), machine.clock)
    if resource is None:
        return await see_off(machine, claim, presence, actuator)
    scope = await machine.scope_of(resource.project_id)
    if not presence.wanted:
        return await retire(machine, claim, resource, presence, actuator, scope)
    if UNNEEDED in presence.memory and await unneeded.leaves(machine, claim, presence):
        return Again()
    remote: dict[tuple[str, str], str] | Unmet = {}
    if presence.remote_id is None or machine.lifecycles[claim.kind].traits.needs_at is NeedsAt.ALWAYS:
        remote = await meet(machine, claim, resource, presence)
    else:
        remote = await meet_changed(machine, claim, resource, presence)
    asked = await acting.of_presence(machine, presence)
    if asked and isinstance(remote, dict) and presence.remote_id is not None:
        named = await meet_named(machine, claim, resource, presence, asked, remote)
        remote = named if isinstance(named, Unmet) else remote | named
    facts = await machine.relations.facts(machine.store, resource, presence)
    item = Item(resource, presence, remote if isinstance(remote, dict) else {}, asked, facts)
    look = Look(machine, claim, item, actuator, scope)
    if isinstance(remote, Unmet):
        return await _unmet(look, remote)
    if presence.remote_id is None:
        maker = machine.made_by_clouds.get(claim.kind)
        step = _arrive if maker is not None and maker.made_there(resource, claim.cloud) else _create
        return await step(look, machine.lifecycles[claim.kind].wanted(item))
    return await _follow(look, presence.remote_id)


async def _unmet(look: Look, unmet: Unmet) -> Outcome:
    if not unmet.hopeless:
        return Written(unmet.waiting) if unmet.written else unmet.waiting
    if await acting.end_without(look.machine, look.claim, look.item, unmet.about, unmet.reason):
        return Again()
    # What needs something that has its data here can be nowhere else: it waits with it.
    bound = look.machine.traits(unmet.on.partition("/")[0]).assigned
    if unmet.elsewhere and not bound and may_move(look) and await may_leave(look):
        return await move(look, unmet.reason, refused=False)
    if not unmet.on:
        return await _block(look, unmet.reason)
    _mark_blocked(look, unmet.reason)
    return await look.end(Waiting(on=unmet.on, again_in=60.0, reason=unmet.reason, read=unmet.read))


async def _create(look: Look, wanted: Wanted) -> Outcome:
    presence, machine = look.presence, look.machine
    observed = None
    # 1. A create was sent before, and its answer is not known: look for what it made, twice, before it is sent again.
    repeated = presence.creating_since is not None
    if repeated:
        try:
            observed = await find(machine, presence, look.actuator, look.scope, wanted)
        except CloudError as error:
            return await _no_answer(look, error)
        if observed is None and not await _twice(look, "looked_at"):
            return Waiting(
                again_in=machine.pace.quiet, reason="looking whether a lost create arrives after all"
            )
    if observed is None:
        # 2. Store that a create is about to be sent. Not stored (fenced, no longer wanted), it is not sent.
        presence.creating_since = machine.clock.now()
        presence.memory.pop("looked_at", None)
        again = {returned.SENT_AGAIN: True} if repeated else {}
        presence.memory |= {ARRIVED: look.resource.generation, **again}
        if not await look.begin(anew=True):
            return Again()
        # 3. Send it, with our marker on it. A lost answer leaves `creating_since` set, for step 1 of the next look.
        try:
            observed = await look.actuator.create(look.scope, wanted)
        except OutcomeUnknown as error:
            return await _no_answer(look, error)
        except (Unreachable, Throttled, CredentialsRejected) as error:
            # Surely not done is this one. Of the one before, that was lost, nothing new is known.
            if not repeated:
                presence.creating_since = None
                await look.save(refresh=False)
            return await _no_answer(look, error)
        except (Refused, Missing) as error:
            late = await _late(look, wanted) if repeated else None
            if isinstance(late, CloudError):
                return await _no_answer(look, late)
            if late is None:
                presence.creating_since = None
                if await _verify(look, error):
                    return Again()
                return await _refused(
                    look, error.reason, elsewhere=isinstance(error, Refused) and error.elsewhere
                )
            observed = late
    return await _keep(look, observed)


async def _arrive(look: Look, wanted: Wanted) -> Outcome:
    """Its cloud makes it, because something else there was asked to. As long as it does not show it, it is waited for:
    a sweep that sees our marker wakes us too.
    """
    maker = look.machine.made_by_clouds[look.claim.kind].maker(look.item)
    if maker:
        return Waiting(on=maker, again_in=_MAKER_ARRIVES, reason=f"waits for {maker}, which makes it")
    try:
        observed = await find(look.machine, look.presence, look.actuator, look.scope, wanted)
    except CloudError as error:
        return await _no_answer(look, error)
    if observed is None and OVER in look.presence.memory and await _twice(look, "looked_at"):
        return await _ended(look)
    if observed is None:
        return Waiting(again_in=_ARRIVES, reason=f"{look.presence.cloud} has not made it yet")
    return await _keep(look, observed)


async def _keep(look: Look, observed: Observed) -> Outcome:
    """Hold what was created or found. Without our marker it is not ours, only the same: used, never deleted (law 6)."""
    presence, machine = look.presence, look.machine
    presence.remote_id = observed.remote_id
    presence.creating_since = None
    presence.memory["borrowed"] = not observed.marker
    presence.error = ""
    presence.memory.pop("looked_at", None)
    presence.state = PENDING
    machine.record_observed(presence, observed)
    if not presence.memory.get(returned.OTHERS) and not observed.gone:
        plan = await _plan(look, observed)
        if isinstance(plan, Wait):
            # It takes its time there. All else is looked at once more: the answer may say less than there is.
            return await look.end(_waiting(look, plan))
    await look.save()
    return Again()


def _waiting(look: Look, plan: Wait) -> Waiting:
    """To be looked at again. What a sweep will see change is not asked for one by one while sweeps go on."""
    pause = max(plan.seconds, SWEPT_AGAIN) if look.machine.sweeps(look.presence) else plan.seconds
    return Waiting(on=plan.on, again_in=pause, reason=plan.reason)


async def _plan(look: Look, observed: Any) -> Plan:
    """The next step from what was seen; what is drift is remembered, and no work."""
    presence = look.presence
    if observed.gone:
        presence.memory[drift.GONE] = True
    else:
        presence.memory.pop(drift.GONE, None)
        judged = drift.judge(look.life, await look.whole(), observed)
        drift.remember(presence, judged.drift)
        observed = judged.observed
    plan = look.life.plan(look.item, observed)
    if isinstance(plan, Wait) and presence.generation != look.resource.generation:
        presence.memory[ARRIVED] = look.resource.generation
    return plan


async def _verify(look: Look, error: CloudError) -> bool:
    """Whether a change may have been refused because something that it needs is not there any more, so that all of
    that is observed again before the change is tried again.
    """
    may_lack = isinstance(error, Missing) or (isinstance(error, Refused) and error.status in (400, 404))
    if not may_lack or not look.item.remote or not await verify(look.machine, look.claim, look.item):
        return False
    await look.save(refresh=False)
    return True


async def _late(look: Look, wanted: Wanted) -> Observed | CloudError | None:
    """What a lost create made later than anybody waited for it: its address or its quota may be why a second was
    refused. Given up now, it would stay behind.
    """
    try:
        return await find(look.machine, look.presence, look.actuator, look.scope, wanted)
    except CloudError as error:
        return error


async def _twice(look: Look, mark: str) -> bool:
    """Whether nothing was seen at an earlier look either, at least `quiet` ago; else this one is noted as the first."""
    memory, machine = look.presence.memory, look.machine
    if mark in memory and machine.age(memory[mark]) < machine.pace.looks:
        return machine.age(memory[mark]) >= machine.pace.quiet
    memory[mark] = machine.clock.now()
    await look.save(refresh=False)
    return False


async def _follow(look: Look, remote_id: str) -> Outcome:
    presence, machine = look.presence, look.machine
    if (
        look.life.traits.trust_sweeps
        and drift.UNVERIFIED not in presence.memory
        and machine.observed_lately(presence)
    ):
        observed = machine.observation_of(presence)
    else:
        try:
            observed = await look.actuator.observe(look.scope, remote_id)
        except Missing:
            return await _vanished(look)
        except CloudError as error:
            return await _no_answer(look, error)
        if observed.unread:
            return Retry(f"{presence.cloud} cannot tell just now: {observed.unread}")
        machine.record_observed(presence, observed)
    presence.memory.pop("missed_at", None)
    drift.verified(presence)
    if presence.memory.get(returned.OTHERS):
        return await _send_other_away(look)
    plan = await _plan(look, observed)
    if isinstance(plan, Done):
        drift.settle(look.life, look.item, plan)
        look.acted += acting.over(look.item.actions, plan.over, machine.clock.now())
        return await look.end(unneeded.settled(machine, presence))
    if isinstance(plan, Wait):
        presence.state = PENDING
        if fingerprint(presence) == look.read:
            return _waiting(look, plan)
        return await look.end(_waiting(look, plan))
    if isinstance(plan, Fail):
        return await _refused(look, plan.reason, elsewhere=plan.elsewhere)
    return await _apply(look, remote_id, plan)


async def _send_other_away(look: Look) -> Outcome:
    """Remove what is there beside it with the same marker. In use it stays, to be found again by the next sweep."""
    memory = look.presence.memory
    other, *rest = memory[returned.OTHERS]
    try:
        if other != look.presence.remote_id:  # it may have become ours meanwhile
            await look.actuator.delete(look.scope, other)
    except (Missing, Refused):
        pass
    except CloudError as error:
        return await _no_answer(look, error)
    memory[returned.OTHERS] = rest
    await look.save(refresh=False)
    return Again()


async def _apply(look: Look, remote_id: str, plan: Apply) -> Outcome:
    presence = look.presence
    if plan.once:
        presence.memory["doing"] = plan.once
        presence.memory["doing_from"] = (presence.observed or {}).get("changed_at", "")
        # If its answer is lost, what was seen before does not tell whether it was done.
        presence.observed_at = None
        if not await look.begin():
            return Again()
    step: Step = plan.step
    asked = next((one for one in look.item.actions if one.once == plan.once), None)
    started = look.machine.clock.now()
    try:
        await look.actuator.apply(look.scope, remote_id, step)
    except OutcomeUnknown as error:
        return await _no_answer(look, error)
    except (Unreachable, Throttled, CredentialsRejected) as error:
        if presence.memory.pop("doing", None):
            # Surely not done: the plan must not take it for one whose answer was lost.
            await look.save(refresh=False)
        return await _no_answer(look, error)
    except Missing as error:
        presence.memory.pop("doing", None)
        presence.observed_at = None
        if not await _verify(look, error):
            await look.save(refresh=False)
        # It may be itself what is missing, which its next observation tells, or something that it names.
        return Retry(error.reason)
    except Refused as error:
        presence.memory.pop("doing", None)
        if drift.REPAIR in presence.memory and presence.generation == look.resource.generation:
            return await _not_repaired(look, error.reason)
        if not plan.once:
            return Again() if await _verify(look, error) else await _block(look, error.reason)
        # The user's one action was refused there; that ends the action, not the thing.
        if asked is None:
            failed = presence.memory.setdefault("failed", {})
            failed[plan.once] = error.reason
        else:
            now = look.machine.clock.now()
            look.acted.append(acting.refused(asked, step.verb, presence.cloud, started, error.reason, now))
    else:
        if asked is not None:
            look.acted.append(acting.sent(asked, step.verb, presence.cloud, started))
    look.acted += acting.superseded(look.item.actions, plan.over, look.machine.clock.now())
    presence.memory.pop("doing", None)
    presence.memory.update(plan.memory)
    presence.observed_at = None
    presence.state, presence.error = PENDING, ""
    await look.save()
    return Again()


async def _not_repaired(look: Look, reason: str) -> Outcome:
    """The cloud does not let it be repaired: then it stays as somebody else made it, and can be used so."""
    drift.repaired(look.presence)
    look.presence.memory["repair_refused"] = reason
    look.presence.state, look.presence.observed_at = SETTLED, None
    await look.save()
    return Again()


async def _vanished(look: Look) -> Outcome:
    """It was there and is not. What holds a user's data is never quietly made anew; what is carried is, when needed.

    Believed when seen twice: a child that reads from a replica of its database may not show yet what it just made. And
    before it is made anew it is looked for, as after a lost create.
    """
    presence = look.presence
    if not await _twice(look, "missed_at"):
        return Waiting(
            again_in=look.machine.pace.quiet, reason=f"it is not in {presence.cloud}; looking again"
        )
    presence.memory.pop("missed_at", None)
    adopted = bool(presence.memory.get("adopted"))
    if adopted and isinstance(look.life, MayEnd) and look.life.ended(look.resource):
        return await _ended(look)
    if look.life.traits.holds_data or adopted:
        # What was taken over is more than we know of it: an image's bits, a network's wires.
        presence.memory[drift.GONE] = True
        drift.verified(presence)
        return await _block(look, f"It is gone from {presence.cloud}: it was deleted there.")
    if presence.memory.get(returned.OTHERS):
        # A cloud that was put back has an earlier one, and not this one yet.
        return await _send_other_away(look)
    if drift.is_steady(look.item):
        # Nobody asks for it now. It is reported as missing, and made anew when it is needed there or an operator says
        # so.
        presence.memory[drift.GONE] = True
        drift.verified(presence)
        await look.save()
        return Settled()
    drift.anew(presence, look.machine.clock.now())
    await look.save()
    return Again()


@rerun
async def _ended(look: Look) -> Outcome:
    """It came to its end there by itself, and with it the resource. Nothing is left to be deleted."""
    machine, presence = look.machine, look.presence
    async with machine.store.transaction() as tx:
        await machine.hold(tx, look.claim)
        await presences.drop(tx, presence)
        await findings.drop(tx, presence.cloud, presence.kind, presence.remote_id or "")
        resource = await machine.resources.fetch(tx, presence.kind, presence.id)
        if resource is not None:
            resource.wanted = False
            resource.deleted_at = resource.deleted_at or tx.now()
            await machine.lifecycles[presence.kind].left(tx, resource, presence)
            await machine.refresh_document(tx, resource)
            await machine.wake(tx, presence.kind, presence.id)
        await machine.wake_waiting(tx, presence.kind, presence.id)
        await machine.wake_all(tx, await machine.relations.moved(tx, presence.kind, presence.id))
    return Settled()


def may_move(look: Look) -> bool:
    """Whether another cloud may be tried: it was for us to choose, nothing of it ever ran here, and it uses nothing
    that has its data here. Not of one that changes its cloud already: that is for whoever moves it to decide.
    """
    ours = look.life.traits.assigned and not look.life.demand(look.resource).cloud
    bound = any(look.machine.traits(kind).assigned for kind, _ in look.item.remote)
    return ours and not bound and look.presence.role is None and not look.presence.memory.get("ran")


@rerun
async def may_leave(look: Look) -> bool:
    """Whether it may be moved away because its cloud is silent: our link is not the suspect, and not too many were.

    Whoever may not, waits where it is.
    """
    if await link.suspect(look.machine, look.machine.store):
        return False
    presence = look.presence
    async with look.machine.store.transaction() as tx:
        await look.machine.hold(tx, look.claim)
        return await automatic_changes.may(
            look.machine, tx, presence.cloud, presence.kind, presence.id, "move elsewhere"
        )


@rerun
async def move(look: Look, reason: str, *, refused: bool) -> Outcome:
    """Leave this cloud and have another chosen. What may have been left here is found and removed (law 5)."""
    machine, presence = look.machine, look.presence
    async with machine.store.transaction() as tx:
        await machine.hold(tx, look.claim)
        presence.wanted = False
        presence.state, presence.error = PENDING, reason
        await presences.save(tx, presence)
        resource = await machine.resources.fetch(tx, presence.kind, presence.id, to_write=True)
        if resource is not None:
            choice = {**resource.choice, "cloud": ""}
            if refused:
                choice["refused"] = {**choice.get("refused", {}), presence.cloud: reason}
            else:
                entry = {"reason": reason, "until": machine.clock.now() + machine.pace.avoid}
                choice["avoided"] = {**choice.get("avoided", {}), presence.cloud: entry}
            resource.choice, resource.home = choice, None
            await machine.refresh_document(tx, resource)
            await machine.wake(tx, presence.kind, presence.id)
    return Again()


async def _refused(look: Look, reason: str, *, elsewhere: bool) -> Outcome:
    if elsewhere and may_move(look):
        return await move(look, reason, refused=True)
    return await _block(look, reason)


async def _block(look: Look, reason: str) -> Outcome:
    _mark_blocked(look, reason)
    acting.note_failed(look.presence, look.item.actions, reason)
    look.acted += acting.failed(look.item.actions, reason, look.machine.clock.now())
    return await look.end(Blocked(reason))


def _mark_blocked(look: Look, reason: str) -> None:
    look.presence.state, look.presence.error = BLOCKED, reason
    look.presence.generation = look.resource.generation


async def _no_answer(look: Look, error: CloudError) -> Outcome:
    """The cloud did not (rightly) answer: try again; after a while elsewhere; and tell the user, but go on trying."""
    presence, machine = look.presence, look.machine
    waited = machine.clock.now() - max(presence.created_at, float(look.resource.choice.get("chosen_at", 0.0)))
    starting = presence.remote_id is None
    certain = presence.creating_since is None
    movable = starting and may_move(look)
    late = waited > machine.pace.give_up
    if movable and (late or (certain and look.claim.attempts >= 1)):
        if await may_leave(look):
            return await move(look, error.reason, refused=False)
        movable = False
    hopeless = isinstance(error, CredentialsRejected) or late
    # Users are shown nothing yet while another cloud may still take it: who waits for a server stops at an error.
    if starting and hopeless and presence.error != error.reason and not movable:
        presence.state, presence.error = BLOCKED, error.reason
        await look.save()
    elif (
        not starting
        and not look.life.traits.assigned
        and look.claim.attempts >= _TRIES
        and not presence.error
    ):
        presence.error = error.reason
        await look.save(refresh=False)
    if isinstance(error, Throttled):
        return Retry(error.reason, after=error.after)
    if not machine.away(presence.cloud):
        return Retry(error.reason, after=backoff(look.claim.attempts + 1, cap=30.0))
    # While it is away, looking again soon brings something only until the user has been shown it, or it may move.
    longest = 30.0 if starting and (not hopeless or may_move(look)) else _AWAY_AGAIN
    return Retry(
        error.reason, after=backoff(look.claim.attempts + 1, cap=longest), on=returns(presence.cloud)
    )
