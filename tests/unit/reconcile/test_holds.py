"""What a hold stops, and that it goes on when the hold is released."""

from __future__ import annotations

from typing import Any

import pytest

from fractus.model.resource import PENDING, SETTLED, Presence
from fractus.reconcile.guard import holds as held
from fractus.store import clouds, holds, presences, work
from fractus.store.holds import ALL_FROZEN, CORDONED, DRAINING, FROZEN, OPEN
from tests.unit.reconcile.toy import World


async def say(world: World, cloud: str, state: str, **more: Any) -> None:
    """As an operator does (`fractus.operations.holding`)."""
    async with world.sqlite.transaction() as tx:
        await clouds.hold(tx, cloud, state, **more)
        await held.wake(tx, cloud)


async def pull(world: World, name: str) -> None:
    async with world.sqlite.transaction() as tx:
        await holds.place(tx, name, "the switch is being replaced", "ann")


async def release(world: World, name: str, *clouds_held: str) -> None:
    async with world.sqlite.transaction() as tx:
        await holds.release(tx, name)
        for cloud in clouds_held:
            await held.wake(tx, cloud)


async def settled(world: World, id: str = "b1") -> bool:
    return bool((await world.shown("box", id))["status"] == "settled")


FREEZES = {
    "one cloud": (lambda w: say(w, "east", FROZEN, reason="smoke"), lambda w: say(w, "east", OPEN)),
    "all clouds": (lambda w: pull(w, ALL_FROZEN), lambda w: release(w, ALL_FROZEN, "east")),
    "one resource": (
        lambda w: pull(w, holds.of_resource("box", "b1")),
        lambda w: release(w, holds.of_resource("box", "b1"), "east"),
    ),
}


@pytest.mark.parametrize("what", FREEZES)
async def test_a_freeze_holds_a_delete_without_a_failed_try_and_lets_go_of_it_at_once(
    world: World, what: str
) -> None:
    freeze, thaw = FREEZES[what]
    east = await world.cloud("east")
    await world.box()
    await world.settle()
    await freeze(world)
    await world.remove("box", "b1")
    await world.settle()
    east.calls.clear()
    await world.settle(600)
    assert len(east.here()) == 1
    assert east.calls == []
    (row,) = [one for one in await work.about(world.store, "box", "b1") if one.cloud == "east"]
    assert row.attempts == 0
    assert "frozen" in row.reason

    moment = world.clock.time
    await thaw(world)
    assert await world.worker.run_due()
    assert world.clock.time == moment
    await world.settle()
    assert east.here() == []


async def test_nothing_is_begun_in_a_frozen_cloud_and_all_of_it_comes_after_thaw(world: World) -> None:
    east = await world.cloud("east")
    await world.box("b1")
    await world.assign()
    await say(world, "east", FROZEN)
    await world.settle(600)
    assert east.things == {}
    assert {"observe", "find", "create"}.isdisjoint(east.calls)
    await say(world, "east", OPEN)
    await world.settle()
    assert await settled(world)


async def test_a_thing_that_never_was_in_a_frozen_cloud_ends_without_waiting(world: World) -> None:
    await world.cloud("east")
    await world.box("b1")
    await world.assign()
    await say(world, "east", FROZEN)
    await world.remove("box", "b1")
    await world.settle()
    assert (await world.shown())["status"] == "gone"


async def test_a_thaw_between_the_look_and_its_note_is_not_lost(world: World) -> None:
    east = await world.cloud("east")
    await world.box()
    await world.assign()
    async with world.sqlite.transaction() as tx:
        await work.wake(tx, "box", "b1", "east")
    await say(world, "east", FROZEN)
    claims = await world.worker._claim("east", 100)
    (claim,) = [one for one in claims if one.kind == "box"]
    reached = False

    async def thaw_before_the_note(place: str) -> None:
        nonlocal reached
        if place == "before transaction" and not reached:
            reached = True
            await say(world, "east", OPEN)

    world.store.gate = thaw_before_the_note
    await world.worker.handle(claim)
    assert reached
    (row,) = [one for one in await work.about(world.store, "box", "b1") if one.cloud == "east"]
    assert row.due_at <= world.clock.time
    assert east.calls == []


