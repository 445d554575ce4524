"""Listing a cloud, and what is concluded from it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from msgspec.structs import replace

from fractus.base.clock import iso
from fractus.model.errors import Missing, Refused, Unreachable
from fractus.model.resource import Need
from fractus.reconcile.machine import Round
from fractus.reconcile.sweep.sweep import OVERLAP, Turn, ingest
from fractus.store import clouds, findings, presences, work
from tests.unit.reconcile.toy import Thing, ToyCloud, World


async def cursor(world: World, cloud: str = "east") -> str:
    record = await clouds.fetch(world.store, cloud)
    assert record is not None
    return str(record.cursors.get("box", ""))


async def observed(world: World, field: str, id: str = "b1") -> object:
    presence = await world.presence("box", id, "east")
    assert presence is not None
    assert presence.observed is not None
    return presence.observed[field]


async def built(world: World) -> ToyCloud:
    """A cloud with one settled box, swept once in full, some time later."""
    east = await world.cloud("east")
    await world.box()
    await world.settle()
    await world.sweep("east", full=True)
    world.clock.time += 100
    return east


async def test_what_changed_there_is_seen_and_looked_at(world: World) -> None:
    east = await built(world)
    east.change(east.here()[0].remote_id, size=7)
    assert await world.sweep("east") == 1
    assert await observed(world, "size") == 7
    await world.settle()
    assert east.here()[0].size == 1, "it is made as its user wants it"


async def test_nothing_new_is_no_news(world: World) -> None:
    await built(world)
    assert await world.sweep("east") == 0
    assert await world.pending() == []


async def test_what_was_deleted_there_is_seen(world: World) -> None:
    east = await built(world)
    east.change(east.here()[0].remote_id, gone=True)
    await world.sweep("east")
    await world.settle()
    assert "gone from east" in str((await world.shown())["why"])


async def test_a_full_sweep_finds_what_is_not_there_any_more_and_says_so_only_when_it_was_looked_for(
    world: World,
) -> None:
    east = await built(world)
    del east.things[east.here()[0].remote_id]
    await world.sweep("east")
    await world.settle()
    assert (await world.shown())["status"] == "settled", "a quick sweep cannot know"
    await world.sweep("east", full=True)
    await world.settle()
    assert "It is gone from east" in str((await world.shown())["why"])


async def test_a_listing_that_left_something_out_does_no_harm(world: World) -> None:
    """A page that shifted under the listing: what is missing is looked at by itself before anything is concluded."""
    east = await built(world)
    hidden = east.things.pop(east.here()[0].remote_id)
    await world.sweep("east", full=True)
    east.things[hidden.remote_id] = hidden
    await world.settle()
    assert (await world.shown())["status"] == "settled"


# --- law 4: cursors -----------------------------------------------------------------------------


@pytest.mark.parametrize("skew", [0.0, -7 * 3600.0, 7 * 3600.0, 300 * 86400.0])
async def test_law_4_the_cursor_is_the_childs_own_time(world: World, skew: float) -> None:
    """A child whose clock is hours or months off: what changes there is seen all the same."""
    east = await world.cloud("east")
    east.skew = skew
    await world.box()
    await world.settle()
    await world.sweep("east", full=True)
    for size in (2, 3, 4):
        world.clock.time += 60
        east.change(east.here()[0].remote_id, name=f"named {size}")
        await world.sweep("east")
        assert await observed(world, "name") == f"named {size}"
    assert await cursor(world) == iso(world.clock.now() + skew - OVERLAP)


async def test_law_4_two_changes_of_one_second_listed_apart_are_both_seen(world: World) -> None:
    """The second was written after the listing, under a stamp that the listing had passed: so cursors overlap."""
    east = await built(world)
    await world.box("b2", zone="east")
    await world.settle()
    first, second = east.here()
    world.clock.time = float(int(world.clock.time)) + 100
    east.change(first.remote_id, name="one")
    await world.sweep("east")
    east.change(second.remote_id, name="two")
    second.changed_at -= 2.0  # a transaction there that took its stamp early and ended late
    await world.sweep("east")
    assert await observed(world, "name", "b2") == "two"


async def test_law_4_the_cursor_moves_only_when_all_was_written(world: World) -> None:
    east = await built(world)
    before = await cursor(world)
    east.change(east.here()[0].remote_id, name="renamed")
    east.fail("list", Unreachable("broke off"))
    assert await world.sweep("east") is None
    assert await cursor(world) == before
    await world.sweep("east")
    assert await observed(world, "name") == "renamed"


async def test_law_4_one_thing_that_cannot_be_taken_in_hides_no_other(world: World) -> None:
    east = await built(world)
    await world.box("b2", zone="east")
    await world.settle()
    summarise = world.lives["box"].summarise

    def stumbles(resource, presences):  # type: ignore[no-untyped-def]
        if resource.id == "b1":
            raise ZeroDivisionError
        return summarise(resource, presences)

    world.lives["box"].summarise = stumbles  # type: ignore[method-assign]
    world.clock.time += 10
    for thing in east.here():
        east.change(thing.remote_id, name="renamed")
    before = await cursor(world)
    assert await world.sweep("east") == 1
    assert await observed(world, "name", "b2") == "renamed"
    assert await observed(world, "name", "b1") == ""
    assert await cursor(world) > before


async def test_law_4_a_clock_that_was_set_back_is_followed_after_a_full_sweep(world: World) -> None:
    east = await world.cloud("east")
    east.skew = 3600.0
    await world.box()
    await world.settle()
    await world.sweep("east", full=True)
    east.skew = 0.0
    world.clock.time += 60
    east.change(east.here()[0].remote_id, name="now")
    await world.sweep("east", full=True)
    assert await observed(world, "name") == "now"
    world.clock.time += 60
    east.change(east.here()[0].remote_id, name="later")
    await world.sweep("east")
    assert await observed(world, "name") == "later"


# --- law 6: findings ----------------------------------------------------------------------------


async def test_law_6_what_is_not_ours_is_reported_and_left_alone(world: World) -> None:
    east = await built(world)
    foreign, orphan = east.put("box", "theirs"), east.put("box", "ours once", marker="b99")
    await world.sweep("east", full=True)
    await world.settle(600)
    assert await world.findings() == {foreign.remote_id: "foreign", orphan.remote_id: "orphan"}
    assert not foreign.gone
    assert not orphan.gone


async def test_a_second_one_with_the_marker_of_one_that_we_hold_is_an_orphan(world: World) -> None:
    east = await built(world)
    double = east.put("box", "twin", marker="b1")
    await world.sweep("east", full=True)
    assert await world.findings() == {double.remote_id: "orphan"}


async def test_findings_are_those_of_the_latest_full_sweep(world: World) -> None:
    east = await built(world)
    old, new = east.put("box", "old"), east.put("box", "new")
    await world.sweep("east", full=True)
    world.clock.time += 1
    east.change(old.remote_id, gone=True)
    await world.sweep("east")
    assert set(await world.findings()) == {old.remote_id, new.remote_id}
    await world.sweep("east", full=True)
    assert set(await world.findings()) == {new.remote_id}


async def test_more_findings_than_fit_in_one_transaction(world: World) -> None:
    east = await built(world)
    for number in range(250):
        east.put("box", f"their {number}")
    await world.sweep("east", full=True)
    assert len(await world.findings()) == 250


async def test_a_lost_create_that_a_sweep_sees_is_taken_over(world: World) -> None:
    """Its box waits and polls; the sweep wakes it."""
    east = await world.cloud("east")
    east.lose("create")
    await world.want("box", "b1")
    await world.worker.run_due()
    await world.sweep("east", full=True)
    await world.settle(0)
    assert (await world.shown())["status"] == "settled"
    assert east.made == [("box", "b1")]
    assert await world.findings() == {}


async def test_what_is_unsettled_and_nobodys_work_is_attended_to(world: World) -> None:
    """Work rows got lost: by a restored store, or a fault that nobody knows of."""
    east = await world.cloud("east")
    east.building = 5.0
    await world.box()
    await world.settle(1)
    async with world.sqlite.transaction() as tx:
        await work.forget_cloud(tx, "east")
    await world.settle(600)
    assert (await world.shown())["status"] == "pending"
    await world.sweep("east", full=True)
    await world.settle()
    assert (await world.shown())["status"] == "settled"


# --- clouds that fail ---------------------------------------------------------------------------


async def test_a_cloud_that_does_not_answer_is_noted_and_nothing_is_forgotten(world: World) -> None:
    east = await built(world)
    seen_at = (await clouds.answered_at(world.store))["east"]
    east.down = True
    assert await world.sweep("east", full=True) is None
    record = await clouds.fetch(world.store, "east")
    assert record is not None
    assert (record.error, record.seen_at) == ("east is down", seen_at)
    assert (await world.shown())["status"] == "settled"
    east.down = False
    assert await world.sweep("east") == 0
    record = await clouds.fetch(world.store, "east")
    assert record is not None
    assert record.error == ""
    assert record.seen_at == world.clock.now()


async def test_a_cloud_that_is_not_connected_was_not_swept(world: World) -> None:
    await built(world)
    world.children.clouds["east"] = None
    assert await world.sweep("east") is None


@pytest.mark.parametrize("error", [Refused("no such service"), Missing("404")])
async def test_one_kind_that_cannot_be_listed_hides_no_other(world: World, error: Refused) -> None:
    east = await built(world)
    world.lives["net"].traits = replace(world.lives["net"].traits, trust_sweeps=True)
    east.kinds = ("net", "box", "plug")
    east.change(east.here()[0].remote_id, name="renamed")
    east.fail("list", error)
    assert await world.sweep("east") is None
    assert await observed(world, "name") == "renamed"
    record = await clouds.fetch(world.store, "east")
    assert record is not None
    assert record.error == error.reason


# --- every kind ---------------------------------------------------------------------------------


async def net(world: World) -> Thing:
    """The net of the one box in the cloud `east`."""
    cloud = world.children.clouds["east"]
    assert cloud is not None
    (there,) = cloud.here("net")
    return there


async def memory(world: World, kind: str = "net", id: str = "n1") -> dict[str, Any]:
    presence = await world.presence(kind, id, "east")
    assert presence is not None
    return presence.memory


async def test_what_others_change_of_a_carried_thing_is_reported_and_not_fought(world: World) -> None:
    east = await built(world)
    east.change((await net(world)).remote_id, size=7)
    assert await world.sweep("east") == 1
    await world.settle()
    assert (await net(world)).size == 7
    (found,) = (await findings.of_kind(world.store, "east", "net")).values()
    assert (found.what, found.resource_id, found.project_id) == ("changed", "n1", "p1")
    (one,) = found.differences
    assert (one["field"], one["wanted"], one["found"], one["ignored"]) == ("size", 1, 7, False)
    assert (await memory(world))["drift"]["size"]["found"] == 7


async def test_drift_goes_away_by_itself_when_it_is_no_longer_true(world: World) -> None:
    east = await built(world)
    east.change((await net(world)).remote_id, size=7)
    await world.sweep("east")
    world.clock.time += 10
    east.change((await net(world)).remote_id, size=1)
    await world.sweep("east")
    assert await world.findings() == {}
    assert "drift" not in await memory(world)


async def test_a_user_s_change_of_a_field_is_made_though_others_had_changed_it(world: World) -> None:
    east = await built(world)
    east.change((await net(world)).remote_id, size=7)
    await world.sweep("east")
    await world.change("net", "n1", size=3)
    await world.settle()
    assert (await net(world)).size == 3
    assert await world.findings() == {}


async def test_a_user_s_change_of_something_else_leaves_alone_what_others_changed(world: World) -> None:
    east = await built(world)
    east.change((await net(world)).remote_id, size=7)
    await world.sweep("east")
    await world.change("net", "n1", other="new")
    await world.settle()
    assert (await net(world)).size == 7
    assert set((await world.findings()).values()) == {"changed"}


async def test_a_repair_makes_it_as_it_is_wanted(world: World) -> None:
    east = await built(world)
    east.change((await net(world)).remote_id, size=7)
    await world.sweep("east")
    await repair(world, "net", "n1", "size")
    await world.settle()
    assert (await net(world)).size == 1
    assert await world.findings() == {}
    assert "repair" not in await memory(world)


async def test_a_repair_that_the_cloud_refuses_leaves_the_thing_as_it_is_and_usable(world: World) -> None:
    east = await built(world)
    east.change((await net(world)).remote_id, size=7)
    await world.sweep("east")
    east.fail("resize", Refused("not here", status=409))
    await repair(world, "net", "n1", "size")
    await world.settle()
    assert (await memory(world))["repair_refused"] == "not here"
    assert set((await world.findings()).values()) == {"changed"}
    presence = await world.presence("net", "n1", "east")
    assert presence is not None
    assert presence.state == "settled"


async def repair(world: World, kind: str, id: str, *fields: str) -> None:
    async with world.sqlite.transaction() as tx:
        presence = await presences.fetch(tx, kind, id, "east")
        assert presence is not None
        presence.memory["repair"] = {"token": "t1", "fields": list(fields)}
        await presences.save(tx, presence)
        await work.wake(tx, kind, id, "east")


async def test_a_carried_thing_that_was_deleted_there_is_reported_and_made_anew_when_it_is_needed(
    world: World,
) -> None:
    east = await built(world)
    (plug,) = east.here("plug")
    del east.things[plug.remote_id]
    await world.sweep("east", full=True)
    await world.settle()
    assert await world.findings() == {plug.remote_id: "missing"}
    assert east.here("plug") == [], "nobody needs it now"
    await world.want("box", "b2", [Need("net", "n1"), Need("plug", "p-b1")])
    await world.settle()
    assert (await world.shown("box", "b2"))["status"] == "settled"
    assert len(east.here("plug")) == 1
    assert await world.findings() == {}


async def test_a_carried_thing_whose_end_nobody_saw_is_looked_for_when_a_create_is_refused(
    world: World,
) -> None:
    east = await built(world)
    (there,) = east.here("net")
    del east.things[there.remote_id]
    await world.box("b2", zone="east")
    await world.settle(120)
    assert (await world.shown("box", "b2"))["status"] == "settled"
    assert len(east.here("net")) == 1


async def test_what_was_missing_and_is_there_again_is_well(world: World) -> None:
    """A child that was restored, or an administrator's rights that were taken and given back."""
    east = await built(world)
    hidden = [east.things.pop(thing.remote_id) for thing in [*east.here(), *east.here("net")]]
    await world.sweep("east", full=True)
    await world.settle()
    assert set((await world.findings()).values()) == {"missing"}
    assert "It is gone from east" in str((await world.shown())["why"])
    east.things |= {thing.remote_id: thing for thing in hidden}
    world.clock.time += 10
    await world.sweep("east", full=True)
    await world.settle()
    assert await world.findings() == {}
    assert (await world.shown())["status"] == "settled"


