"""Who may use an external network: policies with the action `access_as_external` (neutron.db.external_net_db)."""

from __future__ import annotations

from typing import Any

import pytest

from fractus.clouds.simulated.records import NetworkRecord
from fractus.testing.user import NETWORK
from fractus.testing.world import World
from tests.unit.services.network.conftest import Tenant, error

PATH = f"{NETWORK}/rbac-policies"
ROUTERS = "There are routers attached to this network that depend on this policy for access."
DEFAULT = "Default external networks must be shared to everyone."


@pytest.fixture
def carl(world: World) -> Tenant:
    return Tenant(world.user("carl", "p3"))


async def give(who: Tenant, net: str, target: str, kind: str = "network") -> Any:
    body = {"object_type": kind, "object_id": net, "action": "access_as_external", "target_tenant": target}
    return await who.user.post(PATH, {"rbac_policy": body})


async def policy(who: Tenant, net: str, target: str) -> str:
    [found] = await who.user.listed(PATH, object_id=net, action="access_as_external", target_tenant=target)
    return str(found["id"])


async def outside(root: Tenant) -> str:
    made = await root.create("network", name="outside", **{"router:external": True})
    await root.create("subnet", network_id=made["id"], cidr="203.0.113.0/24", ip_version=4)
    return str(made["id"])


async def led_out(who: Tenant, net: str) -> str:
    return str((await who.create("router", external_gateway_info={"network_id": net}))["id"])


def refused(net: str, why: str) -> tuple[int, str, str]:
    return (
        409, "RbacPolicyInUse",
        f"RBAC policy on object {net} cannot be removed because other objects depend on it.\nDetails: {why}",
    )  # fmt: skip


async def test_an_external_network_has_the_policy_that_all_may_use_it(root: Tenant, ann: Tenant) -> None:
    net = await outside(root)
    whole = await policy(root, net, "*")
    assert [one["id"] for one in await ann.listed("networks", **{"router:external": True})] == [net]
    assert error(await give(root, net, "*")) == (
        409, "DuplicateRbacPolicy", "An RBAC policy already exists with those values.",
    )  # fmt: skip
    (await root.change("network", net, **{"router:external": False})).ok()
    assert (await root.user.get(f"{PATH}/{whole}")).status == 404
    assert await ann.listed("networks") == []
    (await root.change("network", net, **{"router:external": True})).ok()
    (await root.user.delete(f"{PATH}/{await policy(root, net, '*')}")).ok()
    assert (await root.show("network", net))["router:external"] is False
    assert (await root.delete("network", net)).status == 204
    assert await root.user.listed(PATH, object_id=net) == []


async def test_one_that_some_may_use_is_external_to_them_alone(
    root: Tenant, ann: Tenant, bob: Tenant, carl: Tenant
) -> None:
    net, (subnet,) = await ann.network("203.0.113.0/24")
    (await give(ann, net, bob.project_id)).ok()
    for who in (ann, bob, root):
        shown = await who.show("network", net)
        assert (shown["router:external"], shown["shared"]) == (True, False)
        assert [one["id"] for one in await who.listed("networks", **{"router:external": True})] == [net]
        assert await who.listed("networks", **{"router:external": False}) == []
        assert [one["id"] for one in await who.listed("subnets", **{"router:external": True})] == [subnet]
        pools = (await who.get("floatingip_pools")).ok()["floatingip_pools"]
        assert [one["subnet_id"] for one in pools] == ([subnet] if who is not ann else [])
    assert await carl.listed("networks") == await carl.listed("subnets") == []
    for attempt in (
        carl.get(f"networks/{net}"), carl.ask("router", external_gateway_info={"network_id": net}),
        carl.ask("floatingip", floating_network_id=net),
    ):  # fmt: skip
        assert error(await attempt) == (404, "NetworkNotFound", f"Network {net} could not be found.")
    address = await bob.create("floatingip", floating_network_id=net)
    assert address["floating_ip_address"].startswith("203.0.113.")


