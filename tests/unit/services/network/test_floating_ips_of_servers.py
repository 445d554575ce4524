"""A floating IP as compute has it lead to a server, in Nova's words."""

from __future__ import annotations

from fractus.testing.outside import outside
from fractus.testing.world import World

from .conftest import Tenant
from .test_floating_ips import floating, routed


async def _acts(tenant: Tenant, server: str, action: str, **body: str) -> tuple[int, str]:
    reply = await tenant.user.acts(server, action, body, version="2.43")
    return reply.status, next(iter(reply.json.values()))["message"] if reply.status >= 400 else ""


async def test_by_addresses(world: World, ann: Tenant, bob: Tenant) -> None:
    public = await outside(world, {"a": "203.0.113.0/28"})
    net, (subnet,) = await ann.network("10.0.0.0/24")
    await routed(ann, public, subnet)
    server = await ann.user.boots_server("web", networks=[{"uuid": net}])
    portless = await ann.user.boots_server("bare", networks="none")
    (port,) = await ann.listed("ports", device_id=server)
    fixed = port["fixed_ips"][0]["ip_address"]
    made, more = [await ann.create("floatingip", floating_network_id=public) for _ in range(2)]
    ip, other = made["floating_ip_address"], more["floating_ip_address"]
    strange = (await bob.create("floatingip", floating_network_id=public))["floating_ip_address"]
    for asked, said in (
        ({"address": strange}, (404, "floating IP not found")),
        (
            {"address": ip, "fixed_address": "10.0.0.99"},
            (400, "Specified fixed address not assigned to instance"),
        ),
    ):
        assert await _acts(ann, server, "addFloatingIp", **asked) == said
    assert await _acts(ann, portless, "addFloatingIp", address=ip) == (
        400,
        "Instance network is not ready yet",
    )
    not_its = (409, f"Floating IP {ip} is not associated with instance {server}.")
    assert await _acts(ann, server, "removeFloatingIp", address=ip) == not_its
    unknown = (404, f"Floating IP not found for address {strange}.")
    assert await _acts(ann, server, "removeFloatingIp", address=strange) == unknown

    for _ in range(2):
        assert await _acts(ann, server, "addFloatingIp", address=ip, fixed_address=fixed) == (202, "")
    status, said = await _acts(ann, server, "addFloatingIp", address=other)
    assert (status, said.partition(" (")[0]) == (400, f"Cannot associate floating IP {other}")
    await world.settle()
    ((_, outer),) = (await ann.user.server(server))["addresses"].values()
    assert (outer["addr"], outer["OS-EXT-IPS:type"]) == (ip, "floating")
    assert {one.floating_ip_address: one.fixed_ip_address for one in floating(world, "a")}[ip] == fixed
    elsewhere = (409, f"Floating IP {ip} is not associated with instance {portless}.")
    assert await _acts(ann, portless, "removeFloatingIp", address=ip) == elsewhere
    assert await _acts(ann, server, "removeFloatingIp", address=ip) == (202, "")
    assert (await ann.show("floatingip", made["id"]))["port_id"] is None


async def test_a_server_that_leads_nowhere_and_a_version_without_the_action(
    world: World, ann: Tenant
) -> None:
    public = await outside(world, {"a": "203.0.113.0/28"})
    net, (subnet,) = await ann.network("10.0.0.0/24")
    server = await ann.user.boots_server("web", networks=[{"uuid": net}])
    (port,) = await ann.listed("ports", device_id=server)
    fixed = port["fixed_ips"][0]["ip_address"]
    ip = (await ann.create("floatingip", floating_network_id=public))["floating_ip_address"]
    assert await _acts(ann, server, "addFloatingIp", address=ip) == (
        400,
        f"Unable to associate floating IP {ip} to fixed IP {fixed} for instance {server}. Error: External network"
        f" {public} is not reachable from subnet {subnet}.  Therefore, cannot associate Port {port['id']} with a"
        " Floating IP.",
    )
    assert (await ann.user.acts(server, "addFloatingIp", {"address": ip}, version="2.44")).status == 404
