"""Kinds that refer to ports: they make them, find them, are asked before users change one, and notified after."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from fractus.model.resource import Resource
from fractus.services.network.dialect.schema.errors import conflict
from fractus.services.network.ports.writes import PortWrites
from fractus.store.transaction import Transaction
from fractus.testing.world import World
from tests.unit.services.network.conftest import Tenant, error

DEVICE = "0b6c2d2c-0c6a-4bd8-b1c7-2d1d54e1b0d1"


class Router:
    """Has ports of its own, and lets nobody delete them or take their device."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, str, Any]] = []

    async def check_update(self, tx: Transaction, port: Resource, values: Mapping[str, Any]) -> None:
        if port.desired["device_id"] == DEVICE and "device_owner" in values:
            raise conflict(f"Port {port.id} is a router's.", "ServicePortInUse")

    async def check_delete(self, tx: Transaction, port: Resource) -> None:
        if port.desired["device_id"] == DEVICE:
            raise conflict(f"Port {port.id} is a router's.", "ServicePortInUse")

    async def port_updated(self, tx: Transaction, port: Resource, before: Mapping[str, Any]) -> None:
        addresses = [[one["ip_address"] for one in of["fixed_ips"]] for of in (before, port.desired)]
        self.heard.append(("updated", port.id, addresses))

    async def port_removed(self, tx: Transaction, port: Resource) -> None:
        self.heard.append(("removed", port.id, None))


@pytest.fixture
def ports(world: World) -> PortWrites:
    return world.core.kinds._network.api.own(PortWrites)


@pytest.fixture
def router(ports: PortWrites) -> Router:
    made = Router()
    ports.users.append(made)
    return made


async def _interface(world: World, ports: PortWrites, ann: Tenant, net: str, ip: str) -> str:
    async with world.core.store.transaction() as tx:
        network = await world.core.resources.fetch(tx, "network", net)
        assert network is not None
        values = {
            "project_id": ann.project_id,
            "device_id": DEVICE,
            "device_owner": "network:router_interface",
            "fixed_ips": [{"ip_address": ip}],
        }
        return (await ports.add(tx, network, values, user_id="", request_id="")).id


async def test_a_port_is_made_with_what_matters_alone_and_found_by_its_device(
    ann: Tenant, world: World, ports: PortWrites
) -> None:
    net, (subnet,) = await ann.network("10.0.0.0/24")
    id = await _interface(world, ports, ann, net, "10.0.0.1")
    shown = await ann.show("port", id)
    assert shown["fixed_ips"] == [{"subnet_id": subnet, "ip_address": "10.0.0.1"}], "the gateway's address"
    assert shown["name"] == shown["description"] == ""
    assert shown["tags"] == shown["security_groups"] == []
    assert shown["admin_state_up"] is True
    assert shown["port_security_enabled"] is False
    assert [one.id for one in await ports.of_device(world.core.store, DEVICE)] == [id]
    assert await ports.of_device(world.core.store, DEVICE, "network:dhcp") == []
    owners = ("network:dhcp", "network:router_interface")
    assert [one.id for one in await ports.of_device(world.core.store, DEVICE, *owners)] == [id]


async def test_users_are_refused_and_writers_are_not(
    ann: Tenant, world: World, ports: PortWrites, router: Router
) -> None:
    net, (subnet,) = await ann.network("10.0.0.0/24")
    id = await _interface(world, ports, ann, net, "10.0.0.1")
    expected = (409, "ServicePortInUse", f"Port {id} is a router's.")
    assert error(await ann.delete("port", id)) == expected
    assert error(await ann.change("port", id, device_owner="")) == expected
    assert router.heard == [], "nothing was changed"
    (await ann.change("port", id, name="of the router")).ok()
    assert router.heard == [("updated", id, [["10.0.0.1"], ["10.0.0.1"]])]
    router.heard.clear()
    async with world.core.store.transaction() as tx:
        (port,) = await ports.of_device(tx, DEVICE)
        values = await ports.readdress(
            tx, port, [{"subnet_id": subnet, "ip_address": "10.0.0.9"}], port.desired["mac_address"], ""
        )
        await ports.update(tx, port, values)
        await ports.remove(tx, port)
    assert router.heard == [("updated", id, [["10.0.0.1"], ["10.0.0.9"]]), ("removed", id, None)]
    assert (await ann.get(f"ports/{id}")).status == 404
    assert await _interface(world, ports, ann, net, "10.0.0.9"), "its address is free again"