async def test_draining_finishes_what_was_begun_and_begins_nothing(world: World) -> None:
    east = await world.cloud("east")
    east.building = 30.0
    await world.box("b1")
    await world.settle(1)
    assert len(east.here()) == 1
    await world.box("b2", cloud="east")
    await world.assign()
    await say(world, "east", DRAINING, reason="maintenance")
    await world.settle(120)
    assert await settled(world, "b1")
    assert [thing.marker for thing in east.here()] == ["b1"]

    await world.change("box", "b1", size=7)
    await world.settle(120)
    assert east.here()[0].size == 1
    await say(world, "east", OPEN)
    await world.settle(120)
    assert east.here()[0].size == 7
    assert await settled(world, "b2")


async def test_draining_ends_a_create_whose_answer_was_lost(world: World) -> None:
    east = await world.cloud("east")
    await world.box("b1", cloud="east")
    east.lose("create", 3)
    await world.settle(0)
    await say(world, "east", DRAINING)
    await world.settle(120)
    assert len([one for one in east.things.values() if one.kind == "net"]) == 1


async def test_a_delete_that_was_asked_for_is_seen_to_its_end_while_draining(world: World) -> None:
    east = await world.cloud("east")
    await world.box("b1")
    await world.settle()
    presence = await world.presence("box", "b1", "east")
    assert presence is not None
    presence.memory["delete_asked_at"] = world.clock.now()
    async with world.sqlite.transaction() as tx:
        await presences.save(tx, presence)
    await world.remove("box", "b1")
    await say(world, "east", DRAINING)
    await world.settle(120)
    assert east.here() == []


async def test_a_cordoned_cloud_gets_nothing_new_and_what_is_there_goes_on(world: World) -> None:
    east, west = await world.cloud("east"), await world.cloud("west")
    await world.box("b1", cloud="east")
    await world.settle()
    await say(world, "east", CORDONED, reason="the floor is wet")
    for number in range(2, 6):
        await world.box(f"b{number}")
    await world.settle()
    assert len(east.here()) == 1
    assert len(west.here()) == 4
    b2 = await world.resource("box", "b2")
    assert b2 is not None
    assert "the floor is wet" in b2.choice["why_not"]["east"]
    await world.remove("box", "b1")
    await world.settle()
    assert east.here() == []


async def test_what_found_no_open_cloud_starts_when_one_opens(world: World) -> None:
    east = await world.cloud("east")
    await say(world, "east", CORDONED)
    await world.box("b1")
    await world.settle(600)
    assert east.things == {}
    await say(world, "east", OPEN)
    moment = world.clock.time
    assert await world.worker.run_due()
    assert world.clock.time == moment
    await world.settle()
    assert len(east.here()) == 1


async def test_a_frozen_cloud_is_swept_unless_it_is_to_be_left_alone(world: World) -> None:
    east = await world.cloud("east")
    await world.box()
    await world.settle()
    await say(world, "east", FROZEN)
    east.calls.clear()
    assert await world.worker.sweep_once("east", full=False)
    assert east.calls
    await say(world, "east", FROZEN, unswept=True)
    east.calls.clear()
    assert not await world.worker.sweep_once("east", full=False)
    assert east.calls == []


def test_what_was_begun_is_distinguished_from_what_was_not() -> None:
    def one(**more: Any) -> Presence:
        return Presence(kind="box", id="b1", cloud="east", **more)

    assert not held.begun(one())
    assert held.begun(one(creating_since=1.0))
    assert held.begun(one(remote_id="r", state=PENDING))
    assert not held.begun(one(remote_id="r", state=SETTLED))
    assert held.begun(one(remote_id="r", state=SETTLED, memory={"doing": "reboot"}))
    assert not held.begun(one(remote_id="r", wanted=False))
    assert held.begun(one(remote_id="r", wanted=False, memory={"delete_asked_at": 1.0}))
