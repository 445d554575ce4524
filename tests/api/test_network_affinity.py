"""Servers of one network go to one cloud, for clouds have no path between them; who is apart is shown so."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from fractus.model.network import unreachable
from fractus.operations.resources import document
from fractus.reconcile.converge import peers
from fractus.testing.user import COMPUTE, NETWORK, User
from fractus.testing.world import World


async def _zones(user: User, *ids: str) -> list[str]:
    return [(await user.server(id))["OS-EXT-AZ:availability_zone"] for id in ids]


async def _port_of(user: User, server_id: str) -> dict[str, Any]:
    (port,) = (await user.get(f"{NETWORK}/ports", device_id=server_id)).ok()["ports"]
    found: dict[str, Any] = port
    return found


async def _message(user: User, server_id: str) -> str | None:
    actions = (await user.get(f"{COMPUTE}/servers/{server_id}/os-instance-actions")).ok()["instanceActions"]
    (message,) = [one["message"] for one in actions if one["action"] == "create"]
    text: str | None = message
    return text


async def test_others_of_a_network_go_where_its_first_server_is(world: World) -> None:
    ann = world.user("ann")
    here, there = (
        await ann.makes_network("one", cidr="10.1.0.0/24"),
        await ann.makes_network("two", cidr="10.2.0.0/24"),
    )
    first = await ann.boots_server("first", network=here)
    await world.settle()
    others = [await ann.boots_server(f"more-{number}", network=here) for number in range(5)]
    apart = await ann.boots_server("other", network=there)
    await world.settle()
    zones = await _zones(ann, first, *others)
    assert set(zones) == {"a"}
    assert await _zones(ann, apart) == ["b"], "another network is another story: the least loaded"
    for server in (first, *others):
        assert "fractus:reach" not in await _port_of(ann, server)
        assert await _message(ann, server) is None


@pytest.mark.parametrize("how", ["one request", "many requests"])
async def test_what_is_asked_for_at_once_stays_together(world: World, how: str) -> None:
    ann = world.user("ann")
    network = await ann.makes_network()
    await world.default_flavor(), await world.default_image()
    if how == "one request":
        (await ann.asks_for_server("vm", network=network, min_count=12, max_count=12)).ok()
    else:
        await asyncio.gather(*(ann.boots_server(f"vm-{n}", network=network) for n in range(12)))
    await world.settle()
    servers = await ann.servers()
    assert len(servers) == 12
    assert len({server["OS-EXT-AZ:availability_zone"] for server in servers}) == 1


async def test_two_networks_count_for_more_than_one(world: World) -> None:
    ann = world.user("ann")
    networks = [await ann.makes_network(f"n{n}", cidr=f"10.{n}.0.0/24") for n in range(1, 4)]
    for number, network in enumerate(networks):
        await ann.boots_server(f"of-{number}", network=network, zone="b" if number < 2 else "a")
    await world.settle()
    both = [{"uuid": network.id} for network in networks]
    server = await ann.boots_server("both", networks=both)
    await world.settle()
    assert await _zones(ann, server) == ["b"]
    lonely = unreachable(networks[2].id, ["a"])
    assert await _message(ann, server) == lonely
    ports = (await ann.get(f"{NETWORK}/ports", device_id=server)).ok()["ports"]
    reach = {port["network_id"]: port.get("fractus:reach") for port in ports}
    assert reach == {
        networks[0].id: None, networks[1].id: None, networks[2].id: lonely,
    }  # fmt: skip


async def test_a_zone_that_the_user_names_wins_and_the_port_says_who_is_elsewhere(world: World) -> None:
    ann = world.user("ann")
    network = await ann.makes_network()
    await ann.boots_server("first", network=network, zone="a")
    await world.settle()
    second = await ann.boots_server("second", network=network, zone="b")
    await world.settle()
    assert await _zones(ann, second) == ["b"]
    sentence = unreachable(network.id, ["a"])
    port = await _port_of(ann, second)
    assert port["fractus:reach"] == sentence
    assert (await ann.get(f"{NETWORK}/ports/{port['id']}")).ok()["port"]["fractus:reach"] == sentence
    assert await _message(ann, second) == sentence
    resource = await world.core.resources.fetch(world.core.store, "server", second)
    assert resource is not None
    shown = document(resource, [], [], {}, 30.0, world.clock.now())
    assert shown["choice"]["apart"] == {f"network/{network.id}": ["a"]}


async def test_what_runs_no_more_binds_nobody(world: World) -> None:
    ann = world.user("ann")
    network = await ann.makes_network()
    gone = await ann.boots_server("gone", network=network, zone="a")
    await ann.boots_server("stays", network=network, zone="b")
    await world.settle()
    await ann.deletes_server(gone)
    await world.settle()
    third = await ann.boots_server("third", network=network)
    await world.settle()
    assert await _zones(ann, third) == ["b"]
    assert await _message(ann, third) is None


async def test_ports_of_routers_bind_no_server(world: World) -> None:
    """A router has an interface wherever its network is: who is there is for servers to say."""
    ann = world.user("ann")
    network = await ann.makes_network()
    router = (await ann.post(f"{NETWORK}/routers", {"router": {}})).ok()["router"]["id"]
    added = f"{NETWORK}/routers/{router}/add_router_interface"
    interface = (await ann.put(added, {"subnet_id": network.subnet_id})).ok()["port_id"]
    gone = await ann.boots_server("gone", network=network, zone="a")
    await ann.boots_server("stays", network=network, zone="b")
    await world.settle()
    await ann.deletes_server(gone)
    await world.settle()
    assert [one.name for one in world.clouds if one.marked("port", interface)] == ["a", "b"]
    third = await ann.boots_server("third", network=network)
    await world.settle()
    assert await _zones(ann, third) == ["b"]
    assert "fractus:reach" not in await _port_of(ann, third)
    assert await _message(ann, third) is None


async def test_many_that_are_leaving_hide_nobody_who_stays(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of the users of a network some are looked at: they are to be of those that stay."""
    monkeypatch.setattr(peers, "_SAMPLE", 1)
    ann = world.user("ann")
    network = await ann.makes_network()
    gone = [await ann.boots_server(f"gone-{number}", network=network, zone="a") for number in range(2)]
    await ann.boots_server("stays", network=network, zone="b")
    await world.settle()
    world.cloud("a").faults.throttles(times=1000, kind="port", method="delete")
    for server in gone:
        await ann.deletes_server(server)
    await world.run_for(5)
    third = await ann.boots_server("third", network=network)
    await world.run_for(30)
    assert await _zones(ann, third) == ["b"]


