"""Port forwardings: judged as Neutron does, and made in the cloud where port, router and address are."""

from __future__ import annotations

from typing import Any

import pytest

from fractus.testing.outside import outside
from fractus.testing.world import World

from .conftest import V2, Tenant, error
from .test_floating_ips import act, floating, routed


class Forwarding:
    """A server, and a floating IP that may forward to it."""

    def __init__(
        self, tenant: Tenant, id: str, port: dict[str, Any], router: str, public: str, subnet: str
    ) -> None:
        self.tenant, self.id, self.port, self.router, self.public, self.subnet = (
            tenant, id, port, router, public, subnet,
        )  # fmt: skip
        self.url = f"{V2}/floatingips/{id}/port_forwardings"
        self.ip = str(port["fixed_ips"][0]["ip_address"])

    def body(self, **more: Any) -> dict[str, Any]:
        base = {"protocol": "tcp", "internal_port_id": self.port["id"], "internal_ip_address": self.ip}
        return {"port_forwarding": {**base, **more}}

    async def make(self, **more: Any) -> dict[str, Any]:
        made: dict[str, Any] = (await self.tenant.user.post(self.url, self.body(**more))).ok()[
            "port_forwarding"
        ]
        return made

    async def refused(self, **more: Any) -> tuple[int, str, str]:
        return error(await self.tenant.user.post(self.url, self.body(**more)))

    async def listed(self, query: str = "") -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = (await self.tenant.user.get(self.url + query)).ok()["port_forwardings"]
        return found


@pytest.fixture(params=["adopted", "ours"])
async def to(request: pytest.FixtureRequest, world: World, ann: Tenant, root: Tenant) -> Forwarding:
    if request.param == "adopted":
        public = await outside(world, {"a": "203.0.113.0/28"})
    else:
        public = str((await root.create("network", name="wan", **{"router:external": True}))["id"])
        await root.create("subnet", network_id=public, cidr="203.0.113.0/28", ip_version=4)
    net, (subnet,) = await ann.network("10.0.0.0/24")
    router = await routed(ann, public, subnet)
    server = await ann.user.boots_server("web", zone="a", networks=[{"uuid": net}])
    (port,) = await ann.listed("ports", device_id=server)
    made = await ann.create("floatingip", floating_network_id=public)
    return Forwarding(ann, made["id"], port, router, public, subnet)


def there(world: World) -> set[tuple[str, str, str]]:
    """What the cloud forwards."""
    (record,) = floating(world, "a")
    return {(one.protocol, one.external, one.internal) for one in record.port_forwardings}


async def test_it_comes_and_goes(world: World, to: Forwarding) -> None:
    one = await to.make(internal_port=80, external_port=8080)
    some = await to.make(internal_port_range="90:95", external_port_range="9090:9095", description="d")
    assert one == {
        "id": one["id"], "external_port": 8080, "external_port_range": "8080:8080", "protocol": "tcp",
        "internal_port_id": to.port["id"], "internal_ip_address": to.ip, "internal_port": 80,
        "internal_port_range": "80:80", "description": "",
    }  # fmt: skip
    assert (some["external_port"], some["internal_port"], some["description"]) == (None, None, "d")
    await world.settle()
    assert there(world) == {("tcp", "8080:8080", "80:80"), ("tcp", "9090:9095", "90:95")}
    assert [each["id"] for each in await to.listed("?external_port=8080")] == [one["id"]]
    assert "external_port" not in (await to.listed("?external_port_range=9090:9095"))[0]
    whole = await to.tenant.show("floatingip", to.id)
    assert whole["router_id"] == to.router
    assert {each["id"]: each.get("external_port") for each in whole["port_forwardings"]} == {
        one["id"]: 8080,
        some["id"]: None,
    }
    (await to.tenant.user.put(f"{to.url}/{one['id']}", {"port_forwarding": {"external_port": 8088}})).ok()
    await world.settle()
    assert there(world) == {("tcp", "8088:8088", "80:80"), ("tcp", "9090:9095", "90:95")}
    for each in (one, some):
        assert (await to.tenant.user.delete(f"{to.url}/{each['id']}")).status == 204
    await world.settle()
    assert (await to.tenant.show("floatingip", to.id))["router_id"] is None
    assert not [each for record in floating(world, "a") for each in record.port_forwardings]


