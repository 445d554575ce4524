"""Subnets for ports of some device owners (neutron_lib.api.definitions.subnet_service_types), and QoS policies of
floating IPs.
"""

from __future__ import annotations

from typing import Any

import pytest

from fractus.testing.world import World
from tests.unit.services.network.conftest import Tenant, error


def addresses(port: dict[str, Any]) -> list[str]:
    return [one["ip_address"].rpartition(".")[0] for one in port["fixed_ips"]]


async def test_addresses_are_given_to_ports_of_the_owners_that_a_subnet_names(
    ann: Tenant, world: World
) -> None:
    net, _ = await ann.network()
    made = await ann.create(
        "subnet", network_id=net, cidr="10.1.0.0/24", ip_version=4, service_types=["compute:a"]
    )
    assert made["service_types"] == ["compute:a"]
    none = (
        409, "IpAddressGenerationFailureNoMatchingSubnet",
        f"No valid service subnet for the given device owner, network {net}, service type .",
    )  # fmt: skip
    assert error(await ann.ask("port", network_id=net)) == none
    assert error(await ann.ask("port", network_id=net, fixed_ips=[])) == none
    await ann.user.boots_server("vm", networks=[{"uuid": net}], zone="a")
    await world.settle()
    [of_server] = await ann.listed("ports", network_id=net, device_owner="compute:a")
    assert (addresses(of_server), of_server["status"]) == (["10.1.0"], "ACTIVE")
    other = await ann.create("subnet", network_id=net, cidr="10.2.0.0/24", ip_version=4)
    assert other["service_types"] == []
    assert addresses(await ann.create("port", network_id=net)) == ["10.2.0"]
    assert error(await ann.ask("port", network_id=net, fixed_ips=[{"subnet_id": made["id"]}])) == (
        400, "InvalidInput",
        f"Invalid input for operation: Failed to create port on network {net}, because fixed_ips included invalid"
        f" subnet {made['id']}.",
    )  # fmt: skip
    assert error(await ann.ask("port", network_id=net, fixed_ips=[{"ip_address": "10.1.0.9"}]))[:2] == (
        400, "InvalidIpForNetwork",
    )  # fmt: skip
    (await ann.change("subnet", made["id"], service_types=[])).ok()
    assert addresses(await ann.create("port", network_id=net, fixed_ips=[{"subnet_id": made["id"]}])) == [
        "10.1.0"
    ]


@pytest.mark.parametrize(
    ("given", "status", "type", "sentence"),
    [
        (["foo"], 400, "InvalidSubnetServiceType", "Subnet service type foo does not correspond to a valid"),
        ([5], 400, "InvalidInputSubnetServiceType", "Subnet service type 5 is not a string."),
        ("x", 400, "HTTPBadRequest", "Subnet service types must be a list."),
        (["neutron:x"] * 2, 409, "NeutronDbObjectDuplicateEntry", "Failed to create a duplicate SubnetServiceType"),
    ],
)  # fmt: skip
async def test_what_is_no_service_type(
    ann: Tenant, given: Any, status: int, type: str, sentence: str
) -> None:
    net, _ = await ann.network()
    refused = await ann.ask("subnet", network_id=net, cidr="10.1.0.0/24", ip_version=4, service_types=given)
    assert error(refused)[:2] == (status, type)
    assert error(refused)[2].startswith(sentence)


async def test_a_floating_ip_brings_its_policy_along(root: Tenant, ann: Tenant, world: World) -> None:
    net = (await root.create("network", name="outside", **{"router:external": True}))["id"]
    await root.create("subnet", network_id=net, cidr="203.0.113.0/24", ip_version=4)
    inside, (subnet,) = await ann.network("10.0.0.0/24")
    router = (await ann.create("router", external_gateway_info={"network_id": net}))["id"]
    (await ann.user.put(f"/network/v2.0/routers/{router}/add_router_interface", {"subnet_id": subnet})).ok()
    port = (await ann.create("port", network_id=inside))["id"]
    body = {"policy": {"name": "slow", "project_id": ann.project_id}}
    policy = (await root.user.post("/network/v2.0/qos/policies", body)).ok()["policy"]["id"]
    address = await ann.create("floatingip", floating_network_id=net, port_id=port, qos_policy_id=policy)
    assert address["qos_policy_id"] == policy
    await ann.user.boots_server("vm", networks=[{"port": port}], zone="a")
    await world.settle()
    [there], [policy_there] = (
        world.cloud("a").marked(kind, id)
        for kind, id in (("floatingip", address["id"]), ("qos_policy", policy))
    )
    assert there.qos_policy_id == policy_there.id  # type: ignore[attr-defined]
    changed = (await ann.change("floatingip", address["id"], qos_policy_id=None)).ok()["floatingip"]
    assert (changed["qos_policy_id"], changed["port_id"]) == (None, port)
    await world.settle()
    [there] = world.cloud("a").marked("floatingip", address["id"])
    assert there.qos_policy_id is None  # type: ignore[attr-defined]
    unknown = "11111111-2222-3333-4444-555555555555"
    assert error(await ann.change("floatingip", address["id"], qos_policy_id=unknown))[:2] == (
        404,
        "QosPolicyNotFound",
    )
