"""From a request to a thing in a cloud."""

from __future__ import annotations

import pytest
from structlog.testing import capture_logs

from fractus.model.errors import CredentialsRejected, Missing, OutcomeUnknown, Refused, Throttled, Unreachable
from fractus.model.resource import CARRY_ASYNC, Need
from tests.unit.reconcile.toy import World


async def test_a_box_is_built_with_all_it_needs_and_then_nothing_is_left_to_do(world: World) -> None:
    east = await world.cloud("east")
    await world.box()
    await world.settle()
    (box,) = east.here("box")
    assert sorted(box.parts) == ["net/n1", "plug/p-b1"]
    assert [one.marker for one in east.here("net") + east.here("plug")] == ["n1", "p-b1"]
    assert await world.shown() == {"id": "b1", "status": "settled", "cloud": "east", "why": ""}
    assert await world.pending() == []


async def test_what_takes_time_is_waited_for(world: World) -> None:
    east = await world.cloud("east")
    east.building = 30.0
    await world.box()
    await world.settle(5)
    assert (await world.shown())["status"] == "pending"
    await world.settle(120)
    assert (await world.shown())["status"] == "settled"


async def test_a_changed_request_reaches_the_cloud(world: World) -> None:
    east = await world.cloud("east")
    await world.box(size=1)
    await world.settle()
    await world.change("box", "b1", size=5)
    await world.settle()
    assert east.here()[0].size == 5
    assert await world.pending() == []


async def test_needs_are_carried_once_for_twenty_boxes(world: World) -> None:
    east = await world.cloud("east")
    east.building = 10.0
    await world.want("net", "n1")
    for number in range(20):
        await world.box(f"b{number}")
    with capture_logs() as logs:
        await world.settle(120)
    assert logs == [], "side by side, and none was in the way of another"
    assert len(east.here("box")) == 20
    assert east.made.count(("net", "n1")) == 1
    assert len(east.made) == 41
    assert await world.pending() == []


async def test_boxes_are_spread(world: World) -> None:
    east, west = await world.cloud("east"), await world.cloud("west")
    for number in range(20):
        await world.box(f"b{number}")
    await world.settle()
    assert (len(east.here()), len(west.here())) == (10, 10)
    assert len(east.here("net")) == len(west.here("net")) == 1


# --- law 1 --------------------------------------------------------------------------------------


async def test_law_1_intent_is_stored_before_a_child_is_called(world: World) -> None:
    east = await world.cloud("east")
    stored: list[object] = []

    async def look(place: str) -> None:
        if place == "before create":
            ids = (("box", "b1"), ("net", "n1"), ("plug", "p-b1"))
            every = [await world.presence(kind, id, "east") for kind, id in ids]
            stored.append([one.creating_since for one in every if one is not None and one.creating_since])

    east.gate = look
    await world.box()
    await world.settle()
    assert len(stored) == 3
    assert all(stored), "each create was announced in the store before it left"


async def test_law_1_a_create_whose_answer_was_lost_is_found_and_not_repeated(world: World) -> None:
    east = await world.cloud("east")
    east.lose("create", 3)
    await world.box()
    await world.settle()
    assert sorted(east.made) == [("box", "b1"), ("net", "n1"), ("plug", "p-b1")]
    assert (await world.shown())["status"] == "settled"


async def test_law_1_a_create_that_got_lost_on_its_way_is_looked_for_twice_before_it_is_repeated(
    world: World,
) -> None:
    """A child that was frozen first works off what it had taken in: a first look may overtake the create."""
    east = await world.cloud("east")
    await world.want("net", "n1")
    east.fail("create", OutcomeUnknown("no answer"))
    await world.want("box", "b1")
    await world.settle(4)
    assert east.calls.count("find") == 1
    assert east.made == []
    late = east.put("box", "b1", marker="b1")  # there it comes
    await world.settle(60)
    assert east.made == []
    assert [one.remote_id for one in east.here()] == [late.remote_id]
    assert (await world.shown())["status"] == "settled"


