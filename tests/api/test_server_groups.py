"""Server groups and scheduler hints, end to end in simulated clouds."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from fractus.base.ids import new_id
from fractus.testing.asgi import HttpReply
from fractus.testing.user import COMPUTE, User
from fractus.testing.world import World

GROUPS = f"{COMPUTE}/os-server-groups"
NEWEST = "2.104"


async def _makes(user: User, policy: str, **rules: int) -> str:
    body = {"server_group": {"name": policy, "policy": policy, **({"rules": rules} if rules else {})}}
    made = (await user.post(GROUPS, body, version=NEWEST)).ok()["server_group"]
    return str(made["id"])


async def _asks(user: User, hints: dict[str, Any], zone: str = "", number: int = 1) -> HttpReply:
    """For a server with hints, which stand beside it in the body."""
    world = user._world
    asked: dict[str, Any] = {
        "name": "vm", "flavorRef": await world.default_flavor(), "imageRef": await world.default_image(),
        "networks": "none", "min_count": number,
    }  # fmt: skip
    if zone:
        asked["availability_zone"] = zone
    return await user.post(
        f"{COMPUTE}/servers", {"server": asked, "os:scheduler_hints": hints}, version=NEWEST
    )


async def _boots(user: User, hints: dict[str, Any], zone: str = "") -> str:
    return str((await _asks(user, hints, zone)).ok()["server"]["id"])


async def _where(user: User) -> dict[str, str]:
    """The zone of each of their servers that runs."""
    shown = await user.servers(version=NEWEST)
    return {one["id"]: one["OS-EXT-AZ:availability_zone"] for one in shown if one["status"] == "ACTIVE"}


def _hosts(world: World, cloud: str) -> list[str]:
    return sorted(one.host for one in world.cloud(cloud).of("server"))  # type: ignore[attr-defined]


def _sentence(reply: HttpReply) -> str:
    (fault,) = reply.json.values()
    return str(fault["message"])


async def test_affinity_keeps_servers_in_one_cloud_and_there_on_one_host(world: World) -> None:
    ann = world.user("ann")
    group = await _makes(ann, "affinity")
    (await _asks(ann, {"group": group}, number=3)).ok()
    await world.settle()
    at = await _where(ann)
    (cloud,) = set(at.values())
    assert len(at) == 3
    assert len(set(_hosts(world, cloud))) == 1
    (there,) = world.cloud(cloud).of("server_group")
    assert there.project_id == ann.project_id
    # One more comes to them, though other clouds hold less; in another zone it is refused.
    other = next(one.name for one in world.clouds if one.name != cloud)
    late = await _boots(ann, {"group": group})
    await world.settle()
    assert (await _where(ann))[late] == cloud
    refused = await _asks(ann, {"group": group}, zone=other)
    assert (refused.status, _sentence(refused)) == (
        409,
        f"Server group {group} keeps its servers together in {cloud}, which a server in {other} cannot join: leave the"
        " availability zone out, or name that one.",
    )


async def test_anti_affinity_spreads_servers_over_clouds_and_then_over_hosts(world: World) -> None:
    ann = world.user("ann")
    group = await _makes(ann, "anti-affinity")
    number = 2 * len(world.clouds)
    (await _asks(ann, {"group": group}, number=number)).ok()
    await world.settle()
    at = await _where(ann)
    assert set(Counter(at.values()).values()) == {2}
    assert len(at) == number
    for cloud in world.clouds:
        assert len(set(_hosts(world, cloud.name))) == 2, "each host has one of them"
    shown = (await ann.get(f"{GROUPS}/{group}", version=NEWEST)).ok()["server_group"]
    assert sorted(shown["members"]) == sorted(at)


async def test_a_cloud_without_a_host_for_another_is_left_for_the_next(world: World) -> None:
    """A cloud of four hosts takes four; a fifth goes elsewhere, and where the zone is its user's it ends in ERROR."""
    ann = world.user("ann")
    group = await _makes(ann, "anti-affinity")
    for _ in range(4):
        await _boots(ann, {"group": group}, zone="a")
    await world.settle()
    assert _hosts(world, "a") == ["host-1", "host-2", "host-3", "host-4"]
    stuck = await _boots(ann, {"group": group}, zone="a")
    await world.settle()
    fault = (await ann.server(stuck))["fault"]
    assert "No valid host" in fault["message"]
    wide = await _makes(ann, "anti-affinity", max_server_per_host=2)
    for _ in range(5):
        await _boots(ann, {"group": wide}, zone="b")
    await world.settle()
    assert len(_hosts(world, "b")) == 5


