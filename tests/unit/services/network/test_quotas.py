"""Quotas of networking, as Neutron has them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from fractus.testing.world import World
from tests.unit.services.network.conftest import Tenant, error

GIVEN = {
    "network": 2, "subnet": 3, "subnetpool": 1, "port": 4, "security_group": 2, "security_group_rule": 7,
    "rbac_policy": 5, "router": 1, "floatingip": 6, "trunk": 2,
}  # fmt: skip


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with World(clouds=2, tmp_path=tmp_path, quota=GIVEN) as made:
        yield made


def over(*names: str) -> tuple[int, str, str]:
    return 409, "OverQuota", f"Quota exceeded for resources: {list(names)}."


async def test_each_kind_is_limited_and_free_again(ann: Tenant) -> None:
    net, _ = await ann.network("10.0.0.0/24")
    other, _ = await ann.network("10.1.0.0/24", "10.2.0.0/24")
    assert error(await ann.ask("network", name="x")) == over("network")
    assert error(await ann.ask("subnet", network_id=net, cidr="10.3.0.0/24", ip_version=4)) == over("subnet")
    ports = [await ann.create("port", network_id=net) for _ in range(4)]
    assert error(await ann.ask("port", network_id=net)) == over("port")
    assert (await ann.delete("port", ports[0]["id"])).status == 204
    await ann.create("port", network_id=net)
    assert (await ann.delete("network", other)).status == 204
    details = (await ann.get(f"quotas/{ann.project_id}/details")).ok()["quota"]
    assert details["network"] == {"limit": 2, "used": 1, "reserved": 0}
    assert details["subnet"] == {"limit": 3, "used": 1, "reserved": 0}, "they went with their network"
    assert details["port"] == {"limit": 4, "used": 4, "reserved": 0}


async def test_several_at_once_are_made_all_or_none(ann: Tenant) -> None:
    body = {"networks": [{"name": f"n{number}"} for number in range(3)]}
    assert error(await ann.raw("POST", "networks", body)) == over("network")
    assert await ann.listed("networks") == []
    assert (await ann.raw("POST", "networks", {"networks": body["networks"][:2]})).status == 201


async def test_groups_and_their_rules_are_counted_the_default_one_too(ann: Tenant) -> None:
    await ann.listed("security-groups")
    group = await ann.create("security_group", name="web")
    assert error(await ann.ask("security_group", name="x")) == over("security_group", "security_group_rule")
    rule = {"security_group_id": group["id"], "direction": "ingress", "protocol": "tcp"}
    made = await ann.create("security_group_rule", **rule, port_range_min=1, port_range_max=1)
    more = {**rule, "port_range_min": 2, "port_range_max": 2}
    assert error(await ann.ask("security_group_rule", **more)) == over("security_group_rule")
    assert (await ann.delete("security_group_rule", made["id"])).status == 204
    await ann.create("security_group_rule", **more)
    assert (await ann.delete("security_group", group["id"])).status == 204
    details = (await ann.get(f"quotas/{ann.project_id}/details")).ok()["quota"]
    assert (details["security_group"]["used"], details["security_group_rule"]["used"]) == (1, 4)


async def test_a_project_without_room_for_a_group_gets_its_default_group(ann: Tenant, root: Tenant) -> None:
    nothing = {"quota": dict.fromkeys(("security_group", "security_group_rule"), 0)}
    assert (await root.raw("PUT", f"quotas/{ann.project_id}", nothing)).status == 200
    (group,) = await ann.listed("security-groups")
    assert len(group["security_group_rules"]) == 4
    assert error(await ann.ask("security_group", name="x")) == over("security_group", "security_group_rule")


async def test_limits_are_set_shown_listed_and_deleted(ann: Tenant, root: Tenant) -> None:
    path = f"quotas/{ann.project_id}"
    assert (await ann.get(path)).ok() == {"quota": GIVEN}
    assert (await root.listed("quotas")) == []
    reported = (
        await root.raw("PUT", path, {"quota": {"network": 9, "port": "-1", "check_limit": True}})
    ).ok()
    assert reported == {"quota": {**GIVEN, "network": 9, "port": -1}}
    assert (await ann.get(path)).ok() == reported
    assert (await ann.get(f"{path}/default")).ok() == {"quota": GIVEN}
    named = {"project_id": ann.project_id, "tenant_id": ann.project_id}
    assert await root.listed("quotas") == [{**reported["quota"], **named}]
    assert (await root.raw("DELETE", path)).status == 204
    assert (await ann.get(path)).ok() == {"quota": GIVEN}
    assert error(await root.raw("DELETE", path)) == (
        404,
        "TenantQuotaNotFound",
        f"Quota for project {ann.project_id} could not be found.",
    )
    assert (await ann.get("quotas/tenant")).ok() == {"tenant": {"tenant_id": ann.project_id}}
    assert (await ann.get("quotas/project")).ok() == {"project": {"project_id": ann.project_id}}


async def test_only_admins_set_them(ann: Tenant, bob: Tenant) -> None:
    path = f"quotas/{ann.project_id}"
    for who in (ann, bob):
        assert error(await who.raw("PUT", path, {"quota": {"port": 1}}))[:2] == (403, "PolicyNotAuthorized")
        assert error(await who.raw("DELETE", path))[:2] == (403, "PolicyNotAuthorized")
        assert error(await who.get("quotas"))[:2] == (403, "PolicyNotAuthorized")
    for part in ("", "/default", "/details"):
        assert error(await bob.get(path + part))[:2] == (403, "PolicyNotAuthorized")


async def test_a_limit_below_what_is_used_has_to_be_forced(ann: Tenant, root: Tenant) -> None:
    await ann.network("10.0.0.0/24", "10.1.0.0/24")
    path = f"quotas/{ann.project_id}"
    assert error(await root.raw("PUT", path, {"quota": {"subnet": 1}})) == (
        400,
        "HTTPBadRequest",
        "Quota limit 1 for subnet must be greater than or equal to already used 2",
    )
    assert (await root.raw("PUT", path, {"quota": {"subnet": 1, "force": True}})).status == 200
    assert (await ann.get(path)).ok()["quota"]["subnet"] == 1


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (None, "Unable to find 'quota' in request body"),
        ({"quota": 1}, "Object 'quota' contains invalid data"),
        ({"quota": {"metering_label": 1}}, "Unrecognized attribute(s) 'metering_label'"),
        ({"quota": {"port": "many"}}, "Invalid input for operation: 'many' is not an integer."),
        (
            {"quota": {"port": -2}},
            "Invalid input for port. Reason: '-2' is too small - must be at least '-1'.",
        ),
        (
            {"quota": {"port": 2**31}},
            "Invalid input for operation: '2147483648' is too large - must be no larger than '2147483647'.",
        ),
    ],
)
async def test_what_is_no_quota_is_refused(ann: Tenant, root: Tenant, body: object, why: str) -> None:
    reply = await root.raw("PUT", f"quotas/{ann.project_id}", body)
    assert (reply.status, error(reply)[2]) == (400, why)
