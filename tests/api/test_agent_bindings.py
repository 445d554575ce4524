"""What administrators say of agents, and which agents serve which networks and routers: asked of the cloud of each."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from fractus.testing.user import NETWORK
from fractus.testing.world import World

AGENTS = f"{NETWORK}/agents"
NOWHERE = "8f0b4a6e-0000-4000-8000-000000000001"


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with World(2, tmp_path=tmp_path, shape={"agents": True, "hosts": 1}) as made:
        await made.sweep(full=True)
        yield made


def error(reply: Any) -> tuple[int, str, str]:
    found = reply.json["NeutronError"]
    return reply.status, found["type"], found["message"]


async def agent(world: World, type: str, zone: str = "a") -> dict[str, Any]:
    every = await world.admin.listed(AGENTS, agent_type=type, availability_zone=zone)
    found: dict[str, Any] = every[0]
    return found


async def test_a_change_is_made_in_the_cloud_and_shown_at_once(world: World) -> None:
    one = await agent(world, "L3 agent")
    path = f"{AGENTS}/{one['id']}"
    body = {"agent": {"admin_state_up": "false", "description": "under repair"}}
    changed = (await world.admin.put(path, body)).ok()["agent"]
    assert (changed["admin_state_up"], changed["description"]) == (False, "under repair")
    assert (await world.admin.get(path)).ok() == {"agent": changed}
    assert world.cloud("a").backend.agents[one["id"]]["admin_state_up"] is False
    await world.sweep(full=True)
    assert (await world.admin.get(path)).ok()["agent"]["description"] == "under repair"


async def test_one_that_is_deleted_is_gone_there_and_here(world: World) -> None:
    one = await agent(world, "Metadata agent", "b")
    assert (await world.admin.delete(f"{AGENTS}/{one['id']}")).status == 204
    assert one["id"] not in world.cloud("b").backend.agents
    assert error(await world.admin.get(f"{AGENTS}/{one['id']}"))[:2] == (404, "AgentNotFound")


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ({"agent": {"host": "x"}}, "Cannot update read-only attribute host"),
        ({"agent": {"nonsense": 1}}, "Unrecognized attribute(s) 'nonsense'"),
        ({}, "Resource body required"),
    ],
)
async def test_bad_changes_are_refused_as_neutron_does(world: World, body: Any, sentence: str) -> None:
    reply = await world.admin.put(f"{AGENTS}/{(await agent(world, 'L3 agent'))['id']}", body)
    assert error(reply) == (400, "HTTPBadRequest", sentence)


async def test_members_may_change_none_and_are_shown_nothing_of_them(world: World) -> None:
    member, one = world.user("ann"), await agent(world, "L3 agent")
    path = f"{AGENTS}/{one['id']}"
    for reply in (await member.put(path, {"agent": {"description": ""}}), await member.delete(path)):
        assert error(reply) == (404, "HTTPNotFound", "The resource could not be found.")
    assert error(await member.get(f"{path}/l3-routers"))[:2] == (403, "PolicyNotAuthorized")
    assert error(await member.get(f"{NETWORK}/networks/{NOWHERE}/dhcp-agents"))[0] == 403


async def test_an_agent_serves_networks_of_its_cloud(world: World) -> None:
    """Where the network is, and in our words; the cloud's refusals are those of its Neutron."""
    ann = world.user("ann")
    made = await ann.makes_network()
    network, dhcp = made.id, await agent(world, "DHCP agent")
    there = f"{NETWORK}/networks/{network}/dhcp-agents"
    path, body = f"{AGENTS}/{dhcp['id']}/dhcp-networks", {"network_id": network}
    assert error(await world.admin.post(path, body))[0] == 409, "it is in no cloud yet"
    await ann.boots_server(network=made, zone="a")
    await world.settle()
    reply = await world.admin.post(path, body)
    assert (reply.status, reply.json) == (201, None)
    assert [one["id"] for one in (await world.admin.get(path)).ok()["networks"]] == [network]
    assert (await world.admin.get(there)).ok()["agents"] == [dhcp]
    sentence = f"The network {network} has been already hosted by the DHCP Agent {dhcp['id']}."
    assert error(await world.admin.post(path, body)) == (409, "NetworkHostedByDHCPAgent", sentence)
    l3 = (await agent(world, "L3 agent"))["id"]
    sentence = f"Agent {l3} is not a valid DHCP Agent or has been disabled."
    refused = await world.admin.post(f"{AGENTS}/{l3}/dhcp-networks", body)
    assert error(refused) == (404, "InvalidDHCPAgent", sentence)
    assert (await world.admin.delete(f"{path}/{network}")).status == 204
    assert (await world.admin.get(there)).ok()["agents"] == []
    sentence = f"The network {network} is not hosted by the DHCP Agent {dhcp['id']}."
    assert error(await world.admin.delete(f"{path}/{network}")) == (
        409, "NetworkNotHostedByDhcpAgent", sentence,
    )  # fmt: skip


