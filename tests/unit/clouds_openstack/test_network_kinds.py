"""Networks, subnets, ports and security groups."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec import UNSET

from fractus.clouds.openstack import OpenStackCloud, marks
from fractus.clouds.openstack.child import Child
from fractus.clouds.openstack.neutron import NeutronKind
from fractus.clouds.openstack.ports import Ports
from fractus.clouds.openstack.security_groups import SecurityGroups
from fractus.model.cloud import Scope, Step
from fractus.model.errors import Missing, OutcomeUnknown, Refused, Unreachable
from fractus.model.network import (
    NETWORK,
    PORT,
    SECURITY_GROUP,
    SUBNET,
    FixedIp,
    NetworkWanted,
    PortWanted,
    SecurityGroupWanted,
    SubnetWanted,
)
from fractus.model.routers import RouterInterfaceWanted
from tests.unit.clouds_openstack.fake import FakeChild, drop, fault, reply

ANN = Scope("p-ann")
NET = "/network/v2.0"
ALL = frozenset(
    {
        "net-mtu-writable",
        "port-security",
        "allowed-address-pairs",
        "extra_dhcp_opt",
        "stateful-security-group",
    }
)
NONE: frozenset[str] = frozenset()
MAC = "fa:16:3e:00:00:01"


def port(**changes: Any) -> PortWanted:
    fields: dict[str, Any] = {
        "id": "w1",
        "network_id": "n",
        "mac_address": MAC,
        "fixed_ips": [FixedIp("s", "10.0.0.5")],
    }
    return PortWanted(**fields | changes)


def document(**changes: Any) -> dict[str, Any]:
    return {"id": "r1", "name": "x", "description": "fractus:w1", "project_id": "p-ann"} | changes


# --- bodies -------------------------------------------------------------------------------------


def test_a_plain_network_needs_no_extension(child: Child) -> None:
    assert NeutronKind(child, NETWORK).body(NetworkWanted(id="w"), NONE) == {"admin_state_up": True}
    special = NetworkWanted(id="w", mtu=1400, port_security_enabled=False)
    assert NeutronKind(child, NETWORK).body(special, ALL) == {
        "admin_state_up": True,
        "mtu": 1400,
        "port_security_enabled": False,
    }


def test_a_subnet_always_says_its_gateway(child: Child) -> None:
    plain = NeutronKind(child, SUBNET).body(SubnetWanted(id="w", network_id="n", cidr="10.0.0.0/24"), NONE)
    assert plain == {
        "network_id": "n",
        "cidr": "10.0.0.0/24",
        "ip_version": 4,
        "gateway_ip": None,
        "enable_dhcp": True,
    }
    six = SubnetWanted(
        id="w",
        network_id="n",
        cidr="fd00::/64",
        ip_version=6,
        ipv6_address_mode="slaac",
        ipv6_ra_mode="slaac",
        pools=[{"start": "fd00::2", "end": "fd00::9"}],
    )
    body = NeutronKind(child, SUBNET).body(six, NONE)
    assert (body["ipv6_address_mode"], body["ipv6_ra_mode"]) == ("slaac", "slaac")
    assert body["allocation_pools"] == [{"start": "fd00::2", "end": "fd00::9"}]


def test_a_port_says_that_it_has_no_security_groups(child: Child) -> None:
    body = Ports(child, PORT).body(port(), NONE)
    assert body["security_groups"] == []
    assert body["fixed_ips"] == [{"subnet_id": "s", "ip_address": "10.0.0.5"}]
    assert "port_security_enabled" not in body
    assert Ports(child, PORT).body(port(), ALL)["port_security_enabled"] is True


def test_what_a_child_lacks_the_extension_for_is_refused_not_dropped(child: Child) -> None:
    networks, ports, groups = (
        NeutronKind(child, NETWORK),
        Ports(child, PORT),
        SecurityGroups(child, SECURITY_GROUP),
    )
    for attempt, extension in (
        (lambda: networks.body(NetworkWanted(id="w", mtu=1400), NONE), "net-mtu-writable"),
        (lambda: networks.body(NetworkWanted(id="w", port_security_enabled=False), NONE), "port-security"),
        (lambda: ports.body(port(port_security_enabled=False), NONE), "port-security"),
        (
            lambda: ports.body(port(allowed_address_pairs=[{"ip_address": "1"}]), NONE),
            "allowed-address-pairs",
        ),
        (lambda: ports.body(port(extra_dhcp_opts=[{"opt_name": "x"}]), NONE), "extra_dhcp_opt"),
        (lambda: groups.body(SecurityGroupWanted(id="w", stateful=False), NONE), "stateful-security-group"),
    ):
        with pytest.raises(Refused, match=f"lacks {extension}") as error:
            attempt()  # type: ignore[no-untyped-call]
        assert error.value.elsewhere


# --- calls --------------------------------------------------------------------------------------


async def test_a_network_is_made_with_our_marker_and_found_by_it(
    cloud: OpenStackCloud, fake: FakeChild
) -> None:
    networks = cloud.actuators()["network"]
    fake.on(f"POST {NET}/networks", reply({"network": document()}, 201))
    await networks.create(ANN, NetworkWanted(id="w1", name="x"))
    sent = fake.said(f"POST {NET}/networks")[0].json["network"]
    assert (sent["name"], sent["description"]) == ("x", "fractus:w1")
    strangers = [document(id="r0", project_id="mallory"), document(id="r2", description="fractus:w10")]
    fake.on(f"GET {NET}/networks", reply({"networks": [*strangers, document()]}))
    assert (await networks.find(ANN, NetworkWanted(id="w1"))).remote_id == "r1"
    assert fake.said(f"GET {NET}/networks")[0].query == {"description": "fractus:w1", "project_id": "p-ann"}
    fake.on(f"GET {NET}/networks", reply({"networks": strangers}))
    assert await networks.find(ANN, NetworkWanted(id="w1")) is None


async def test_an_old_neutron_calls_the_owner_a_tenant(cloud: OpenStackCloud, fake: FakeChild) -> None:
    old = document(tenant_id="p-ann")
    del old["project_id"]
    fake.on(f"GET {NET}/networks", reply({"networks": [old]}))
    assert (await cloud.actuators()["network"].find(ANN, NetworkWanted(id="w1"))).remote_id == "r1"


async def test_a_lost_answer_is_unknown(cloud: OpenStackCloud, fake: FakeChild) -> None:
    fake.on(f"POST {NET}/subnets", drop)
    with pytest.raises(OutcomeUnknown):
        await cloud.actuators()["subnet"].create(
            ANN, SubnetWanted(id="w", network_id="n", cidr="10.0.0.0/24")
        )


async def test_a_port_without_marker_is_ours_by_its_mac_unless_it_says_another(
    cloud: OpenStackCloud, fake: FakeChild
) -> None:
    bare = document(description="", mac_address=MAC)
    fake.on(
        f"GET {NET}/ports", reply({"ports": []}), reply({"ports": [document(description="fractus:w2"), bare]})
    )
    found = await cloud.actuators()["port"].find(ANN, port())
    assert (found.mac_address, found.marker) == (MAC, "")
    assert fake.said(f"GET {NET}/ports")[1].query == {
        "mac_address": MAC,
        "network_id": "n",
        "project_id": "p-ann",
    }
    fake.on(f"GET {NET}/ports", reply({"ports": []}), reply({"ports": [document(description="fractus:w2")]}))
    assert await cloud.actuators()["port"].find(ANN, port()) is None


async def test_only_a_refusal_by_policy_is_repeated_with_more_rights(
    cloud: OpenStackCloud, fake: FakeChild
) -> None:
    ports = cloud.actuators()["port"]
    policy = fault("(rule:create_port:mac_address) is disallowed by policy", 403, "NeutronError")
    quota = fault("Quota exceeded for resources: ['port'].", 403, "NeutronError")
    hidden = fault("Network n could not be found.", 404, "NeutronError")
    shown = reply({"network": {"id": "n"}})
    fake.on(f"POST {NET}/ports", quota, policy, policy, reply({"port": document(project_id="p-ben")}, 201))
    fake.on(f"GET {NET}/networks/n", hidden, shown)
    for attempts in (1, 2):
        with pytest.raises(Refused):
            await ports.create(Scope("p-ben"), port())
        assert len(fake.said(f"POST {NET}/ports")) == attempts
    assert (await ports.create(Scope("p-ben"), port())).remote_id == "r1"
    mine, theirs = fake.said(f"POST {NET}/ports")[2:]
    assert "project_id" not in mine.json["port"]
    assert theirs.json["port"] == {**mine.json["port"], "project_id": "p-ben"}
    assert theirs.headers["x-auth-token"] != mine.headers["x-auth-token"]


async def test_an_update_leaves_the_marker(cloud: OpenStackCloud, fake: FakeChild) -> None:
    fake.on(f"PUT {NET}/ports/r1", reply({"port": document()}))
    await cloud.actuators()["port"].apply(ANN, "r1", Step("update", {"name": "y", "description": "z"}))
    assert fake.said(f"PUT {NET}/ports/r1")[0].json == {"port": {"name": "y"}}
    with pytest.raises(Refused, match="no verb paint"):
        await cloud.actuators()["port"].apply(ANN, "r1", Step("paint"))


async def test_what_is_in_use_is_not_deleted(cloud: OpenStackCloud, fake: FakeChild) -> None:
    in_use = {"NeutronError": {"type": "NetworkInUse", "message": "There are ports on it.", "detail": ""}}
    fake.on(f"DELETE {NET}/networks/r1", reply(in_use, 409))
    with pytest.raises(Refused, match="There are ports on it") as error:
        await cloud.actuators()["network"].delete(ANN, "r1")
    assert (error.value.status, error.value.elsewhere) == (409, False)


@pytest.mark.parametrize(
    ("extensions", "asked"),
    [
        ([], False),
        (["standard-attr-timestamp"], True),
        (["standard-attr-timestamp", "filter-validation"], False),
    ],
)
async def test_changes_are_asked_for_where_neutron_can_tell(
    cloud: OpenStackCloud, fake: FakeChild, extensions: list[str], asked: bool
) -> None:
    fake.on(f"GET {NET}/extensions", reply({"extensions": [{"alias": alias} for alias in extensions]}))
    broken = document(id="r2", description=7)
    fake.on(f"GET {NET}/networks", reply({"networks": [document(updated_at="2026-01-02T00:00:00Z"), broken]}))
    seen = [one async for one in cloud.actuators()["network"].list_changed("2026-01-01T00:00:00Z")]
    assert [(one.remote_id, one.changed_at, bool(one.unread)) for one in seen] == [
        ("r1", "2026-01-02T00:00:00Z", False),
        ("r2", "", True),
    ]
    [heard] = fake.said(f"GET {NET}/networks")
    assert ("changed_since" in heard.query) is asked
    assert heard.headers["x-auth-token"] == "token-1"


# --- security groups ----------------------------------------------------------------------------


async def test_the_name_default_is_taken_there(cloud: OpenStackCloud, fake: FakeChild) -> None:
    groups = cloud.actuators()["security_group"]
    fake.on(f"POST {NET}/security-groups", reply({"security_group": document()}, 201))
    fake.on(f"PUT {NET}/security-groups/r1", reply({"security_group": document()}))
    await groups.create(ANN, SecurityGroupWanted(id="w1", name="Default"))
    await groups.apply(ANN, "r1", Step("rename", {"name": "default"}))
    await groups.apply(ANN, "r1", Step("rename", {"name": "defaults"}))
    names = [heard.json["security_group"]["name"] for heard in fake.heard if heard.method in ("POST", "PUT")]
    assert names == ["fractus-default", "fractus-default", "defaults"]


async def test_rules_are_read_in_our_words(cloud: OpenStackCloud, fake: FakeChild) -> None:
    rules = [
        {"id": "a", "direction": "egress", "ethertype": "IPv4", "protocol": None},
        {"id": "b", "direction": "ingress", "ethertype": "IPv6", "protocol": 6, "remote_group_id": "r1"},
        {"id": "c", "direction": "ingress", "ethertype": None, "protocol": "tcp", "remote_group_id": "r9"},
        {"id": "d", "direction": "ingress", "ethertype": "IPv4", "remote_address_group_id": "some"},
    ]
    fake.on(f"GET {NET}/security-groups/r1", reply({"security_group": document(security_group_rules=rules)}))
    seen = await cloud.actuators()["security_group"].observe(ANN, "r1")
    assert [(rule.remote_id, rule.ethertype, rule.protocol, rule.remote_group_id) for rule in seen.rules] == [
        ("a", "IPv4", None, None),
        ("b", "IPv6", "6", "self"),
        ("c", "IPv4", "tcp", "r9"),
        ("d", "IPv4", None, None),
    ]
    assert [rule.remote_address_group_id for rule in seen.rules] == [UNSET, UNSET, UNSET, "some"]


async def test_a_rule_that_is_there_is_done_and_a_full_child_is_not(
    cloud: OpenStackCloud, fake: FakeChild
) -> None:
    groups = cloud.actuators()["security_group"]
    call = f"POST {NET}/security-group-rules"
    step = Step(
        "add_rule", {"direction": "ingress", "remote_group_id": "self", "protocol": None, "remote_id": ""}
    )
    exists = {
        "NeutronError": {"type": "SecurityGroupRuleExists", "message": "Security group rule already exists."}
    }
    full = {
        "NeutronError": {
            "type": "OverQuota",
            "message": "Quota exceeded for resources: ['security_group_rule'].",
        }
    }
    fake.on(call, reply(exists, 409), reply(full, 409), drop)
    await groups.apply(ANN, "r1", step)
    assert fake.said(call)[0].json == {
        "security_group_rule": {"direction": "ingress", "security_group_id": "r1", "remote_group_id": "r1"}
    }
    with pytest.raises(Refused) as error:
        await groups.apply(ANN, "r1", step)
    assert error.value.elsewhere
    with pytest.raises(Unreachable):  # a second like it would be refused, so it may be repeated freely
        await groups.apply(ANN, "r1", step)


async def test_a_rule_that_is_gone_is_done(cloud: OpenStackCloud, fake: FakeChild) -> None:
    fake.on(f"DELETE {NET}/security-group-rules/b", fault("no rule", 404, "NeutronError"))
    await cloud.actuators()["security_group"].apply(ANN, "r1", Step("delete_rule", {"remote_id": "b"}))
    with pytest.raises(Refused, match="no verb update"):
        await cloud.actuators()["security_group"].apply(ANN, "r1", Step("update", {"name": "x"}))


async def test_notes_that_are_written_anew_stand_beside_the_whole_marker(
    cloud: OpenStackCloud, fake: FakeChild
) -> None:
    """Without whose it is, a fractus beside this one could not tell that it is none of its own."""
    cloud._child.by = "0123456789ab"
    fake.on(f"PUT {NET}/subnets/s1", reply({"subnet": {}}))
    step = Step("update", {"id": "w1", "notes": {"pools": []}})
    await cloud.actuators()["subnet"].apply(ANN, "s1", step)
    text = fake.said(f"PUT {NET}/subnets/s1")[0].json["subnet"]["description"]
    assert (marks.from_tag(text), marks.by_note(text)) == ("w1", "0123456789ab")
    assert marks.notes_of(text) == {"pools": []}


# --- interfaces of routers ----------------------------------------------------------------------

R1 = f"{NET}/routers/r"
INTERFACE = RouterInterfaceWanted(id="w1", router_id="r", port_id="r1", subnets=["s"])


def interface(**changes: Any) -> dict[str, Any]:
    has = {
        "device_owner": "network:router_interface",
        "device_id": "r",
        "fixed_ips": [{"subnet_id": "s", "ip_address": "10.0.0.1"}],
    }
    return document(**has | changes)


async def test_a_router_of_another_project_is_given_a_port_with_more_rights(
    cloud: OpenStackCloud, fake: FakeChild
) -> None:
    hidden = fault("Router r could not be found", 404, "NeutronError")
    fake.on(f"PUT {R1}/add_router_interface", hidden, reply({"id": "r"}))
    made = await cloud.actuators()["router_interface"].create(ANN, INTERFACE)
    assert made.remote_id == "r1"
    mine, theirs = fake.said(f"PUT {R1}/add_router_interface")
    assert theirs.json == mine.json == {"port_id": "r1"}
    assert theirs.headers["x-auth-token"] != mine.headers["x-auth-token"]
    fake.on(f"GET {NET}/ports/r1", reply({"port": interface()}))
    fake.on(f"PUT {R1}/remove_router_interface", hidden)
    with pytest.raises(Missing):
        await cloud.actuators()["router_interface"].delete(ANN, "r1")
    assert len(fake.said(f"PUT {R1}/remove_router_interface")) == 2


async def test_an_interface_whose_answer_was_lost_is_found_by_its_port(
    cloud: OpenStackCloud, fake: FakeChild
) -> None:
    """Also where the port was taken over, and so has no marker: made again it would be refused for ever."""
    answers = [interface(), interface(description=""), interface(description="fractus:w2"),
               interface(device_id="other"), interface(device_owner="")]  # fmt: skip
    found = []
    for port in answers:
        fake.on(f"GET {NET}/ports/r1", reply({"port": port}))
        seen = await cloud.actuators()["router_interface"].find(ANN, INTERFACE)
        found.append(None if seen is None else (seen.remote_id, seen.marker))
    assert found == [("r1", "w1"), ("r1", "w1"), None, None, None]


async def test_a_port_that_no_router_has_yet_is_no_interface(cloud: OpenStackCloud, fake: FakeChild) -> None:
    """Users may write into a port of theirs that it is a router's."""
    fake.on(f"GET {NET}/extensions", reply({"extensions": [{"alias": "router"}]}))
    ports = [interface(id="r1", device_id=""), interface(id="r2")]
    fake.on(f"GET {NET}/ports", reply({"ports": ports}), reply({"ports": []}))
    seen = [one async for one in cloud.actuators()["router_interface"].list_changed("")]
    assert [one.remote_id for one in seen] == ["r2"]
