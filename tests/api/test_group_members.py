"""A rule whose remote is a security group lets in its members in every cloud: those elsewhere by their addresses."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fractus.testing.user import NETWORK, MadeNetwork, User
from fractus.testing.world import World


def let_in(world: World, cloud: str, name: str = "web") -> set[str]:
    """The addresses that a group of a cloud lets in beside its own members there."""
    group = next(one for one in world.cloud(cloud).of("security_group") if one.name == name)
    named = {one.remote_address_group_id for one in group.rules if one.remote_address_group_id}
    return {
        address
        for one in world.cloud(cloud).of("group_members")
        if one.id in named
        for address in one.addresses
    }


def prefixes(world: World, cloud: str) -> set[str]:
    """The addresses for which a group of a cloud has rules."""
    group = next(one for one in world.cloud(cloud).of("security_group") if one.name == "web")
    return {one.remote_ip_prefix for one in group.rules if one.remote_ip_prefix}


async def web(ann: User, *, remote: str = "", **more: Any) -> str:
    """A group whose members may reach one another, or that those of another may reach."""
    group = await ann.makes_security_group("web" if not remote else "db", ())
    rule = {
        "security_group_id": group, "direction": "ingress", "protocol": "tcp", "remote_group_id": remote or group,
        **more,
    }  # fmt: skip
    (await ann.post(f"{NETWORK}/security-group-rules", {"security_group_rule": rule})).ok()
    return group


async def member(ann: User, network: MadeNetwork, zone: str, groups: Sequence[str]) -> tuple[str, str]:
    """A server in a cloud with a port of its own: the ids of both."""
    port = await ann.makes_port(network, security_groups=list(groups))
    server = await ann.boots_server(zone=zone, networks=[{"port": port["id"]}])
    return server, port["id"]


async def address(ann: User, port: str) -> str:
    shown = (await ann.get(f"{NETWORK}/ports/{port}")).ok()["port"]
    return f"{shown['fixed_ips'][0]['ip_address']}/32"


async def leaves(world: World, ann: User, server: str, port: str) -> None:
    await ann.deletes_server(server)
    await world.settle()
    (await ann.delete(f"{NETWORK}/ports/{port}")).ok()
    await world.settle()


async def test_members_in_other_clouds_are_let_in_by_their_addresses(world: World) -> None:
    ann = world.user("ann")
    network, group = await ann.makes_network(), await web(ann)
    _, first = await member(ann, network, "a", [group])
    await world.settle()
    assert world.cloud("a").of("group_members") == [], "a group that is in one cloud costs nothing more"
    second_server, second = await member(ann, network, "b", [group])
    await world.settle()
    assert let_in(world, "a") == {await address(ann, second)}
    assert let_in(world, "b") == {await address(ann, first)}
    _, third = await member(ann, network, "a", [group])
    await world.settle()
    assert let_in(world, "b") == {await address(ann, first), await address(ann, third)}
    assert let_in(world, "a") == {await address(ann, second)}
    await leaves(world, ann, second_server, second)
    assert let_in(world, "a") == set()


async def test_a_member_more_is_one_call_for_each_other_cloud(world: World) -> None:
    ann = world.user("ann")
    network, group = await ann.makes_network(), await web(ann)
    for zone in "ab":
        await member(ann, network, zone, [group])
    await world.settle()
    for cloud in world.clouds:
        cloud.faults.clear_log()
    await member(ann, network, "a", [group])
    await world.settle()
    assert len(let_in(world, "b")) == 2
    calls = [
        one.method for one in world.cloud("b").faults.calls("group_members") if one.method != "list_changed"
    ]
    assert calls.count("apply add_addresses") == 1
    assert set(calls) == {"observe", "apply add_addresses"}
    assert world.cloud("b").faults.calls("security_group", "apply") == []


async def test_what_a_port_may_answer_to_is_its_groups_too_and_leaves_with_it(world: World) -> None:
    ann = world.user("ann")
    network, group = await ann.makes_network(), await web(ann)
    await member(ann, network, "a", [group])
    _, port = await member(ann, network, "b", [group])
    await world.settle()
    own, path = await address(ann, port), f"{NETWORK}/ports/{port}"
    pairs = [{"ip_address": "10.0.0.64/28"}]
    (await ann.put(path, {"port": {"allowed_address_pairs": pairs}})).ok()
    await world.settle()
    assert let_in(world, "a") == {own, "10.0.0.64/28"}
    (await ann.put(path, {"port": {"security_groups": []}})).ok()
    await world.settle()
    assert let_in(world, "a") == set()


async def test_a_rule_of_another_group_reaches_members_elsewhere(world: World) -> None:
    """The remote group has members in one cloud only, and the rule is needed in another."""
    ann = world.user("ann")
    network, group = await ann.makes_network(), await web(ann)
    db = await web(ann, remote=group, port_range_min=5432, port_range_max=5432)
    _, port = await member(ann, network, "a", [group])
    await member(ann, network, "b", [db])
    await world.settle()
    assert let_in(world, "b", "db") == {await address(ann, port)}
    there = next(one for one in world.cloud("b").of("security_group") if one.name == "db")
    beside = [one for one in there.rules if one.remote_address_group_id]
    assert [(one.protocol, one.port_range_min, one.port_range_max) for one in beside] == [("tcp", 5432, 5432)]


async def test_a_cloud_without_address_groups_has_a_rule_for_each_member_elsewhere(world: World) -> None:
    ann = world.user("ann")
    world.cloud("b").faults.refuses("b has no address groups", kind="group_members", elsewhere=True)
    network, group = await ann.makes_network(), await web(ann)
    _, first = await member(ann, network, "a", [group])
    second_server, second = await member(ann, network, "b", [group])
    await world.settle()
    assert let_in(world, "a") == {await address(ann, second)}
    assert prefixes(world, "b") == {await address(ann, first)}
    third_server, third = await member(ann, network, "a", [group])
    await world.settle()
    assert prefixes(world, "b") == {await address(ann, first), await address(ann, third)}
    await leaves(world, ann, third_server, third)
    assert prefixes(world, "b") == {await address(ann, first)}
    assert (await ann.server(second_server))["status"] == "ACTIVE"


async def test_nothing_is_left_when_the_group_is_gone(world: World) -> None:
    ann = world.user("ann")
    network, group = await ann.makes_network(), await web(ann)
    made = [await member(ann, network, zone, [group]) for zone in "ab"]
    await world.settle()
    for server, port in made:
        await leaves(world, ann, server, port)
    (await ann.delete(f"{NETWORK}/security-groups/{group}")).ok()
    await world.settle()
    for cloud in "ab":
        assert world.cloud(cloud).of("group_members") == []
        assert [one.name for one in world.cloud(cloud).of("security_group") if one.name == "web"] == []


async def test_a_default_group_leaves_each_cloud_with_its_last_port(world: World) -> None:
    """What follows it there does not keep it."""
    ann = world.user("ann")
    network = await ann.makes_network(cidr="10.9.0.0/24")
    servers = [await ann.boots_server(zone=zone, networks=[{"uuid": network.id}]) for zone in ("a", "b")]
    await world.settle()
    assert [len(world.cloud(cloud).of("group_members")) for cloud in ("a", "b")] == [1, 1]
    for server, cloud in zip(servers, ("a", "b"), strict=True):
        await ann.deletes_server(server)
        await world.run_for(700.0)
        assert not world.cloud(cloud).of("group_members"), cloud
        assert [one.name for one in world.cloud(cloud).of("security_group") if one.name != "default"] == []
    await world.assert_no_orphans()
