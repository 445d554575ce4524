"""Floating IPs: one external network over two clouds, an address of it at once, and the thing in its cloud after."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from fractus.addressing.addresses import Addresses
from fractus.clouds.simulated.records import FloatingIpRecord
from fractus.model.resource import Resource
from fractus.services.network.dialect.queries.external import Pool
from fractus.testing.asgi import HttpReply
from fractus.testing.outside import outside
from fractus.testing.user import COMPUTE
from fractus.testing.world import World

from .conftest import V2, Tenant, error


@pytest.fixture
async def public(world: World) -> str:
    """An external network over both clouds, more of it in the second."""
    return await outside(world, {"a": "203.0.113.0/28", "b": "198.51.100.0/27"})


def floating(world: World, cloud: str) -> list[FloatingIpRecord]:
    """What is there of them."""
    return list(world.cloud(cloud).backend.all(FloatingIpRecord).values())


async def test_one_name_is_one_network(public: str, ann: Tenant) -> None:
    (network,) = await ann.listed("networks", **{"router:external": "true"})
    assert (network["id"], network["name"], network["availability_zones"]) == (public, "public", ["a", "b"])
    assert len(network["subnets"]) == 2
    assert network["shared"] is False


async def test_a_floating_ip_is_made_where_its_address_is(world: World, public: str, ann: Tenant) -> None:
    made = await ann.create("floatingip", floating_network_id=public)
    assert (made["status"], made["floating_ip_address"]) == ("DOWN", "198.51.100.2")
    assert (made["port_id"], made["router_id"]) == (None, None)
    await world.settle()
    (there,) = floating(world, "b")
    assert (there.floating_ip_address, there.marker, there.project_id) == (
        "198.51.100.2", made["id"], ann.project_id,
    )  # fmt: skip
    assert not floating(world, "a")
    assert (await ann.delete("floatingip", made["id"])).status == 204
    await world.settle()
    assert not floating(world, "b")
    again = await ann.create("floatingip", floating_network_id=public)
    assert again["floating_ip_address"] == "198.51.100.2"


async def test_an_address_is_given_once_over_all_clouds(world: World, ann: Tenant, root: Tenant) -> None:
    """Two clouds have the same range: tenants see one network, and no address of it twice."""
    public = await outside(world, {"a": "203.0.113.0/29", "b": "203.0.113.0/29"})
    made = [await ann.create("floatingip", floating_network_id=public) for _ in range(5)]
    assert len({one["floating_ip_address"] for one in made}) == 5
    assert error(await ann.ask("floatingip", floating_network_id=public)) == (
        409, "IpAddressGenerationFailure", f"No more IP addresses available on network {public}.",
    )  # fmt: skip
    again = made[0]["floating_ip_address"]
    status, type, _ = error(
        await root.ask("floatingip", floating_network_id=public, floating_ip_address=again)
    )
    assert (status, type) == (409, "IpAddressAlreadyAllocated")
    await world.settle()
    assert len(floating(world, "a")) + len(floating(world, "b")) == 5


async def act(tenant: Tenant, router_id: str, action: str, **body: Any) -> HttpReply:
    return await tenant.user.put(f"{V2}/routers/{router_id}/{action}", body)


async def routed(tenant: Tenant, public: str, subnet: str) -> str:
    """A router between a subnet and outside."""
    router = await tenant.create("router", external_gateway_info={"network_id": public})
    (await act(tenant, router["id"], "add_router_interface", subnet_id=subnet)).ok()
    return str(router["id"])


async def test_nothing_is_reached_without_a_router(public: str, ann: Tenant) -> None:
    net, (subnet,) = await ann.network("10.0.0.0/24")
    port = await ann.create("port", network_id=net)
    assert error(await ann.ask("floatingip", floating_network_id=public, port_id=port["id"])) == (
        404, "ExternalGatewayForFloatingIPNotFound",
        f"External network {public} is not reachable from subnet {subnet}.  Therefore, cannot associate Port"
        f" {port['id']} with a Floating IP.",
    )  # fmt: skip


async def test_it_leads_to_a_port_where_that_is(world: World, public: str, ann: Tenant) -> None:
    net, (subnet,) = await ann.network("10.0.0.0/24")
    router = await routed(ann, public, subnet)
    server = await ann.user.boots_server("web", zone="a", networks=[{"uuid": net}])
    await world.settle()
    (port,) = await ann.listed("ports", device_id=server)
    made = await ann.create("floatingip", floating_network_id=public, port_id=port["id"])
    address = port["fixed_ips"][0]["ip_address"]
    assert (made["floating_ip_address"], made["fixed_ip_address"]) == ("203.0.113.3", address)
    assert (made["router_id"], made["status"]) == (router, "DOWN")
    await world.settle()
    (there,) = floating(world, "a")
    assert there.fixed_ip_address == address
    shown = await ann.show("floatingip", made["id"])
    assert shown["status"] == shown["port_details"]["status"] == "ACTIVE"
    assert shown["port_details"]["device_id"] == server
    ((fixed, outside),) = (await ann.user.server(server))["addresses"].values()
    assert (fixed["addr"], fixed["OS-EXT-IPS:type"]) == (address, "fixed")
    assert outside == {**fixed, "addr": "203.0.113.3", "OS-EXT-IPS:type": "floating"}
    pools = [await ann.show("subnet", id) for id in (await ann.show("network", public))["subnets"]]
    (of_b,) = [one["id"] for one in pools if one["cidr"].startswith("198.")]
    other = await ann.create("floatingip", floating_network_id=public, subnet_id=of_b)
    status, type, text = error(await ann.change("floatingip", other["id"], port_id=port["id"]))
    assert (status, type) == (409, "FloatingIPInOtherZone")
    assert "is in zone b" in text
    assert (await ann.user.delete(f"{COMPUTE}/servers/{server}")).status == 204
    await world.settle()
    left = await ann.show("floatingip", made["id"])
    ends = ("port_id", "fixed_ip_address", "router_id", "port_details", "status")
    assert [left[name] for name in ends] == [None, None, None, None, "DOWN"]


async def test_a_port_goes_where_its_floating_ip_is(world: World, public: str, ann: Tenant) -> None:
    """The address is known before the server has a cloud: so the server has one."""
    net, (subnet,) = await ann.network("10.0.0.0/24")
    await routed(ann, public, subnet)
    port = await ann.create("port", network_id=net)
    made = await ann.create("floatingip", floating_network_id=public, port_id=port["id"])
    assert made["floating_ip_address"].startswith("198.51.100.")
    twice = await ann.ask("floatingip", floating_network_id=public, port_id=port["id"])
    assert error(twice)[:2] == (409, "FloatingIPPortAlreadyAssociated")
    await world.settle()
    (there,) = floating(world, "b")
    assert there.port_id is None
    server = await ann.user.boots_server("web", networks=[{"port": port["id"]}])
    await world.settle()
    assert (await ann.user.server(server))["OS-EXT-AZ:availability_zone"] == "b"
    (there,) = floating(world, "b")
    assert there.port_id is not None
    assert (await ann.change("floatingip", made["id"], port_id=None)).status == 200
    await world.settle()
    (there,) = floating(world, "b")
    assert there.port_id is None


REFUSED: list[tuple[dict[str, Any], tuple[int, str, str]]] = [
    (
        {"fixed_ip_address": "10.0.0.3"},
        (400, "BadRequest", "Bad floatingip request: fixed_ip_address cannot be specified without a port_id."),
    ),
    (
        {"floating_ip_address": "203.0.113.9"},
        (
            403, "PolicyNotAuthorized",
            "(rule:create_floatingip and rule:create_floatingip:floating_ip_address) is disallowed by policy",
        ),
    ),
    ({"tags": ["a"]}, (400, "HTTPBadRequest", "Attribute 'tags' not allowed in POST")),
    ({"status": "ACTIVE"}, (400, "HTTPBadRequest", "Attribute 'status' not allowed in POST")),
]  # fmt: skip


@pytest.mark.parametrize(("body", "refusal"), REFUSED)
async def test_what_is_refused(
    public: str, ann: Tenant, body: dict[str, Any], refusal: tuple[int, str, str]
) -> None:
    assert error(await ann.ask("floatingip", floating_network_id=public, **body)) == refusal


@pytest.mark.parametrize(
    ("pool", "ip", "named"),
    [
        ("203.0.113.0/28", "203.0.113.0", False),  # the network's own
        ("203.0.113.0/28", "203.0.113.15", False),  # the broadcast
        ("203.0.113.0/28", "203.0.113.15", True),
        ("203.0.113.0/28", "203.0.113.16", True),  # of no subnet
    ],
)
async def test_addresses_that_no_gateway_may_have(
    world: World, root: Tenant, pool: str, ip: str, named: bool
) -> None:
    """As Neutron refuses them, of a new router and of one that is there."""
    public = await outside(world, {"a": pool})
    (subnet,) = (await root.show("network", public))["subnets"]
    asked = {"ip_address": ip} | ({"subnet_id": subnet} if named else {})
    led = {"network_id": public, "external_fixed_ips": [asked]}
    refusal = (
        (400, "InvalidIpForSubnet", f"IP address {ip} is not a valid IP for the specified subnet.")
        if named
        else (
            400, "InvalidIpForNetwork",
            f"IP address {ip} is not a valid IP for any of the subnets on the specified network.",
        )
    )  # fmt: skip
    assert error(await root.ask("router", external_gateway_info=led)) == refusal
    router = await root.create("router")
    assert error(await root.change("router", router["id"], external_gateway_info=led)) == refusal
    assert (await root.show("router", router["id"]))["external_gateway_info"] is None


@pytest.mark.parametrize(
    ("cidr", "ip", "expected"),
    [
        ("203.0.113.0/31", "203.0.113.0", False),  # is given, where no address is named
        ("203.0.113.0/31", "203.0.113.1", True),
        ("203.0.113.4/32", "203.0.113.4", False),
        ("2001:db8:7::/64", "2001:db8:7::", True),
        ("2001:db8:7::/64", "2001:db8:7::ffff:ffff:ffff:ffff", True),
        ("2001:db8:7::/64", "2001:db8:8::1", False),
    ],
)
def test_addresses_that_requests_may_name(cidr: str, ip: str, expected: bool) -> None:
    """As a Neutron answered to each as the only one of `external_fixed_ips`."""
    desired = {"cidr": cidr, "ip_version": 6 if ":" in cidr else 4}
    pool = Pool(Resource(kind="subnet", id="s", project_id="p", desired=desired), "a")
    assert pool.may_be_named(ip) is expected


async def test_what_it_is_made_of_is_in_use(public: str, ann: Tenant, root: Tenant) -> None:
    made = await ann.create("floatingip", floating_network_id=public)
    router = await root.create("router", external_gateway_info={"network_id": public})
    pools = [await ann.show("subnet", id) for id in (await ann.show("network", public))["subnets"]]
    (of_a,) = [one["id"] for one in pools if one["cidr"].startswith("203.")]
    led = {"network_id": public, "external_fixed_ips": [{"subnet_id": of_a}]}
    (await root.change("router", router["id"], external_gateway_info=led)).ok()
    for shown in pools:
        assert shown["router:external"] is True
        assert error(await root.delete("subnet", shown["id"]))[:2] == (409, "SubnetInUse")
    assert (await ann.delete("network", public)).status == 403
    assert (await ann.ask("port", network_id=public)).status in (403, 404)
    assert error(await root.change("network", public, mtu=1400))[:2] == (400, "InvalidInput")
    assert (await ann.delete("floatingip", made["id"])).status == 204


async def test_what_it_leads_through_is_in_use(world: World, public: str, ann: Tenant) -> None:
    """A router keeps its gateway and its interface as long as a floating IP leads through them."""
    net, (subnet,) = await ann.network("10.0.0.0/24")
    router = await routed(ann, public, subnet)
    server = await ann.user.boots_server("web", zone="a", networks=[{"uuid": net}])
    (port,) = await ann.listed("ports", device_id=server)
    made = await ann.create("floatingip", floating_network_id=public, port_id=port["id"])
    assert (await ann.listed("floatingips", router_id=router))[0]["id"] == made["id"]
    await world.settle()
    assert floating(world, "a")[0].port_id
    assert error(await ann.change("router", router, external_gateway_info=None)) == (
        409, "RouterExternalGatewayInUseByFloatingIp",
        f"Gateway cannot be updated for router {router}, since a gateway to external network {public} is required by"
        " one or more floating IPs.",
    )  # fmt: skip
    assert error(await act(ann, router, "remove_router_interface", subnet_id=subnet)) == (
        409, "RouterInterfaceInUseByFloatingIP",
        f"Router interface for subnet {subnet} on router {router} cannot be deleted, as it is required by one or more"
        " floating IPs.",
    )  # fmt: skip
    (await ann.change("floatingip", made["id"], port_id=None)).ok()
    (await act(ann, router, "remove_router_interface", subnet_id=subnet)).ok()
    (await ann.change("router", router, external_gateway_info=None)).ok()
    assert (await ann.delete("router", router)).status == 204
    await world.settle()
    assert floating(world, "a")[0].port_id is None


async def test_one_without_a_port_is_where_the_routers_of_its_project_are(
    world: World, public: str, ann: Tenant, bob: Tenant
) -> None:
    """It can lead nowhere else; another project's is where most is free."""
    net, (subnet,) = await ann.network("10.0.0.0/24")
    await routed(ann, public, subnet)
    server = await ann.user.boots_server("web", zone="a", networks=[{"uuid": net}])
    await world.settle()
    made = await ann.create("floatingip", floating_network_id=public)
    assert made["floating_ip_address"].startswith("203.0.113.")
    other = await bob.create("floatingip", floating_network_id=public)
    assert other["floating_ip_address"].startswith("198.51.100.")
    (port,) = await ann.listed("ports", device_id=server)
    (await ann.change("floatingip", made["id"], port_id=port["id"])).ok()
    await world.settle()
    assert (await ann.show("floatingip", made["id"]))["status"] == "ACTIVE"
    assert (await ann.delete("floatingip", made["id"])).status == 204
    (shown,) = (await ann.user.server(server))["addresses"].values()
    assert [one["OS-EXT-IPS:type"] for one in shown] == ["fixed"]


