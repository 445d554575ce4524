"""An administrator binds a port to a host: it comes to the cloud of that host, and is shown bound there."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from fractus.testing.world import World
from tests.unit.services.network.conftest import Tenant, error

HOST, PROFILE = "binding:host_id", "binding:profile"


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with World(2, tmp_path=tmp_path, shape={"hosts": 2, "host_lists": True}) as made:
        await made.sweep(full=True)
        yield made


def there(world: World, port: str) -> dict[str, Any]:
    """Cloud -> the port there."""
    return {name: one for name in "ab" for one in world.cloud(name).marked("port", port)}


async def test_it_comes_to_the_cloud_of_its_host_and_leaves_with_it(root: Tenant, world: World) -> None:
    net, _ = await root.network("10.0.0.0/24")
    port = await root.create("port", network_id=net, **{HOST: "host-1.a"})
    assert (port[HOST], port["binding:vif_type"]) == ("host-1.a", "unbound")
    await world.settle()
    assert {name: one.host for name, one in there(world, port["id"]).items()} == {"a": "host-1"}
    shown = await root.show("port", port["id"])
    assert (shown[HOST], shown["binding:vif_type"]) == ("host-1.a", "ovs")
    assert [one["id"] for one in await root.listed("ports", **{HOST: "host-1.a"})] == [port["id"]]
    changed = (await root.change("port", port["id"], **{HOST: "host-2.b"})).ok()["port"]
    assert changed[HOST] == "host-2.b"
    await world.settle()
    assert {name: one.host for name, one in there(world, port["id"]).items()} == {"b": "host-2"}
    (await root.change("port", port["id"], **{HOST: None})).ok()
    await world.settle()
    assert there(world, port["id"]) == {}
    shown = await root.show("port", port["id"])
    assert (shown[HOST], shown["binding:vif_type"]) == ("", "unbound")


async def test_another_host_of_the_same_cloud_is_sent_there_once(root: Tenant, world: World) -> None:
    net, _ = await root.network("10.0.0.0/24")
    port = (await root.create("port", network_id=net))["id"]
    for host in ("host-1.a", "host-2.a", "host-1.a"):
        (await root.change("port", port, **{HOST: host})).ok()
        await world.settle()
        assert {name: one.host for name, one in there(world, port).items()} == {"a": host[:-2]}
    (one,) = there(world, port).values()
    one.host = "host-9"
    world.cloud("a").backend.records.put(one)
    (await root.change("port", port, name="other")).ok()
    await world.settle()
    (one,) = there(world, port).values()
    assert (one.name, one.host) == ("other", "host-9"), "whoever plugs it there says where"
    assert (await root.show("port", port))[HOST] == "host-9"


async def test_a_server_goes_where_its_port_is_bound_and_takes_the_binding_along(
    root: Tenant, world: World
) -> None:
    net, _ = await root.network("10.0.0.0/24")
    port = (await root.create("port", network_id=net, **{HOST: "host-1.b"}))["id"]
    server = await root.user.boots_server("vm", networks=[{"port": port}])
    await world.settle()
    assert list(there(world, port)) == ["b"]
    assert (await root.show("port", port))[HOST].startswith("host-")
    refused = await root.change("port", port, **{HOST: "host-1.a"})
    assert error(refused) == (
        409, "PortInUse",
        f"Unable to complete operation on port {port} for network {net}. Port already has an attached device {server}.",
    )  # fmt: skip
    (await root.user.delete(f"/compute/v2.1/servers/{server}")).ok()
    await world.settle()
    assert (await root.show("port", port))[HOST] == ""
    assert there(world, port) == {}, "nothing needs it there"


async def test_a_host_that_no_cloud_lists_is_any_clouds(root: Tenant, world: World) -> None:
    net, _ = await root.network("10.0.0.0/24")
    port = await root.create("port", network_id=net, **{HOST: "elsewhere"})
    await world.settle()
    assert (port[HOST], there(world, port["id"])) == ("elsewhere", {})
    floats = await root.create("port", network_id=net, **{HOST: "host-1"})
    await world.settle()
    assert there(world, floats["id"]) == {}, "which of the two?"


async def test_a_profile_is_carried_for_services_alone(root: Tenant, world: World) -> None:
    nova = Tenant(world.user("nova", "p1", roles=("admin", "service")))
    net, _ = await nova.network("10.0.0.0/24")
    refused = await root.ask("port", network_id=net, **{PROFILE: {"a": "b"}})
    assert error(refused)[:2] == (403, "PolicyNotAuthorized")
    port = await nova.create("port", network_id=net, **{PROFILE: {"a": "b"}, HOST: "host-1.a"})
    assert port[PROFILE] == {"a": "b"}
    await world.settle()
    assert there(world, port["id"])["a"].profile == {"a": "b"}
    (await nova.change("port", port["id"], **{PROFILE: None})).ok()
    await world.settle()
    assert there(world, port["id"])["a"].profile == {}
    assert error(await nova.change("port", port["id"], **{PROFILE: {"a": "b" * 5000}})) == (
        400, "InvalidInput", "Invalid input for operation: binding:profile value too large.",
    )  # fmt: skip