async def test_access_stays_as_long_as_routers_lead_out_by_it(root: Tenant, bob: Tenant) -> None:
    net = await outside(root)
    router = await led_out(bob, net)
    everybody = await policy(root, net, "*")
    assert error(await root.user.delete(f"{PATH}/{everybody}")) == refused(net, ROUTERS)
    change = {"rbac_policy": {"target_tenant": root.project_id}}
    assert error(await root.user.put(f"{PATH}/{everybody}", change)) == refused(net, ROUTERS)
    mine = (await give(root, net, bob.project_id)).ok()["rbac_policy"]["id"]
    (await root.user.delete(f"{PATH}/{everybody}")).ok()
    assert error(await root.user.delete(f"{PATH}/{mine}")) == refused(net, ROUTERS)
    everybody = (await give(root, net, "*")).ok()["rbac_policy"]["id"]
    (await root.user.delete(f"{PATH}/{mine}")).ok()
    (await root.user.put(f"{PATH}/{everybody}", {"rbac_policy": {"target_tenant": bob.project_id}})).ok()
    assert (await bob.show("network", net))["router:external"] is True
    (await bob.delete("router", router)).ok()
    (await root.user.delete(f"{PATH}/{everybody}")).ok()
    assert error(await bob.ask("router", external_gateway_info={"network_id": net}))[0] == 404
    assert (await root.show("network", net))["router:external"] is False


async def test_the_default_one_is_everybodys(root: Tenant) -> None:
    net = await outside(root)
    (await root.change("network", net, is_default=True)).ok()
    everybody = await policy(root, net, "*")
    assert error(await root.user.delete(f"{PATH}/{everybody}")) == refused(net, DEFAULT)


async def test_who_may_give_access(root: Tenant, ann: Tenant, bob: Tenant) -> None:
    net, _ = await ann.network("203.0.113.0/24")
    assert error(await give(ann, net, "*"))[:2] == (403, "PolicyNotAuthorized")
    assert error(await give(bob, net, bob.project_id))[:2] == (400, "InvalidInput")
    group = (await ann.create("security_group", name="g"))["id"]
    assert error(await give(ann, group, bob.project_id, "security_group")) == (
        400, "InvalidActionForType",
        "Invalid action 'access_as_external' for object type 'security_group'. Valid actions: ('access_as_shared',)",
    )  # fmt: skip


async def test_sharing_ends_and_access_to_the_outside_stays(root: Tenant, ann: Tenant) -> None:
    net = await outside(root)
    body = {"object_type": "network", "object_id": net, "action": "access_as_shared", "target_tenant": "*"}
    shared = (await root.user.post(PATH, {"rbac_policy": body})).ok()["rbac_policy"]["id"]
    (await root.user.delete(f"{PATH}/{shared}")).ok()
    (await root.change("network", net, shared=True)).ok()
    (await root.change("network", net, shared=False)).ok()
    await policy(root, net, "*")
    assert (await ann.show("network", net))["router:external"] is True


async def test_what_is_external_to_some_leads_outside_in_clouds(
    root: Tenant, ann: Tenant, world: World
) -> None:
    net, _ = await ann.network("203.0.113.0/24")
    inside, (subnet,) = await ann.network("10.0.0.0/24")
    (await give(ann, net, ann.project_id)).ok()
    router = await led_out(ann, net)
    path = f"{NETWORK}/routers/{router}/add_router_interface"
    (await ann.user.put(path, {"subnet_id": subnet})).ok()
    await ann.user.boots_server("vm", networks=[{"uuid": inside}], zone="a")
    await world.settle()
    [there] = world.cloud("a").marked("network", net)
    assert isinstance(there, NetworkRecord)
    assert there.external is True
    assert (await ann.show("router", router))["status"] == "ACTIVE"
