"""A cloud that was put back to an earlier state refuses what names things that are not there any more."""

from __future__ import annotations

import pytest

from fractus.model.errors import CloudError, Missing, Refused, Throttled
from fractus.model.resource import IF_PRESENT, PENDING, Need
from fractus.reconcile import drift
from fractus.reconcile.converge import needs
from fractus.store import presences
from fractus.store.work import Claim
from tests.unit.reconcile.toy import ToyCloud, World


def lose(cloud: ToyCloud, *kinds: str) -> None:
    """The cloud is put back to an earlier state, in which these were not there."""
    for kind in kinds:
        for thing in cloud.here(kind):
            del cloud.things[thing.remote_id]


async def test_a_create_waits_until_all_that_was_lost_with_its_cloud_is_there_again(world: World) -> None:
    """However long its cloud, still busy with its return, does not answer what is asked of each."""
    east = await world.cloud("east")
    await world.box("b1", zone="east")
    await world.settle()
    lose(east, "net")
    east.fail("observe", *[Throttled("busy", after=20.0)] * 4)
    await world.box("b2", zone="east")
    for _ in range(12):
        await world.settle(30)
        assert (await world.shown("box", "b2"))["status"] != "error"
    assert (await world.shown("box", "b2"))["status"] == "settled"
    assert east.made.count(("net", "n1")) == 2


async def test_what_is_lost_again_before_it_was_used_is_made_again(world: World) -> None:
    east = await world.cloud("east")
    losses = 3

    async def gate(place: str) -> None:
        nonlocal losses
        if place == "before create" and losses and ("plug", "p-b1") in east.made and east.here("net"):
            losses -= 1
            lose(east, "net", "plug")

    east.gate = gate
    await world.box("b1", zone="east")
    for _ in range(12):
        await world.settle(30)
        assert (await world.shown())["status"] != "error"
    assert losses == 0
    assert (await world.shown())["status"] == "settled"


async def test_a_create_that_is_refused_with_all_it_needs_there_is_refused_for_good(world: World) -> None:
    east = await world.cloud("east")
    await world.want("net", "n1")
    await world.want("box", "b0", [Need("net", "n1")], zone="east")
    await world.settle()
    east.fail("create", *[Refused("what size is that?", status=400)] * 9)
    await world.want("box", "b1", [Need("net", "n1")], zone="east")
    await world.settle()
    assert (await world.shown())["why"] == "what size is that?"
    assert len(east.faults["create"]) == 7
    assert await world.pending() == []


@pytest.mark.parametrize("error", [Missing("net is not there"), Refused("net is not there", status=400)])
async def test_a_change_that_is_refused_for_what_was_lost_has_it_made_again(
    world: World, error: CloudError
) -> None:
    east = await world.cloud("east")
    await world.box()
    await world.settle()
    lose(east, "net")
    east.fail("resize", error)
    calls = len(east.calls)
    await world.change("plug", "p-b1", size=2)
    await world.settle()
    assert east.made.count(("net", "n1")) == 2
    assert [one.size for one in east.here("plug")] == [2]
    assert len(east.calls) - calls < 20


async def unverified(world: World) -> None:
    """What `needs.verify` writes of a network, where the wake-up that comes with it gets lost."""
    async with world.sqlite.transaction() as tx:
        there = await presences.fetch(tx, "net", "n1", "east")
        assert there is not None
        there.memory[drift.UNVERIFIED] = "token"
        await presences.save(tx, there)


async def test_what_is_to_be_observed_again_is_found_by_a_full_sweep(world: World) -> None:
    """Its wake-up may have been taken by a process that knows nothing of the mark."""
    await world.cloud("east")
    await world.box("b1", zone="east")
    await world.settle()
    await unverified(world)
    await world.box("b2", zone="east")
    await world.settle(30)
    assert (await world.shown("box", "b2"))["status"] != "settled"
    await world.sweep("east", full=True)
    await world.settle(30)
    assert (await world.shown("box", "b2"))["status"] == "settled"


async def test_what_is_to_be_observed_again_is_not_settled_by_a_sweep_alone(world: World) -> None:
    """A sweep that sees it change may have begun before that was asked for."""
    east = await world.cloud("east")
    await world.box("b1", zone="east")
    await world.settle()
    (net,) = east.here("net")
    async with world.sqlite.transaction() as tx:
        there = await presences.fetch(tx, "net", "n1", "east")
        assert there is not None
        there.memory[drift.UNVERIFIED] = "token"
        there.state = PENDING
        await presences.save(tx, there)
        await world.machine.wake(tx, "net", "n1", "east")
    world.clock.time += 10
    east.change(net.remote_id, owner="somebody")
    await world.sweep("east")
    await world.settle()
    there = await world.presence("net", "n1", "east")
    assert there is not None
    assert drift.UNVERIFIED not in there.memory


async def test_what_is_there_goes_on_using_what_is_being_observed_again(world: World) -> None:
    """Else a rule that names another group would be taken from its group meanwhile."""
    await world.cloud("east")
    await world.box("b1", zone="east")
    await world.settle()
    net = await world.presence("net", "n1", "east")
    assert net is not None
    async with world.sqlite.transaction() as tx:
        await world.resources.set_needs(tx, "plug", "p-b1", [Need("net", "n1", mode=IF_PRESENT)])
    await unverified(world)
    plug = await world.presence("plug", "p-b1", "east")
    resource = await world.resources.fetch(world.store, "plug", "p-b1")
    assert plug is not None
    assert resource is not None
    claim = Claim("plug", "p-b1", "east", "fence", 0, 0, "")
    assert await needs.meet(world.machine, claim, resource, plug) == {("net", "n1"): net.remote_id}
    plug.remote_id = None
    assert await needs.meet(world.machine, claim, resource, plug) == {}, "nothing new is made with it"
