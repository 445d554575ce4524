"""Ports attached to servers and detached from them, as often as their users like."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from fractus.testing.user import COMPUTE, NETWORK, MadeNetwork
from fractus.testing.world import World


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with World(clouds=1, tmp_path=tmp_path) as world:
        yield world


async def has_server(world: World) -> tuple[MadeNetwork, str]:
    """A server with one port, and its network."""
    ann = world.user("ann")
    network = await ann.makes_network("red", cidr="10.1.0.0/24")
    server = await ann.boots_server("vm", network=network)
    await world.settle()
    return network, server


def ports(world: World) -> int:
    [there] = world.cloud("a").of("server")
    return len(there.port_ids)  # type: ignore[attr-defined]


async def test_one_port_comes_and_goes(world: World) -> None:
    network, server = await has_server(world)
    ann, at = world.user("ann"), f"{COMPUTE}/servers/{server}/os-interface"
    port = (await ann.post(f"{NETWORK}/ports", {"port": {"network_id": network.id}})).ok()["port"]["id"]
    for _ in range(3):
        (await ann.post(at, {"interfaceAttachment": {"port_id": port}})).ok()
        await world.settle()
        assert ports(world) == 2
        (await ann.delete(f"{at}/{port}")).ok()
        await world.settle()
        assert ports(world) == 1


async def test_one_that_leaves_before_it_came_keeps_none_waiting(world: World) -> None:
    network, server = await has_server(world)
    ann, at = world.user("ann"), f"{COMPUTE}/servers/{server}/os-interface"
    body = {"interfaceAttachment": {"net_id": network.id}}
    first = (await ann.post(at, body)).ok()["interfaceAttachment"]["port_id"]
    (await ann.delete(f"{at}/{first}")).ok()
    (await ann.post(at, body)).ok()
    await world.settle()
    assert ports(world) == 2


async def test_it_is_attached_before_the_server_is_suspended(world: World) -> None:
    network, server = await has_server(world)
    ann, at = world.user("ann"), f"{COMPUTE}/servers/{server}/os-interface"
    (await ann.post(at, {"interfaceAttachment": {"net_id": network.id}})).ok()
    (await ann.acts(server, "suspend", None)).ok()
    await world.settle()
    assert ((await ann.server(server))["status"], ports(world)) == ("SUSPENDED", 2)
