"""A story for each declared kind of networking that comes to clouds: it is made, changed and deleted.

It follows from the kind's line in `fractus/app/kinds.py` and its example in `tests/api/examples.py`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, cast

from fractus.app.kinds import NETWORKING
from fractus.model.network import FLOATING_IP
from fractus.model.placement import Placement
from fractus.reconcile.machine import Machine
from fractus.reconcile.queue.loop import Worker
from fractus.services.kind import Kind
from fractus.testing.crash import Story
from fractus.testing.outside import outside
from fractus.testing.user import NETWORK
from fractus.testing.world import World
from tests.api.examples import EXAMPLES, NOBODYS
from tests.api.house import House

ZONE = "a"

#: Those that are ever in a cloud.
KINDS: tuple[Kind, ...] = tuple(
    one.kind for one in NETWORKING if isinstance(one.kind, Kind) and one.kind.vocabulary is not None
)

#: Those that are where others are: stories of their own bring them there (`test_every_change`).
FOLLOWING = frozenset({"floatingip", "metering_label", "router", "trunk"})


def story_of(kind: Kind) -> Story:
    """The story of a kind."""

    async def made_changed_and_deleted(world: World) -> AsyncIterator[None]:
        house = await _house_for(world, kind)
        path = f"{NETWORK}{kind.root}"
        yield
        id = await _make(house, kind)
        await _bring(world, kind, id)
        await world.settle()
        there = world.cloud(ZONE).marked(kind.name, id)
        assert len(there) == (kind.name in comes(world))
        if change := change_of(kind):
            (await house.owner.put(f"{path}/{id}", {kind.key: change})).ok()
            await world.settle()
        (await house.owner.delete(f"{path}/{id}")).ok()
        await world.settle()
        assert (await house.owner.get(f"{path}/{id}")).status == 404
        assert not world.cloud(ZONE).marked(kind.name, id), "nothing of it is left"

    made_changed_and_deleted.__name__ = f"{kind.name}_is_made_changed_and_deleted"
    return made_changed_and_deleted


def change_of(kind: Kind) -> dict[str, Any]:
    """What its example says, under another name than it has."""
    update = EXAMPLES[kind.name].update
    return {**update, "name": "changed"} if "name" in update else dict(update)


async def _house_for(world: World, kind: Kind) -> House:
    """A project with what examples refer to: a network, a group, and one of each declared kind listed before."""
    ann = world.user("ann", roles=("manager", "member", "reader"))
    network = await ann.makes_network("red", cidr="10.7.0.0/24")
    house = House(world=world, owner=ann, network=network, group=await ann.makes_security_group("web"))
    house.port = (await ann.makes_port(network))["id"]
    house.parent = (await ann.makes_port(network))["id"]
    house.external = await outside(world, {ZONE: "203.0.113.0/24"})
    for one in NETWORKING:
        if one.kind.name == kind.name:
            break
        if not isinstance(one.kind, Kind) or one.kind.name not in EXAMPLES:
            continue
        if one.kind.name not in ("network", "port", *NOBODYS):
            house.declared[one.kind.root[1:]] = await _make(house, one.kind)
    return house


async def _make(house: House, kind: Kind) -> str:
    body = {kind.key: EXAMPLES[kind.name].create(house)}
    made: dict[str, Any] = (await house.owner.post(f"{NETWORK}{kind.root}", body)).ok()
    return str(made[kind.key]["id"])


def _machine(world: World) -> Machine:
    return cast(Worker, world.parts.worker).machine


def carried(world: World) -> set[str]:
    """The kinds that come to a cloud when something there needs them."""
    lives = _machine(world).lifecycles
    return {kind for kind, life in lives.items() if life.traits.placement is Placement.CARRIED}


def comes(world: World) -> set[str]:
    """Those that come to a cloud in these stories: what is carried, and addresses outside, which are in one at once."""
    return carried(world) | {FLOATING_IP.kind}


async def _bring(world: World, kind: Kind, id: str) -> None:
    """What is carried is needed in a cloud, as if something there were built of it. What follows others finds its own
    way.
    """
    if kind.name not in carried(world):
        return
    machine = _machine(world)
    async with world.core.store.transaction() as tx:
        resource = await machine.resources.fetch(tx, kind.name, id, to_write=True)
        assert resource is not None
        await machine.place(tx, resource, ZONE, resource.project_id)
        await machine.wake(tx, kind.name, id, ZONE)