async def test_soft_policies_prefer_and_do_not_insist(world: World) -> None:
    ann = world.user("ann")
    together, apart = await _makes(ann, "soft-affinity"), await _makes(ann, "soft-anti-affinity")
    one = await _boots(ann, {"group": together}, zone="b")
    await world.settle()
    two = await _boots(ann, {"group": together})
    other = await _boots(ann, {"group": together}, zone="a")
    first, second = await _boots(ann, {"group": apart}), await _boots(ann, {"group": apart})
    await world.settle()
    at = await _where(ann)
    assert (at[one], at[two], at[other]) == ("b", "b", "a")
    assert at[first] != at[second]


async def test_a_group_leaves_its_clouds_with_its_servers_and_ends_when_it_is_deleted(world: World) -> None:
    ann = world.user("ann")
    group = await _makes(ann, "affinity")
    server = await _boots(ann, {"group": group}, zone="a")
    await world.settle()
    shown = await ann.server(server, version=NEWEST)
    assert shown["server_groups"] == [group]
    assert shown["scheduler_hints"] == {"group": [group]}
    assert "server_groups" not in await ann.server(server, version="2.70")
    assert (await ann.delete(f"{GROUPS}/{group}", version=NEWEST)).status == 204
    assert (await ann.get(f"{GROUPS}/{group}", version=NEWEST)).status == 404
    assert (await ann.server(server, version=NEWEST))["server_groups"] == []
    assert (await _asks(ann, {"group": group})).status == 400
    await ann.deletes_server(server)
    await world.settle()
    assert not world.cloud("a").of("server_group")
    await world.assert_no_orphans()


async def test_quotas_limit_groups_and_their_members(world: World) -> None:
    ann, root = world.user("ann"), world.admin
    limits = {"quota_set": {"server_groups": 1, "server_group_members": 2}}
    (await root.put(f"{COMPUTE}/os-quota-sets/{ann.project_id}", limits, version=NEWEST)).ok()
    group = await _makes(ann, "soft-anti-affinity")
    body = {"server_group": {"name": "x", "policy": "affinity"}}
    refused = await ann.post(GROUPS, body, version=NEWEST)
    assert (refused.status, _sentence(refused)) == (403, "Quota exceeded, too many server groups.")
    await _boots(ann, {"group": group})
    refused = await _asks(ann, {"group": group}, number=2)
    assert (refused.status, _sentence(refused)) == (403, "Quota exceeded, too many servers in group")
    await _boots(ann, {"group": group})
    assert (await _asks(ann, {"group": group})).status == 403
    used = (await ann.get(f"{COMPUTE}/limits", version=NEWEST)).ok()["limits"]["absolute"]
    assert (used["totalServerGroupsUsed"], used["maxServerGroups"], used["maxServerGroupMembers"]) == (
        1,
        1,
        2,
    )


async def test_hints_that_name_servers(world: World) -> None:
    """`same_host` decides the cloud; `different_host` counts in the cloud where those are."""
    ann, bob = world.user("ann"), world.user("bob", project="p2")
    one = await _boots(ann, {}, zone="b")
    early = await _asks(ann, {"same_host": one})
    assert early.status == 409
    assert "is on no host yet" in _sentence(early)
    await world.settle()
    same = await _boots(ann, {"same_host": [one]})
    apart = await _boots(ann, {"different_host": [one, same]}, zone="b")
    far = await _boots(ann, {"different_host": one}, zone="a")
    await world.settle()
    at = await _where(ann)
    assert (at[same], at[apart], at[far]) == ("b", "b", "a")
    shown = {one["id"]: one["hostId"] for one in await ann.servers()}
    assert shown[one] == shown[same] != shown[apart]
    assert (await _asks(ann, {"same_host": one}, zone="a")).status == 409
    assert (await _asks(ann, {"same_host": [one, far]})).status == 409
    assert (await _asks(bob, {"different_host": one})).status == 400
    # Whoever was named may leave, whoever named it stays.
    await ann.deletes_server(one)
    await world.settle()
    assert set(await _where(ann)) == {same, apart, far}


@pytest.mark.parametrize(
    ("hints", "why"),
    [
        ({"group": "x"}, "Invalid input for field/attribute group. Value: x."),
        ({"group": 1}, "Invalid input for field/attribute group. Value: 1."),
        ({"different_host": ["x"]}, "Invalid input for field/attribute different_host."),
        ({"same_host": 7}, "7 is not of type 'string', 'array'"),
        ({"same_host": [7]}, "Invalid input for field/attribute 0. Value: 7."),
        ({"cidr": "24"}, "'24' does not match"),
        ({"build_near_host_ip": "x"}, "Invalid input for field/attribute build_near_host_ip."),
        ({"query": 7}, "7 is not of type 'string', 'object'"),
        ({"group": new_id()}, "could not be found."),
    ],
)
async def test_wrong_hints_are_refused_as_nova_refuses_them(
    world: World, hints: dict[str, Any], why: str
) -> None:
    reply = await _asks(world.user("ann"), hints)
    assert reply.status == 400
    assert why in _sentence(reply)
