"""Networks in clouds: what is carried there, kept equal there, and removed from there."""

from __future__ import annotations

import pytest

from fractus.testing.world import World
from tests.unit.services.network.conftest import Tenant, error


async def test_a_server_brings_its_network_along_and_only_that(ann: Tenant, world: World) -> None:
    net, (first, _) = await ann.network("10.0.0.0/24", "10.1.0.0/24", mtu=1400)
    await ann.network("10.2.0.0/24")
    port = await ann.create("port", network_id=net, name="mine")
    assert len(world.cloud("a").of("network")) == 0, "nothing is anywhere before it is used"
    await ann.user.boots_server(zone="a", networks=[{"port": port["id"]}])
    await world.settle()
    a = world.cloud("a")
    (network,), (subnet,) = a.of("network"), a.of("subnet")
    (there,) = a.marked("port", port["id"])
    assert (network.marker, network.mtu) == (net, 1400)
    assert subnet.marker == first
    assert there.mac_address == port["mac_address"]
    assert [one.ip_address for one in there.fixed_ips] == [port["fixed_ips"][0]["ip_address"]]
    assert world.cloud("b").of("network") == []
    assert (await ann.show("network", net))["availability_zones"] == ["a"]
    shown = await ann.show("port", port["id"])
    assert (shown["status"], shown["device_owner"]) == ("ACTIVE", "compute:a")
    assert (await Tenant(world.admin).show("port", port["id"]))["binding:host_id"] == there.host != ""


