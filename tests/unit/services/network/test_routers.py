"""Routers and their interfaces, as users see them and as they come to the clouds."""

from __future__ import annotations

import asyncio
from typing import Any

from fractus.base.ids import new_id
from fractus.clouds.simulated.records import NetworkRecord, SubnetRecord
from fractus.model.cloud import HOME
from fractus.testing.asgi import HttpReply
from fractus.testing.world import World
from tests.adopt.takes import take
from tests.unit.services.network.conftest import V2, Tenant, error


async def act(tenant: Tenant, router_id: str, action: str, **body: Any) -> HttpReply:
    return await tenant.user.put(f"{V2}/routers/{router_id}/{action}", body)


def there(world: World, kind: str, id: str) -> list[str]:
    """The clouds that have a thing."""
    return [one.name for one in world.clouds if one.marked(kind, id)]


async def outside(world: World, cloud: str = "a") -> tuple[str, str]:
    """A cloud's own external network, taken over: its id, and that of its subnet."""
    records = world.cloud(cloud).backend.records
    home = world.core.children.get(cloud).project_of(HOME)[0]  # type: ignore[union-attr]
    net = NetworkRecord(id=new_id(), project_id=home, name="public", external=True)
    pool = SubnetRecord(
        id=new_id(), project_id=home, network_id=net.id, cidr="203.0.113.0/24", gateway_ip="203.0.113.1",
        enable_dhcp=False, pools=[{"start": "203.0.113.2", "end": "203.0.113.254"}],
    )  # fmt: skip
    records.put(net)
    records.put(pool)
    await take(world, cloud)
    return net.id, pool.id


async def test_an_interface_follows_the_servers_of_its_subnet(world: World, ann: Tenant) -> None:
    network, (subnet,) = await ann.network("10.71.0.0/24")
    router = await ann.create("router", name="r")
    added = (await act(ann, router["id"], "add_router_interface", subnet_id=subnet)).ok()
    await world.settle()
    assert there(world, "router", router["id"]) == []
    await ann.user.boots_server("one", zone="a", networks=[{"uuid": network}])
    await world.settle()
    assert there(world, "router", router["id"]) == ["a"]
    assert there(world, "router_interface", added["port_id"]) == ["a"]
    [port] = world.cloud("a").marked("port", added["port_id"])
    assert port.device_owner == "network:router_interface"
    assert port.fixed_ips[0].ip_address == "10.71.0.1"
    await ann.user.boots_server("two", zone="b", networks=[{"uuid": network}])
    await world.settle()
    assert there(world, "router_interface", added["port_id"]) == ["a", "b"]
    (await act(ann, router["id"], "remove_router_interface", subnet_id=subnet)).ok()
    await world.settle()
    assert there(world, "router", router["id"]) == there(world, "port", added["port_id"]) == []
    (await ann.delete("router", router["id"])).ok()


async def test_a_gateway_is_where_its_network_is_and_interfaces_everywhere(world: World, ann: Tenant) -> None:
    public, pool = await outside(world)
    network, (subnet,) = await ann.network("10.71.0.0/24")
    router = await ann.create("router", external_gateway_info={"network_id": public})
    assert router["external_gateway_info"]["network_id"] == public
    added = (await act(ann, router["id"], "add_router_interface", subnet_id=subnet)).ok()
    for zone in ("a", "b"):
        await ann.user.boots_server(zone, zone=zone, networks=[{"uuid": network}])
    await world.settle()
    assert there(world, "router_interface", added["port_id"]) == ["a", "b"]
    [here], [other] = (world.cloud(zone).marked("router", router["id"]) for zone in ("a", "b"))
    assert here.gateway["network_id"] == public
    assert other.gateway is None
    shown = (await ann.show("router", router["id"]))["external_gateway_info"]
    ips = here.gateway["external_fixed_ips"]
    assert shown == {
        "network_id": public,
        "enable_snat": True,
        "external_fixed_ips": [{"subnet_id": pool, "ip_address": ips[0]["ip_address"]}],
    }
    route = {"destination": "192.0.2.0/24", "nexthop": "203.0.113.99"}
    (await ann.change("router", router["id"], routes=[route])).ok()
    await world.settle()
    assert [world.cloud(zone).marked("router", router["id"])[0].routes for zone in ("a", "b")] == [
        [route],
        [],
    ]
    refused = await ann.change("router", router["id"], external_gateway_info=None)
    assert error(refused)[1] == "InvalidRoutes"
    (await ann.change("router", router["id"], routes=[])).ok()
    (await ann.change("router", router["id"], external_gateway_info=None)).ok()
    await world.settle()
    assert world.cloud("a").marked("router", router["id"])[0].gateway is None
    assert (await ann.show("router", router["id"]))["external_gateway_info"] is None


