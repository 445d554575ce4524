"""Security groups and rules: refusals read off a real Neutron 29, and what groups come to."""

from __future__ import annotations

from typing import Any

from fractus.testing.world import World
from tests.unit.services.network.conftest import Tenant, error

UNKNOWN = "b7d2410a-a376-4588-85b5-836383c9fb3c"
_SUPPORTED = (
    "(None, 'any', 'ah', 'dccp', 'egp', 'esp', 'gre', 'hopopt', 'icmp', 'igmp', 'ip', 'ipip', 'ipv6-encap', "
    "'ipv6-frag', 'ipv6-icmp', 'icmpv6', 'ipv6-nonxt', 'ipv6-opts', 'ipv6-route', 'ospf', 'pgm', 'rsvp', 'sctp', "
    "'tcp', 'udp', 'udplite', 'vrrp') and integer representations [0 to 255] are supported."
)
_RANGE = "For TCP/UDP protocols, port_range_min must be <= port_range_max"

REFUSED: list[tuple[dict[str, Any], int, str, str]] = [
    ({"protocol": "tcp", "port_range_min": 80}, 400, "SecurityGroupInvalidPortRange", _RANGE),
    ({"protocol": "tcp", "port_range_max": 80}, 400, "SecurityGroupInvalidPortRange", _RANGE),
    (
        {"protocol": "tcp", "port_range_min": 80, "port_range_max": 79}, 400, "SecurityGroupInvalidPortRange", _RANGE,
    ),
    (
        {"protocol": "tcp", "port_range_min": 0, "port_range_max": 79}, 400, "SecurityGroupInvalidPortValue",
        "Invalid value for port 0",
    ),
    (
        {"protocol": "tcp", "port_range_min": 1, "port_range_max": 70000}, 400, "SecurityGroupInvalidPortValue",
        "Invalid value for port 70000",
    ),
    (
        {"port_range_min": 1, "port_range_max": 5}, 400, "SecurityGroupProtocolRequiredWithPorts",
        "Must also specify protocol if port range is given.",
    ),
    (
        {"protocol": "icmp", "port_range_min": 256}, 400, "SecurityGroupInvalidIcmpValue",
        "Invalid value for ICMP type (port_range_min) 256. It must be 0 to 255.",
    ),
    (
        {"protocol": "icmp", "port_range_max": 0}, 400, "SecurityGroupMissingIcmpType",
        "ICMP code (port-range-max) 0 is provided but ICMP type (port-range-min) is missing.",
    ),
    (
        {"protocol": "gre", "port_range_min": 1, "port_range_max": 5}, 400, "SecurityGroupInvalidProtocolForPort",
        "Ports cannot be specified for protocol 47. Ports are only supported for DCCP, SCTP, TCP, UDP, UDPLITE.",
    ),
    *(
        (
            {"protocol": name}, 400, "SecurityGroupRuleInvalidProtocol",
            f"Security group rule protocol {name} not supported. Only protocol values {_SUPPORTED}",
        )
        for name in ("foo", "256")
    ),
    (
        {"protocol": "ipv6-icmp"}, 400, "SecurityGroupEthertypeConflictWithProtocol",
        "Invalid ethertype IPv4 for protocol ipv6-icmp.",
    ),
    (
        {"ethertype": "foo"}, 400, "SecurityGroupRuleInvalidEtherType",
        "Security group rule for ethertype 'foo' not supported. Allowed values are ['IPv4', 'IPv6'].",
    ),
    ({"direction": "up"}, 400, "HTTPBadRequest", "Invalid input for direction. Reason: up is not in valid_values."),
    (
        {"remote_ip_prefix": "fd00::/64"}, 400, "SecurityGroupRuleParameterConflict",
        "Conflicting value ethertype IPv4 for CIDR fd00::/64",
    ),
    ({"remote_ip_prefix": "x"}, 400, "InvalidCIDR", "Invalid CIDR x given as IP prefix."),
    (
        {"remote_ip_prefix": "10.1.2.0/24", "remote_group_id": "{group}"}, 400, "SecurityGroupMultipleRemoteEntites",
        "Only one of remote_ip_prefix or remote_group_id or remote_address_group_id may be provided.",
    ),
    ({"remote_group_id": UNKNOWN}, 404, "SecurityGroupNotFound", f"Security group {UNKNOWN} does not exist"),
    ({"remote_group_id": 7}, 404, "SecurityGroupNotFound", "Security group 7 does not exist"),
    (
        {"remote_address_group_id": UNKNOWN}, 404, "AddressGroupNotFound",
        f"Address group {UNKNOWN} could not be found.",
    ),
    (
        {"description": None}, 400, "HTTPBadRequest",
        "Invalid input for description. Reason: 'None' is not a valid string.",
    ),
    ({"tags": ["x"]}, 400, "HTTPBadRequest", "Unrecognized attribute(s) 'tags'"),
    ({"security_group_id": UNKNOWN}, 404, "SecurityGroupNotFound", f"Security group {UNKNOWN} does not exist"),
]  # fmt: skip


