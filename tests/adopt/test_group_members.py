"""Members of a security group in other clouds, when a cloud is taken over, dropped, or all is made again from it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from fractus.clouds.simulated.records import GroupMembersRecord, SecurityGroupRecord
from fractus.model.network import Rule
from fractus.reconcile.adopt import detach as letting
from fractus.store import findings, presences
from fractus.testing.natives import Natives
from fractus.testing.user import NETWORK, MadeNetwork
from fractus.testing.world import World
from tests.adopt.takes import P1, changes, reported, take
from tests.adopt.test_detach import add_again, detach
from tests.adopt.test_rebuild import rebuild
from tests.api.test_group_members import address, let_in, member, web


async def across(world: World) -> tuple[MadeNetwork, str, list[tuple[str, str]]]:
    """A group with a member in each of two clouds: network, group, servers and their ports."""
    ann = world.user("ann")
    network, group = await ann.makes_network(), await web(ann, port_range_min=22, port_range_max=22)
    made = [await member(ann, network, zone, [group]) for zone in "ab"]
    await world.settle()
    return network, group, made


def group_there(world: World, cloud: str, name: str = "web") -> SecurityGroupRecord:
    """A group of a cloud."""
    [found] = [one for one in world.cloud(cloud).of("security_group") if one.name == name]
    assert isinstance(found, SecurityGroupRecord)
    return found


def members_there(world: World, cloud: str) -> GroupMembersRecord:
    """The one address group of a cloud."""
    [found] = world.cloud(cloud).of("group_members")
    assert isinstance(found, GroupMembersRecord)
    return found


async def rules(world: World, group: str) -> list[dict[str, Any]]:
    """Those that users see."""
    shown = (await world.user("ann").get(f"{NETWORK}/security-groups/{group}")).ok()["security_group"]
    own = ("id", "created_at", "updated_at")
    every = shown["security_group_rules"]
    return sorted(({name: one[name] for name in one if name not in own} for one in every), key=str)


async def test_a_rebuild_finds_them_again_and_no_rule_more(tmp_path: Path) -> None:
    async with World(clouds=2, tmp_path=tmp_path) as world:
        network, group, made = await across(world)
        before = await rules(world, group)
        there = {cloud: members_there(world, cloud).id for cloud in "ab"}
        asked = [len(changes(world, cloud)) for cloud in "ab"]
        await world.loses_database()
        reports = await rebuild(world)
        assert [reported(one) for one in reports.values()] == [[], []]
        assert (reports["a"].taken["group_members"], reports["b"].joined["group_members"]) == (1, 1)
        assert await rules(world, group) == before
        await world.settle()
        await world.sweep(full=True)
        await world.settle()
        assert [len(changes(world, cloud)) for cloud in "ab"] == asked
        assert {cloud: members_there(world, cloud).id for cloud in "ab"} == there
        assert await findings.of_kind(world.core.store, "a", "group_members") == {}
        # They are under management: a member more is known elsewhere, and with the group all of it ends.
        ann = world.user("ann")
        made.append(await member(ann, network, "a", [group]))
        await world.settle()
        assert let_in(world, "b") == {await address(ann, made[0][1]), await address(ann, made[2][1])}
        for server, _ in made:
            await ann.deletes_server(server)
        await world.settle()
        for _, port in made:
            await ann.delete(f"{NETWORK}/ports/{port}")
        (await ann.delete(f"{NETWORK}/security-groups/{group}")).ok()
        await world.settle()
        assert [world.cloud(cloud).of("group_members") for cloud in "ab"] == [[], []]


async def test_addresses_that_are_old_after_a_rebuild_are_mended(tmp_path: Path) -> None:
    async with World(clouds=2, tmp_path=tmp_path) as world:
        _, _, made = await across(world)
        await world.loses_database()
        for cloud in "ab":
            old = msgspec.structs.replace(members_there(world, cloud), addresses=["192.0.2.7/32"])
            world.cloud(cloud).backend.records.put(old)
            assert let_in(world, cloud) == {"192.0.2.7/32"}
        await rebuild(world)
        await world.settle()
        ann = world.user("ann")
        assert let_in(world, "a") == {await address(ann, made[1][1])}
        assert let_in(world, "b") == {await address(ann, made[0][1])}


async def test_a_cloud_that_is_dropped_has_no_members_any_more_and_has_them_when_it_is_back(
    world: World,
) -> None:
    ann = world.user("ann")
    _, group, made = await across(world)
    before, own = await rules(world, group), await address(ann, made[0][1])
    there, asked = msgspec.to_builtins(members_there(world, "b")), len(changes(world, "b"))
    await detach(world, "b")
    await world.core.children.refresh(world.core.store)
    await world.settle()
    assert await presences.left_in(world.core.store, "b") == {}
    assert let_in(world, "a") == set()
    assert msgspec.to_builtins(members_there(world, "b")) == there, "all goes on there"
    assert len(changes(world, "b")) == asked
    # A member more meanwhile, of which the dropped cloud heard nothing.
    (network,) = await ann.listed(f"{NETWORK}/networks")
    third = await ann.makes_port(
        MadeNetwork(network["id"], network["subnets"][0]),
        security_groups=[group], fixed_ips=[{"ip_address": "10.0.0.99"}],
    )  # fmt: skip
    await ann.boots_server(zone="a", networks=[{"port": third["id"]}])
    await world.settle()
    await add_again(world, "b")
    report = await take(world, "b")
    assert reported(report) == []
    assert report.joined["group_members"] == 1
    await world.settle()
    assert await rules(world, group) == before
    assert members_there(world, "b").id == there["id"]
    assert let_in(world, "b") == {own, "10.0.0.99/32"}
    assert let_in(world, "a") == {await address(ann, made[1][1])}


async def test_members_that_vanished_with_their_group_begin_anew(world: World) -> None:
    """The group comes back, what the cloud had of its members does not: the next cloud needs them again."""
    ann = world.user("ann")
    network, group, made = await across(world)
    await ann.deletes_server(made[0][0])
    await world.settle()
    (await ann.delete(f"{NETWORK}/ports/{made[0][1]}")).ok()
    await world.settle()
    await detach(world, "a")
    await detach(world, "b")
    await world.core.children.refresh(world.core.store)
    there = group_there(world, "b")
    beside = [one for one in there.rules if not one.remote_address_group_id]
    world.cloud("b").backend.records.put(msgspec.structs.replace(there, rules=beside))
    world.cloud("a").backend.records.drop(group_there(world, "a"))
    for cloud in "ab":
        for one in world.cloud(cloud).of("group_members"):
            world.cloud(cloud).backend.records.drop(one)
        await add_again(world, cloud)
        assert reported(await take(world, cloud)) == []
    await world.settle()
    _, port = await member(ann, network, "a", [group])
    await world.settle()
    assert let_in(world, "a") == {await address(ann, made[1][1])}
    assert let_in(world, "b") == {await address(ann, port)}


@pytest.mark.parametrize("marked", ["", "another"])
async def test_address_groups_of_others_stay_theirs(world: World, marked: str) -> None:
    """Of the cloud's own users, or of another installation: no rule that names one is passed over."""
    natives = Natives(world.cloud("a"), P1)
    more = {"marker": "7e6f2a80-0000-4000-8000-000000000001", "by": "fr-another"} if marked else {}
    theirs = natives.address_group(**more)
    natives.group("web", [Rule(direction="ingress", remote_address_group_id=theirs.id, remote_id="r1")])
    report = await take(world)
    assert reported(report) == [
        "security_group web: it has rules whose remote is an address group, which is taken over from no cloud"
    ]
    (reason,) = report.left["group_members"]
    assert reason.startswith(
        "it carries the mark of another" if marked else "address groups are taken over from no"
    )
    await world.sweep(full=True)
    await world.settle()
    assert changes(world) == []


