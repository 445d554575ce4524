"""What is in a cloud only for others stays there for a while after the last of them has left.

A project's default security group is such a thing. The next server of the project would have it made anew, rule by
rule, before anything else of it.
"""

from __future__ import annotations

from fractus.model.resource import IF_PRESENT, Presence
from fractus.reconcile.kind import PINNED, UNNEEDED
from fractus.reconcile.machine import Machine
from fractus.reconcile.outcome import Settled, Waiting
from fractus.store import presences, work
from fractus.store.retrying import rerun
from fractus.store.transaction import Transaction
from fractus.store.work import Claim

#: However long it stays, it is looked at so often: what is due much later is taken for the work of a wrong clock
#: (`stamps`). Seconds.
_LONGEST = 600.0

#: Of those that may only follow something so many are looked at.
_FOLLOWERS = 100


async def is_needed(machine: Machine, tx: Transaction, there: Presence) -> bool:
    """Whether anything needs it there, or it is to be there in any case. What only follows it leaves with it."""
    if there.memory.get(PINNED):
        return True
    key = there.kind, there.id
    for kind, id in await presences.dependents(tx, *key, there.cloud, every=True, limit=_FOLLOWERS):
        if there.kind not in machine.relations.followers.get(kind, ()):
            return True
        needs = await machine.resources.needs(tx, kind, id)
        if any((need.kind, need.id) == key and need.mode != IF_PRESENT for need in needs):
            return True
    return False


async def note(machine: Machine, tx: Transaction, there: Presence) -> None:
    """The last that needs it there has left: it leaves later, or now where its own user has removed it."""
    resource = await machine.resources.fetch(tx, there.kind, there.id)
    if machine.pace.keep_unneeded <= 0 or resource is None or not resource.wanted:
        await machine.unwant(tx, there)
        return
    there.memory[UNNEEDED] = machine.clock.now()
    await presences.save(tx, there)
    due = machine.clock.now() + min(machine.pace.keep_unneeded, _LONGEST)
    await work.wait(tx, there.kind, there.id, there.cloud, "", due)


@rerun
async def leaves(machine: Machine, claim: Claim, presence: Presence) -> bool:
    """Whether it is to leave now. Where something needs it again, its mark goes."""
    async with machine.store.transaction() as tx:
        await machine.hold(tx, claim)
        there = await presences.fetch(tx, presence.kind, presence.id, presence.cloud, to_write=True)
        if there is None or not there.wanted:
            return True
        if await is_needed(machine, tx, there):
            there.memory.pop(UNNEEDED, None)
            presence.memory.pop(UNNEEDED, None)
            await presences.save(tx, there)
            return False
        if machine.age(presence.memory[UNNEEDED]) < machine.pace.keep_unneeded:
            return False
        await machine.unwant(tx, there)
    return True


def settled(machine: Machine, presence: Presence) -> Settled | Waiting:
    """How a look ends that has left nothing to do: what nothing needs is looked at once more when its time is over."""
    if UNNEEDED not in presence.memory:
        return Settled()
    left = machine.pace.keep_unneeded - machine.age(presence.memory[UNNEEDED])
    return Waiting(
        again_in=min(max(left, 0.0), _LONGEST), reason="nothing needs it there; it leaves in a while"
    )