async def test_two_clients_race_for_one_port(world: World, ann: Tenant) -> None:
    network, _ = await ann.network("10.71.0.0/24")
    routers = [(await ann.create("router"))["id"] for _ in range(2)]
    port = (await ann.create("port", network_id=network))["id"]
    replies = await asyncio.gather(*(act(ann, id, "add_router_interface", port_id=port) for id in routers))
    assert sorted(one.status for one in replies) == [200, 409]
    [lost] = [one for one in replies if one.status == 409]
    assert error(lost)[1] == "PortInUse"
    [won] = [one.json["id"] for one in replies if one.status == 200]
    [loser] = [id for id in routers if id != won]
    assert (await ann.delete("router", loser)).status == 204
    assert error(await ann.delete("router", won))[1] == "RouterInUse"


async def test_a_second_prefix_of_ipv6_joins_the_port_of_its_network(ann: Tenant) -> None:
    network, (one, two) = await ann.network("fd00:1::/64", "fd00:2::/64")
    router = (await ann.create("router"))["id"]
    first = (await act(ann, router, "add_router_interface", subnet_id=one)).ok()
    second = (await act(ann, router, "add_router_interface", subnet_id=two)).ok()
    assert second["port_id"] == first["port_id"]
    assert len((await ann.show("port", first["port_id"]))["fixed_ips"]) == 2
    port = (await ann.create("port", network_id=network))["id"]
    assert error(await act(ann, router, "add_router_interface", port_id=port))[2].startswith(
        "Bad router request: Router already contains IPv6 port"
    )
    (await act(ann, router, "remove_router_interface", subnet_id=one)).ok()
    assert [ip["subnet_id"] for ip in (await ann.show("port", first["port_id"]))["fixed_ips"]] == [two]


async def test_a_router_with_routes_is_taken_down_in_one_breath(world: World, ann: Tenant) -> None:
    """The cloud has not heard that the routes are gone when it is to lose what they need."""
    network, (subnet,) = await ann.network("10.71.0.0/24")
    router = (await ann.create("router"))["id"]
    (await act(ann, router, "add_router_interface", subnet_id=subnet)).ok()
    (
        await ann.change("router", router, routes=[{"destination": "192.0.2.0/24", "nexthop": "10.71.0.9"}])
    ).ok()
    await ann.user.boots_server("vm", zone="a", networks=[{"uuid": network}])
    await world.settle()
    assert world.cloud("a").marked("router", router)[0].routes
    (await ann.change("router", router, routes=[])).ok()
    (await act(ann, router, "remove_router_interface", subnet_id=subnet)).ok()
    (await ann.delete("router", router)).ok()
    await world.settle()
    assert there(world, "router", router) == []


async def test_a_port_whose_owner_was_changed_is_an_interface_until_it_is_deleted(
    world: World, ann: Tenant
) -> None:
    """Neutron lets users change whose a router's port is, and delete it then."""
    network, (subnet,) = await ann.network("10.71.0.0/24")
    router, other = [(await ann.create("router"))["id"] for _ in range(2)]
    port = (await act(ann, router, "add_router_interface", subnet_id=subnet)).ok()["port_id"]
    await ann.user.boots_server("one", zone="a", networks=[{"uuid": network}])
    await world.settle()
    (await ann.change("port", port, device_id="", device_owner="")).ok()
    assert error(await act(ann, other, "add_router_interface", port_id=port))[:2] == (409, "PortInUse")
    assert error(await act(ann, router, "add_router_interface", port_id=port))[2] == (
        f"Bad router request: Router already has a port on subnet {subnet}."
    )
    assert (await ann.delete("port", port)).status == 204
    assert (await act(ann, router, "remove_router_interface", port_id=port)).status == 404
    await world.settle()
    assert there(world, "router_interface", port) == there(world, "port", port) == []
    assert there(world, "router", router) == []
    (await ann.delete("router", router)).ok()


