"""Two presences of one assigned resource, while it changes its cloud.

`attend` takes a resource whose kind has it moved (`Moves`) from one step to the next; of such a one there is nothing to
copy. Whoever moves data calls the steps in order.

1. `begin`: a presence is made in the other cloud, INCOMING. It converges as any does, with all that it needs there. The
   home, and what users see, stay as they are.
2. `cut_over`, when the data is there: in one transaction the other cloud becomes the home, and the presence in the old
   one OUTGOING. It is still there, swept, and kept as it should be, so that data can be fetched from it.
3. `finish`: the outgoing presence leaves its cloud as any presence does.

`abandon`, before 2, has the incoming presence leave; nothing else has changed. A resource that is deleted meanwhile
leaves both clouds. Each function writes in the caller's transaction and calls no cloud; whichever process dies in
between, the roles say how far it was.
"""

from __future__ import annotations

from fractus.model.errors import Conflict
from fractus.model.resource import BLOCKED, INCOMING, OUTGOING, SETTLED, Presence, Resource, at_home
from fractus.reconcile.converge.needs import first_look
from fractus.reconcile.machine import Machine
from fractus.store import presences
from fractus.store.transaction import Transaction


async def attend(machine: Machine, tx: Transaction, resource: Resource, every: list[Presence]) -> bool:
    """Take it one step nearer to the cloud that it is asked to be in. Whether anything was written."""
    life = machine.relations.moving.get(resource.kind)
    cloud = life.destination(resource) if life is not None else ""
    if life is None or not cloud:
        return False
    here, incoming = at_home(resource.home, every), _with_role(every, INCOMING)
    if here is not None and here.cloud == cloud:
        await life.moved(tx, resource, "")
    elif incoming is None and any(one.cloud == cloud for one in every):
        return False  # looked at again when that one has left
    elif incoming is None:
        try:
            await begin(machine, tx, resource, cloud)
        except Conflict as error:
            await life.moved(tx, resource, str(error))
    elif incoming.state == BLOCKED:
        await abandon(machine, tx, resource)
        await life.moved(tx, resource, incoming.error)
    elif incoming.state == SETTLED:
        await cut_over(machine, tx, resource)
        await finish(machine, tx, resource)
        await life.moved(tx, resource, "")
    else:
        return False
    await machine.refresh_document(tx, resource)
    return True


async def begin(machine: Machine, tx: Transaction, resource: Resource, cloud: str) -> Presence:
    """Have it made in another cloud too. `Conflict` where it cannot be moved, or not now."""
    name, every = _name(resource), await presences.of_resource(tx, resource.kind, resource.id)
    here = at_home(resource.home, every)
    if not machine.traits(resource.kind).assigned or not resource.wanted:
        raise Conflict(f"{name} has no cloud that could be changed")
    if here is None or not here.wanted or not here.memory.get("ran"):
        raise Conflict(f"{name} is not there yet: it goes where it is assigned to")
    if any(one.role for one in every):
        raise Conflict(f"{name} is changing its cloud already")
    if any(one.cloud == cloud for one in every):
        raise Conflict(f"{name} is in {cloud} already, or has not left it yet")
    # An older process assigned it where that is all that says so.
    resource.home = here.cloud
    made = await machine.place(tx, resource, cloud, resource.project_id)
    assert made is not None, "there was none in this transaction"
    made.role = INCOMING
    await presences.save(tx, made)
    await machine.refresh_document(tx, resource)
    await first_look(machine, tx, resource, cloud)
    return made


async def cut_over(machine: Machine, tx: Transaction, resource: Resource) -> None:
    """Make the other cloud its home. `Conflict` where it is not as it should be there."""
    every = await presences.of_resource(tx, resource.kind, resource.id)
    incoming = _with_role(every, INCOMING)
    if incoming is None or incoming.state != SETTLED:
        raise Conflict(f"{_name(resource)} is not ready in another cloud")
    for one in every:
        if one.cloud == resource.home:
            one.role = OUTGOING
            await presences.save(tx, one)
    incoming.role = None
    await presences.save(tx, incoming)
    resource.home = incoming.cloud
    resource.choice = {**resource.choice, "cloud": incoming.cloud}
    await machine.refresh_document(tx, resource)
    await machine.wake_waiting(tx, resource.kind, resource.id)
    await machine.wake_all(tx, await machine.relations.moved(tx, resource.kind, resource.id))


async def finish(machine: Machine, tx: Transaction, resource: Resource) -> None:
    """Nothing of it is needed in the old cloud any more."""
    await _leave(machine, tx, resource, OUTGOING)


async def abandon(machine: Machine, tx: Transaction, resource: Resource) -> None:
    """It stays where it is."""
    await _leave(machine, tx, resource, INCOMING)


async def _leave(machine: Machine, tx: Transaction, resource: Resource, role: str) -> None:
    leaving = _with_role(await presences.of_resource(tx, resource.kind, resource.id), role)
    if leaving is not None:
        await machine.unwant(tx, leaving)


def _with_role(every: list[Presence], role: str) -> Presence | None:
    return next((one for one in every if one.role == role and one.wanted), None)


def _name(resource: Resource) -> str:
    return f"{resource.kind} {resource.id}"
