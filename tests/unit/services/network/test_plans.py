"""The next step from what was seen: pure tables, one sentence of reason each."""

from __future__ import annotations

from typing import Any, cast

import msgspec
import pytest
from msgspec import UNSET

from fractus.addressing.addresses import Addresses
from fractus.addressing.macs import Macs
from fractus.model.network import (
    FixedIp,
    GroupMembersObserved,
    NetworkObserved,
    PortObserved,
    Rule,
    SecurityGroupObserved,
    SubnetObserved,
)
from fractus.model.resource import SETTLED, Presence, Resource
from fractus.reconcile.kind import Apply, Done, Fail, Item, Wait
from fractus.services.network.group_members.lifecycle import GroupMembersLifecycle
from fractus.services.network.networks.lifecycle import NetworkLifecycle
from fractus.services.network.ports.lifecycle import PortLifecycle
from fractus.services.network.security_groups.lifecycle import SecurityGroupLifecycle
from fractus.services.network.subnets.lifecycle import SubnetLifecycle
from fractus.store.transaction import Transaction
from fractus.testing.clock import VirtualClock

_UNUSED = cast("Any", None)


class NoServers:
    """There are none."""

    async def ports_changed(self, tx: Transaction, server_id: str) -> None:
        raise AssertionError("nothing is notified here")


def item(kind: str, remote: dict[tuple[str, str], str] | None = None, **desired: Any) -> Item:
    resource = Resource(kind=kind, id=f"our-{kind}", name=desired.get("name", "n"), desired=desired)
    presence = Presence(
        kind=kind, id=resource.id, cloud="a", remote_id="there", memory=desired.pop("memory", {})
    )
    return Item(resource, presence, remote or {})


def network(**more: Any) -> Item:
    base = {"name": "n", "admin_state_up": True, "mtu": 0, "port_security_enabled": True, "shared": False}
    return item("network", **{**base, **more})


NETWORKS: list[tuple[Item, dict[str, Any], dict[str, Any] | None, str]] = [
    (network(), {"name": "n", "admin_state_up": True, "mtu": 1450}, None, "equal; an MTU of 0 is the cloud's own"),
    (network(), {"name": "n"}, None, "what is not said is not compared"),
    (network(name="m"), {"name": "n"}, {"name": "m"}, "renamed"),
    (network(mtu=1400), {"name": "n", "mtu": 1450}, {"mtu": 1400}, "an MTU that was asked for"),
    (network(mtu=1400), {"name": "n", "mtu": 0}, None, "a cloud without MTUs"),
    (
        network(admin_state_up=False, port_security_enabled=False),
        {"name": "n", "admin_state_up": True, "port_security_enabled": True},
        {"admin_state_up": False, "port_security_enabled": False}, "all that differs at once",
    ),
    (network(shared=True), {"name": "n", "shared": False}, {"shared": True}, "shared, where the cloud says so"),
]  # fmt: skip


@pytest.mark.parametrize(("asked", "seen", "body", "reason"), NETWORKS)
def test_networks(asked: Item, seen: dict[str, Any], body: dict[str, Any] | None, reason: str) -> None:
    plan = NetworkLifecycle().plan(asked, NetworkObserved(remote_id="there", **seen))
    assert (plan.step.body if isinstance(plan, Apply) else None) == body, reason


def subnet(**more: Any) -> Item:
    base = {
        "name": "n", "network_id": "net", "cidr": "10.0.0.0/24", "ip_version": 4, "gateway_ip": "10.0.0.1",
        "enable_dhcp": True, "dns_nameservers": [], "host_routes": [], "allocation_pools": [],
        "ipv6_address_mode": None, "ipv6_ra_mode": None,
    }  # fmt: skip
    return item("subnet", {("network", "net"): "their-net"}, **{**base, **more})


