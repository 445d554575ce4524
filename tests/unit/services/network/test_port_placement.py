"""What a port says of the host of its server goes to its cloud with it."""

from __future__ import annotations

from typing import Any

from fractus.testing.world import World
from tests.unit.services.network.conftest import Tenant, error


def there(world: World, port: str) -> Any:
    (found,) = world.cloud("a").marked("port", port)
    return found


async def test_it_is_shown_and_carried(ann: Tenant, world: World) -> None:
    net, _ = await ann.network("10.0.0.0/24")
    given = {
        "numa_affinity_policy": "preferred", "device_profile": "gpu", "propagate_uplink_status": False,
        "binding:vnic_type": "direct",
    }  # fmt: skip
    port = await ann.create("port", network_id=net, **given)
    assert {name: port[name] for name in given} == given
    await ann.user.boots_server("vm", networks=[{"port": port["id"]}], zone="a")
    await world.settle()
    seen = there(world, port["id"])
    assert (seen.numa_affinity_policy, seen.device_profile) == ("preferred", "gpu")
    assert (seen.propagate_uplink_status, seen.vnic_type) == (False, "direct")
    (await ann.change("port", port["id"], numa_affinity_policy=None)).ok()
    await world.settle()
    assert there(world, port["id"]).numa_affinity_policy is None


async def test_a_port_that_says_nothing_has_neutrons_defaults(ann: Tenant) -> None:
    net, _ = await ann.network("10.0.0.0/24")
    port = await ann.create("port", network_id=net)
    assert (port["numa_affinity_policy"], port["device_profile"]) == (None, None)
    assert (port["propagate_uplink_status"], port["binding:vnic_type"]) == (True, "normal")
    refused = await ann.change("port", port["id"], propagate_uplink_status=False)
    assert error(refused)[2] == "Cannot update read-only attribute propagate_uplink_status"


async def test_the_type_of_a_port_that_is_bound_cannot_change(ann: Tenant, world: World) -> None:
    net, _ = await ann.network("10.0.0.0/24")
    port = (await ann.create("port", network_id=net))["id"]
    server = await ann.user.boots_server("vm", networks=[{"port": port}], zone="a")
    await world.settle()
    (await ann.change("port", port, **{"binding:vnic_type": "normal"})).ok()
    assert error(await ann.change("port", port, **{"binding:vnic_type": "direct"})) == (
        409, "PortInUse",
        f"Unable to complete operation on port {port} for network {net}. Port already has an attached device {server}.",
    )  # fmt: skip


async def test_the_bindings_of_a_port_that_is_bound(ann: Tenant, root: Tenant, world: World) -> None:
    net, _ = await ann.network("10.0.0.0/24")
    port = (await ann.create("port", network_id=net))["id"]
    await ann.user.boots_server("vm", networks=[{"port": port}], zone="a")
    await world.settle()
    shown = await root.show("port", port)
    (binding,) = (await root.get(f"ports/{port}/bindings")).ok()["bindings"]
    assert binding["host"] == shown["binding:host_id"] != ""
    assert binding["vif_type"] == shown["binding:vif_type"] != "unbound"
    place = f"ports/{port}/bindings/{binding['host']}"
    assert (await root.get(place)).ok() == {"binding": binding}
    assert (await ann.get(place)).status == 404, "there, and not for a member to see"
    active = await root.raw("PUT", f"{place}/activate")
    assert error(active) == (403, "PolicyNotAuthorized", "rule:activate is disallowed by policy")
    for method in ("DELETE", "PUT"):
        refused = await root.raw(method, place, {"binding": {"host": "b"}} if method == "PUT" else None)
        assert refused.status in (400, 403), "a cloud binds its ports itself"
    assert await root.show("port", port) == shown
