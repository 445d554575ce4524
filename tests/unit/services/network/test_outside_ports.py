"""Ports that stand for gateways of routers and for floating IPs, as administrators find them."""

from __future__ import annotations

import pytest

from fractus.testing.outside import outside
from fractus.testing.world import World

from .conftest import V2, Tenant, error

GATEWAY, FLOATING = "network:router_gateway", "network:floatingip"


@pytest.fixture
async def public(world: World) -> str:
    """An external network over both clouds."""
    return await outside(world, {"a": "203.0.113.0/28", "b": "198.51.100.0/27"})


async def test_a_gateway_has_a_port_for_administrators(public: str, ann: Tenant, root: Tenant) -> None:
    router = await ann.create("router", external_gateway_info={"network_id": public})
    (port,) = await root.listed("ports", network_id=public, device_id=router["id"], device_owner=GATEWAY)
    assert port["fixed_ips"] == router["external_gateway_info"]["external_fixed_ips"]
    assert (port["project_id"], port["status"], port["security_groups"]) == ("", "N/A", [])
    (ip,) = [one["ip_address"] for one in port["fixed_ips"]]
    assert await root.listed("ports", fixed_ips=f"ip_address={ip}") == [port]
    assert await ann.listed("ports", device_id=router["id"]) == []
    assert (await ann.user.get(f"{V2}/ports/{port['id']}")).status == 404
    assert error(await root.delete("port", port["id"])) == (
        409, "ServicePortInUse",
        f"Port {port['id']} cannot be deleted directly via the port API: has device owner {GATEWAY}.",
    )  # fmt: skip
    status, _, text = error(await root.change("port", port["id"], device_id=""))
    assert (status, "device_id" in text) == (400, True)
    await ann.change("router", router["id"], external_gateway_info={})
    assert await root.listed("ports", device_id=router["id"]) == []


async def test_one_for_each_cloud_where_the_router_is(
    world: World, public: str, ann: Tenant, root: Tenant
) -> None:
    net, (subnet,) = await ann.network("10.0.0.0/24")
    router = await ann.create("router", external_gateway_info={"network_id": public})
    (await ann.user.put(f"{V2}/routers/{router['id']}/add_router_interface", {"subnet_id": subnet})).ok()
    (interface,) = await ann.listed("ports", device_id=router["id"], network_id=net)
    assert interface["status"] == "ACTIVE", "no cloud needs it: clients that wait for it go on"
    for zone in ("a", "b"):
        await ann.user.boots_server(zone, zone=zone, networks=[{"uuid": net}])
    await world.settle()
    assert (await ann.show("port", interface["id"]))["status"] == "ACTIVE"
    gateways = (await ann.show("router", router["id"]))["external_gateways"]
    ports = await root.listed("ports", device_id=router["id"], device_owner=GATEWAY)
    assert len(ports) == 2
    assert sorted(str(one["fixed_ips"]) for one in ports) == sorted(
        str(one["external_fixed_ips"]) for one in gateways
    )


async def test_a_floating_ip_has_one_and_a_network_in_use_names_them(
    public: str, ann: Tenant, root: Tenant
) -> None:
    made = await ann.create("floatingip", floating_network_id=public)
    (port,) = await root.listed("ports", device_owner=FLOATING, device_id=made["id"])
    assert [one["ip_address"] for one in port["fixed_ips"]] == [made["floating_ip_address"]]
    status, type, text = error(await root.delete("port", port["id"]))
    assert (status, type, text.endswith(FLOATING + ".")) == (409, "ServicePortInUse", True)
    router = await ann.create("router", external_gateway_info={"network_id": public})
    (gateway,) = await root.listed("ports", device_id=router["id"])
    assert error(await root.delete("network", public)) == (
        409, "NetworkInUse",
        f"Unable to complete operation on network {public}. There are one or more ports still in use on the network,"
        f" id for these ports is: {gateway['id']}.",
    )  # fmt: skip
    assert (await ann.show("floatingip", made["id"]))["id"] == made["id"], "nothing of it is done"
    assert (await ann.delete("floatingip", made["id"])).status == 204
    assert await root.listed("ports", device_owner=FLOATING) == []
    assert (await ann.delete("router", router["id"])).status == 204
    assert await root.listed("ports", device_owner=GATEWAY) == []
