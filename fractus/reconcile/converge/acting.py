"""Open actions: read for a look, written with what came of it, and looked at when they are due.

A row is written in the transaction of the presence that its step changed, under the same lease: nobody sees one without
the other. What decides whether a step is sent is the presence's memory (`doing`, law 1); the row tells of it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from msgspec import structs

from fractus.model.action import DONE, ERROR, FAILED, SENT, SUCCESS, SUPERSEDED, Action, Event
from fractus.model.resource import Presence
from fractus.reconcile.kind import Acts, Item
from fractus.reconcile.machine import Machine
from fractus.store import actions, presences, work
from fractus.store.retrying import rerun
from fractus.store.transaction import Transaction
from fractus.store.work import Claim

#: An open action whose resource is nobody's work is looked at so often. Seconds.
AGAIN = 60.0
#: Resources that are woken in one transaction.
_MOST = 100


async def of_presence(machine: Machine, presence: Presence) -> Sequence[Action]:
    """The open actions of a presence's resource, where it was read that it has any."""
    return await actions.open_of(machine.store, presence.kind, presence.id) if presence.acting else ()


def sent(action: Action, step: str, cloud: str, started_at: float) -> Action:
    """Its cloud has taken a step of it."""
    event = Event(step=step, cloud=cloud, started_at=started_at)
    return structs.replace(action, state=SENT, step=action.step + 1, events=[*action.events, event])


def refused(action: Action, step: str, cloud: str, started_at: float, reason: str, now: float) -> Action:
    """Its cloud has refused a step of it: that ends the action, not the thing."""
    event = Event(
        step=step, cloud=cloud, started_at=started_at, finished_at=now, result=ERROR, details=reason
    )
    return _finished(structs.replace(action, events=[*action.events, event]), FAILED, now, reason)


def failed(every: Iterable[Action], reason: str, now: float) -> list[Action]:
    """They cannot be done any more, for nothing is there."""
    return [_finished(one, FAILED, now, reason) for one in every]


async def end_without(
    machine: Machine, claim: Claim, item: Item, about: tuple[str, str] | None, reason: str
) -> bool:
    """What an open action names (`about`) cannot be had where its resource is: that ends the action, not the thing,
    which needs it no longer. False where none names it, and where its cloud is away: then it may be had later.
    """
    resource, presence = item.resource, item.presence
    life, cloud = machine.lifecycles[resource.kind], machine.children.get(presence.cloud)
    if about is None or not isinstance(life, Acts) or cloud is None or not cloud.healthy():
        return False
    naming = [one for one in item.actions if about in life.names(one)]
    if presence.remote_id is None or not naming:
        return False

    async def let_go(tx: Transaction) -> None:
        await machine.hold(tx, claim)
        # What it needed before it was asked is its own.
        known = await presences.of_needs(tx, resource.kind, resource.id, presence.cloud)
        new = {(need.kind, need.id) for need in known if need.since > presence.generation} & {about}
        every = await machine.resources.needs(tx, resource.kind, resource.id)
        kept = [need for need in every if (need.kind, need.id) not in new]
        await machine.resources.set_needs(tx, resource.kind, resource.id, kept)

    note_failed(presence, naming, reason)
    ended = failed(naming, reason, machine.clock.now())
    await machine.write(claim, resource, presence, end=let_go, acted=ended)
    return True


def note_failed(presence: Presence, every: Iterable[Action], reason: str) -> None:
    """For its plan, which is shown open actions alone."""
    noted = {one.once: reason for one in every}
    if noted:
        presence.memory["failed"] = {**presence.memory.get("failed", {}), **noted}


def over(every: Iterable[Action], tokens: Collection[int], now: float) -> list[Action]:
    """These are over: what was sent has come about, and so has what was so already."""
    return [_finished(one, DONE, now) for one in every if one.token in tokens]


def superseded(every: Iterable[Action], tokens: Collection[int], now: float) -> list[Action]:
    """A newer one took the place of these."""
    return [
        _finished(one, DONE if one.state == SENT else SUPERSEDED, now) for one in every if one.token in tokens
    ]


def _finished(action: Action, state: str, now: float, error: str = "") -> Action:
    result = ERROR if state == FAILED else SUCCESS
    events = [
        one if one.result else structs.replace(one, finished_at=now, result=result, details=error)
        for one in action.events
    ]
    return structs.replace(action, state=state, due_at=None, finished_at=now, error=error, events=events)


@rerun
async def look_at_due(machine: Machine) -> int:
    """Wake what has an action that is due, unless it is somebody's work already; how many resources have one.

    That is how an action goes on whose wake-up was taken by a worker that knows no actions, and how one goes on at a
    time of its own. What is open of a resource that is to go is over: its end took its place. Of a kind that has no
    actions here, a process of a later version knows more: that is only put off, so that others get their turn.
    """
    due = await actions.due(machine.store, machine.clock.now(), _MOST)
    if not due:
        return 0
    async with machine.store.transaction() as tx:
        for kind, id in due:
            if kind not in machine.acting:
                await actions.put_off(tx, kind, id, tx.now(), tx.now() + AGAIN)
                continue
            resource = await machine.resources.fetch(tx, kind, id)
            if resource is None or not resource.wanted:
                await actions.close(tx, kind, id, SUPERSEDED)
                continue
            await actions.put_off(tx, kind, id, tx.now(), tx.now() + AGAIN)
            under_way = {one.cloud for one in await work.about(tx, kind, id)}
            for presence in await presences.of_resource(tx, kind, id):
                if presence.wanted and presence.cloud not in under_way:
                    await machine.wake(tx, kind, id, presence.cloud)
    return len(due)
