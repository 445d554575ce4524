"""Default security group rules: what new groups begin with, here and in clouds."""

from __future__ import annotations

from typing import Any

import pytest

from fractus.testing.world import World
from tests.unit.services.network.conftest import Tenant, error

RULES = "default-security-group-rules"


def _said(rules: list[dict[str, Any]]) -> set[tuple[Any, ...]]:
    names = ("direction", "ethertype", "protocol", "port_range_min", "remote_ip_prefix")
    return {tuple(rule[name] for name in names) for rule in rules}


async def _declare(admin: Tenant, **rule: Any) -> dict[str, Any]:
    said = {"direction": "ingress", "used_in_default_sg": False, "used_in_non_default_sg": True, **rule}
    return await admin.create("default_security_group_rule", **said)


async def test_an_installation_begins_with_neutrons_four(world: World) -> None:
    """Read off a Neutron that was just installed."""
    found = await Tenant(world.admin).listed(RULES)
    assert sorted(
        (one["direction"], one["ethertype"], one["remote_group_id"], one["used_in_non_default_sg"]) for one in found
    ) == [
        ("egress", "IPv4", None, True),
        ("egress", "IPv6", None, True),
        ("ingress", "IPv4", "PARENT", False),
        ("ingress", "IPv6", "PARENT", False),
    ]  # fmt: skip
    assert all(one["used_in_default_sg"] for one in found)
    shown = await Tenant(world.admin).show("default_security_group_rule", found[0]["id"])
    assert shown in found


async def test_custom_groups_and_default_groups_have_their_own(world: World) -> None:
    admin, ann = Tenant(world.admin), Tenant(world.user("ann"))
    before = await ann.create("security_group", name="before")
    await _declare(
        admin, protocol="tcp", port_range_min=22, port_range_max=22, remote_ip_prefix="10.9.0.0/16"
    )
    both = {"used_in_default_sg": True, "used_in_non_default_sg": True}
    await _declare(admin, protocol="icmp", **both)

    ssh, ping = ("ingress", "IPv4", "tcp", 22, "10.9.0.0/16"), ("ingress", "IPv4", "icmp", None, None)
    group = await ann.create("security_group", name="after")
    assert _said(group["security_group_rules"]) >= {ssh, ping}
    assert len(group["security_group_rules"]) == 4
    listed = await ann.listed("security-group-rules", security_group_id=group["id"])
    assert _said(listed) == _said(group["security_group_rules"])

    (default,) = await Tenant(world.user("bob", "p2")).listed("security-groups", name="default")
    assert ping in _said(default["security_group_rules"])
    assert ssh not in _said(default["security_group_rules"])
    assert len((await ann.show("security_group", before["id"]))["security_group_rules"]) == 2


async def test_a_group_without_any_rule_lets_nothing_through_in_its_cloud(world: World) -> None:
    """A cloud's own Neutron gives a new group rules that nobody declared here."""
    admin, user = Tenant(world.admin), world.user("ann")
    for one in await admin.listed(RULES, used_in_non_default_sg="true"):
        assert (await admin.delete("default_security_group_rule", one["id"])).status == 204
    group = await Tenant(user).create("security_group", name="closed")
    network = await user.makes_network("net")
    await user.boots_server("one", network=network, security_groups=[{"name": "closed"}])
    await world.settle()
    (there,) = [one for one in world.cloud("a").of("security_group") if one.name == "closed"]
    assert there.rules == []
    assert (await Tenant(user).show("security_group", group["id"]))["security_group_rules"] == []


async def test_a_remote_group_that_its_project_may_not_use_is_in_no_new_group(world: World) -> None:
    """Neutron answers 500 where there is no such group; a group that lets fewer in is not open to strangers."""
    admin, ann, bob = Tenant(world.admin), Tenant(world.user("ann")), Tenant(world.user("bob", "p2"))
    theirs = await ann.create("security_group", name="theirs")
    await _declare(admin, protocol="udp", remote_group_id=theirs["id"])
    anns, bobs = [await one.create("security_group", name="new") for one in (ann, bob)]
    named = [
        [rule["remote_group_id"] for rule in group["security_group_rules"] if rule["protocol"] == "udp"]
        for group in (anns, bobs)
    ]
    assert named == [[theirs["id"]], []]


async def test_what_a_group_begins_with_counts(world: World) -> None:
    """All or nothing: no quota is exceeded by rules that nobody asked for."""
    admin, ann = Tenant(world.admin), Tenant(world.user("ann"))
    await ann.listed("security-groups")
    limit = {"quota": {"security_group_rule": 6}}
    assert (await admin.raw("PUT", f"quotas/{ann.project_id}", limit)).status == 200
    await _declare(admin, protocol="tcp")
    refused = await ann.ask("security_group", name="too many")
    assert (refused.status, refused.json["NeutronError"]["type"]) == (409, "OverQuota")


@pytest.mark.parametrize("wrong", [{"a": 1}, ["a"], 5, True, "x" * 37])
async def test_an_address_group_is_named_by_an_id(world: World, wrong: Any) -> None:
    """Neutron answers 500. That there is such a group is asked when a security group is made."""
    said = {"direction": "ingress", "used_in_default_sg": False, "used_in_non_default_sg": True}
    refused = await Tenant(world.admin).ask(
        "default_security_group_rule", **said, remote_address_group_id=wrong
    )
    assert error(refused)[:2] == (400, "HTTPBadRequest")