SHARES = [
    ({"cidr": "10.0.0.0/24"}, [("10.0.0.251", "10.0.0.254")], "four of a pool with room"),
    ({"cidr": "10.0.0.0/28"}, [("10.0.0.13", "10.0.0.14")], "two of a small one"),
    ({"cidr": "10.0.0.0/29"}, [("10.0.0.6", "10.0.0.6")], "one of a tiny one"),
    ({"cidr": "10.0.0.0/24", "enable_dhcp": False}, [], "none without DHCP"),
    (
        {"cidr": "10.0.0.0/24", "allocation_pools": [{"start": "10.0.0.10", "end": "10.0.0.19"}]},
        [("10.0.0.18", "10.0.0.19")], "at the end of the user's pool",
    ),
    (
        {"cidr": "fd00::/64", "ip_version": 6, "ipv6_ra_mode": "slaac", "ipv6_address_mode": "slaac"},
        [], "none where ports address themselves",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("body", "expected", "reason"), SHARES)
async def test_each_cloud_gets_its_share_of_a_subnet(
    ann: Tenant, world: World, body: dict[str, object], expected: list[tuple[str, str]], reason: str
) -> None:
    net, _ = await ann.network()
    await ann.create("subnet", **{"network_id": net, "ip_version": 4, **body})
    server = await ann.user.boots_server(zone="a", networks=[{"uuid": net}])
    await world.settle()
    (subnet,) = world.cloud("a").of("subnet")
    assert [(pool["start"], pool["end"]) for pool in subnet.pools] == expected, reason
    for start, _ in expected:
        assert error(await ann.ask("port", network_id=net, fixed_ips=[{"ip_address": start}]))[0] == 409
    await ann.user.deletes_server(server)
    await world.settle()
    (await ann.delete("network", net)).ok()
    await world.settle()
    await world.assert_nothing_left(("network", "subnet", "port"))


async def test_two_clouds_get_different_shares_and_no_address_twice(ann: Tenant, world: World) -> None:
    net, _ = await ann.network("10.0.0.0/24")
    for zone in ("a", "b"):
        await ann.user.boots_server(zone=zone, networks=[{"uuid": net}])
    await world.settle()
    pools = [pool for name in ("a", "b") for one in world.cloud(name).of("subnet") for pool in one.pools]
    assert sorted((pool["start"], pool["end"]) for pool in pools) == [
        ("10.0.0.247", "10.0.0.250"), ("10.0.0.251", "10.0.0.254"),
    ]  # fmt: skip
    ips = [
        ip.ip_address for name in ("a", "b") for port in world.cloud(name).of("port") for ip in port.fixed_ips
    ]
    assert len(ips) == len(set(ips)) == 4, "two servers and two DHCP ports"


async def test_dhcp_that_is_switched_on_later_gets_its_share_then(ann: Tenant, world: World) -> None:
    net, _ = await ann.network()
    subnet = await ann.create("subnet", network_id=net, cidr="10.0.0.0/24", ip_version=4, enable_dhcp=False)
    await ann.user.boots_server(zone="a", networks=[{"uuid": net}])
    await world.settle()
    (await ann.change("subnet", subnet["id"], enable_dhcp=True)).ok()
    await world.settle()
    (there,) = world.cloud("a").of("subnet")
    assert there.enable_dhcp
    assert there.pools == [{"start": "10.0.0.251", "end": "10.0.0.254"}]


async def test_changes_arrive(ann: Tenant, world: World) -> None:
    net, (subnet,) = await ann.network("10.0.0.0/24")
    port = await ann.create("port", network_id=net)
    group = await ann.create("security_group", name="web")
    await ann.user.boots_server(zone="a", networks=[{"port": port["id"]}])
    await world.settle()
    routes = [{"destination": "10.9.0.0/16", "nexthop": "10.0.0.1"}]
    pair = {"ip_address": "10.0.0.200", "mac_address": port["mac_address"]}
    (await ann.change("network", net, name="renamed", admin_state_up=False)).ok()
    (
        await ann.change("subnet", subnet, dns_nameservers=["8.8.8.8"], host_routes=routes, gateway_ip=None)
    ).ok()
    (
        await ann.change(
            "port", port["id"], name="p", security_groups=[group["id"]], allowed_address_pairs=[pair],
            fixed_ips=[{"ip_address": "10.0.0.77"}],
        )
    ).ok()  # fmt: skip
    await world.settle()
    a = world.cloud("a")
    (network,), (there,), (web,) = (
        a.of("network"),
        a.marked("port", port["id"]),
        a.marked("security_group", group["id"]),
    )
    (inside,) = a.of("subnet")
    assert (network.name, network.admin_state_up) == ("renamed", False)
    assert (inside.dns_nameservers, inside.host_routes, inside.gateway_ip) == (["8.8.8.8"], routes, None)
    assert (there.name, there.security_groups, there.allowed_address_pairs) == ("p", [web.id], [pair])
    assert [one.ip_address for one in there.fixed_ips] == ["10.0.0.77"]
    old = port["fixed_ips"][0]["ip_address"]
    again = await ann.create("port", network_id=net, fixed_ips=[{"ip_address": old}])
    assert again["fixed_ips"][0]["ip_address"] == old, "free as soon as the cloud has released it"


async def test_others_servers_on_a_shared_network(
    ann: Tenant, bob: Tenant, root: Tenant, world: World
) -> None:
    net, _ = await ann.network("10.0.0.0/24")
    await ann.user.boots_server(zone="a", networks=[{"uuid": net}])
    await world.settle()
    (there,) = world.cloud("a").of("network")
    assert not there.shared
    (await root.change("network", net, shared=True)).ok()
    await world.settle()
    port = await bob.create("port", network_id=net)
    servers = [
        await bob.user.boots_server(zone=zone, networks=networks)
        for zone, networks in (("a", [{"port": port["id"]}]), ("b", [{"uuid": net}]))
    ]
    await world.settle()
    for name in ("a", "b"):
        (there,) = world.cloud(name).of("network")
        (inside,) = world.cloud(name).of("subnet")
        owners = {
            one.project_id for one in world.cloud(name).of("port") if one.device_owner == "compute:nova"
        }
        assert (there.shared, inside.project_id) == (True, there.project_id)
        assert len(owners - {there.project_id}) == 1, "bob's port is bob's there, too"
    (carried,) = world.cloud("a").marked("port", port["id"])
    assert [one.ip_address for one in carried.fixed_ips] == [port["fixed_ips"][0]["ip_address"]]
    assert error(await root.change("network", net, shared=False))[1] == "InvalidSharedSetting"
    for server in servers:
        assert (await bob.user.server(server))["status"] == "ACTIVE"
        await bob.user.deletes_server(server)
    await world.settle()
    (await bob.delete("port", port["id"])).ok()
    await world.settle()
    (await root.change("network", net, shared=False)).ok()
    await world.settle()
    assert [one.shared for one in world.cloud("a").of("network")] == [False]


async def test_an_address_is_kept_until_the_cloud_has_let_go(ann: Tenant, root: Tenant, world: World) -> None:
    net, _ = await ann.network("10.0.0.0/24")
    port = await ann.create("port", network_id=net)
    server = await ann.user.boots_server(zone="a", networks=[{"port": port["id"]}])
    await world.settle()
    (await root.delete("port", port["id"])).ok()
    again = {"network_id": net, "fixed_ips": port["fixed_ips"]}
    assert error(await ann.ask("port", **again))[1] == "IpAddressAlreadyAllocated", (
        "its server still uses it there"
    )
    await ann.user.deletes_server(server)
    await world.settle()
    assert (await ann.create("port", **again))["fixed_ips"] == port["fixed_ips"]


async def test_all_leave_with_the_last_that_needs_them(ann: Tenant, world: World) -> None:
    net, _ = await ann.network("10.0.0.0/24")
    group = await ann.create("security_group", name="web")
    servers = [
        await ann.user.boots_server(zone=zone, networks=[{"uuid": net}], groups=["web"])
        for zone in ("a", "b")
    ]
    await world.settle()
    assert error(await ann.delete("network", net))[1] == "NetworkInUse"
    for server in servers:
        await ann.user.deletes_server(server)
    await world.settle()
    assert await ann.listed("ports") == [], "ports that were made for a server leave with it"
    (await ann.delete("network", net)).ok()
    (await ann.delete("security_group", group["id"])).ok()
    await world.settle()
    await world.assert_nothing_left(("network", "subnet", "port"))
    assert [one.name for cloud in world.clouds for one in cloud.of("security_group")] == []


async def test_a_users_port_outlives_its_server(ann: Tenant, world: World) -> None:
    net, _ = await ann.network("10.0.0.0/24")
    port = await ann.create("port", network_id=net)
    server = await ann.user.boots_server(zone="a", networks=[{"port": port["id"]}])
    assert (await ann.show("port", port["id"]))["device_id"] == server
    reply = await ann.user.asks_for_server(zone="a", networks=[{"port": port["id"]}])
    assert reply.status == 409
    assert reply.json["conflictingRequest"]["message"] == f"Port {port['id']} is still in use."
    await world.settle()
    await ann.user.deletes_server(server)
    await world.settle()
    after = await ann.show("port", port["id"])
    assert (after["device_id"], after["device_owner"], after["fixed_ips"]) == ("", "", port["fixed_ips"])
    await ann.user.boots_server(zone="b", networks=[{"port": port["id"]}])
    await world.settle()
    assert len(world.cloud("b").marked("port", port["id"])) == 1
    assert world.cloud("a").marked("port", port["id"]) == []