async def test_the_address_of_a_gateway_is_free_once_no_cloud_has_it(
    world: World, ann: Tenant, root: Tenant
) -> None:
    """Before, the cloud would refuse it to whoever had it next."""
    public = await outside(world, {"a": "203.0.113.0/29"})
    net, (subnet,) = await ann.network("10.0.0.0/24")
    router = await routed(ann, public, subnet)
    await ann.user.boots_server("web", zone="a", networks=[{"uuid": net}])
    await world.settle()
    world.cloud("a").faults.refuses(kind="router", method="apply update")
    (await ann.change("router", router, external_gateway_info=None)).ok()
    made = [await ann.create("floatingip", floating_network_id=public) for _ in range(4)]
    assert {one["floating_ip_address"] for one in made} == {f"203.0.113.{n}" for n in range(3, 7)}
    asked = {"floating_network_id": public, "floating_ip_address": "203.0.113.2"}
    assert error(await root.ask("floatingip", **asked))[:2] == (409, "IpAddressAlreadyAllocated")
    assert error(await ann.ask("floatingip", floating_network_id=public))[:2] == (
        409, "IpAddressGenerationFailure",
    )  # fmt: skip
    world.cloud("a").faults.heals()
    (await ann.change("router", router, name="again")).ok()
    await world.settle()
    last = await ann.create("floatingip", floating_network_id=public)
    assert last["floating_ip_address"] == "203.0.113.2"
    await world.settle()
    assert {(await ann.show("floatingip", one["id"]))["status"] for one in (*made, last)} == {"DOWN"}
    assert len(floating(world, "a")) == 5