async def test_what_is_known_to_be_gone_is_not_looked_for_again(world: World) -> None:
    east = await built(world)
    for thing in [*east.here(), *east.here("plug")]:
        del east.things[thing.remote_id]
    await world.sweep("east", full=True)
    await world.settle()
    for _ in range(3):
        world.clock.time += 600
        await world.sweep("east", full=True)
        assert await world.pending() == []


# --- pace ---------------------------------------------------------------------------------------


async def listings(world: World, east: ToyCloud, sweeps: int, seconds: float) -> int:
    before = east.calls.count("list")
    for _ in range(sweeps):
        world.clock.time += seconds
        await world.sweep("east")
    return east.calls.count("list") - before


async def test_an_idle_cloud_is_asked_once_for_each_kind_and_interval(world: World) -> None:
    east = await built(world)
    assert await listings(world, east, 10, 1.0) == 10 + 2 * 2, (
        "boxes each time, what is carried every 5 seconds"
    )


async def test_how_often_a_kind_is_listed_does_not_depend_on_how_long_others_take(world: World) -> None:
    east = await built(world)
    call, begun, takes = east.call, world.clock.time, [0.0]

    async def slowly(verb: str, act: Callable[[], Any]) -> Any:
        world.clock.time += takes[0]
        return await call(verb, act)

    east.call = slowly  # type: ignore[method-assign]
    before = east.calls.count("list")
    for apart, takes[0] in ((5.0, 0.8), (4.8, 0.0), (5.2, 0.9), (4.9, 0.1), (4.8, 0.7)):
        begun += apart
        world.clock.time = begun
        await world.sweep("east")
    assert east.calls.count("list") - before == 5 * 3