async def test_what_is_refused(world: World, to: Forwarding) -> None:
    await to.make(internal_port=80, external_port=8080)
    bad = "Bad port_forwarding request: "
    relation = (
        "Invalid ranges of internal and/or external ports. The relation between internal and external ports"
    )
    for asked, sentence in (
        ({"internal_port": 80, "external_port": 81}, "There is a port collision with the internal_port_range. The"
         " following ranges collide: 80:80 and 80:80."),
        ({"internal_port": 81, "external_port_range": "8079:8081"}, "There is a port collision with the"
         " external_port_range. The following ranges collide: 8080:8080 and 8079:8081."),
        ({"internal_port_range": "1:3", "external_port_range": "1:4"}, f"{relation} must be N-N or 1-N."),
        ({}, f"{relation} must be N-N or 1-N."),
    ):  # fmt: skip
        assert await to.refused(**asked) == (400, "BadRequest", bad + sentence), asked
    for asked, sentence in (
        ({"internal_port_range": "a:b"}, "Invalid input for internal_port_range. Reason: Invalid port: a."),
        ({"external_port_range": "5:2"}, "Invalid input for external_port_range. Reason: First port in a port range"
         " must be lower than the second port."),
    ):  # fmt: skip
        assert await to.refused(**asked) == (400, "HTTPBadRequest", sentence)
    status, type, said = await to.refused(internal_ip_address="10.0.0.99", internal_port=1, external_port=1)
    assert (status, type) == (400, "BadRequest")
    assert said.startswith(f"{bad}Requested internal IP address 10.0.0.99 is not suitable")
    assert (await to.refused(internal_port_id=to.public, internal_port=1, external_port=1))[
        1
    ] == "PortNotFound"
    nothing = error(await to.tenant.user.get(f"{to.url}/{to.public}"))
    assert nothing == (404, "PortForwardingNotFound", f"Port Forwarding {to.public} could not be found.")


async def test_what_it_leads_through_is_in_use(world: World, to: Forwarding) -> None:
    await to.make(internal_port=80, external_port=8080)
    ann, in_use = to.tenant, f"Floating IP {to.id} in use by Port Forwarding resources."
    other = await ann.create("floatingip", floating_network_id=to.public)
    for reply in (
        await ann.change("floatingip", to.id, port_id=to.port["id"]),
        await ann.delete("floatingip", to.id),
    ):
        assert error(reply) == (409, "FipInUseByPortForwarding", in_use)
    taken = error(await act(ann, to.router, "remove_router_interface", subnet_id=to.subnet))
    assert taken[:2] == (409, "RouterInterfaceInUseByFloatingIP")
    (await ann.change("floatingip", other["id"], port_id=to.port["id"])).ok()
    assert (await to.refused(internal_port=81, external_port=81))[:2] == (409, "PortHasBindingFloatingIP")
    (await ann.change("floatingip", other["id"], port_id=None)).ok()
    await ann.user.deletes_server(to.port["device_id"])
    await world.settle()
    assert await to.listed() == []
    assert (await ann.delete("floatingip", to.id)).status == 204
    await world.settle()
    assert not [one for one in floating(world, "a") if one.port_forwardings]


async def test_others_are_shown_nothing(to: Forwarding, bob: Tenant) -> None:
    made = await to.make(internal_port=80, external_port=8080)
    for reply in (
        await bob.user.get(to.url),
        await bob.user.post(to.url, to.body(internal_port=81, external_port=8081)),
        await bob.user.get(f"{to.url}/{made['id']}"),
        await bob.user.delete(f"{to.url}/{made['id']}"),
    ):
        assert error(reply) == (404, "FloatingIPNotFound", f"Floating IP {to.id} could not be found")
