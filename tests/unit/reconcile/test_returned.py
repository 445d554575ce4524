"""What comes back after its end, or is there twice, is sent away; what an operator put there is not."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest
from sqlalchemy import update

from fractus.model.cloud import Observed
from fractus.model.errors import OutcomeUnknown, Refused
from fractus.reconcile.guard.returned import send_away
from fractus.reconcile.machine import Machine
from fractus.reconcile.queue.clock_skew import FarTimestamps
from fractus.store import presences
from fractus.store.schema import PRESENCE, WORK
from fractus.store.transaction import Query
from tests.unit.reconcile.toy import Thing, ToyCloud, World


def machine_of(world: World) -> Machine:
    return world.worker.machine


async def swept(world: World, cloud: ToyCloud, kind: str = "box") -> None:
    """What a full sweep of that kind, and the worker, make of what is there."""
    held = {one.remote_id for one in await presences.in_cloud(world.store, cloud.name, kind)}
    unmatched = [cloud.seen(thing) for thing in cloud.here(kind) if thing.remote_id not in held]
    await send_away(machine_of(world), cloud.name, kind, unmatched)
    await world.settle()


async def ended(world: World) -> tuple[ToyCloud, dict[str, Thing]]:
    """A cloud whose one box was deleted, and a backup of it from before."""
    east = await world.cloud("east")
    await world.box()
    await world.settle()
    backup = copy.deepcopy(east.things)
    await world.remove("box", "b1")
    await world.settle()
    assert east.here() == []
    assert await world.presence("box", "b1", "east") is None
    return east, backup


async def test_what_its_user_deleted_leaves_again_when_the_cloud_is_put_back(world: World) -> None:
    east, backup = await ended(world)
    east.things = backup
    assert len(east.here()) == 1
    await world.sweep("east", full=True)
    await world.settle()
    assert east.here() == []
    assert await world.presence("box", "b1", "east") is None
    assert await world.pending() == []


async def test_it_leaves_also_where_the_cloud_refuses_at_first(world: World) -> None:
    east, backup = await ended(world)
    east.things = backup
    east.fail("delete", Refused("it is in use", status=409))
    await world.sweep("east", full=True)
    await world.settle(200)
    assert east.here() == []


async def test_another_thing_with_the_same_marker_is_not_what_we_saw_out(world: World) -> None:
    """Somebody has made a copy, marker and all: it is reported, and stays."""
    east, _ = await ended(world)
    copied = east.put("box", "b1", marker="b1")
    await world.sweep("east", full=True)
    await world.settle()
    assert [thing.remote_id for thing in east.here()] == [copied.remote_id]
    assert (await world.findings())[copied.remote_id] == "orphan"


async def test_what_we_were_made_to_forget_stays(world: World) -> None:
    """A tombstone alone is no proof: the cloud was taken away from us, and what is there goes on."""
    east = await world.cloud("east")
    await world.box()
    await world.settle()
    async with world.store.transaction() as tx:
        presence = await presences.fetch(tx, "box", "b1", "east")
        assert presence is not None
        await presences.drop(tx, presence)
    await world.remove("box", "b1")
    await world.settle()
    await world.sweep("east", full=True)
    await world.settle()
    assert len(east.here()) == 1


async def test_a_create_that_was_given_up_and_is_done_late_is_removed(world: World) -> None:
    """Nobody ever learnt its id there."""
    east = await world.cloud("east")
    east.fail("create", *[OutcomeUnknown("no answer")] * 9)
    await world.want("box", "b1")
    await world.settle(10)
    await world.remove("box", "b1")
    await world.settle(200)
    assert await world.presence("box", "b1", "east") is None
    east.put("box", "b1", marker="b1")
    await world.sweep("east", full=True)
    await world.settle()
    assert east.here() == []


async def test_of_two_that_are_carried_the_one_that_is_not_ours_goes(world: World) -> None:
    """A network delivered the request twice."""
    east = await world.cloud("east")
    await world.box()
    await world.settle()
    [net] = east.here("net")
    east.put("net", net.name, marker=net.marker)
    await swept(world, east, "net")
    assert [thing.remote_id for thing in east.here("net")] == [net.remote_id]


async def test_what_left_twice_is_known_by_either_id(world: World) -> None:
    """What is carried comes and goes with its users; an old backup may hold an earlier one of it."""
    east = await world.cloud("east")
    first = await _net_comes_and_goes(world, east, "b1")
    second = await _net_comes_and_goes(world, east, "b2")
    for id in (first, second):
        thing = east.things.pop(east.put("net", "n1", marker="n1").remote_id)
        thing.remote_id = id
        east.things[id] = thing
    await swept(world, east, "net")  # one of a resource at a time
    await swept(world, east, "net")
    assert east.here("net") == []
    copied = east.put("net", "n1", marker="n1")
    await swept(world, east, "net")
    assert [thing.remote_id for thing in east.here("net")] == [copied.remote_id]


async def test_an_earlier_one_goes_also_where_ours_is_gone(world: World) -> None:
    """The backup is from a time when the earlier one was there, and the one that is ours was not yet made."""
    east = await world.cloud("east")
    first = await _net_comes_and_goes(world, east, "b1")
    await world.box("b2")
    await world.settle()
    [ours] = east.here("net")
    back = east.put("net", "n1", marker="n1")
    back.remote_id = first
    east.things = {first: back}
    await world.sweep("east", full=True)
    await world.settle()
    assert east.here("net") == []
    presence = await world.presence("net", "n1", "east")
    assert presence is not None
    assert presence.remote_id == ours.remote_id
    assert (await world.findings())[ours.remote_id] == "missing"


async def _net_comes_and_goes(world: World, east: ToyCloud, box: str) -> str:
    """The id that the net had there."""
    await world.box(box)
    await world.settle()
    [net] = east.here("net")
    await world.remove("box", box)
    async with world.store.transaction() as tx:
        there = await presences.fetch(tx, "net", net.marker, east.name)
        assert there is not None
        await machine_of(world).unwant(tx, there)
    await world.settle()
    assert east.here("net") == []
    return net.remote_id


async def test_what_is_in_use_there_stays_and_is_tried_again_with_the_next_sweep(world: World) -> None:
    east = await world.cloud("east")
    await world.box()
    await world.settle()
    [net] = east.here("net")
    east.put("net", net.name, marker=net.marker)
    east.fail("delete", Refused("in use", status=409))
    await swept(world, east, "net")
    assert len(east.here("net")) == 2
    await swept(world, east, "net")
    assert [thing.remote_id for thing in east.here("net")] == [net.remote_id]


@pytest.mark.parametrize("again", [False, True])
async def test_a_second_server_goes_only_where_its_create_was_sent_twice(world: World, again: bool) -> None:
    east = await world.cloud("east")
    if again:
        east.fail("create", OutcomeUnknown("no answer"))
    await world.want("box", "b1")
    await world.settle(200)
    [ours] = east.here()
    late = east.put("box", ours.name, marker="b1")
    await swept(world, east)
    left = {thing.remote_id for thing in east.here()}
    assert left == ({ours.remote_id} if again else {ours.remote_id, late.remote_id})


@pytest.mark.parametrize("double", [False, True])
async def test_what_its_kind_knows_to_be_a_double_goes(world: World, double: bool) -> None:
    """A network delivered one create twice, and nothing is in the second that is not in ours."""
    east = await world.cloud("east")
    await world.want("box", "b1")
    await world.settle(200)
    [ours] = east.here()
    second = east.put("box", "another name", marker="b1")
    asked: list[tuple[str, str]] = []

    def is_double(one: Observed, other: Observed) -> bool:
        asked.append((one.remote_id, other.remote_id))
        return double

    world.lives["box"].is_double = is_double  # type: ignore[attr-defined]
    await swept(world, east)
    assert asked == [(ours.remote_id, second.remote_id)]
    left = {thing.remote_id for thing in east.here()}
    assert left == ({ours.remote_id} if double else {ours.remote_id, second.remote_id})


async def test_a_moved_one_that_appears_in_the_cloud_it_left_is_removed_there_alone(world: World) -> None:
    east, west = await world.cloud("east"), await world.cloud("west")
    first = await _first_refuses_late(world, east, west)
    other = west if first is east else east
    assert [thing.marker for thing in other.here()] == ["b1"]
    first.put("box", "b1", marker="b1")
    await world.sweep(first.name, full=True)
    await world.settle()
    assert first.here() == []
    assert [thing.marker for thing in other.here()] == ["b1"]


async def _first_refuses_late(world: World, *clouds: ToyCloud) -> ToyCloud:
    """Whichever is chosen first gives no answer to a create, and is left."""
    for cloud in clouds:
        cloud.fail("create", *[OutcomeUnknown("no answer")] * 9)
    await world.want("box", "b1")
    await world.assign()
    [name] = await world.where()
    first = next(cloud for cloud in clouds if cloud.name == name)
    for cloud in clouds:
        if cloud is not first:
            cloud.faults.clear()
    await world.settle(400)
    assert await world.where() != [name]
    first.faults.clear()
    return first


# --- clocks that are set ------------------------------------------------------------------------

_stamp = Query(update(PRESENCE).values(observed_at=PRESENCE.c.observed_at + 7200.0))


async def test_an_observation_of_a_clock_that_was_ahead_is_not_believed_for_hours(world: World) -> None:
    east = await world.cloud("east")
    await world.box()
    await world.settle()
    async with world.store.transaction() as tx:
        await tx.execute(_stamp)
    east.change(east.here()[0].remote_id, name="renamed there")
    await world.change("box", "b1", kick=0)
    await world.settle()
    presence = await world.presence("box", "b1", "east")
    assert presence is not None
    assert presence.observed is not None
    assert presence.observed["name"] == "renamed there"


async def test_what_is_missing_is_missed_though_it_was_seen_in_the_future(world: World) -> None:
    east = await world.cloud("east")
    await world.box()
    await world.settle()
    async with world.store.transaction() as tx:
        await tx.execute(_stamp)
    east.things.clear()
    await world.sweep("east", full=True)
    await world.settle()
    assert "gone from east" in str((await world.shown())["why"])


async def test_a_delete_that_was_asked_for_in_the_future_is_asked_for_again(
    world: World, tmp_path: Path
) -> None:
    east = await world.cloud("east")
    await world.box()
    await world.settle()
    presence = await world.presence("box", "b1", "east")
    assert presence is not None
    presence.memory["delete_asked_at"] = world.clock.time + 7200
    async with world.store.transaction() as tx:
        await presences.save(tx, presence)
    await world.remove("box", "b1")
    await world.settle()
    assert east.here() == []


async def test_two_looks_that_lie_hours_apart_are_not_two_looks(world: World) -> None:
    """The first was noted by a clock that was hours behind: the second follows it at once, and may be too early."""
    east = await world.cloud("east")
    east.fail("create", OutcomeUnknown("no answer"))
    await world.want("box", "b1")
    await world.settle(0)
    presence = await world.presence("box", "b1", "east")
    assert presence is not None
    assert presence.creating_since is not None
    presence.memory["looked_at"] = world.clock.time - 7200
    async with world.store.transaction() as tx:
        await presences.save(tx, presence)
    world.clock.time += 2
    await world.settle(0)
    assert east.calls.count("create") == 1
    await world.settle()
    assert len(east.here()) == 1


def _work(**values: float) -> Query:
    return Query(update(WORK).values(**values))


async def test_what_a_wrong_clock_has_put_off_is_due_now(world: World) -> None:
    east = await world.cloud("east")
    await world.box()
    async with world.store.transaction() as tx:
        await tx.execute(_work(due_at=world.clock.time + 7200))
    await world.settle()
    assert east.here() == []
    await FarTimestamps(machine_of(world)).mend()
    await world.settle()
    assert len(east.here()) == 1


async def test_what_waits_a_little_is_left_to_wait(world: World) -> None:
    await world.box()
    due = world.clock.time + 600
    async with world.store.transaction() as tx:
        await tx.execute(_work(due_at=due))
    await FarTimestamps(machine_of(world)).mend()
    assert await world.next_due() == due


async def test_a_lease_of_a_wrong_clock_is_over_when_nobody_renews_it(world: World) -> None:
    east = await world.cloud("east")
    await world.want("box", "b1")
    until = world.clock.time + 7200
    async with world.store.transaction() as tx:
        await tx.execute(_work(claimed_until=until))
        await tx.execute(Query(update(WORK).values(claimed_by="elsewhere:1:1", fence="x")))
    stamps = FarTimestamps(machine_of(world))
    for seconds in (0, 31, 31):
        world.clock.time += seconds
        await stamps.mend()
    await world.settle()
    assert len(east.here()) == 1


async def test_a_lease_that_is_renewed_is_left_whatever_its_clock_says(world: World) -> None:
    east = await world.cloud("east")
    await world.want("box", "b1")
    stamps = FarTimestamps(machine_of(world))
    for _ in range(8):
        async with world.store.transaction() as tx:
            await tx.execute(Query(update(WORK).values(claimed_by="elsewhere:1:1", fence="x")))
            await tx.execute(_work(claimed_until=world.clock.time + 7200))
        world.clock.time += 31
        await stamps.mend()
    await world.settle()
    assert east.here() == []