async def test_law_1_when_two_looks_find_nothing_it_is_made(world: World) -> None:
    east = await world.cloud("east")
    east.fail("create", OutcomeUnknown("no answer"))
    await world.want("box", "b1")
    began = world.clock.now()
    await world.settle()
    assert east.calls.count("find") == 2
    assert east.made == [("box", "b1")]
    assert world.clock.now() - began >= world.machine.pace.quiet


async def test_law_1_a_fault_of_ours_during_a_create_is_treated_as_a_lost_answer(world: World) -> None:
    east = await world.cloud("east")

    async def stumble(place: str) -> None:
        if place == "after create":
            east.gate = calm
            raise ZeroDivisionError

    async def calm(_place: str) -> None: ...

    east.gate = stumble
    await world.want("box", "b1")
    await world.settle()
    assert east.made == [("box", "b1")]
    assert (await world.shown())["status"] == "settled"


# --- refusals and silence -----------------------------------------------------------------------


async def test_a_cloud_that_is_full_makes_room_for_the_next(world: World) -> None:
    east, west = await world.cloud("east"), await world.cloud("west")
    east.fail("create", Refused("Quota exceeded for cores", status=403, elsewhere=True))
    await world.want("box", "b1")
    await world.settle()
    assert east.here() == []
    assert len(west.here()) == 1
    resource = await world.resource("box", "b1")
    assert resource is not None
    assert resource.choice["refused"] == {"east": "Quota exceeded for cores"}
    assert resource.choice["cloud"] == "west"


async def test_one_that_breaks_while_it_is_built_is_removed_and_built_elsewhere(world: World) -> None:
    east, west = await world.cloud("east"), await world.cloud("west")
    east.building = 10.0
    await world.box()
    await world.settle(3)
    east.change(east.here()[0].remote_id, broken="No valid host")
    await world.settle(60)
    assert east.here() == []
    assert east.here("plug") == [], "what served only the box left with it"
    assert len(west.here()) == 1
    assert await world.where() == ["west"]


async def test_with_no_cloud_left_the_user_is_shown_all_reasons(world: World) -> None:
    for name in ("east", "west"):
        (await world.cloud(name)).fail("create", Refused(f"{name} is full", elsewhere=True))
    await world.want("box", "b1")
    await world.settle()
    shown = await world.shown()
    assert shown["status"] == "error"
    assert shown["why"] == "No valid host was found. east: east is full; west: west is full"
    assert await world.pending() == []


async def test_a_zone_that_the_user_named_is_kept(world: World) -> None:
    east, west = await world.cloud("east"), await world.cloud("west")
    east.fail("create", Refused("full", elsewhere=True))
    await world.want("box", "b1", zone="east")
    await world.settle()
    assert west.made == []
    assert await world.shown() == {"id": "b1", "status": "error", "cloud": "east", "why": "full"}


async def test_a_refusal_that_holds_everywhere_is_final(world: World) -> None:
    east, west = await world.cloud("east"), await world.cloud("west")
    east.fail("create", Refused("the name is too long"))
    await world.want("box", "b1")
    await world.settle()
    assert west.made == []
    assert (await world.shown())["why"] == "the name is too long"
    assert await world.pending() == []


async def test_after_a_final_refusal_a_changed_request_is_tried(world: World) -> None:
    east = await world.cloud("east")
    east.fail("create", Refused("the size is odd"))
    await world.want("box", "b1", size=3)
    await world.settle()
    await world.change("box", "b1", size=4)
    await world.settle()
    assert east.here()[0].size == 4
    assert (await world.shown())["status"] == "settled"


@pytest.mark.parametrize(
    "error", [Unreachable("no route"), Throttled("slow down", after=1.0), CredentialsRejected("who are you?")]
)
async def test_a_cloud_that_surely_did_nothing_is_left_for_another(world: World, error: Unreachable) -> None:
    east, west = await world.cloud("east"), await world.cloud("west")
    east.fail("create", error, error)
    await world.want("box", "b1")
    await world.settle(10)
    assert east.made == []
    assert west.made == [("box", "b1")]
    assert await world.where() == ["west"]


