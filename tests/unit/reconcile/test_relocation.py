"""An assigned resource changes its cloud: two presences, one of which is its home."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from fractus.model.errors import Conflict, Refused
from fractus.model.resource import INCOMING, OUTGOING, Need, Presence, Resource, at_home
from fractus.reconcile.converge import relocation
from fractus.reconcile.machine import Machine
from fractus.store.transaction import Transaction
from tests.unit.reconcile.toy import MORE, ToyCloud, World


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path, kinds=MORE)


async def step(
    world: World,
    do: Callable[..., Awaitable[Any]],
    *more: str,
    kind: str = "box",
    id: str = "b1",
) -> None:
    """One step of a move, in a transaction of its own."""
    async with world.machine.store.transaction() as tx:
        resource = await world.resources.fetch(tx, kind, id, to_write=True)
        assert resource is not None
        await do(world.machine, tx, resource, *more)


async def roles(world: World, kind: str = "box", id: str = "b1") -> dict[str, str | None]:
    found = {}
    for cloud in await world.where(kind, id):
        there = await world.presence(kind, id, cloud)
        assert there is not None
        found[cloud] = there.role
    return found


@pytest.fixture
async def clouds(world: World) -> tuple[ToyCloud, ToyCloud]:
    """A box that runs in east, and west beside it."""
    east, west = await world.cloud("east"), await world.cloud("west")
    await world.box(zone="east", size=3)
    await world.settle()
    return east, west


async def test_both_are_made_as_they_should_be_and_the_home_is_what_is_shown(
    world: World, clouds: tuple[ToyCloud, ToyCloud]
) -> None:
    east, west = clouds
    await step(world, relocation.begin, "west")
    await world.settle()
    assert await roles(world) == {"east": None, "west": INCOMING}
    assert (await world.shown())["cloud"] == "east"
    # A change of the request is made in both.
    await world.change("box", "b1", size=4)
    await world.settle()
    assert [one.size for one in east.here() + west.here()] == [4, 4]
    assert sorted(west.here()[0].parts) == ["net/n1", "plug/p-b1"]
    assert await world.pending() == []


async def test_after_the_cut_the_other_cloud_is_home_and_the_old_presence_is_still_kept(
    world: World, clouds: tuple[ToyCloud, ToyCloud]
) -> None:
    east, west = clouds
    await step(world, relocation.begin, "west")
    await world.settle()
    await step(world, relocation.cut_over)
    await world.settle()
    assert await roles(world) == {"east": OUTGOING, "west": None}
    assert (await world.shown())["cloud"] == "west"
    east.change(east.here()[0].remote_id, size=9)
    await world.sweep("east", full=True)
    await world.settle()
    assert [one.size for one in east.here() + west.here()] == [3, 3]
    await step(world, relocation.finish)
    await world.settle()
    assert await world.where() == ["west"]
    assert east.here() == []
    assert east.here("plug") == [], "what served only this one there left with it"
    assert [one.marker for one in west.here("plug")] == ["p-b1"]
    assert (await world.shown())["status"] == "settled"


async def test_a_move_that_is_abandoned_leaves_nothing(
    world: World, clouds: tuple[ToyCloud, ToyCloud]
) -> None:
    east, west = clouds
    await step(world, relocation.begin, "west")
    await world.settle()
    await step(world, relocation.abandon)
    await world.settle()
    assert await roles(world) == {"east": None}
    assert west.here() + west.here("plug") == []
    assert [one.marker for one in east.here()] == ["b1"]


async def test_what_is_deleted_on_its_way_leaves_both_clouds(
    world: World, clouds: tuple[ToyCloud, ToyCloud]
) -> None:
    east, west = clouds
    await step(world, relocation.begin, "west")
    await world.settle()
    await world.remove("box", "b1")
    await world.settle()
    assert east.here() + west.here() == []
    assert (await world.shown())["status"] == "gone"


async def test_one_that_is_refused_in_the_new_cloud_blocks_there_and_harms_nothing(
    world: World, clouds: tuple[ToyCloud, ToyCloud]
) -> None:
    _, west = clouds
    west.fail("create", *[Refused("no room", elsewhere=True)] * 9)
    await step(world, relocation.begin, "west")
    await world.settle()
    there = await world.presence("box", "b1", "west")
    assert there is not None
    assert (there.wanted, there.role, there.error) == (True, INCOMING, "net n1: no room")
    shown = await world.shown()
    assert (shown["cloud"], shown["status"]) == ("east", "settled")
    with pytest.raises(Conflict, match="box b1 is not ready in another cloud"):
        await step(world, relocation.cut_over)


async def test_what_cannot_be_moved_is_refused(world: World, clouds: tuple[ToyCloud, ToyCloud]) -> None:
    with pytest.raises(Conflict, match="box b1 is in east already"):
        await step(world, relocation.begin, "east")
    with pytest.raises(Conflict, match="net n1 has no cloud that could be changed"):
        await step(world, relocation.begin, "west", kind="net", id="n1")
    await world.want("box", "b2", zone="east")
    with pytest.raises(Conflict, match="box b2 is not there yet"):
        await step(world, relocation.begin, "west", id="b2")
    await step(world, relocation.begin, "west")
    with pytest.raises(Conflict, match="box b1 is changing its cloud already"):
        await step(world, relocation.begin, "west")


async def test_what_it_needs_and_is_assigned_goes_first(world: World) -> None:
    """The box waits in the new cloud until its volume has come there; neither is copied by itself."""
    await world.cloud("east")
    west = await world.cloud("west")
    await world.want("vol", "v1", zone="east")
    await world.want("box", "b1", [Need("vol", "v1")])
    await world.settle()
    await step(world, relocation.begin, "west")
    await world.settle()
    assert west.things == {}
    there = await world.presence("box", "b1", "west")
    assert there is not None
    assert there.error == "vol v1 is in east, and cannot be used in west"
    await step(world, relocation.begin, "west", kind="vol", id="v1")
    await world.settle(120)
    assert [one.marker for one in west.here()] == ["b1"]
    assert [one.marker for one in west.here("vol")] == ["v1"]


# --- what older processes write -----------------------------------------------------------------------


async def _as_an_older_process(
    world: World, change: Callable[[Transaction, Resource], Awaitable[None]]
) -> None:
    async with world.sqlite.transaction() as tx:
        resource = await world.resources.fetch(tx, "box", "b1")
        assert resource is not None
        await change(tx, resource)
        await world.resources.save(tx, resource)


async def test_a_home_that_an_older_process_did_not_write_is_found_and_written(
    world: World, clouds: tuple[ToyCloud, ToyCloud]
) -> None:
    async def forget(_tx: Transaction, resource: Resource) -> None:
        resource.home = None

    await _as_an_older_process(world, forget)
    await world.change("box", "b1", size=5)
    await world.settle()
    resource = await world.resource("box", "b1")
    assert resource is not None
    assert resource.home == "east"
    assert (await world.shown())["cloud"] == "east"


async def test_a_home_that_an_older_process_moved_away_from_is_corrected(
    world: World, clouds: tuple[ToyCloud, ToyCloud]
) -> None:
    machine: Machine = world.machine

    async def move(tx: Transaction, resource: Resource) -> None:
        here = await world.presence("box", "b1", "east")
        assert here is not None
        await machine.unwant(tx, here)
        await machine.place(tx, resource, "west")
        await machine.wake(tx, "box", "b1", "west")

    await _as_an_older_process(world, move)
    await world.settle()
    resource = await world.resource("box", "b1")
    assert resource is not None
    assert resource.home == "west"
    assert await roles(world) == {"west": None}
    assert (await world.shown())["cloud"] == "west"


def test_the_presence_that_counts() -> None:
    def here(cloud: str, **more: Any) -> Presence:
        return Presence(kind="box", id="b1", cloud=cloud, **more)

    assert at_home(None, []) is None
    old, new = here("east"), here("west")
    assert at_home("east", [old, new]) is old
    assert at_home(None, [old, new]) is new, "the newest"
    assert at_home("gone", [old, new]) is new
    assert at_home(None, [old, here("west", role=INCOMING)]) is old
    assert at_home("east", [here("east", wanted=False), new]) is new, "it has left its home"
    assert at_home(None, [here("east", role=OUTGOING), new]) is new
    leaving = here("east", wanted=False)
    assert at_home("east", [leaving, here("west", wanted=False)]) is leaving
