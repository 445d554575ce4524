"""External networks that an administrator makes through us: they come to the clouds that need them."""

from __future__ import annotations

import pytest

from fractus.clouds.simulated.records import FloatingIpRecord, NetworkRecord, RouterRecord, SubnetRecord
from fractus.testing.outside import outside
from fractus.testing.world import World

from .conftest import Tenant, error
from .test_floating_ips import floating, routed


@pytest.fixture
async def public(root: Tenant) -> str:
    """One with a subnet, in no cloud yet."""
    network = await root.create("network", name="wan", **{"router:external": True})
    await root.create(
        "subnet", network_id=network["id"], cidr="203.0.113.0/28", ip_version=4, enable_dhcp=False
    )
    assert network["router:external"] is True
    return str(network["id"])


def there(world: World, cloud: str) -> list[NetworkRecord]:
    """The external networks of a cloud."""
    return [one for one in world.cloud(cloud).backend.all(NetworkRecord).values() if one.external]


async def test_everybody_sees_it_and_only_administrators_make_one(public: str, ann: Tenant) -> None:
    (shown,) = await ann.listed("networks", **{"router:external": "true"})
    assert shown["id"] == public
    (subnet,) = await ann.listed("subnets", network_id=public)
    assert subnet["router:external"] is True
    status, type, _ = error(await ann.ask("network", **{"router:external": True}))
    assert (status, type) == (403, "PolicyNotAuthorized")


async def test_it_comes_with_routers_each_with_an_address_of_its_own(
    world: World, public: str, ann: Tenant
) -> None:
    net, (subnet,) = await ann.network("10.0.0.0/24")
    router = await routed(ann, public, subnet)
    (first,) = (await ann.show("router", router))["external_gateway_info"]["external_fixed_ips"]
    await world.settle()
    assert not there(world, "a") + there(world, "b"), "nothing needs it there yet"
    for zone in ("a", "b"):
        await ann.user.boots_server(zone, zone=zone, networks=[{"uuid": net}])
    await world.settle()
    gateways = (await ann.show("router", router))["external_gateways"]
    ips = [one["external_fixed_ips"][0]["ip_address"] for one in gateways]
    assert ips[0] == first["ip_address"]
    assert len(set(ips)) == 2
    found = []
    for cloud in ("a", "b"):
        ((network,), backend) = there(world, cloud), world.cloud(cloud).backend
        (record,) = backend.all(RouterRecord).values()
        assert record.gateway is not None
        assert record.gateway["network_id"] == network.id
        found += [one["ip_address"] for one in record.gateway["external_fixed_ips"]]
        assert "203.0.113.0/28" in {one.cidr for one in backend.all(SubnetRecord).values()}
    assert sorted(found) == sorted(ips)


async def test_a_floating_ip_is_where_its_port_is(world: World, public: str, ann: Tenant) -> None:
    net, (subnet,) = await ann.network("10.0.0.0/24")
    await routed(ann, public, subnet)
    servers = {
        zone: await ann.user.boots_server(zone, zone=zone, networks=[{"uuid": net}]) for zone in ("a", "b")
    }
    ports = {zone: (await ann.listed("ports", device_id=id))[0]["id"] for zone, id in servers.items()}
    made = await ann.create("floatingip", floating_network_id=public)
    await world.settle()
    assert not floating(world, "a") + floating(world, "b"), "it leads nowhere, so it is nowhere"
    for zone, other in (("a", "b"), ("b", "a")):
        (await ann.change("floatingip", made["id"], port_id=ports[zone])).ok()
        await world.settle()
        assert [one.floating_ip_address for one in floating(world, zone)] == [made["floating_ip_address"]]
        assert not floating(world, other)
        shown = await ann.show("floatingip", made["id"])
        assert (shown["status"], shown["port_id"]) == ("ACTIVE", ports[zone])
    (await ann.change("floatingip", made["id"], port_id=None)).ok()
    await world.settle()
    assert not world.cloud("b").backend.all(FloatingIpRecord)
    assert (await ann.show("floatingip", made["id"]))["status"] == "DOWN"


async def test_it_leaves_with_what_needs_it(world: World, public: str, ann: Tenant, root: Tenant) -> None:
    net, (subnet,) = await ann.network("10.0.0.0/24")
    router = await routed(ann, public, subnet)
    server = await ann.user.boots_server("web", zone="a", networks=[{"uuid": net}])
    await world.settle()
    assert there(world, "a")
    (gateway,) = await root.listed("ports", device_owner="network:router_gateway")
    assert error(await root.delete("network", public)) == (
        409, "NetworkInUse",
        f"Unable to complete operation on network {public}. There are one or more ports still in use on the network,"
        f" id for these ports is: {gateway['id']}.",
    )  # fmt: skip
    assert error(await root.change("network", public, **{"router:external": False})) == (
        409, "ExternalNetworkInUse",
        f"External network {public} cannot be updated to be made non-external, since it has existing gateway ports.",
    )  # fmt: skip
    await ann.user.deletes_server(server)
    (await ann.change("router", router, external_gateway_info={})).ok()
    made = await ann.create("floatingip", floating_network_id=public)
    (await root.delete("network", public)).ok()
    assert made["id"] not in {one["id"] for one in await ann.listed("floatingips")}
    await world.settle()
    assert not there(world, "a")


async def test_an_ordinary_network_becomes_one_where_it_is(world: World, ann: Tenant, root: Tenant) -> None:
    net, (subnet,) = await root.network("10.0.0.0/24")
    await root.user.boots_server("web", zone="a", networks=[{"uuid": net}])
    await world.settle()
    assert not there(world, "a")
    for external in (True, False):
        changed = (await root.change("network", net, **{"router:external": external})).json["network"]
        assert changed["router:external"] is external
        assert (await root.show("subnet", subnet))["router:external"] is external
        assert len(await ann.listed("networks", id=net)) == external
        await world.settle()
        assert len(there(world, "a")) == external


async def test_those_of_the_clouds_stay_theirs(world: World, root: Tenant) -> None:
    """One of ours with the name of theirs is another; theirs has neither subnets of ours nor another sort."""
    own = await root.create("network", name="public", **{"router:external": True})
    theirs = await outside(world, {"a": "203.0.113.0/28"}, name="wan")
    await root.create("network", name="wan", **{"router:external": True})
    assert len(await root.listed("networks", name="wan")) == 2
    assert own["subnets"] == []
    assert (await root.ask("subnet", network_id=theirs, cidr="10.9.0.0/24", ip_version=4)).status == 400
    assert (await root.change("network", theirs, mtu=1400)).status == 400