async def test_who_waits_sees_no_error_while_another_cloud_may_take_it(world: World) -> None:
    east, _ = await world.cloud("east"), await world.cloud("west")
    east.fail("create", CredentialsRejected("who are you?"), CredentialsRejected("who are you?"))
    await world.want("box", "b1")
    statuses = set()
    for _ in range(40):
        await world.worker.run_due()
        statuses.add((await world.shown())["status"])
        world.clock.time += 0.5
    assert "error" not in statuses
    assert "settled" in statuses


async def test_after_a_lost_answer_from_a_cloud_that_went_down_only_one_is_left(world: World) -> None:
    """Its answer is lost and the cloud away: after a while another takes it, and what was made is removed later."""
    east, west = await world.cloud("east"), await world.cloud("west")
    east.lose("create")

    async def then_down(place: str) -> None:
        east.down = east.down or place == "after create"

    east.gate = then_down
    await world.want("box", "b1")
    await world.settle(15)
    assert west.made == [], "it may be there and only silent"
    # One pause of those that grow, of half a minute at most, may have begun just before it is given up.
    await world.settle(60)
    assert len(west.here()) == 1
    assert sorted(await world.where()) == ["east", "west"], "what may be there is not forgotten (law 5)"
    assert len(east.here()) == 1
    east.down = False
    # One pause of those that grow may have just begun.
    await world.settle(150)
    assert east.here() == []
    assert await world.where() == ["west"]


async def test_a_cloud_where_something_may_be_left_is_not_chosen_again_before_it_is_clean(
    world: World,
) -> None:
    east = await world.cloud("east")
    east.fail("create", OutcomeUnknown("no answer"))
    east.fail("find", *[Unreachable("away")] * 100)
    await world.want("box", "b1")
    await world.settle(world.machine.pace.give_up + world.machine.pace.avoid + 60)
    resource = await world.resource("box", "b1")
    assert resource is not None
    assert resource.choice["cloud"] == ""
    assert resource.choice["why_not"] == {"east": "is still being cleaned up there"}
    east.faults.clear()
    await world.settle(120)
    assert (await world.shown())["status"] == "settled"
    assert len(east.here()) == 1


async def test_a_named_zone_that_is_down_is_waited_for_and_the_user_is_shown(world: World) -> None:
    east = await world.cloud("east")
    east.down = True
    await world.box(zone="east")
    await world.settle(100)
    assert (await world.shown())["status"] == "error"
    assert "east is down" in (await world.shown())["why"]
    east.down = False
    assert await world.worker.sweep_once("east", full=False)
    await world.settle(60)
    assert await world.shown() == {"id": "b1", "status": "settled", "cloud": "east", "why": ""}


async def test_with_every_cloud_down_it_waits_and_then_goes_on_by_itself(world: World) -> None:
    east = await world.cloud("east")
    east.down = True
    await world.box()
    await world.settle(200)
    assert (await world.shown())["status"] == "error"
    east.down = False
    await world.settle(60)
    assert (await world.shown())["status"] == "settled"


async def test_a_disabled_cloud_gets_nothing_new_and_keeps_what_it_has(world: World) -> None:
    east, west = await world.cloud("east"), await world.cloud("west")
    await world.want("box", "b1", zone="east")
    await world.settle()
    await world.enable("east", False)
    for number in range(2, 5):
        await world.want("box", f"b{number}")
    await world.change("box", "b1", size=7)
    await world.settle()
    assert [one.size for one in east.here()] == [7]
    assert len(west.here()) == 3
    await world.remove("box", "b1")
    await world.settle()
    assert east.here() == []


async def test_with_every_cloud_disabled_the_user_is_shown_at_once(world: World) -> None:
    await world.cloud("east", enabled=False)
    await world.want("box", "b1")
    await world.settle(1)
    assert (await world.shown())["why"] == "No valid host was found. east: disabled"


