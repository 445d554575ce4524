"""What is shared with some projects by name: who sees it, who may use it, and which clouds are informed."""

from __future__ import annotations

from typing import Any

import pytest

from fractus.testing.user import NETWORK
from fractus.testing.world import World
from tests.unit.services.network.conftest import Tenant, error

PATH = f"{NETWORK}/rbac-policies"
EVERYBODY = "*"


@pytest.fixture
def carl(world: World) -> Tenant:
    return Tenant(world.user("carl", "p3"))


async def share(who: Tenant, id: str, target: str, kind: str = "network", **more: Any) -> Any:
    body = {"object_type": kind, "object_id": id, "action": "access_as_shared", "target_tenant": target}
    return await who.user.post(PATH, {"rbac_policy": body | more})


async def policies(who: Tenant, **query: Any) -> list[dict[str, Any]]:
    return [dict(one) for one in await who.user.listed(PATH, **query)]


async def test_the_other_project_sees_a_shared_network_as_shared(
    ann: Tenant, bob: Tenant, carl: Tenant
) -> None:
    net, (subnet,) = await ann.network("10.0.0.0/24")
    await ann.network("10.1.0.0/24")
    assert await bob.listed("networks") == []
    policy = (await share(ann, net, bob.user.project_id)).ok()["rbac_policy"]
    assert policy == {
        "id": policy["id"], "object_type": "network", "object_id": net, "action": "access_as_shared",
        "target_tenant": bob.user.project_id, "project_id": ann.user.project_id, "tenant_id": ann.user.project_id,
    }  # fmt: skip
    [listed] = await bob.listed("networks")
    assert (listed["id"], listed["shared"]) == (net, True)
    assert listed == await bob.show("network", net)
    assert [one["id"] for one in await bob.listed("subnets")] == [subnet]
    assert await bob.listed("networks", shared="True") == [listed]
    assert await bob.listed("networks", shared="False") == []
    assert [one["shared"] for one in await ann.listed("networks")] == [False, False]
    assert await carl.listed("networks") == []
    assert await policies(bob) == []
    for attempt in (bob.change("network", net, name="mine"), bob.delete("network", net)):
        assert error(await attempt)[:2] == (403, "PolicyNotAuthorized")


async def test_its_server_lives_on_the_network_where_its_cloud_lets_it_in(
    ann: Tenant, bob: Tenant, world: World
) -> None:
    net, _ = await ann.network("10.0.0.0/24")
    await ann.user.boots_server(zone="a", networks=[{"uuid": net}])
    await world.settle()
    policy = (await share(ann, net, bob.user.project_id)).ok()["rbac_policy"]["id"]
    await world.settle()
    [there] = world.cloud("a").of("network")
    assert there.shared_with == [], "nobody of theirs is there yet"
    servers = [await bob.user.boots_server(zone=zone, networks=[{"uuid": net}]) for zone in ("a", "b")]
    await world.settle()
    for name, server in zip(("a", "b"), servers, strict=True):
        assert (await bob.user.server(server))["status"] == "ACTIVE"
        [there] = world.cloud(name).of("network")
        assert len(there.shared_with) == 1
        assert there.project_id not in there.shared_with
        assert not there.shared
    used = await ann.user.delete(f"{PATH}/{policy}")
    assert error(used)[:2] == (409, "RbacPolicyInUse")
    for server in servers:
        await bob.user.deletes_server(server)
    await world.settle()
    (await ann.user.delete(f"{PATH}/{policy}")).ok()
    await world.settle()
    assert [one.shared_with for name in ("a", "b") for one in world.cloud(name).of("network")] in (
        [[]],
        [[], []],
    )
    assert await bob.listed("networks") == []
    assert (await bob.ask("port", network_id=net)).status == 404


async def test_a_group_is_shared_with_ports_of_another_project(
    ann: Tenant, bob: Tenant, world: World
) -> None:
    group = await ann.create("security_group", name="web")
    net, _ = await bob.network("10.0.0.0/24")
    refused = await bob.ask("port", network_id=net, security_groups=[group["id"]])
    assert refused.status == 404
    policy = (await share(ann, group["id"], bob.user.project_id, "security_group")).ok()["rbac_policy"]["id"]
    assert (await bob.show("security_group", group["id"]))["shared"] is True
    assert (await ann.show("security_group", group["id"]))["shared"] is False
    port = await bob.create("port", network_id=net, security_groups=[group["id"]])
    server = await bob.user.boots_server(zone="a", networks=[{"port": port["id"]}])
    await world.settle()
    assert (await bob.user.server(server))["status"] == "ACTIVE"
    [there] = world.cloud("a").marked("security_group", group["id"])
    [carried] = world.cloud("a").marked("port", port["id"])
    assert (carried.security_groups, there.shared_with) == ([there.id], [carried.project_id])
    assert error(await ann.user.delete(f"{PATH}/{policy}"))[:2] == (409, "RbacPolicyInUse")
    (await bob.change("port", port["id"], security_groups=[])).ok()
    (await ann.user.delete(f"{PATH}/{policy}")).ok()
    await world.settle()
    [there] = world.cloud("a").marked("security_group", group["id"])
    assert there.shared_with == []