async def test_a_router_has_its_address_again_before_its_cloud_knows(
    world: World, public: str, ann: Tenant, root: Tenant
) -> None:
    router = await routed(ann, public, (await ann.network("10.0.0.0/24"))[1][0])
    net = (await ann.listed("networks", **{"router:external": "false"}))[0]["id"]
    await ann.user.boots_server("web", zone="a", networks=[{"uuid": net}])
    await world.settle()
    had = (await ann.show("router", router))["external_gateway_info"]["external_fixed_ips"]
    (await ann.change("router", router, external_gateway_info=None)).ok()
    again = {"network_id": public, "external_fixed_ips": had}
    changed = (await root.change("router", router, external_gateway_info=again)).ok()["router"]
    assert changed["external_gateway_info"]["external_fixed_ips"] == had
    await world.settle()


async def test_what_is_held_in_one_cloud_is_held_in_no_other_for_nobody(tmp_path: Path) -> None:
    """An address that only the third cloud has used leaves nothing of itself with who was to get it."""
    async with World(clouds=3, tmp_path=tmp_path) as world:
        public = await outside(world, dict.fromkeys(world.clouds_by_name, "203.0.113.0/29"))
        ann, store, plan = Tenant(world.user("ann", "p1")), world.core.store, Addresses()
        last = (await ann.show("network", public))["subnets"][-1]
        async with store.transaction() as tx:
            await plan.reserve(tx, last, "203.0.113.2", "cloud/c", 4)
        made = await ann.create("floatingip", floating_network_id=public)
        assert made["floating_ip_address"] == "203.0.113.3"
        held = await plan.held_by(store, f"floatingip/{made['id']}")
        assert [ip for _, ip in held] == ["203.0.113.3"] * 3
