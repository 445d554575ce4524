"""Many at once: they spread, none gets another's address, and what does not fit is refused whole."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path

import msgspec
import pytest

from fractus.clouds.simulated.records import PortRecord, SubnetRecord
from fractus.testing.asgi import HttpReply
from fractus.testing.user import COMPUTE, NETWORK, MadeNetwork, User
from fractus.testing.world import World
from tests.api.rows import changes, rows_of


async def _gone(world: World, user: User, network: MadeNetwork) -> None:
    for server in await user.servers():
        await user.deletes_server(server["id"])
    await world.settle()
    await user.deletes_network(network)
    await world.settle()
    await world.assert_nothing_left()
    await world.assert_no_orphans()


@pytest.mark.parametrize("how", ["one request", "twenty requests at once"])
async def test_twenty_servers_spread_over_the_clouds(tmp_path: Path, how: str) -> None:
    async with World(tmp_path=tmp_path, network_affinity="off") as world:
        await _twenty_spread(world, how)


async def _twenty_spread(world: World, how: str) -> None:
    ann = world.user("ann")
    network = await ann.makes_network("many", cidr="10.20.0.0/24")
    if how == "one request":
        (await ann.asks_for_server("vm", network=network, min_count=20, max_count=20)).ok()
    else:
        await world.default_flavor(), await world.default_image()
        boots = [ann.boots_server(f"vm-{number + 1}", network=network) for number in range(20)]
        assert len(set(await asyncio.gather(*boots))) == 20
    await world.settle()
    servers = await ann.servers()
    assert Counter(server["status"] for server in servers) == {"ACTIVE": 20}
    assert Counter(server["OS-EXT-AZ:availability_zone"] for server in servers) == {"a": 10, "b": 10}
    assert {server["name"] for server in servers} == {f"vm-{number + 1}" for number in range(20)}
    addresses = [one for server in servers for one in server["addresses"]["many"]]
    assert (
        len({one["addr"] for one in addresses})
        == len({one["OS-EXT-IPS-MAC:mac_addr"] for one in addresses})
        == 20
    )
    for cloud in world.clouds:
        there = cloud.of("server", ann.project_id)
        assert len(there) == 10, "in the tenant's own project"
        assert {server.marker for server in there} == {
            server["id"] for server in servers if server["OS-EXT-AZ:availability_zone"] == cloud.name
        }
        carried = {port.fixed_ips[0].ip_address for port in cloud.of("port") if port.marker}
        assert carried == {
            one["addr"]
            for server in servers
            if server["OS-EXT-AZ:availability_zone"] == cloud.name
            for one in server["addresses"]["many"]
        }
    await _gone(world, ann, network)


async def test_at_least_and_at_most(world: World) -> None:
    ann = world.user("ann")
    reply = await ann.asks_for_server("vm", min_count=2, max_count=5, return_reservation_id=True)
    reservation = reply.ok()["reservation_id"]
    assert len(await world.admin.servers(reservation_id=reservation, all_tenants=1)) == 5
    for counts in (
        {"min_count": 3, "max_count": 2},
        {"min_count": 0},
        {"max_count": -1},
        {"min_count": 100_000},
    ):
        before = await rows_of(world)
        refused = await ann.asks_for_server("vm", **counts)
        assert refused.status in (400, 403), counts
        assert changes(before, await rows_of(world)) == []


async def _fill(ann: User, cidr: str) -> tuple[MadeNetwork, int]:
    """A small network, and how many addresses it has for servers."""
    network = await ann.makes_network("small", cidr=cidr)
    return network, len(await _ports_until_full(ann, network))


async def test_more_servers_than_addresses_are_refused_whole(world: World) -> None:
    ann = world.user("ann")
    network, room = await _fill(ann, "10.21.0.0/29")
    assert 1 <= room <= 5
    for number in (room + 1, 20):
        await world.default_flavor(), await world.default_image()
        before = await rows_of(world)
        reply = await ann.asks_for_server("vm", network=network, min_count=number)
        assert (reply.status, reply.json["badRequest"]["message"]) == (
            400,
            f"No fixed IP addresses available for network: {network.id}",
        )
        assert changes(before, await rows_of(world)) == []


async def test_a_subnet_can_be_used_up_to_its_last_address(world: World) -> None:
    ann = world.user("ann")
    network, room = await _fill(ann, "10.21.0.0/29")
    await _use_up(world, ann, network, room)


async def test_a_cloud_that_a_full_subnet_comes_to_has_no_dhcp_until_there_is_an_address_for_it(
    world: World,
) -> None:
    ann = world.user("ann")
    network = await ann.makes_network("small", cidr="10.21.0.0/29")
    await ann.boots_server("first", network=network, zone="a")
    await world.settle()
    room = len(await _ports_until_full(ann, network))
    for number in range(room):
        await ann.boots_server(f"vm-{number}", network=network, zone="b")
    await world.settle()
    (there,) = world.cloud("b").of("subnet")
    assert isinstance(there, SubnetRecord)
    assert not there.enable_dhcp
    assert {server["status"] for server in await ann.servers()} == {"ACTIVE"}
    assert (await ann.get(f"{NETWORK}/subnets/{network.subnet_id}")).json["subnet"]["enable_dhcp"]
    again = {"subnet": {"enable_dhcp": True}}
    (await ann.put(f"{NETWORK}/subnets/{network.subnet_id}", again)).ok()
    await world.settle()
    (there,) = world.cloud("b").of("subnet")
    assert isinstance(there, SubnetRecord)
    assert not there.enable_dhcp, "there is still no address for it"
    await ann.deletes_server((await ann.servers())[0]["id"])
    await world.settle()
    (await ann.put(f"{NETWORK}/subnets/{network.subnet_id}", again)).ok()
    await world.settle()
    (there,) = world.cloud("b").of("subnet")
    assert isinstance(there, SubnetRecord)
    assert there.enable_dhcp
    (own,) = [
        port for port in world.cloud("b").of("port") if isinstance(port, PortRecord) and port.serves_dhcp
    ]
    held = {one["addr"] for server in await ann.servers() for one in server["addresses"]["small"]}
    assert own.fixed_ips[0].ip_address not in held


async def test_what_a_server_had_is_free_when_its_cloud_has_confirmed_its_end(world: World) -> None:
    ann = world.user("ann")
    network = await ann.makes_network("small", cidr="10.21.0.0/28")
    await ann.boots_server("first", network=network, zone="a")
    await ann.boots_server("second", network=network, zone="b")
    await world.settle()
    room = len(await _ports_until_full(ann, network))
    await _use_up(world, ann, network, room)


async def _ports_until_full(ann: User, network: MadeNetwork) -> list[str]:
    """Ports as long as there are addresses; they are deleted again."""
    made = []
    while (reply := await ann.post(f"{NETWORK}/ports", {"port": {"network_id": network.id}})).status == 201:
        made.append(reply.json["port"]["id"])
    assert reply.status == 409
    for port in made:
        (await ann.delete(f"{NETWORK}/ports/{port}")).ok()
    return made


async def _use_up(world: World, ann: User, network: MadeNetwork, room: int) -> None:
    await ann.boots_server("vm", network=network, min_count=room)
    assert (await ann.asks_for_server("one", network=network)).status == 400
    await world.settle()
    servers = await ann.servers()
    assert {server["status"] for server in servers} == {"ACTIVE"}
    await ann.deletes_server(servers[0]["id"])
    assert (await ann.asks_for_server("one", network=network)).status == 400, "its cloud has not released it"
    await world.settle()
    await ann.boots_server("one", network=network)
    await world.settle()
    assert {server["status"] for server in await ann.servers()} == {"ACTIVE"}
    await _gone(world, ann, network)


async def test_of_requests_that_race_for_the_last_addresses_none_is_half_served(world: World) -> None:
    ann = world.user("ann")
    network, room = await _fill(ann, "10.22.0.0/28")
    await world.default_flavor(), await world.default_image()
    each = room // 2 + 1
    replies: list[HttpReply] = await asyncio.gather(
        *(ann.asks_for_server(f"race{number}", network=network, min_count=each) for number in range(5))
    )
    assert sorted(reply.status for reply in replies) == [202, 400, 400, 400, 400]
    assert len(await ann.servers()) == each
    assert len(await ann.listed(f"{NETWORK}/ports")) == each
    await world.settle()
    await _gone(world, ann, network)


async def test_an_address_is_given_once_however_many_ask(world: World) -> None:
    ann, bob = world.user("ann"), world.user("bob", "p2")
    shared = await world.admin.makes_network("shared", cidr="10.23.0.0/24", shared=True)
    await world.default_flavor(), await world.default_image()
    request = [{"uuid": shared.id, "fixed_ip": "10.23.0.99"}]
    replies = await asyncio.gather(
        *(user.asks_for_server("vm", networks=request) for user in (ann, bob, ann, bob, ann))
    )
    assert sorted(reply.status for reply in replies) == [202, 400, 400, 400, 400]


async def test_quotas_of_the_clouds_hold_for_each_project_there(world: World) -> None:
    """Three of ann's and three of bob's fit into each cloud; the rest is refused and says so."""
    ann, bob = world.user("ann"), world.user("bob", "p2")
    for cloud in world.clouds:
        cloud.backend.shape = msgspec.structs.replace(cloud.backend.shape, quota={"instances": 3})
    for user in (ann, bob):
        (await user.asks_for_server("vm", min_count=8)).ok()
    await world.settle()
    for user in (ann, bob):
        servers = await user.servers()
        assert Counter(server["status"] for server in servers) == {"ACTIVE": 6, "ERROR": 2}
        for server in servers:
            if server["status"] == "ERROR":
                said = server["fault"]["message"]
                assert said.startswith("No valid host was found. a: Quota exceeded for instances")
                assert "b: Quota exceeded for instances" in said
        for cloud in world.clouds:
            assert len(cloud.of("server", user.project_id)) == 3
    await world.assert_no_orphans()
    for user in (ann, bob):
        await _gone_of(user)
    await world.settle()
    for cloud in world.clouds:
        assert cloud.of("server") == []


async def _gone_of(user: User) -> None:
    for server in await user.servers():
        (await user.delete(f"{COMPUTE}/servers/{server['id']}")).ok()