async def test_a_port_of_another_project_is_an_interface(
    world: World, ann: Tenant, bob: Tenant, root: Tenant
) -> None:
    network, _ = await ann.network("10.71.0.0/24")
    (await root.change("network", network, shared=True)).ok()
    port = (await bob.create("port", network_id=network))["id"]
    router = (await ann.create("router"))["id"]
    (await act(ann, router, "add_router_interface", port_id=port)).ok()
    await ann.user.boots_server("one", zone="a", networks=[{"uuid": network}])
    await world.settle()
    assert there(world, "router_interface", port) == there(world, "router", router) == ["a"]
    (await act(ann, router, "remove_router_interface", port_id=port)).ok()
    await world.settle()
    assert there(world, "router_interface", port) == there(world, "port", port) == []


async def test_an_external_network_stays_while_routers_lead_to_it(
    world: World, ann: Tenant, root: Tenant
) -> None:
    public, _pool = await outside(world)
    router = (await ann.create("router", external_gateway_info={"network_id": public}))["id"]
    status, type, said = error(await root.delete("network", public))
    assert (status, type) == (409, "NetworkInUse")
    (gateway,) = await root.listed("ports", device_id=router)
    assert said.endswith(f"id for these ports is: {gateway['id']}.")
    inside = await root.change("network", public, **{"router:external": False})
    assert error(inside)[:2] == (409, "ExternalNetworkInUse")
    (await ann.change("router", router, external_gateway_info=None)).ok()
    (await root.change("network", public, **{"router:external": False})).ok()
    assert (await root.delete("network", public)).status == 204


async def test_a_subnet_where_machines_address_themselves_stays_while_a_router_has_it(ann: Tenant) -> None:
    network, _ = await ann.network()
    slaac = {"ipv6_ra_mode": "slaac", "ipv6_address_mode": "slaac"}
    subnet = (await ann.create("subnet", network_id=network, cidr="fd00:1::/64", ip_version=6, **slaac))["id"]
    router = (await ann.create("router"))["id"]
    added = (await act(ann, router, "add_router_interface", subnet_id=subnet)).ok()
    assert error(await ann.delete("subnet", subnet)) == (
        409,
        "SubnetInUse",
        f"Unable to complete operation on subnet {subnet}: One or more ports have an IP allocation from this subnet.",
    )
    (await act(ann, router, "remove_router_interface", port_id=added["port_id"])).ok()
    assert (await ann.delete("subnet", subnet)).status == 204


async def test_what_is_asked_of_a_router_names_its_revision(ann: Tenant) -> None:
    _, (subnet,) = await ann.network("10.71.0.0/24")
    router = await ann.create("router")
    path = f"routers/{router['id']}/add_router_interface"
    stale, last = (f"revision_number={router['revision_number'] + more}" for more in (7, 0))
    assert (await ann.raw("PUT", path, {"subnet_id": subnet}, **{"If-Match": stale})).status == 412
    (await ann.raw("PUT", path, {"subnet_id": subnet}, **{"If-Match": last})).ok()
    path = f"routers/{router['id']}/add_extraroutes"
    routes = {"router": {"routes": [{"destination": "192.0.2.0/24", "nexthop": "10.71.0.9"}]}}
    assert (await ann.raw("PUT", path, routes, **{"If-Match": last})).status == 412


async def test_nobody_says_that_a_port_is_another_projects_router(
    ann: Tenant, bob: Tenant, root: Tenant
) -> None:
    router = (await ann.create("router"))["id"]
    network, _ = await bob.network("10.71.0.0/24")
    of_router = {"device_owner": "network:router_interface", "device_id": router}
    refused = (
        409,
        "DeviceIDNotOwnedByTenant",
        f"The following device_id {router} is not owned by your project or matches another project router.",
    )
    assert error(await bob.ask("port", network_id=network, **of_router)) == refused
    port = (await bob.create("port", network_id=network, device_owner="network:router_interface"))["id"]
    assert error(await bob.change("port", port, device_id=router)) == refused
    assert error(await bob.change("port", port, **of_router)) == refused
    other = (await bob.create("port", network_id=network, device_id=router))["id"]
    assert error(await bob.change("port", other, device_owner="network:router_interface")) == refused
    (await root.change("port", port, **of_router)).ok()