async def test_a_full_cloud_sends_to_another_which_the_user_is_shown(world: World) -> None:
    ann = world.user("ann")
    network = await ann.makes_network()
    await ann.boots_server("first", network=network, zone="a")
    await world.settle()
    async with world.core.store.transaction() as tx:
        await _disable(tx, "a")
    await world.core.children.refresh(world.core.store)
    second = await ann.boots_server("second", network=network)
    await world.settle()
    assert await _zones(ann, second) == ["b"]
    assert await _message(ann, second) == unreachable(network.id, ["a"])


async def _disable(tx: Any, name: str) -> None:
    from fractus.store import clouds

    row = await clouds.fetch(tx, name)
    assert row is not None
    row.enabled = False
    await clouds.configure(tx, row)


async def test_the_operator_may_require_it(tmp_path: Path) -> None:
    async with World(tmp_path=tmp_path, network_affinity="require") as world:
        ann = world.user("ann")
        network = await ann.makes_network()
        await ann.boots_server("first", network=network, zone="a")
        await world.settle()
        async with world.core.store.transaction() as tx:
            await _disable(tx, "a")
        await world.core.children.refresh(world.core.store)
        second = await ann.boots_server("second", network=network)
        await world.settle()
        server = await ann.server(second)
        assert server["status"] == "ERROR"
        assert "others of its networks are in another cloud" in server["fault"]["message"]


async def test_the_operator_may_turn_it_off(tmp_path: Path) -> None:
    async with World(tmp_path=tmp_path, network_affinity="off") as world:
        ann = world.user("ann")
        network = await ann.makes_network()
        servers = [await ann.boots_server(f"vm-{n}", network=network) for n in range(4)]
        await world.settle()
        assert sorted(await _zones(ann, *servers)) == ["a", "a", "b", "b"]