async def test_it_is_logged_what_the_time_of_a_sweep_went_to(world: World) -> None:
    east = await built(world)
    call = east.call

    async def slowly(verb: str, act: Callable[[], Any]) -> Any:
        world.clock.time += 1.5
        return await call(verb, act)

    async def gate(place: str) -> None:
        world.clock.time += {"before transaction": 0.25, "after transaction": 0.125}.get(place, 0.0)

    east.call = slowly  # type: ignore[method-assign]
    world.store.gate = gate
    east.change(east.here()[0].remote_id, size=7)
    world.clock.time += 10
    assert await world.worker.sweep_once("east", full=False)

    def reported(part: str) -> float | None:
        labels = {"mode": "quick", "part": part}
        return world.worker.metrics.registry.get_sample_value("fractus_sweep_part_seconds_sum", labels)

    assert reported("ask") == 3 * 1.5, "boxes, nets, plugs"
    assert (reported("turn"), reported("write")) == (0.25, 0.125)
    assert reported("rest") == 0.25 + 0.125, "to note that it answered"


async def test_a_kind_without_a_cursor_is_listed_whole_and_more_seldom(world: World) -> None:
    east = await built(world)
    east.cursors = False
    assert await listings(world, east, 10, 5.0) == 3 * 5
    del east.things[(await net(world)).remote_id]
    world.clock.time += 10
    await world.sweep("east")
    await world.settle()
    assert "missing" in (await world.findings()).values(), "a whole listing shows what is gone"