ROUTES = [
    {"destination": "10.1.0.0/16", "nexthop": "10.0.0.1"},
    {"destination": "10.2.0.0/16", "nexthop": "10.0.0.1"},
]
POOLS = [{"start": "10.0.0.251", "end": "10.0.0.254"}]
SUBNETS: list[tuple[Item, dict[str, Any], dict[str, Any] | None, str]] = [
    (subnet(), {"name": "n", "gateway_ip": "10.0.0.1", "enable_dhcp": True, "dns_nameservers": []}, None, "equal"),
    (subnet(), {"name": "n", "gateway_ip": UNSET}, None, "a gateway that is not said is not none"),
    (subnet(), {"name": "n", "gateway_ip": None}, {"gateway_ip": "10.0.0.1"}, "none is said, and one is wanted"),
    (subnet(gateway_ip=None), {"name": "n", "gateway_ip": "10.0.0.1"}, {"gateway_ip": None}, "and the other way round"),
    (subnet(host_routes=ROUTES), {"name": "n", "host_routes": ROUTES[::-1]}, None, "routes have no order"),
    (
        subnet(dns_nameservers=["8.8.8.8", "1.1.1.1"]), {"name": "n", "dns_nameservers": ["1.1.1.1", "8.8.8.8"]},
        {"dns_nameservers": ["8.8.8.8", "1.1.1.1"]}, "servers have one: clients ask the first",
    ),
    (
        subnet(memory={"pools": POOLS}), {"name": "n", "enable_dhcp": False},
        {"enable_dhcp": True, "allocation_pools": POOLS}, "DHCP comes with the addresses for it",
    ),
    (
        subnet(reserved={"a": POOLS, "b": []}), {"name": "n", "enable_dhcp": False},
        {"enable_dhcp": True, "allocation_pools": POOLS}, "also with those set aside later",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("asked", "seen", "body", "reason"), SUBNETS)
def test_subnets(asked: Item, seen: dict[str, Any], body: dict[str, Any] | None, reason: str) -> None:
    plan = SubnetLifecycle(Addresses()).plan(asked, SubnetObserved(remote_id="there", **seen))
    assert (plan.step.body if isinstance(plan, Apply) else None) == body, reason


def test_a_gateway_that_was_not_said_stays_unsaid_in_the_store() -> None:
    kept = msgspec.to_builtins(SubnetObserved(remote_id="x"))
    assert msgspec.convert(kept, SubnetObserved).gateway_ip is UNSET
    kept = msgspec.to_builtins(SubnetObserved(remote_id="x", gateway_ip=None))
    assert msgspec.convert(kept, SubnetObserved).gateway_ip is None


def port(**more: Any) -> Item:
    base = {
        "name": "n", "network_id": "net", "mac_address": "fa:16:3e:00:00:01", "device_owner": "", "device_id": "",
        "fixed_ips": [
            {"subnet_id": "sub", "ip_address": "10.0.0.5"}, {"subnet_id": "auto", "ip_address": "fd00::f816:1"},
        ],
        "auto_subnets": ["auto"], "security_groups": ["one", "two"],
        "allowed_address_pairs": [], "admin_state_up": True, "port_security_enabled": True, "extra_dhcp_opts": [],
    }  # fmt: skip
    remote = {
        ("network", "net"): "their-net", ("subnet", "sub"): "their-sub", ("subnet", "auto"): "their-auto",
        ("security_group", "one"): "their-one", ("security_group", "two"): "their-two",
    }  # fmt: skip
    return item("port", remote, **{**base, **more})


THERE: dict[str, Any] = {
    "name": "n", "mac_address": "FA:16:3E:00:00:01", "fixed_ips": [FixedIp("their-sub", "10.0.0.5")],
    "security_groups": ["their-two", "their-one"], "allowed_address_pairs": [], "status": "DOWN",
}  # fmt: skip
PAIR = {"ip_address": "10.0.0.9", "mac_address": "fa:16:3e:00:00:01"}
OPTION = {"opt_name": "mtu", "opt_value": "1400", "ip_version": 4}
PORTS: list[tuple[Item, dict[str, Any], dict[str, Any] | None, str]] = [
    (port(), THERE, None, "equal: groups have no order, MACs no case"),
    (port(), {"name": "n"}, None, "what is not said is not compared"),
    (
        port(), {**THERE, "fixed_ips": [*THERE["fixed_ips"], FixedIp("their-auto", "fd00::f816:1")]}, None,
        "what a machine gives itself is the cloud's to add",
    ),
    (
        port(), {**THERE, "fixed_ips": []},
        {"fixed_ips": [{"subnet_id": "their-sub", "ip_address": "10.0.0.5"}]}, "an address",
    ),
    (port(), {**THERE, "security_groups": ["their-one"]}, {"security_groups": ["their-one", "their-two"]}, "a group"),
    (port(mac_address="fa:16:3e:00:00:02"), THERE, {"mac_address": "fa:16:3e:00:00:02"}, "a MAC"),
    (port(allowed_address_pairs=[PAIR]), THERE, {"allowed_address_pairs": [PAIR]}, "a pair"),
    (
        port(), {**THERE, "extra_dhcp_opts": [OPTION]},
        {"extra_dhcp_opts": [{**OPTION, "opt_value": None}]}, "an option too many",
    ),
    (port(extra_dhcp_opts=[OPTION]), {**THERE, "extra_dhcp_opts": [OPTION]}, None, "the same options"),
]  # fmt: skip


@pytest.mark.parametrize(("asked", "seen", "body", "reason"), PORTS)
def test_ports(asked: Item, seen: dict[str, Any], body: dict[str, Any] | None, reason: str) -> None:
    plan = PortLifecycle(Addresses(), Macs(), VirtualClock(), NoServers()).plan(
        asked, PortObserved(remote_id="there", **seen)
    )
    assert (plan.step.body if isinstance(plan, Apply) else None) == body, reason


async def test_a_servers_port_is_looked_at_until_it_is_bound_but_not_for_ever() -> None:
    clock = VirtualClock()
    life = PortLifecycle(Addresses(), Macs(), clock, NoServers())
    asked = port(device_owner="compute:a", device_id="vm", device_since=clock.now())
    down, active = (
        PortObserved(remote_id="there", **{**THERE, "status": status}) for status in ("DOWN", "ACTIVE")
    )
    assert isinstance(life.plan(asked, down), Wait)
    assert life.plan(asked, active) == Done()
    assert life.plan(port(), down) == Done(), "nobody is about to bind it"
    await clock.advance(3600)
    assert life.plan(asked, down) == Done(), "its server is off, or failed"


BARE = {
    "protocol": None, "port_range_min": None, "port_range_max": None, "remote_ip_prefix": None, "remote_group_id": None,
}  # fmt: skip


def rule(direction: str, ethertype: str = "IPv4", **more: Any) -> dict[str, Any]:
    return {"direction": direction, "ethertype": ethertype, **BARE, **more}


def group(*rules: dict[str, Any], name: str = "n", remote: dict[tuple[str, str], str] | None = None) -> Item:
    described = [{"description": "", **one} for one in rules]
    return item("security_group", remote, name=name, stateful=True, rules=described)


EGRESS = [
    Rule(direction="egress", ethertype=ethertype, remote_id=ethertype) for ethertype in ("IPv4", "IPv6")
]
BOTH = [rule("egress"), rule("egress", "IPv6")]
SSH = {"protocol": "tcp", "port_range_min": 22, "port_range_max": 22}
GROUPS: list[tuple[Item, list[Rule], tuple[str, dict[str, Any]] | None, str]] = [
    (group(*BOTH), EGRESS, None, "those that a group is born with are kept where they are ours"),
    (group(rule("egress")), EGRESS, ("delete_rule", {"remote_id": "IPv6"}), "and deleted where they are not"),
    (group(*BOTH, rule("ingress", **SSH)), EGRESS, ("add_rule", rule("ingress", **SSH)), "one that is missing"),
    (
        group(rule("egress"), rule("ingress", **SSH)), EGRESS, ("delete_rule", {"remote_id": "IPv6"}),
        "first what should not be there: never is too much allowed",
    ),
    (
        group(rule("ingress", protocol="tcp")), [Rule(direction="ingress", protocol="6")], None,
        "a protocol's name is its number",
    ),
    (
        group(rule("ingress", remote_ip_prefix="10.1.2.3/24")),
        [Rule(direction="ingress", remote_ip_prefix="10.1.2.0/24")], None, "host bits mean nothing",
    ),
    (
        group(rule("ingress", remote_ip_prefix="0.0.0.0/0")),
        [Rule(direction="ingress")], None, "everybody is no limit",
    ),
    (
        group(rule("ingress", remote_group_id="our-security_group")),
        [Rule(direction="ingress", remote_group_id="self")], None, "its own members",
    ),
    (
        group(rule("ingress", remote_group_id="our-security_group")),
        [Rule(direction="ingress", remote_group_id="there")], None, "its own members, by id",
    ),
    (
        group(rule("ingress", remote_group_id="db"), remote={("security_group", "db"): "their-db"}), [],
        ("add_rule", rule("ingress", remote_group_id="their-db")), "another group's, in the cloud's id",
    ),
    (
        group(rule("ingress")), [Rule(direction="ingress", remote_address_group_id="some", remote_id="r")],
        ("delete_rule", {"remote_id": "r"}), "the addresses of some are not those of all",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("asked", "there", "step", "reason"), GROUPS)
def test_security_groups(
    asked: Item, there: list[Rule], step: tuple[str, dict[str, Any]] | None, reason: str
) -> None:
    plan = SecurityGroupLifecycle(_UNUSED, _UNUSED).plan(
        asked, SecurityGroupObserved(remote_id="there", name="n", rules=there)
    )
    assert ((plan.step.verb, plan.step.body) if isinstance(plan, Apply) else None) == step, reason


def test_groups_wait_for_those_they_name_and_are_not_used_before() -> None:
    life = SecurityGroupLifecycle(_UNUSED, _UNUSED)
    plan = life.plan(
        group(rule("ingress", remote_group_id="db")), SecurityGroupObserved(remote_id="there", rules=[])
    )
    assert isinstance(plan, Wait)
    seen = SecurityGroupObserved(remote_id="there")
    assert not life.settled(Presence(kind="security_group", id="x", cloud="a"), seen)
    assert life.settled(Presence(kind="security_group", id="x", cloud="a", state=SETTLED), seen)


@pytest.mark.parametrize(
    ("facts", "missing", "reason"),
    [
        ({}, [], "all members are there"),
        (
            {"web": "addresses"},
            [{"remote_address_group_id": "addresses"}],
            "an address group of those elsewhere",
        ),
        (
            {"web": ["10.0.0.7/32", "2001:db8::7/128"]},
            [{"remote_ip_prefix": "10.0.0.7/32"}],
            "a rule for each where the cloud takes none, of the family of the rule alone",
        ),
    ],
)
def test_a_rule_that_names_a_group_has_another_for_its_members_elsewhere(
    facts: dict[str, Any], missing: list[dict[str, Any]], reason: str
) -> None:
    asked = group(rule("ingress", remote_group_id="web"))
    asked = msgspec.structs.replace(asked, remote={("security_group", "web"): "there-web"}, facts=facts)
    wanted = SecurityGroupLifecycle(_UNUSED, _UNUSED).wanted(asked).rules
    assert wanted[0].remote_group_id == "there-web"
    beside = [
        {
            name: value
            for name, value in msgspec.to_builtins(one).items()
            if name.startswith("remote_") and value
        }
        for one in wanted[1:]
    ]
    assert beside == missing, reason


def members(there: list[str] | None, wanted: list[str]) -> Any:
    asked = item("group_members", security_group_id="web")
    asked = msgspec.structs.replace(asked, facts={"addresses": wanted})
    life = GroupMembersLifecycle(_UNUSED)
    plan = life.plan(asked, GroupMembersObserved(remote_id="there", addresses=there))
    return (plan.step.verb, plan.step.body["addresses"]) if isinstance(plan, Apply) else type(plan)


def test_members_elsewhere_go_before_others_come() -> None:
    assert members(["10.0.0.1/32"], ["10.0.0.1/32"]) is Done
    assert members(None, ["10.0.0.1/32"]) is Done, "a cloud that does not say is not compared"
    changed = members(["10.0.0.1/32"], ["10.0.0.2/32"])
    assert changed == ("remove_addresses", ["10.0.0.1/32"])
    assert members([], ["10.0.0.2/32", "10.0.0.1/32"]) == ("add_addresses", ["10.0.0.1/32", "10.0.0.2/32"])


def test_names_and_what_cannot_be_changed() -> None:
    life = SecurityGroupLifecycle(_UNUSED, _UNUSED)
    renamed = life.plan(group(name="m"), SecurityGroupObserved(remote_id="there", name="n"))
    assert isinstance(renamed, Apply)
    assert (renamed.step.verb, renamed.step.body) == ("rename", {"name": "m"})
    assert life.wanted(group(name="default")).name == "fractus-default"
    assert isinstance(life.plan(group(), SecurityGroupObserved(remote_id="there", stateful=False)), Fail)