async def test_a_cloud_that_cannot_be_connected_to_is_left_for_another(world: World) -> None:
    await world.cloud("east")
    west = await world.cloud("west")
    await world.want("box", "b1")
    await world.assign()
    assert await world.where() == ["east"]
    world.children.clouds["east"] = None
    await world.settle(60)
    assert await world.where() == ["west"]
    assert west.made == [("box", "b1")]


async def test_a_named_zone_that_cannot_be_connected_to_says_so(world: World) -> None:
    east = await world.cloud("east")
    world.children.clouds["east"] = None
    await world.want("box", "b1", zone="east")
    await world.settle(60)
    assert (await world.shown())["why"] == "not connected to east"
    world.children.clouds["east"] = east
    assert await world.worker.sweep_once("east", full=False)
    await world.settle(60)
    assert (await world.shown())["status"] == "settled"


async def test_a_zone_that_turns_out_not_to_have_the_kind_is_an_error_and_no_wait_for_ever(
    world: World,
) -> None:
    without = await world.cloud("east", kinds=("net", "plug"))
    world.children.clouds["east"] = None  # not connected yet when it is chosen
    await world.want("box", "b1", zone="east")
    await world.assign()
    world.children.clouds["east"] = without
    await world.settle(60)
    assert (await world.shown())["why"] == "east does not support this kind: box"
    await world.remove("box", "b1")
    await world.settle(60)
    assert await world.where() == []


async def test_a_cloud_without_a_kind_that_is_needed_is_left_for_another(world: World) -> None:
    await world.cloud("east", kinds=("box",))
    west = await world.cloud("west")
    await world.box()
    await world.settle(60)
    assert await world.where() == ["west"]
    assert (await world.shown())["status"] == "settled"
    assert len(west.here()) == 1


# --- needs --------------------------------------------------------------------------------------


async def test_a_need_that_is_refused_for_good_is_shown_in_what_needs_it(world: World) -> None:
    east = await world.cloud("east")
    east.fail("create", Refused("no such kind of net"))
    await world.box(zone="east")
    await world.settle(30)
    assert (await world.shown())["why"] == "net n1: no such kind of net"


async def test_a_refused_need_is_tried_again_for_an_operator_may_have_helped(world: World) -> None:
    east = await world.cloud("east")
    east.fail("create", Refused("quota of nets is used up"))
    await world.box(zone="east")
    await world.settle(30)
    assert (await world.shown())["status"] == "error"
    await world.settle(200)
    assert (await world.shown())["status"] == "settled"
    assert len(east.here()) == 1


async def test_a_need_that_was_deleted_meanwhile_is_an_error(world: World) -> None:
    await world.cloud("east")
    await world.want("net", "n1")
    await world.remove("net", "n1")
    await world.want("box", "b1", [Need("net", "n1")])
    await world.settle(30)
    assert (await world.shown())["why"] == "net n1 was deleted"
    assert await world.pending() == []


async def test_two_that_need_each_other_loosely_both_come_into_being(world: World) -> None:
    east = await world.cloud("east")
    await world.want("net", "a", [Need("net", "b", mode=CARRY_ASYNC)])
    await world.want("net", "b", [Need("net", "a", mode=CARRY_ASYNC)])
    await world.want("box", "b1", [Need("net", "a")])
    await world.settle()
    assert sorted(one.marker for one in east.here("net")) == ["a", "b"]
    assert (await world.shown())["status"] == "settled"


# --- steps --------------------------------------------------------------------------------------


async def test_a_one_shot_step_is_done_once(world: World) -> None:
    east = await world.cloud("east")
    await world.want("box", "b1")
    await world.settle()
    await world.change("box", "b1", kick=1)
    await world.settle()
    await world.change("box", "b1", size=2)
    await world.settle()
    assert east.here()[0].kicks == 1


