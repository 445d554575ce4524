"""Where a resource lives: what is assigned is never copied, and what it comes to need while it lives is met."""

from __future__ import annotations

from pathlib import Path

import pytest

from fractus.model.errors import Refused
from fractus.model.resource import AWAIT, IF_PRESENT, Need
from tests.unit.reconcile.toy import MORE, World


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path, kinds=MORE)


# --- an assigned resource that another needs --------------------------------------------------------


async def test_an_assigned_need_is_never_copied_and_decides_where_its_user_goes(world: World) -> None:
    east, west = await world.cloud("east"), await world.cloud("west")
    await world.want("vol", "v1", zone="east")
    await world.settle()
    # So that the box would go west, were it free to.
    await world.want("box", "b0", zone="east")
    await world.want("box", "b1", [Need("vol", "v1")])
    await world.settle()
    assert await world.where("vol", "v1") == ["east"]
    assert await world.where("box", "b1") == ["east"]
    (box,) = [one for one in east.here() if one.marker == "b1"]
    assert box.parts == {"vol/v1": east.here("vol")[0].remote_id}
    assert west.things == {}


async def test_who_asks_for_another_cloud_than_what_it_needs_is_in_is_shown_both(world: World) -> None:
    await world.cloud("east")
    west = await world.cloud("west")
    await world.want("vol", "v1", zone="east")
    await world.settle()
    await world.want("box", "b1", [Need("vol", "v1")], zone="west")
    await world.settle()
    assert await world.where("vol", "v1") == ["east"]
    assert await world.where("box", "b1") == []
    shown = await world.shown()
    assert shown["status"] == "error"
    assert "vol v1 is in east, and cannot be used in west" in shown["why"]
    assert west.things == {}


@pytest.mark.parametrize(("vol", "box"), [("west", ""), ("", "west"), ("", "")])
@pytest.mark.parametrize("first", ["vol", "box"])
async def test_what_has_no_cloud_yet_gets_one_with_its_user(
    world: World, vol: str, box: str, first: str
) -> None:
    """Whichever of the two is looked at first, and whichever names a zone."""
    for name in ("east", "west"):
        await world.cloud(name)
    if first == "vol":
        await world.want("vol", "v1", zone=vol)
        await world.want("box", "b1", [Need("vol", "v1")], zone=box)
    else:
        await world.want("box", "b1", [Need("vol", "v1")], zone=box)
        await world.want("vol", "v1", zone=vol)
    await world.settle()
    where = await world.where("vol", "v1")
    assert len(where) == 1
    assert where == await world.where("box", "b1")
    assert where == [vol or box or where[0]]
    for kind, id in (("vol", "v1"), ("box", "b1")):
        resource = await world.resource(kind, id)
        assert resource is not None
        assert resource.home == where[0]
        assert (await world.shown(kind, id))["status"] == "settled"


async def test_two_zones_asked_for_together_are_refused_with_both(world: World) -> None:
    for name in ("east", "west"):
        await world.cloud(name)
    await world.want("vol", "v1", zone="west")
    await world.want("box", "b1", [Need("vol", "v1")], zone="east")
    for claim in await world.worker._claim("", 1):
        await world.worker.handle(claim)
    await world.settle()
    shown = await world.shown()
    assert shown["status"] == "error"
    assert "east" in shown["why"]
    assert "west" in shown["why"]


async def test_several_that_need_one_are_all_assigned_with_it(world: World) -> None:
    for name in ("east", "west", "north"):
        await world.cloud(name)
    await world.want("vol", "v1")
    await world.want("vol", "v2")
    await world.want("box", "b1", [Need("vol", "v1")])
    await world.want("box", "b2", [Need("vol", "v1"), Need("vol", "v2")], zone="north")
    await world.settle()
    for kind, id in (("vol", "v1"), ("vol", "v2"), ("box", "b1"), ("box", "b2")):
        assert await world.where(kind, id) == ["north"]


async def test_what_is_only_used_where_it_is_ties_nothing(world: World) -> None:
    for name in ("east", "west"):
        await world.cloud(name)
    await world.want("vol", "v1", zone="east")
    await world.want("box", "b1", [Need("vol", "v1", mode=IF_PRESENT)], zone="west")
    await world.settle()
    assert await world.where("vol", "v1") == ["east"]
    assert await world.where("box", "b1") == ["west"]
    assert (await world.shown())["status"] == "settled"