async def test_an_agent_serves_routers_of_its_cloud(world: World) -> None:
    ann = world.user("ann")
    made = await ann.makes_network()
    router = (await ann.post(f"{NETWORK}/routers", {"router": {}})).ok()["router"]["id"]
    (await ann.put(f"{NETWORK}/routers/{router}/add_router_interface", {"subnet_id": made.subnet_id})).ok()
    await ann.boots_server(network=made, zone="b")
    await world.settle()
    one = await agent(world, "L3 agent", "b")
    path, body = f"{AGENTS}/{one['id']}/l3-routers", {"router_id": router}
    assert (await world.admin.post(path, body)).status == 201
    (shown,) = (await world.admin.get(path)).ok()["routers"]
    assert shown == (await world.admin.get(f"{NETWORK}/routers/{router}")).ok()["router"]
    assert (await world.admin.get(f"{NETWORK}/routers/{router}/l3-agents")).ok()["agents"] == [one]
    assert (await world.admin.delete(f"{path}/{router}")).status == 204
    assert (await world.admin.get(path)).ok() == {"routers": []}


async def test_what_is_not_there_is_said_as_neutron_says_it(world: World) -> None:
    l3, dhcp = await agent(world, "L3 agent"), await agent(world, "DHCP agent")
    nobody, admin = f"{AGENTS}/{NOWHERE}", world.admin
    assert error(await admin.get(f"{nobody}/l3-routers"))[:2] == (404, "AgentNotFound")
    assert error(await admin.post(f"{nobody}/l3-routers", {"router_id": NOWHERE}))[:2] == (
        404,
        "RouterNotFound",
    )
    assert error(await admin.delete(f"{nobody}/dhcp-networks/{NOWHERE}"))[:2] == (404, "AgentNotFound")
    gone = await admin.delete(f"{AGENTS}/{l3['id']}/l3-routers/{NOWHERE}")
    assert error(gone)[:2] == (409, "RouterNotHostedByL3Agent")
    assert error(await admin.post(f"{AGENTS}/{dhcp['id']}/dhcp-networks", {}))[0] == 400
    assert (await admin.get(f"{NETWORK}/networks/{NOWHERE}/dhcp-agents")).ok() == {"agents": []}
    assert error(await admin.get(f"{NETWORK}/routers/{NOWHERE}/l3-agents"))[:2] == (404, "RouterNotFound")


async def test_pools_of_floating_ips_are_the_subnets_outside(world: World) -> None:
    ann = world.user("ann")
    await ann.makes_network()
    made = await world.admin.makes_network("public", cidr="172.24.0.0/24", **{"router:external": True})
    pools = (await ann.get(f"{NETWORK}/floatingip_pools")).ok()["floatingip_pools"]
    assert pools == [
        {
            "subnet_id": made.subnet_id, "subnet_name": "public-subnet", "project_id": ann.project_id,
            "network_id": made.id, "cidr": "172.24.0.0/24", "tenant_id": ann.project_id,
        }
    ]  # fmt: skip
    refused = error(await ann.get(f"{NETWORK}/floatingip_pools", cidr="10.0.0.0/24"))
    assert refused == (400, "HTTPBadRequest", "['cidr'] is invalid attribute for filtering")