async def test_a_one_shot_step_whose_answer_was_lost_is_not_repeated(world: World) -> None:
    east = await world.cloud("east")
    await world.want("box", "b1")
    await world.settle()
    east.lose("kick")
    await world.change("box", "b1", kick=1)
    await world.settle()
    assert east.here()[0].kicks == 1
    presence = await world.presence("box", "b1", "east")
    assert presence is not None
    assert presence.memory["unsure"] is True, "the plan was informed that nobody knows"


@pytest.mark.parametrize("error", [Unreachable("away"), Throttled("busy", after=1.0)])
async def test_a_one_shot_step_that_surely_was_not_done_is_done_later(
    world: World, error: Unreachable
) -> None:
    east = await world.cloud("east")
    await world.want("box", "b1")
    await world.settle()
    east.fail("kick", error)
    await world.change("box", "b1", kick=1)
    await world.settle()
    assert east.here()[0].kicks == 1
    presence = await world.presence("box", "b1", "east")
    assert presence is not None
    assert "unsure" not in presence.memory


async def test_a_refused_one_shot_step_ends_the_step_and_not_the_box(world: World) -> None:
    east = await world.cloud("east")
    await world.want("box", "b1")
    await world.settle()
    east.fail("kick", Refused("it is locked"))
    await world.change("box", "b1", kick=1)
    await world.settle()
    presence = await world.presence("box", "b1", "east")
    assert presence is not None
    assert presence.memory["failed"] == {"kick:1": "it is locked"}
    assert (await world.shown())["status"] == "settled"


# --- gone by other hands ------------------------------------------------------------------------


async def test_a_box_that_somebody_deleted_there_is_an_error_and_never_made_anew(world: World) -> None:
    east = await world.cloud("east")
    await world.want("box", "b1")
    await world.settle()
    del east.things[east.here()[0].remote_id]
    await world.change("box", "b1", size=2)
    await world.settle()
    assert east.made == [("box", "b1")]
    assert "It is gone from east" in (await world.shown())["why"]


async def test_what_is_carried_is_carried_again(world: World) -> None:
    east = await world.cloud("east")
    await world.box()
    await world.settle()
    net = east.here("net")[0]
    del east.things[net.remote_id]
    await world.change("net", "n1", size=2)
    await world.settle()
    assert east.made.count(("net", "n1")) == 2
    assert [one.size for one in east.here("net")] == [2]


async def test_a_child_that_does_not_show_yet_what_it_just_made_gets_no_second_one(world: World) -> None:
    """As behind a replica of its database that lags."""
    east = await world.cloud("east")
    east.fail("observe", Missing("not found"))
    await world.want("net", "n1")
    await world.want("box", "b1", [Need("net", "n1")])
    await world.settle()
    assert east.made.count(("net", "n1")) == 1
    assert (await world.shown())["status"] == "settled"


async def test_a_box_that_is_not_shown_once_is_not_given_up(world: World) -> None:
    east = await world.cloud("east")
    await world.want("box", "b1")
    await world.settle()
    world.clock.time += 10
    east.fail("observe", Missing("not found"))
    await world.change("box", "b1", size=2)
    await world.settle(1)
    assert (await world.shown())["status"] != "error"
    await world.settle()
    assert east.here()[0].size == 2


async def test_what_is_long_not_shown_is_looked_for_by_its_marker_before_it_is_made_anew(
    world: World,
) -> None:
    east = await world.cloud("east")
    await world.want("net", "n1")
    await world.want("box", "b1", [Need("net", "n1")])
    east.fail("observe", Missing("not found"), Missing("not found"))
    await world.settle()
    assert east.made.count(("net", "n1")) == 1
    assert (await world.shown())["status"] == "settled"


async def test_what_ran_is_never_moved(world: World) -> None:
    """It broke later: what its user has in it is there, and nowhere else."""
    east, west = await world.cloud("east"), await world.cloud("west")
    await world.want("box", "b1")
    await world.settle()
    world.clock.time += 10
    east.change(east.here()[0].remote_id, broken="the host burnt down")
    await world.change("box", "b1", size=2)
    await world.settle()
    assert west.made == []
    assert len(east.here()) == 1
    assert (await world.shown())["why"] == "no room left there"