async def test_a_need_that_is_awaited_is_not_brought(world: World) -> None:
    east = await world.cloud("east")
    await world.want("net", "n1")
    await world.want("box", "b1", [Need("net", "n1", mode=AWAIT)])
    await world.settle()
    assert await world.where("net", "n1") == []
    assert east.here() == []
    # Something else brings it, and so it goes on.
    await world.want("box", "b2", [Need("net", "n1")])
    await world.settle()
    assert sorted(one.marker for one in east.here()) == ["b1", "b2"]


# --- needs that come and go ---------------------------------------------------------------------------


async def test_what_a_running_resource_comes_to_need_is_met_and_reported(world: World) -> None:
    east = await world.cloud("east")
    await world.box()
    await world.settle()
    (box,) = east.here()
    await world.want("plug", "p2", [Need("net", "n1")])
    needs = [Need("net", "n1"), Need("plug", "p-b1", exclusive=True), Need("plug", "p2", exclusive=True)]
    await world.change("box", "b1", needs)
    await world.settle()
    assert await world.where("plug", "p2") == ["east"]
    there = {one.marker: one.remote_id for one in east.here("plug")}
    assert east.here()[0].parts == {
        "net/n1": east.here("net")[0].remote_id,
        "plug/p-b1": there["p-b1"],
        "plug/p2": there["p2"],
    }
    assert (await world.shown())["status"] == "settled"
    assert east.here()[0].remote_id == box.remote_id


async def test_a_sweep_does_not_settle_what_waits_for_a_new_need(world: World) -> None:
    east = await world.cloud("east")
    await world.box()
    await world.settle()
    await world.sweep("east", full=True)
    await world.want("plug", "p2", [Need("net", "n1")])
    await world.change("box", "b1", [Need("net", "n1"), Need("plug", "p2")])
    east.change(east.here()[0].remote_id, name="seen by the sweep")
    await world.assign()
    await world.sweep("east")
    presence = await world.presence("box", "b1", "east")
    assert presence is not None
    assert presence.generation == 1
    await world.settle()
    assert sorted(east.here()[0].parts) == ["net/n1", "plug/p2"]


async def test_what_a_running_resource_was_made_of_may_go_while_it_changes(world: World) -> None:
    """Only what the change brought is waited for."""
    await world.cloud("east")
    await world.want("net", "image")
    await world.want("box", "b1", [Need("net", "image")])
    await world.settle()
    await world.remove("net", "image")
    await world.settle()
    await world.change("box", "b1", size=5)
    await world.settle()
    assert (await world.shown())["status"] == "settled"


async def test_what_is_no_longer_needed_leaves_with_the_last_that_did(world: World) -> None:
    east = await world.cloud("east")
    await world.box()
    await world.settle()
    await world.change("box", "b1", [Need("net", "n1")])
    await world.settle()
    assert east.here("plug") == []
    assert sorted(east.here()[0].parts) == ["net/n1"]
    assert (await world.shown("plug", "p-b1"))["status"] == "waiting"


# --- what is in no cloud --------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["note", "memo"])
async def test_what_is_only_with_us_is_made_changed_and_deleted(world: World, kind: str) -> None:
    """With a lifecycle that says so, or with none."""
    east = await world.cloud("east")
    await world.want(kind, "l1")
    await world.change(kind, "l1", size=7)
    await world.settle()
    resource = await world.resource(kind, "l1")
    assert resource is not None
    assert resource.desired["size"] == 7
    assert await world.pending() == []
    await world.remove(kind, "l1")
    await world.settle()
    resource = await world.resource(kind, "l1")
    assert resource is not None
    assert resource.deleted_at is not None
    assert await world.pending() == []
    assert await world.where(kind, "l1") == []
    assert east.calls == []


async def test_a_need_of_what_is_in_no_cloud_is_an_error_and_no_wait_for_ever(world: World) -> None:
    await world.cloud("east")
    await world.want("memo", "m1")
    await world.want("box", "b1", [Need("memo", "m1")])
    await world.settle()
    shown = await world.shown()
    assert (shown["status"], shown["why"]) == ("error", "memo m1 is in no cloud")


async def test_one_that_its_cloud_refuses_stays_with_the_data_that_it_uses(world: World) -> None:
    """Its user is shown why, and not that there is no cloud."""
    east = await world.cloud("east")
    west = await world.cloud("west")
    await world.want("vol", "v1", zone="east")
    await world.settle()
    east.fail("create", Refused("no room left here", elsewhere=True))
    await world.want("box", "b1", [Need("vol", "v1")])
    await world.settle()
    shown = await world.shown()
    assert (shown["cloud"], shown["status"], shown["why"]) == ("east", "error", "no room left here")
    assert west.things == {}