async def test_a_policy_for_all_and_the_attribute_are_one(ann: Tenant, bob: Tenant, root: Tenant) -> None:
    net, _ = await ann.network()
    assert error(await share(ann, net, EVERYBODY))[:2] == (403, "PolicyNotAuthorized")
    (await share(root, net, EVERYBODY)).ok()
    assert (await ann.show("network", net))["shared"] is True
    assert error(await share(root, net, EVERYBODY))[1] == "DuplicateRbacPolicy"
    (await root.change("network", net, shared=False)).ok()
    assert await policies(root) == []
    assert await bob.listed("networks") == []


async def test_policies_go_with_what_they_share(ann: Tenant, bob: Tenant) -> None:
    net, _ = await ann.network()
    (await share(ann, net, bob.user.project_id)).ok()
    [policy] = await policies(ann)
    (await ann.delete("network", net)).ok()
    assert await policies(ann) == []
    assert error(await ann.user.get(f"{PATH}/{policy['id']}"))[:2] == (404, "RbacPolicyNotFound")


async def test_a_policy_moves_to_another_project(ann: Tenant, bob: Tenant, carl: Tenant) -> None:
    net, _ = await ann.network()
    policy = (await share(ann, net, bob.user.project_id)).ok()["rbac_policy"]["id"]
    body = {"rbac_policy": {"target_tenant": carl.user.project_id}}
    changed = (await ann.user.put(f"{PATH}/{policy}", body)).ok()["rbac_policy"]
    assert changed["target_tenant"] == carl.user.project_id
    assert await bob.listed("networks") == []
    assert [one["id"] for one in await carl.listed("networks")] == [net]
    wildcard = await ann.user.put(f"{PATH}/{policy}", {"rbac_policy": {"target_tenant": EVERYBODY}})
    assert error(wildcard)[:2] == (403, "PolicyNotAuthorized")


async def test_the_quota_of_policies(ann: Tenant, root: Tenant) -> None:
    net, _ = await ann.network()
    limit = {"quota": {"rbac_policy": 1}}
    (await root.user.put(f"{NETWORK}/quotas/{ann.user.project_id}", limit)).ok()
    (await share(ann, net, "1" * 32)).ok()
    over = error(await share(ann, net, "2" * 32))
    assert over[:2] == (409, "OverQuota")
    [policy] = await policies(ann)
    (await ann.user.delete(f"{PATH}/{policy['id']}")).ok()
    (await share(ann, net, "2" * 32)).ok()


REFUSED = [
    ({"object_type": "port"}, "InvalidInput", "'port' is not a valid RBAC object type"),
    ({"target_tenant": "all"}, "InvalidInput", "'all' is not a valid target project ID; expected a UUID or '*'"),
    ({"action": "own"}, "InvalidActionForType", "Valid actions: ('access_as_shared', 'access_as_external')"),
    ({"object_id": "x"}, "HTTPBadRequest", "'x' is not a valid UUID"),
    ({"object_id": "0" * 32}, "InvalidInput", "could not be found"),
    ({"colour": "red"}, "HTTPBadRequest", "Unrecognized attribute(s) 'colour'"),
]  # fmt: skip


@pytest.mark.parametrize(("wrong", "type", "sentence"), REFUSED)
async def test_what_is_refused(ann: Tenant, wrong: dict[str, Any], type: str, sentence: str) -> None:
    net, _ = await ann.network()
    status, kind, message = error(await share(ann, net, "1" * 32, **wrong))
    assert (status, kind) == (400, type)
    assert sentence in message


async def test_only_what_is_ones_own_can_be_shared(ann: Tenant, bob: Tenant) -> None:
    net, _ = await ann.network()
    assert "could not be found" in error(await share(bob, net, bob.user.project_id))[2]
    (await share(ann, net, bob.user.project_id)).ok()
    status, _, message = error(await share(bob, net, "1" * 32))
    assert (status, "Only admins can manipulate policies" in message) == (400, True)
