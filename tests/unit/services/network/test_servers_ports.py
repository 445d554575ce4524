"""Ports that compute asks for: Nova's sentences, and what servers get."""

from __future__ import annotations

from typing import Any

from fractus.testing.world import World
from tests.unit.services.network.conftest import Tenant

UNKNOWN = "b7d2410a-a376-4588-85b5-836383c9fb3c"


async def _refused(tenant: Tenant, networks: Any, groups: tuple[str, ...] = ()) -> tuple[int, str]:
    reply = await tenant.user.asks_for_server(networks=networks, groups=groups)
    (inner,) = reply.json.values()
    assert inner["code"] == reply.status
    return reply.status, inner["message"]


async def test_what_is_refused(ann: Tenant, bob: Tenant) -> None:
    net, _ = await ann.network("10.0.0.0/24")
    bare, _ = await ann.network()
    taken = await ann.create("port", network_id=net, fixed_ips=[{"ip_address": "10.0.0.9"}], device_id="vm-1")
    unaddressed = await ann.create("port", network_id=net, fixed_ips=[])
    theirs, _ = await bob.network("10.5.0.0/24")
    foreign = await bob.create("port", network_id=theirs)
    for name in ("twin", "twin"):
        await ann.create("security_group", name=name)
    for networks, groups, expected in (
        ([{"uuid": UNKNOWN}], (), (400, f"Network {UNKNOWN} could not be found.")),
        ([{"uuid": theirs}], (), (400, f"Network {theirs} could not be found.")),
        ([{"uuid": bare}], (), (400, f"Network {bare} requires a subnet in order to boot instances on.")),
        ([{"port": UNKNOWN}], (), (400, f"Port id {UNKNOWN} could not be found.")),
        ([{"port": foreign["id"]}], (), (400, f"Port id {foreign['id']} could not be found.")),
        ([{"port": taken["id"]}], (), (409, f"Port {taken['id']} is still in use.")),
        ([{"port": unaddressed["id"]}], (), (400, f"Port {unaddressed['id']} requires a FixedIP in order to be used.")),
        (
            [{"uuid": net, "fixed_ip": "10.0.0.9"}], (),
            (400, "Fixed IP address 10.0.0.9 is already in use on instance vm-1."),
        ),
        (
            [{"uuid": net, "fixed_ip": "10.9.0.9"}], (),
            (400, "IP address 10.9.0.9 is not a valid IP for any of the subnets on the specified network."),
        ),
        (
            [{"uuid": net}], ("nope",),
            (400, f"Security group nope not found for project {ann.project_id}."),
        ),
        (
            [{"uuid": net}], ("twin",),
            (409, "Multiple security groups found matching 'twin'. Use an ID to be more specific."),
        ),
    ):  # fmt: skip
        assert await _refused(ann, networks, groups) == expected
    assert len(await ann.listed("ports")) == 2, "nothing was left behind"


async def test_a_full_network(ann: Tenant) -> None:
    net, _ = await ann.network("10.0.0.0/30")
    await ann.create("port", network_id=net)
    assert await _refused(ann, [{"uuid": net}]) == (
        400,
        f"No fixed IP addresses available for network: {net}",
    )


async def test_ports_in_the_order_of_the_request(ann: Tenant, world: World) -> None:
    one, _ = await ann.network("10.0.0.0/24", name="one")
    two, _ = await ann.network("10.1.0.0/24", "fd00::/64", name="two")
    group = await ann.create("security_group", name="web")
    mine = await ann.create("port", network_id=one, fixed_ips=[{"ip_address": "10.0.0.77"}])
    networks = [{"uuid": two, "fixed_ip": "10.1.0.42"}, {"port": mine["id"]}, {"uuid": two}]
    server = await ann.user.boots_server(networks=networks, groups=["web"], zone="b")
    ports = {port["id"]: port for port in await ann.listed("ports", device_id=server)}
    assert len(ports) == 3
    made = [port for port in ports.values() if port["id"] != mine["id"]]
    assert {port["device_owner"] for port in ports.values()} == {"compute:b"}
    assert all(port["security_groups"] == [group["id"]] for port in made)
    assert ports[mine["id"]]["security_groups"] == mine["security_groups"], "groups are for ports made here"
    await world.settle()
    addresses = (await ann.user.server(server))["addresses"]
    assert [entry["addr"] for entry in addresses["one"]] == ["10.0.0.77"]
    assert addresses["two"][0]["addr"] == "10.1.0.42", "the named address alone"
    assert [entry["version"] for entry in addresses["two"]] == [4, 4, 6]
    assert {entry["OS-EXT-IPS-MAC:mac_addr"] for entry in addresses["one"]} == {mine["mac_address"]}


async def test_networks_that_need_not_be_named(ann: Tenant, bob: Tenant, root: Tenant) -> None:
    net, _ = await ann.network("10.0.0.0/24")
    server = await ann.user.boots_server(networks="auto")
    assert [port["network_id"] for port in await ann.listed("ports", device_id=server)] == [net]
    (await root.change("network", net, shared=True)).ok()
    shared = await bob.user.boots_server(networks="auto")
    assert [port["network_id"] for port in await bob.listed("ports", device_id=shared)] == [net]
    await ann.network("10.1.0.0/24")
    message = "Multiple possible networks found, use a Network ID to be more specific."
    assert await _refused(ann, "auto") == (409, message)


async def test_without_port_security_there_are_no_groups(ann: Tenant) -> None:
    net, _ = await ann.network("10.0.0.0/24", port_security_enabled=False)
    server = await ann.user.boots_server(networks=[{"uuid": net}])
    (port,) = await ann.listed("ports", device_id=server)
    assert (port["port_security_enabled"], port["security_groups"]) == (False, [])
    await ann.create("security_group", name="web")
    assert await _refused(ann, [{"uuid": net}], ("web",)) == (
        400, "Network requires port_security_enabled and subnet associated in order to apply security groups.",
    )  # fmt: skip


async def _acts(tenant: Tenant, server: str, action: str, name: str) -> tuple[int, str]:
    reply = await tenant.user.acts(server, action, {"name": name})
    return reply.status, next(iter(reply.json.values()))["message"] if reply.status >= 400 else ""


async def test_a_server_joins_a_group_and_leaves_it(ann: Tenant) -> None:
    net, _ = await ann.network("10.0.0.0/24")
    group = await ann.create("security_group", name="web")
    for name in ("twin", "twin"):
        await ann.create("security_group", name=name)
    await ann.create("security_group", name="free", stateful=False)
    server = await ann.user.boots_server(networks=[{"uuid": net}])
    portless = await ann.user.boots_server(networks="none")
    for action in ("addSecurityGroup", "removeSecurityGroup"):
        unknown = f"Security group nope is not found for project {ann.project_id}"
        assert await _acts(ann, server, action, "nope") == (404, unknown)
        assert (await _acts(ann, server, action, "twin"))[0] == 409
        unplugged = f"instance_id {portless} could not be found as device id on any ports"
        assert await _acts(ann, portless, action, "web") == (404, unplugged)
    assert (await _acts(ann, server, "addSecurityGroup", "free"))[0] == 409
    for _ in range(2):
        assert await _acts(ann, server, "addSecurityGroup", "web") == (202, "")
    [port] = await ann.listed("ports", device_id=server)
    assert group["id"] in port["security_groups"]
    assert len(port["security_groups"]) == 2
    assert await _acts(ann, server, "removeSecurityGroup", group["id"]) == (202, "")
    assert await _acts(ann, server, "removeSecurityGroup", "web") == (
        404,
        f"Security group web not associated with the instance {server}",
    )