async def test_what_changed_does_not_wait_for_whole_listings_while_a_worker_takes_its_first_inventory(
    world: World,
) -> None:
    east = await built(world)
    await world.sweep("east")
    world.machine.rounds.clear()  # as of a worker that has just begun
    with world.machine.inventories.under_way("east"):
        assert await listings(world, east, 1, 10.0) == 3, "what has changed, of each kind"
        world.machine.rounds.clear()
        east.cursors = False
        assert await listings(world, east, 3, 10.0) == 0
    assert await listings(world, east, 1, 10.0) == 3


async def test_a_kind_whose_listing_takes_long_is_left_to_the_full_sweeps(world: World) -> None:
    east = await built(world)
    east.cursors = False
    world.machine.rounds["east", "net"] = Round(world.clock.time, 0.9)
    world.machine.rounds["east", "plug"] = Round(world.clock.time, 21.0)
    world.machine.rounds["east", "box"] = Round(world.clock.time, 21.0)
    assert await listings(world, east, 4, 5.0) == 1, "20 times 0.9 seconds"


async def test_where_nothing_changed_nothing_is_written_but_that_it_answered(world: World) -> None:
    east = await built(world)
    east.put("box", "theirs")
    east.put("box", "ours once", marker="b99")
    east.change((await net(world)).remote_id, size=7)
    for _ in range(2):
        world.clock.time += 10
        await world.sweep("east", full=True)
    written: list[str] = []

    async def gate(place: str) -> None:
        written.append(place)

    world.store.gate = gate
    for full in (False, True):
        world.clock.time += 10
        written.clear()
        assert await world.sweep("east", full=full) == 0
        assert written == ["before transaction", "after transaction"], "when it answered, and nothing else"


async def test_what_was_looked_at_while_it_was_listed_is_not_made_older(world: World) -> None:
    east = await built(world)
    there = east.here()[0]
    east.change(there.remote_id, name="old")
    turn = Turn(world.machine, "east", world.lives["box"], east.actuators()["box"])
    seen = east.seen(there)
    world.clock.time += 5
    east.change(there.remote_id, name="new")
    async with world.sqlite.transaction() as tx:
        presence = await presences.fetch(tx, "box", "b1", "east")
        assert presence is not None
        world.machine.record_observed(presence, east.seen(there))
        await presences.save(tx, presence)
    assert await ingest(turn, [seen]) == (0, [])
    assert await observed(world, "name") == "new"