async def test_what_is_refused(ann: Tenant) -> None:
    group = (await ann.create("security_group", name="web"))["id"]
    for body, status, kind, sentence in REFUSED:
        body = {
            key: value.replace("{group}", group) if isinstance(value, str) else value
            for key, value in body.items()
        }
        reply = await ann.ask(
            "security_group_rule", **{"security_group_id": group, "direction": "ingress", **body}
        )
        assert error(reply) == (status, kind, sentence), body
    assert len(await ann.listed("security-group-rules", security_group_id=group)) == 2


# (what is asked for, what comes of it)
KEPT: list[tuple[dict[str, Any], dict[str, Any]]] = [
    (
        {"protocol": "tcp", "port_range_min": "22", "port_range_max": 22, "remote_ip_prefix": "10.0.0.5"},
        {
            "protocol": "tcp",
            "port_range_min": 22,
            "remote_ip_prefix": "10.0.0.5/32",
            "normalized_cidr": "10.0.0.5/32",
        },
    ),
    (
        {"remote_ip_prefix": "10.1.2.3/24"},
        {"remote_ip_prefix": "10.1.2.3/24", "normalized_cidr": "10.1.2.0/24"},
    ),
    (
        {"protocol": "tcp", "port_range_min": 1, "port_range_max": 65535},
        {"protocol": "tcp", "port_range_min": None, "port_range_max": None},
    ),
    (
        {"protocol": "icmp", "ethertype": "ipv6", "port_range_min": 128},
        {"protocol": "ipv6-icmp", "ethertype": "IPv6"},
    ),
    ({"protocol": 113}, {"protocol": "113"}),
    ({"protocol": "any"}, {"protocol": None, "ethertype": "IPv4", "description": ""}),
]

# (a rule that is there, another that is the same)
SAME: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"protocol": "udp", "port_range_min": 5, "port_range_max": 5},) * 2,
    ({"protocol": "sctp"}, {"protocol": "132"}),
    ({"protocol": "udp"}, {"protocol": "udp", "remote_ip_prefix": "0.0.0.0/0"}),
    ({"ethertype": "IPv6", "protocol": "1"}, {"ethertype": "IPv6", "protocol": "icmpv6"}),
]  # fmt: skip


async def test_what_rules_become_and_when_two_are_the_same(ann: Tenant) -> None:
    group = (await ann.create("security_group", name="web"))["id"]
    for asked, expected in KEPT:
        body = {"security_group_id": group, "direction": "ingress", **asked}
        made = await ann.create("security_group_rule", **body)
        assert {name: made[name] for name in expected} == expected
        assert await ann.show("security_group_rule", made["id"]) == made
    for one, other in SAME:
        there = await ann.create(
            "security_group_rule", **{"security_group_id": group, "direction": "ingress", **one}
        )
        reply = await ann.ask(
            "security_group_rule", **{"security_group_id": group, "direction": "ingress", **other}
        )
        assert error(reply) == (
            409, "SecurityGroupRuleExists", f"Security group rule already exists. Rule id is {there['id']}.",
        )  # fmt: skip
    in_group = (await ann.show("security_group", group))["security_group_rules"]
    listed = await ann.listed("security-group-rules", security_group_id=group)
    assert sorted(in_group, key=lambda rule: rule["id"]) == sorted(listed, key=lambda rule: rule["id"])
    assert len(listed) == 2 + len(KEPT) + len(SAME)


async def test_several_rules_are_all_or_none(ann: Tenant) -> None:
    group = (await ann.create("security_group", name="web"))["id"]
    rule = {"security_group_id": group, "direction": "ingress", "protocol": "sctp"}
    reply = await ann.raw("POST", "security-group-rules", {"security_group_rules": [rule, rule]})
    assert error(reply) == (409, "DuplicateSecurityGroupRuleInPost", "Duplicate Security Group Rule in POST.")
    other = (await ann.create("security_group", name="db"))["id"]
    mixed = {"security_group_rules": [rule, {**rule, "security_group_id": other}]}
    assert error(await ann.raw("POST", "security-group-rules", mixed)) == (
        400, "SecurityGroupNotSingleGroupRules", "Only allowed to update rules for one security profile at a time",
    )  # fmt: skip
    two = {"security_group_rules": [rule, {**rule, "protocol": "tcp"}]}
    assert len((await ann.raw("POST", "security-group-rules", two)).ok()["security_group_rules"]) == 2
    assert len(await ann.listed("security-group-rules", security_group_id=group)) == 4


