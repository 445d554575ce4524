"""The same child under two names, and a child that another fractus works in too: nothing of theirs is touched."""

from __future__ import annotations

from pathlib import Path

import pytest

from fractus.clouds.simulated.records import Record
from fractus.store import findings
from fractus.testing.clock import VirtualClock
from fractus.testing.user import PUBLIC_KEY
from fractus.testing.world import World, WorldCloud


def deletes(cloud: WorldCloud) -> list[str]:
    """What was deleted in a cloud, by whoever speaks to it."""
    return [
        f"{call.cloud}: {call.kind}" for call in cloud.faults.log if call.change and call.method == "delete"
    ]


def one_child(world: World) -> WorldCloud:
    """Have the clouds a and b of a world be one and the same child."""
    a, b = world.cloud("a"), world.cloud("b")
    world.clouds_by_name["b"] = WorldCloud(b.row, a.backend, a.faults)
    return a


async def _look_often(world: World) -> None:
    for _ in range(3):
        await world.sweep(full=True)
        await world.settle()


def _forget_whose(cloud: WorldCloud) -> None:
    """Have everything in a cloud look as if a version of fractus had made it that did not say whose things are."""
    records = cloud.backend.records
    with records.changing():
        for things in cloud.backend.things().values():
            for thing in things:
                thing.by = ""
                records.put(thing)


@pytest.mark.parametrize("old", [False, True], ids=["marked", "as an older version left it"])
async def test_the_same_child_under_two_names_loses_nothing(tmp_path: Path, old: bool) -> None:
    """Each name has its own things there, of one network too; what is another name's is foreign."""
    world = World(2, tmp_path=tmp_path)
    child = one_child(world)
    async with world:
        ann = world.user("ann")
        await ann.makes_keypair("laptop", PUBLIC_KEY)
        servers = [await ann.boots_server(zone=zone, key="laptop") for zone in ("a", "b")]
        await world.settle()
        if old:
            _forget_whose(child)
        before = _there(child)
        await _look_often(world)
        assert deletes(child) == []
        assert _there(child) == before
        for server in servers:
            assert (await ann.server(server))["status"] == "ACTIVE"
        found = await findings.of_kind(world.core.store, "a", "network")
        assert [one.what for one in found.values()] == [findings.FOREIGN]
        # What ends under one name goes on under the other.
        await ann.deletes_server(servers[0])
        await world.settle()
        await _look_often(world)
        assert [server.id for server in child.backend.servers.values()] != []
        assert (await ann.server(servers[1]))["status"] == "ACTIVE"
        assert len(child.backend.networks) == len(before["network"])


def _there(cloud: WorldCloud) -> dict[str, set[str]]:
    def ids(things: list[Record]) -> set[str]:
        return {thing.id for thing in things}

    return {kind: ids(things) for kind, things in cloud.backend.things().items()}


async def test_two_fractuses_in_one_child_leave_each_other_alone(tmp_path: Path) -> None:
    """Also what both would call the same: a flavor of one id, and the default group of one project."""
    clock = VirtualClock()
    one = World(1, tmp_path=tmp_path / "one", clock=clock)
    other = World(1, tmp_path=tmp_path / "other", clock=clock)
    child = one.cloud("a")
    other.clouds_by_name["a"] = WorldCloud(other.cloud("a").row, child.backend, child.faults)
    async with one, other:
        for world, cores in ((one, 1), (other, 2)):
            flavor = {"id": "7", "name": "m1", "vcpus": cores, "ram": 64, "disk": 1}
            (await world.admin.post("/compute/v2.1/flavors", {"flavor": flavor})).ok()
            await world.user("ann").boots_server(flavor="7", zone="a")
            await world.settle()
        assert sorted(flavor.vcpus for flavor in child.backend.flavors.values()) == [1, 2]
        assert sorted(server.vcpus for server in child.backend.servers.values()) == [1, 2]
        for world in (one, other):
            await _look_often(world)
        assert deletes(child) == []
        for server in await other.user("ann").servers():
            await other.user("ann").deletes_server(server["id"])
        await other.settle()
        await _look_often(one)
        assert [server.vcpus for server in child.backend.servers.values()] == [1]
        (left,) = await one.user("ann").servers()
        assert (await one.user("ann").server(left["id"]))["status"] == "ACTIVE"