async def test_what_no_group_is_known_of_is_left_for_an_operator(world: World) -> None:
    """Our mark, and a group that is gone from there: it is reported, and not touched by itself."""
    await across(world)
    ours = members_there(world, "a")
    await world.loses_database()
    world.cloud("a").backend.records.drop(group_there(world, "a"))
    reports = await rebuild(world)
    assert f"group_members {ours.name}: its security group is not taken over" in reported(reports["a"])
    await world.sweep(full=True)
    held = await findings.of_kind(world.core.store, "a", "group_members")
    assert held[ours.id].what == findings.ORPHAN
    assert members_there(world, "a").id == ours.id


async def test_a_default_group_of_a_clouds_own_is_ours_again_with_its_members(tmp_path: Path) -> None:
    """It has no marker there, and another id than here."""
    async with World(clouds=2, tmp_path=tmp_path) as world:
        natives = Natives(world.cloud("a"), P1)
        net = natives.network("office")
        natives.server("db", net, groups=[natives.group("default")])
        await take(world)
        ann = world.user("ann")
        await ann.boots_server(zone="b", network=await ann.makes_network(cidr="10.3.0.0/24"))
        await world.settle()
        (group,) = [one for one in await ann.listed(f"{NETWORK}/security-groups") if one["name"] == "default"]
        before, there = await rules(world, group["id"]), members_there(world, "a").id
        assert let_in(world, "a", "default"), "it lets in the member in the other cloud"
        await world.loses_database()
        for report in (await rebuild(world)).values():
            assert reported(report) == []
        assert reported(await take(world)) == []
        await world.settle()
        await world.sweep(full=True)
        await world.settle()
        listed = await ann.listed(f"{NETWORK}/security-groups")
        assert [(one["id"], one["name"]) for one in listed] == [(group["id"], "default")]
        assert await rules(world, group["id"]) == before
        assert members_there(world, "a").id == there
        assert let_in(world, "a", "default")


async def test_nothing_comes_back_to_a_cloud_while_it_is_dropped(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Members are dropped before their group: a worker that looks at them in between places them there again."""
    await across(world)
    asked, real = len(changes(world, "b")), letting._some

    async def looked_at_in_between(*given: Any) -> list[str]:
        came_to = await real(*given)
        await world.run_for(1)
        return came_to

    monkeypatch.setattr(letting, "_some", looked_at_in_between)
    await detach(world, "b")
    await world.core.children.refresh(world.core.store)
    await world.settle()
    assert await presences.left_in(world.core.store, "b") == {}
    assert len(changes(world, "b")) == asked
    assert let_in(world, "a") == set()
