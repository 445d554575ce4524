"""QoS policies beyond their file of requests: the order of their steps, their way to clouds, drift and adoption."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from fractus.clouds.simulated.records import NetworkRecord, QosPolicyRecord
from fractus.model.network import QosRule
from fractus.reconcile.adopt import adopt as taking
from fractus.reconcile.adopt.adopt import IdentityMapping
from fractus.services.network.qos_policies.lifecycle import rule_step
from fractus.store import findings
from fractus.testing.user import NETWORK, User, project_id_of
from fractus.testing.world import World

P1 = project_id_of("p1")


def limit(kbps: int, direction: str = "egress") -> QosRule:
    said = {"max_kbps": kbps, "max_burst_kbps": 0, "direction": direction}
    return QosRule(type="bandwidth_limit", said=said, remote_id=f"l-{direction}")


def guarantee(kbps: int) -> QosRule:
    return QosRule(
        type="minimum_bandwidth", said={"min_kbps": kbps, "direction": "egress"}, remote_id="g-egress"
    )


def mark(value: int) -> QosRule:
    return QosRule(type="dscp_marking", said={"dscp_mark": value}, remote_id="d")


#: What differs, and the next step: its verb and the type of the rule.
STEPS = [
    ([], [], None),
    ([mark(10)], [], ("add_rule", "dscp_marking")),
    # What should not be there is taken away before anything is added.
    ([mark(10)], [limit(5, "ingress")], ("delete_rule", "bandwidth_limit")),
    ([mark(10)], [mark(8)], ("update_rule", "dscp_marking")),
    # Both grow: a cloud refuses a guarantee of 50 under a limit of 10.
    ([limit(100), guarantee(50)], [limit(10), guarantee(5)], ("update_rule", "bandwidth_limit")),
    # Both shrink: it refuses a limit of 3 over a guarantee of 5.
    ([limit(3), guarantee(2)], [limit(10), guarantee(5)], ("update_rule", "minimum_bandwidth")),
    # Old values that are in the way go before new ones come.
    ([limit(100), mark(10)], [limit(10)], ("update_rule", "bandwidth_limit")),
]


@pytest.mark.parametrize(("wanted", "there", "step"), STEPS)
def test_rules_are_made_equal_one_step_at_a_time(
    wanted: list[QosRule], there: list[QosRule], step: tuple[str, str] | None
) -> None:
    found = rule_step(wanted, there)
    assert (None if found is None else (found.verb, found.body["type"])) == step


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with World(clouds=2, tmp_path=tmp_path, identity="own") as made:
        yield made


async def policy(world: World, user: User, **more: Any) -> str:
    body = {"name": "gold", "project_id": user.project_id, **more}
    return str((await world.admin.post(f"{NETWORK}/qos/policies", {"policy": body})).ok()["policy"]["id"])


async def adds(world: World, id: str, type: str, **values: Any) -> str:
    path = f"{NETWORK}/qos/policies/{id}/{type}_rules"
    made = (await world.admin.post(path, {f"{type}_rule": values})).ok()[f"{type}_rule"]
    return str(made["id"])


def there(world: World, kind: str, id: str, cloud: str = "a") -> Any:
    (found,) = world.cloud(cloud).marked(kind, id)
    return found


def said(world: World, id: str, cloud: str = "a") -> dict[tuple[str, str], dict[str, Any]]:
    return {one.place: one.said for one in there(world, "qos_policy", id, cloud).rules}


async def test_a_policy_comes_with_what_has_it_and_leaves_with_it(world: World) -> None:
    ann = world.user("ann")
    id = await policy(world, ann)
    rule = await adds(world, id, "bandwidth_limit", max_kbps=1000)
    network = await ann.makes_network(qos_policy_id=id)
    await world.settle()
    assert not world.cloud("a").marked("qos_policy", id), "nothing needs it there yet"
    server = await ann.boots_server(zone="a", network=network)
    await world.settle()
    assert (await ann.server(server))["status"] == "ACTIVE"
    assert there(world, "network", network.id).qos_policy_id == there(world, "qos_policy", id).id
    assert said(world, id) == {
        ("bandwidth_limit", "egress"): {"max_kbps": 1000, "max_burst_kbps": 0, "direction": "egress"}
    }
    assert not world.cloud("b").marked("qos_policy", id)
    path = f"{NETWORK}/qos/policies/{id}/bandwidth_limit_rules/{rule}"
    (await world.admin.put(path, {"bandwidth_limit_rule": {"max_kbps": 2000}})).ok()
    await adds(world, id, "dscp_marking", dscp_mark=10)
    await world.settle()
    assert said(world, id)["bandwidth_limit", "egress"]["max_kbps"] == 2000
    assert said(world, id)["dscp_marking", ""] == {"dscp_mark": 10}
    (await world.admin.delete(path)).ok()
    await world.settle()
    assert set(said(world, id)) == {("dscp_marking", "")}
    (await ann.put(f"{NETWORK}/networks/{network.id}", {"network": {"qos_policy_id": None}})).ok()
    (await world.admin.delete(f"{NETWORK}/qos/policies/{id}")).ok()
    await world.settle()
    assert there(world, "network", network.id).qos_policy_id is None
    assert not world.cloud("a").marked("qos_policy", id)


async def test_a_port_has_a_policy_of_its_own(world: World) -> None:
    ann = world.user("ann")
    id = await policy(world, ann)
    network = await ann.makes_network()
    port = await ann.makes_port(network, "limited", qos_policy_id=id)
    assert port["qos_policy_id"] == id
    await ann.boots_server(zone="a", network=network, networks=[{"port": port["id"]}])
    await world.settle()
    assert there(world, "port", port["id"]).qos_policy_id == there(world, "qos_policy", id).id
    reply = await world.admin.delete(f"{NETWORK}/qos/policies/{id}")
    assert reply.json["NeutronError"]["message"] == f"QoS Policy {id} is used by port {port['id']}."
    (await ann.put(f"{NETWORK}/ports/{port['id']}", {"port": {"qos_policy_id": None}})).ok()
    await world.settle()
    assert there(world, "port", port["id"]).qos_policy_id is None


async def test_a_policy_that_is_shared_by_name_is_opened_there_to_whoever_uses_it(world: World) -> None:
    ann, ben = world.user("ann"), world.user("ben", project="p2")
    id = await policy(world, ann)
    shared = {"object_type": "qos_policy", "object_id": id, "action": "access_as_shared"}
    body = {"rbac_policy": {**shared, "target_tenant": ben.project_id}}
    assert (await ben.post(f"{NETWORK}/networks", {"network": {"qos_policy_id": id}})).status == 404, (
        "not theirs to see"
    )
    rbac = (await world.admin.post(f"{NETWORK}/rbac-policies", body)).ok()["rbac_policy"]["id"]
    network = await ben.makes_network(qos_policy_id=id)
    server = await ben.boots_server(zone="a", network=network)
    await world.settle()
    assert (await ben.server(server))["status"] == "ACTIVE"
    assert len(there(world, "qos_policy", id).shared_with) == 1
    assert (await world.admin.delete(f"{NETWORK}/rbac-policies/{rbac}")).status == 409


async def test_a_guarantee_does_not_change_while_a_server_has_it(world: World) -> None:
    """Its cloud reserved it for the server; Neutron answers 501."""
    ann = world.user("ann")
    id = await policy(world, ann)
    rule = await adds(world, id, "minimum_bandwidth", min_kbps=10)
    network = await ann.makes_network(qos_policy_id=id)
    path = f"{NETWORK}/qos/policies/{id}/minimum_bandwidth_rules/{rule}"
    (await world.admin.put(path, {"minimum_bandwidth_rule": {"min_kbps": 11}})).ok()
    await ann.boots_server(zone="a", network=network)
    await world.settle()
    reply = await world.admin.put(path, {"minimum_bandwidth_rule": {"min_kbps": 12}})
    assert reply.status == 501
    assert reply.json["NotImplementedError"]["message"] == (
        "Cannot update QoS policies/rules backed by resources tracked in Placement"
    )
    assert (await world.admin.delete(path)).status == 501


async def test_what_somebody_else_changed_there_is_reported(world: World) -> None:
    ann = world.user("ann")
    id = await policy(world, ann)
    await adds(world, id, "bandwidth_limit", max_kbps=1000)
    await ann.boots_server(zone="a", network=await ann.makes_network(qos_policy_id=id))
    await world.settle()
    await world.run_for(10)
    backend, changed = world.cloud("a").backend, there(world, "qos_policy", id)
    with backend.records.changing():
        changed.rules = [limit(5)]
        changed.changed_at = backend.now()
        backend.records.put(changed)
    await world.run_for(60)
    (one,) = [one for one in await findings.page(world.parts.store, {}) if one.what == findings.CHANGED]
    (field,) = one.differences
    assert (field["field"], field["wanted"][0]["max_kbps"], field["found"][0]["max_kbps"]) == (
        "rules",
        1000,
        5,
    )


async def test_a_policy_of_a_cloud_is_taken_over_with_its_rules_and_what_has_it(tmp_path: Path) -> None:
    async with World(clouds=1, tmp_path=tmp_path, identity="shared") as world:
        records = world.cloud("a").backend.records
        with records.changing():
            native = QosPolicyRecord(
                id="9d1b2d6e-0000-4000-8000-000000000001", project_id=P1, name="silver",
                rules=[limit(7)], is_default=True,
            )  # fmt: skip
            records.put(native)
            on = NetworkRecord(
                id="9d1b2d6e-0000-4000-8000-000000000002", project_id=P1, name="n", qos_policy_id=native.id
            )
            records.put(on)
        child = world.core.children.get("a")
        assert child is not None
        found = await taking.survey(child, world.core.adoptions)
        report = await taking.adopt(world.core, found, IdentityMapping({P1: P1}, {}))
        assert not report.conflicts
        ann = world.user("ann")
        (shown,) = (await ann.get(f"{NETWORK}/qos/policies")).ok()["policies"]
        assert (shown["id"], shown["name"], shown["is_default"]) == (native.id, "silver", True)
        assert [(one["id"], one["max_kbps"]) for one in shown["rules"]] == [("l-egress", 7)]
        (network,) = await ann.listed(f"{NETWORK}/networks")
        assert network["qos_policy_id"] == native.id
        await world.run_for(60)
        assert not await findings.page(world.parts.store, {})
        assert not [one for one in world.cloud("a").faults.log if one.change], "nothing was changed there"