async def test_every_project_has_a_default_group(ann: Tenant, bob: Tenant) -> None:
    (mine,) = await ann.listed("security-groups")
    assert (mine["name"], mine["description"]) == ("default", "Default security group")
    rules = {
        (rule["direction"], rule["ethertype"], rule["remote_group_id"])
        for rule in mine["security_group_rules"]
    }
    assert rules == {
        ("egress", "IPv4", None), ("egress", "IPv6", None),
        ("ingress", "IPv4", mine["id"]), ("ingress", "IPv6", mine["id"]),
    }  # fmt: skip
    assert all(rule["belongs_to_default_sg"] for rule in mine["security_group_rules"])
    assert [one["id"] for one in await ann.listed("security-groups")] == [mine["id"]], "and only one"
    (theirs,) = await bob.listed("security-groups")
    assert theirs["id"] != mine["id"]
    taken = (409, "SecurityGroupDefaultAlreadyExists", "Default security group already exists.")
    for name in ("default", "Default"):
        assert error(await ann.ask("security_group", name=name)) == taken
    assert error(await ann.change("security_group", mine["id"], name="x")) == (
        409, "SecurityGroupCannotUpdateDefault", "Updating default security group not allowed.",
    )  # fmt: skip
    assert (await ann.change("security_group", mine["id"], description="mine")).ok()


async def test_a_deleted_group_leaves_the_rules_that_name_it(ann: Tenant) -> None:
    web = (await ann.create("security_group", name="web"))["id"]
    db = (await ann.create("security_group", name="db"))["id"]
    await ann.create("security_group_rule", security_group_id=db, direction="ingress", remote_group_id=web)
    (await ann.delete("security_group", web)).ok()
    assert len((await ann.show("security_group", db))["security_group_rules"]) == 2
    assert await ann.listed("security-group-rules", remote_group_id=web) == []


def _rules(things: list[Any], name: str) -> set[tuple[str, str, str | None, int | None, str | None]]:
    (group,) = [thing for thing in things if thing.name == name]
    return {
        (rule.direction, rule.ethertype, rule.protocol, rule.port_range_min, rule.remote_group_id)
        for rule in group.rules
    }


async def test_in_a_cloud_a_group_has_our_rules_and_follows_them(ann: Tenant, world: World) -> None:
    web = (await ann.create("security_group", name="web"))["id"]
    db = (await ann.create("security_group", name="db"))["id"]
    ssh = {"direction": "ingress", "protocol": "tcp", "port_range_min": 22, "port_range_max": 22}
    rule = await ann.create("security_group_rule", security_group_id=web, **ssh)
    await ann.create("security_group_rule", security_group_id=web, direction="ingress", remote_group_id=db)
    await ann.create("security_group_rule", security_group_id=db, direction="ingress", remote_group_id=web)
    v6 = next(
        one for one in await ann.listed("security-group-rules", security_group_id=web, ethertype="IPv6")
    )
    (await ann.delete("security_group_rule", v6["id"])).ok()
    await ann.user.boots_server(zone="a", groups=["web"])
    await world.settle()
    there = world.cloud("a").of("security_group")
    ids = {thing.name: thing.id for thing in there}
    assert set(ids) == {"web", "db"}, "carried with the group whose rule names it"
    assert _rules(there, "web") == {
        ("egress", "IPv4", None, None, None), ("ingress", "IPv4", "tcp", 22, None),
        ("ingress", "IPv4", None, None, ids["db"]),
    }  # fmt: skip
    assert ("ingress", "IPv4", None, None, ids["web"]) in _rules(there, "db")
    assert world.cloud("b").of("security_group") == []
    (await ann.delete("security_group_rule", rule["id"])).ok()
    (await ann.change("security_group", web, name="www")).ok()
    await world.settle()
    assert ("ingress", "IPv4", "tcp", 22, None) not in _rules(world.cloud("a").of("security_group"), "www")


async def test_the_default_group_is_carried_under_another_name(ann: Tenant, world: World) -> None:
    await ann.user.boots_server(zone="b")
    await world.settle()
    (there,) = world.cloud("b").of("security_group")
    assert there.name == "fractus-default", "Neutron has one of its own called default"
    assert {(rule.direction, rule.ethertype, rule.remote_group_id) for rule in there.rules} == {
        ("egress", "IPv4", None), ("egress", "IPv6", None), ("ingress", "IPv4", "self"), ("ingress", "IPv6", "self"),
    }  # fmt: skip
