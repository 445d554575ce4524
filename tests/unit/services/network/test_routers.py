"""Routers and their interfaces, as users see them and as they come to the clouds."""

from __future__ import annotations

from typing import Any

from fractus.testing.asgi import HttpReply
from fractus.testing.world import World
from tests.unit.services.network.conftest import V2, Tenant


async def act(tenant: Tenant, router_id: str, action: str, **body: Any) -> HttpReply:
    return await tenant.user.put(f"{V2}/routers/{router_id}/{action}", body)


def there(world: World, kind: str, id: str) -> list[str]:
    """The clouds that have a thing."""
    return [one.name for one in world.clouds if one.marked(kind, id)]


async def test_an_interface_follows_the_servers_of_its_subnet(world: World, ann: Tenant) -> None:
    network, (subnet,) = await ann.network("10.71.0.0/24")
    router = await ann.create("router", name="r")
    told = (await act(ann, router["id"], "add_router_interface", subnet_id=subnet)).ok()
    await world.settle()
    assert there(world, "router", router["id"]) == []
    await ann.user.boots_server("one", zone="a", networks=[{"uuid": network}])
    await world.settle()
    assert there(world, "router", router["id"]) == ["a"]
    assert there(world, "router_interface", told["port_id"]) == ["a"]
    [port] = world.cloud("a").marked("port", told["port_id"])
    assert port.device_owner == "network:router_interface"
    assert port.fixed_ips[0].ip_address == "10.71.0.1"
    await ann.user.boots_server("two", zone="b", networks=[{"uuid": network}])
    await world.settle()
    assert there(world, "router_interface", told["port_id"]) == ["a", "b"]
    (await act(ann, router["id"], "remove_router_interface", subnet_id=subnet)).ok()
    await world.settle()
    assert there(world, "router", router["id"]) == there(world, "port", told["port_id"]) == []
    (await ann.delete("router", router["id"])).ok()
