"""What FOLLOWS others has a presence in exactly those clouds where they have one.

Its needs say which others, of the kinds that its traits name (`Traits.follows`):

- where it waits for some of them (AWAIT), it is where *all* of those are: an attachment where its server and its
  volume are;
- where it waits for none, it is where *any* is that it uses (IF_PRESENT): a router where one of its subnets is.

What it brings along (CARRY, CARRY_ASYNC) is there because of it, and decides nothing.

What is asked to change its cloud is nowhere to be followed until it has: nothing is begun where it is not to stay.

Those count that are to stay; with one that is to leave it leaves first, as whatever needs a thing does. Needs of other
kinds decide nothing: what can be carried is brought along.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from fractus.model.resource import Need, Presence, Resource
from fractus.reconcile.converge.needs import first_look
from fractus.reconcile.machine import Machine
from fractus.store import presences
from fractus.store.transaction import Transaction


def clouds_of(there: Mapping[Need, Collection[str]]) -> set[str]:
    """The clouds to be in, from those of each thing that is followed. Pure."""
    awaited = [set(clouds) for need, clouds in there.items() if need.awaited]
    if awaited:
        return set.intersection(*awaited)
    return {cloud for clouds in there.values() for cloud in clouds}


async def follow(machine: Machine, tx: Transaction, resource: Resource, every: list[Presence]) -> None:
    """Make the presences that are missing, and have those leave that are too many. `every`: those that there are."""
    followed = machine.traits(resource.kind).follows
    there: dict[Need, list[str]] = {}
    for need in await machine.resources.needs(tx, resource.kind, resource.id):
        if need.kind in followed and not need.carries:
            there[need] = await _clouds(machine, tx, need)
    target = clouds_of(there)
    # One that is still leaving where it is to be again is made anew when it has left.
    for cloud in sorted(target.difference(one.cloud for one in every)):
        made = await machine.place(tx, resource, cloud, resource.project_id)
        if made is not None:
            every.append(made)
            await first_look(machine, tx, resource, cloud)
    for one in every:
        if one.wanted and one.cloud not in target:
            await machine.unwant(tx, one)
    await machine.refresh_document(tx, resource, every=every)


async def _clouds(machine: Machine, tx: Transaction, need: Need) -> list[str]:
    """Where something is, and is to stay."""
    life = machine.relations.moving.get(need.kind)
    resource = await machine.resources.fetch(tx, need.kind, need.id) if life is not None else None
    if life is not None and resource is not None and life.destination(resource):
        return []
    return [one.cloud for one in await presences.of_resource(tx, need.kind, need.id) if one.wanted]
