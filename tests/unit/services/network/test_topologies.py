"""Topologies that are allocated for projects, and the providers of routers."""

from __future__ import annotations

from typing import Any

import pytest

from fractus.testing.outside import outside
from fractus.testing.world import World

from .conftest import Tenant, error

DEFAULT = {"is_default": True}


@pytest.fixture
async def public(world: World) -> str:
    """An external network."""
    return await outside(world)


async def pool(root: Tenant, *prefixes: str) -> None:
    """Default pools, which everybody may use."""
    for prefix in prefixes:
        await root.create(
            "subnetpool", name=prefix, prefixes=[prefix], is_default=True, shared=True,
            default_prefixlen=24 if "." in prefix else 64,
        )  # fmt: skip


async def topology(tenant: Tenant, project: str = "None", **query: Any) -> dict[str, Any]:
    found: dict[str, Any] = (await tenant.get(f"auto-allocated-topology/{project}", **query)).ok()
    return found["auto_allocated_topology"]


async def test_what_a_topology_needs(public: str, ann: Tenant, root: Tenant) -> None:
    path = f"auto-allocated-topology/{ann.project_id}"
    nothing = await ann.get(path, fields="dry-run")
    assert error(nothing)[::2] == (409, "Deployment error: No default router:external network.")
    assert (await ann.raw("DELETE", path)).status == 409
    (await root.change("network", public, **DEFAULT)).ok()
    nothing = await ann.get(path, fields="dry-run")
    assert error(nothing)[::2] == (409, "Deployment error: No default subnetpools defined.")
    await pool(root, "10.60.0.0/16")
    dry = await topology(ann, fields="dry-run")
    assert dry == {"id": "dry-run=pass", "tenant_id": ann.project_id, "project_id": ann.project_id}
    assert await ann.listed("networks", name="auto_allocated_network") == []


async def test_a_topology_is_made_once_and_deleted_whole(public: str, ann: Tenant, root: Tenant) -> None:
    (await root.change("network", public, **DEFAULT)).ok()
    await pool(root, "10.60.0.0/16", "2001:db8:60::/48")
    made = await topology(ann)
    assert await topology(ann, ann.project_id) == await topology(root, ann.project_id) == made
    network = await ann.show("network", made["id"])
    assert len(network["subnets"]) == 2
    (router,) = await ann.listed("routers")
    assert router["external_gateway_info"]["network_id"] == public
    ports = await ann.listed("ports", device_id=router["id"], network_id=made["id"])
    assert {ip["subnet_id"] for one in ports for ip in one["fixed_ips"]} == set(network["subnets"])
    assert (await ann.get("auto-allocated-topology/other")).status == 403
    for _ in range(2):
        assert (await ann.raw("DELETE", f"auto-allocated-topology/{ann.project_id}")).status == 204
    assert await ann.listed("routers") == await ann.listed("networks", **{"router:external": False}) == []


async def test_a_topology_in_use_stays_whole(public: str, ann: Tenant, root: Tenant) -> None:
    (await root.change("network", public, **DEFAULT)).ok()
    await pool(root, "10.60.0.0/16")
    made = await topology(ann)
    port = await ann.create("port", network_id=made["id"], device_id="x", device_owner="compute:x")
    assert (await ann.raw("DELETE", "auto-allocated-topology/None")).status == 409
    assert len(await ann.listed("routers")) == 1
    # Whoever deletes the network by hand has another one made.
    (await root.delete("port", port["id"])).ok()
    (router,) = await ann.listed("routers")
    for subnet in (await ann.show("network", made["id"]))["subnets"]:
        await ann.raw("PUT", f"routers/{router['id']}/remove_router_interface", {"subnet_id": subnet})
    assert (await ann.delete("network", made["id"])).status == 204
    assert (await topology(ann))["id"] != made["id"]


async def test_nothing_is_left_of_a_topology_that_cannot_be(public: str, ann: Tenant, root: Tenant) -> None:
    (await root.change("network", public, **DEFAULT)).ok()
    narrow = await root.create("subnetpool", name="narrow", prefixes=["10.9.0.0/24"], shared=True, **DEFAULT)
    nowhere = await ann.get("auto-allocated-topology/None")
    assert error(nowhere)[::2] == (409, "Deployment error: Unable to provide project private network.")
    (await root.delete("subnetpool", narrow["id"])).ok()
    await pool(root, "10.60.0.0/16")
    (await root.raw("PUT", f"quotas/{ann.project_id}", {"quota": {"router": 0}})).ok()
    assert (await ann.get("auto-allocated-topology/None")).status == 409
    assert await ann.listed("networks", **{"router:external": False}) == []


async def test_there_is_one_default_external_network(world: World, ann: Tenant, root: Tenant) -> None:
    first, second = await outside(world), await outside(world, {"a": "172.30.0.0/24"}, "other")
    (await root.change("network", first, **DEFAULT)).ok()
    refused = await root.change("network", second, **DEFAULT)
    assert error(refused)[::2] == (409, f"A default external network already exists: {first}.")
    found = await ann.listed("networks", is_default=True)
    assert [(one["id"], one["is_default"]) for one in found] == [(first, True)]
    assert "is_default" not in await root.create("network", name="inside", **DEFAULT)


async def test_a_router_with_a_flavor_is_of_its_providers_sort(ann: Tenant, root: Tenant) -> None:
    providers = await ann.listed("service-providers")
    assert [one["name"] for one in providers] == ["dvrha", "dvr", "ha", "single_node"]
    named = (await ann.get("service-providers", name="ha", fields="name")).ok()
    assert named == {"service_providers": [{"name": "ha"}]}
    flavor = (await root.create("flavor", name="f", service_type="L3_ROUTER_NAT"))["id"]
    refused = await ann.ask("router", flavor_id=flavor)
    assert error(refused)[::2] == (404, f"Service Profile  is not associated with flavor {flavor}.")
    driver = "neutron.services.l3_router.service_providers.ha.HaDriver"
    profile = (await root.raw("POST", "service_profiles", {"service_profile": {"driver": driver}})).ok()
    added = {"service_profile": {"id": profile["service_profile"]["id"]}}
    (await root.raw("POST", f"flavors/{flavor}/service_profiles", added)).ok()
    router = await root.create("router", flavor_id=flavor)
    assert (router["flavor_id"], router["ha"], router["distributed"]) == (flavor, True, False)
    other = await root.ask("router", flavor_id=flavor, distributed=True)
    assert error(other)[::2] == (
        400, "Invalid input for operation: Provider ha does not support distributed=True.",
    )  # fmt: skip
    assert (await root.change("router", router["id"], admin_state_up=False, ha=False)).status == 400
    assert error(await root.delete("flavor", flavor))[::2] == (
        409, f"Flavor {flavor} is used by some service instance.",
    )  # fmt: skip
    assert (await root.delete("router", router["id"])).status == 204
    assert (await root.delete("flavor", flavor)).status == 204


async def test_a_type_of_qos_rules_says_what_rules_may_say(ann: Tenant, root: Tenant) -> None:
    found = (await root.get("qos/rule-types/dscp_marking")).ok()["rule_type"]
    (driver,) = found["drivers"]
    assert [one["parameter_name"] for one in driver["supported_parameters"]] == ["dscp_mark"]
    assert (await ann.get("qos/rule-types/dscp_marking")).status == 403
