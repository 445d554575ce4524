"""Out of a cloud again: in order, completely, and nothing that is not ours."""

from __future__ import annotations

import pytest

from fractus.model.errors import OutcomeUnknown, Refused, Throttled, Unreachable
from fractus.model.resource import Need
from fractus.store import presences, work
from tests.unit.reconcile.toy import World


async def test_what_is_removed_leaves_and_what_it_held_is_let_go_of_once(world: World) -> None:
    east = await world.cloud("east")
    await world.box()
    await world.settle()
    await world.remove("box", "b1")
    await world.settle()
    assert east.here("box") == []
    assert (await world.shown())["status"] == "gone"
    assert world.lives["box"].ended == ["b1"]
    assert world.lives["box"].left_clouds == [("b1", "east")]
    assert await world.pending() == []


async def test_it_is_let_go_of_once_even_if_it_is_looked_at_again(world: World) -> None:
    await world.cloud("east")
    await world.box()
    await world.settle()
    await world.remove("box", "b1")
    await world.settle()
    async with world.sqlite.transaction() as tx:
        await world.machine.wake(tx, "box", "b1")
    await world.settle()
    assert world.lives["box"].ended == ["b1"]


async def test_what_served_only_one_leaves_with_it_and_what_others_use_stays(world: World) -> None:
    east = await world.cloud("east")
    for id in ("b1", "b2"):
        await world.box(id)
    await world.settle()
    await world.remove("box", "b1")
    await world.settle()
    assert [one.marker for one in east.here("plug")] == ["p-b2"]
    assert len(east.here("net")) == 1
    plug = await world.resource("plug", "p-b1")
    assert plug is not None
    assert plug.wanted, "it left the cloud; it is still its user's"


async def test_they_leave_in_order_though_they_are_removed_all_at_once(world: World) -> None:
    east = await world.cloud("east")
    await world.box()
    await world.settle()
    ended: list[str] = []

    async def note(place: str) -> None:
        if place == "after delete":
            ended.extend(one.kind for one in east.things.values() if one.gone and one.kind not in ended)

    east.gate = note
    for kind, id in (("net", "n1"), ("plug", "p-b1"), ("box", "b1")):
        await world.remove(kind, id)
    await world.settle()
    assert ended == ["box", "plug", "net"]
    for kind, id in (("net", "n1"), ("plug", "p-b1"), ("box", "b1")):
        assert await world.where(kind, id) == []


async def test_one_that_waits_for_another_to_leave_goes_on_as_soon_as_it_has(world: World) -> None:
    await world.cloud("east")
    await world.box()
    await world.settle()
    began = world.clock.now()
    for kind, id in (("net", "n1"), ("plug", "p-b1"), ("box", "b1")):
        await world.remove(kind, id)
    await world.settle()
    assert await world.where("net", "n1") == []
    assert world.clock.now() - began < 10, "woken, not found by looking now and then"


async def test_what_is_still_in_use_is_seldom_looked_at_and_leaves_with_the_last_that_uses_it(
    world: World,
) -> None:
    """A deleted image may have servers for years."""
    east = await world.cloud("east")
    await world.box("b1")
    await world.box("b2")
    await world.settle()
    await world.remove("net", "n1")
    looks = 0
    handle = world.worker.handle

    async def counted(claim: work.Claim) -> None:
        nonlocal looks
        looks += 1
        await handle(claim)

    world.worker.handle = counted  # type: ignore[method-assign]
    await world.settle(3600)
    assert looks < 20
    assert len(east.here("net")) == 1
    for kind, id in (("box", "b1"), ("plug", "p-b1"), ("box", "b2"), ("plug", "p-b2")):
        await world.remove(kind, id)
    await world.settle(10)
    assert east.here("net") == []


async def test_what_never_got_to_a_cloud_leaves_without_asking_it(world: World) -> None:
    east = await world.cloud("east")
    await world.box()
    await world.assign()
    await world.remove("box", "b1")
    await world.settle()
    assert await world.where() == []
    assert "delete" not in east.calls
    assert east.here("box") == []


# --- law 5 --------------------------------------------------------------------------------------


async def test_law_5_a_deleted_thing_stays_until_its_cloud_has_confirmed(world: World) -> None:
    east = await world.cloud("east")
    await world.box()
    await world.settle()
    east.down = True
    await world.remove("box", "b1")
    await world.settle(3600)
    resource = await world.resource("box", "b1")
    assert resource is not None
    assert resource.deleted_at is None
    assert await world.where() == ["east"]
    assert world.lives["box"].ended == []
    east.down = False
    assert await world.worker.sweep_once("east", full=False)
    await world.settle()
    resource = await world.resource("box", "b1")
    assert resource is not None
    assert resource.deleted_at is not None
    assert east.here("box") == []


