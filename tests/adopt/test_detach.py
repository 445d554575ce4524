"""Dropping a cloud: everything in it goes on, and what lives elsewhere too stays here."""

from __future__ import annotations

import pytest

from fractus.model.errors import Conflict
from fractus.reconcile.adopt import detach as letting
from fractus.reconcile.adopt.detach import Let
from fractus.store import clouds, presences
from fractus.testing.natives import Natives
from fractus.testing.user import COMPUTE, IMAGE, NETWORK
from fractus.testing.world import World
from tests.adopt.takes import P1, changes, reported, take


async def detach(world: World, cloud: str) -> Let:
    await letting.freeze(world.core, cloud, "test")
    return await letting.detach(world.core, cloud)


async def test_everything_goes_on_there_and_vanishes_here(world: World) -> None:
    natives = Natives(world.cloud("a"), P1)
    net = natives.network("office")
    vm = natives.server("db", net, image=natives.image("own"), groups=[natives.group("default")])
    await take(world)
    ann = world.user("ann")
    there = await ann.boots_server("here too", zone="a")
    stays = await ann.boots_server("elsewhere", zone="b")
    await world.settle()
    before, made = world.cloud("a").backend.things(), len(changes(world))
    let = await detach(world, "a")
    assert let.vanished["server"] == 2
    assert await clouds.fetch(world.core.store, "a") is None
    await world.core.children.refresh(world.core.store)
    await world.settle()
    assert world.cloud("a").backend.things() == before
    assert len(changes(world)) == made
    assert [server["id"] for server in await ann.servers()] == [stays]
    for gone in (vm.id, there):
        assert (await ann.get(f"{COMPUTE}/servers/{gone}")).status == 404
    names = {network["name"] for network in await ann.listed(f"{NETWORK}/networks")}
    assert names == {"own"}, "the network that is in b too stays; office was in a alone"
    images = {image["name"] for image in await ann.listed(f"{IMAGE}/images")}
    assert images == {"default"}, "what was uploaded here stays here"
    assert await presences.left_in(world.core.store, "a") == {}


async def test_it_can_be_taken_over_again_by_the_same_ids(world: World) -> None:
    natives = Natives(world.cloud("a"), P1)
    vm = natives.server("db", natives.network("office"), groups=[natives.group("default")])
    ann = world.user("ann")
    made = await ann.boots_server("ours", zone="a")
    await world.settle()
    await take(world)
    shown = {server["id"]: server for server in await ann.servers()}
    await detach(world, "a")
    await world.core.children.refresh(world.core.store)
    await add_again(world, "a")
    report = await take(world)
    assert reported(report) == []
    again = {server["id"]: server for server in await ann.servers()}
    assert set(again) == {vm.id, made} == set(shown)
    for id in again:
        for field in ("name", "status", "addresses", "security_groups", "metadata", "flavor", "key_name"):
            assert again[id][field] == shown[id][field], (id, field)


async def test_a_run_that_was_broken_off_goes_on(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    natives = Natives(world.cloud("a"), P1)
    net = natives.network("office")
    for number in range(7):
        natives.server(f"vm{number}", net)
    await take(world)
    monkeypatch.setattr(letting, "_BATCH", 2)
    real, calls = presences.drop, 0

    async def breaks(*given: object) -> None:
        nonlocal calls
        calls += 1
        if calls % 5 == 0:
            raise RuntimeError("killed")
        await real(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(presences, "drop", breaks)
    await letting.freeze(world.core, "a", "test")
    breaks_off = 0
    while await clouds.fetch(world.core.store, "a") is not None:
        try:
            await letting.detach(world.core, "a")
        except RuntimeError:
            breaks_off += 1
            await world.run_for(5)
    assert breaks_off >= 2
    monkeypatch.undo()
    await world.core.children.refresh(world.core.store)
    await world.settle()
    assert changes(world) == []
    assert await world.user("ann").servers() == []
    assert await presences.left_in(world.core.store, "a") == {}


async def test_a_cloud_that_is_not_frozen_is_not_let_go_of(world: World) -> None:
    with pytest.raises(Conflict, match="not frozen"):
        await letting.detach(world.core, "a")


async def add_again(world: World, name: str) -> None:
    from fractus.operations import cloud_rows

    row = world.cloud(name).row
    await cloud_rows.add(
        world.core.store, world.core.vault, name=name, driver=row.driver, identity=row.identity,
        settings=row.settings, auth={},
    )  # fmt: skip
    await world.core.children.refresh(world.core.store)