async def test_law_5_a_delete_that_is_only_accepted_is_not_yet_confirmed(world: World) -> None:
    """A cloud that says yes to every delete and takes its time."""
    east = await world.cloud("east")
    await world.want("box", "b1")
    await world.settle()
    remote_id = east.here()[0].remote_id
    really = east.end
    east.end = lambda kind, remote_id: None  # type: ignore[method-assign]
    await world.remove("box", "b1")
    await world.settle(20)
    assert await world.where() == ["east"]
    assert east.calls.count("delete") == 1
    await world.settle(60)
    assert east.calls.count("delete") > 1, "asked again after a while"
    east.end = really  # type: ignore[method-assign]
    east.end("box", remote_id)
    await world.settle(20)
    assert await world.where() == []


@pytest.mark.parametrize(
    "error", [Unreachable("away"), Throttled("slow", after=1.0), OutcomeUnknown("no answer"), Refused("busy")]
)
async def test_a_delete_that_fails_is_repeated_without_limit(world: World, error: Unreachable) -> None:
    east = await world.cloud("east")
    await world.want("box", "b1")
    await world.settle()
    east.fail("delete", *[error] * 30)
    await world.remove("box", "b1")
    await world.settle(3600)
    assert east.here() == []
    assert await world.where() == []


async def test_a_delete_whose_answer_was_lost_is_done(world: World) -> None:
    east = await world.cloud("east")
    await world.box()
    await world.settle()
    east.lose("delete", 3)
    await world.remove("box", "b1")
    await world.settle()
    assert await world.where() == []
    assert east.here("box") == []


async def test_a_lost_create_is_looked_for_twice_before_it_is_forgotten(world: World) -> None:
    east = await world.cloud("east")
    east.fail("create", OutcomeUnknown("no answer"))
    await world.want("box", "b1")
    await world.settle(1)
    await world.remove("box", "b1")
    await world.settle(3)
    assert await world.where() == ["east"]
    late = east.put("box", "b1", marker="b1")  # there it comes
    await world.settle(30)
    assert east.things[late.remote_id].gone
    assert await world.where() == []


async def test_a_lost_create_is_looked_for_though_what_it_needed_is_gone(world: World) -> None:
    """The net vanished there by other hands; the box's request cannot be sent whole any more."""
    east = await world.cloud("east")
    await world.want("net", "n1")
    await world.want("box", "b1", [Need("net", "n1")])
    await world.settle()
    east.fail("create", OutcomeUnknown("no answer"))
    await world.want("box", "b2", [Need("net", "n1")])
    await world.settle(1)
    await world.remove("box", "b2")
    net = await world.presence("net", "n1", "east")
    assert net is not None
    net.remote_id = None
    async with world.sqlite.transaction() as tx:
        await presences.save(tx, net)
    late = east.put("box", "b2", marker="b2")
    await world.settle(60)
    assert await world.where("box", "b2") == []
    assert east.things[late.remote_id].gone


# --- law 6 --------------------------------------------------------------------------------------


async def test_law_6_nothing_that_we_did_not_make_is_deleted(world: World) -> None:
    east = await world.cloud("east")
    foreign = [east.put(kind, f"their {kind}") for kind in ("box", "net", "plug")]
    await world.box()
    await world.settle()
    for kind, id in (("box", "b1"), ("plug", "p-b1"), ("net", "n1")):
        await world.remove(kind, id)
    await world.settle(600)
    await world.sweep("east", full=True)
    await world.settle(600)
    assert [one for one in east.things.values() if not one.gone] == foreign


async def test_law_6_what_was_found_and_used_is_let_go_of_and_stays(world: World) -> None:
    """The same by nature: a flavor of the child's own, that a driver takes where it may not make one."""
    east = await world.cloud("east")
    theirs = east.put("net", "their net")
    make = east.make
    east.make = lambda kind, wanted, owner: theirs if kind == "net" else make(kind, wanted, owner)  # type: ignore[method-assign]
    await world.box()
    await world.settle()
    assert (await world.shown())["status"] == "settled"
    for kind, id in (("box", "b1"), ("net", "n1")):
        await world.remove(kind, id)
    await world.settle()
    assert await world.where("net", "n1") == []
    assert not theirs.gone
