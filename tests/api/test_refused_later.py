"""What a cloud refuses of what was accepted is shown by the resource itself, until the cloud takes it."""

from __future__ import annotations

from typing import Any

import pytest

from fractus.testing.user import NETWORK, User
from fractus.testing.world import World

_REASON = "The cloud says no."

#: Kind -> collection, and a change that its cloud is asked to make.
_CHANGES: dict[str, tuple[str, dict[str, Any]]] = {
    "network": ("networks", {"name": "other"}),
    "subnet": ("subnets", {"name": "other"}),
    "port": ("ports", {"name": "other"}),
    "security_group": ("security-groups", {"name": "other"}),
}


async def _carried(user: User, world: World) -> dict[str, str]:
    """Ids of one of each kind, all of them in the cloud a."""
    group = await user.makes_security_group("web")
    network = await user.makes_network()
    server = await user.boots_server(network=network, groups=["web"], zone="a")
    await world.settle()
    (port,) = (await user.get(f"{NETWORK}/ports", device_id=server)).ok()["ports"]
    return {"network": network.id, "subnet": network.subnet_id, "port": port["id"], "security_group": group}


async def _shown(user: User, kind: str, id: str) -> dict[str, Any]:
    collection, _ = _CHANGES[kind]
    document: dict[str, Any] = (await user.get(f"{NETWORK}/{collection}/{id}")).ok()[kind]
    listed = (await user.get(f"{NETWORK}/{collection}", id=id)).ok()[collection.replace("-", "_")]
    assert listed == [document]
    return document


@pytest.mark.parametrize("kind", _CHANGES)
async def test_a_refused_change_is_shown_until_it_is_taken(world: World, kind: str) -> None:
    ann, faults = world.user("ann"), world.cloud("a").faults
    id = (await _carried(ann, world))[kind]
    before = await _shown(ann, kind, id)
    collection, change = _CHANGES[kind]
    assert "fractus:error" not in before
    faults.refuses(_REASON, kind=kind, method="apply")
    (await ann.put(f"{NETWORK}/{collection}/{id}", {kind: change})).ok()
    await world.run_for(10)
    refused = await _shown(ann, kind, id)
    assert refused["fractus:error"] == f"In zone a: {_REASON}"
    assert refused["name"] == "other", "what is wanted"
    assert refused.get("status") != "ACTIVE"
    faults.heals()
    await world.run_for(200)
    after = await _shown(ann, kind, id)
    assert "fractus:error" not in after
    assert after.get("status") == before.get("status")


@pytest.mark.parametrize("kind", ["network", "subnet", "port", "security_group"])
async def test_a_refused_create_is_shown(world: World, kind: str) -> None:
    ann, faults = world.user("ann"), world.cloud("a").faults
    group = await ann.makes_security_group("web")
    network = await ann.makes_network()
    faults.refuses(_REASON, kind=kind, method="create")
    server = await ann.boots_server(network=network, groups=["web"], zone="a")
    await world.run_for(10)
    (port,) = (await ann.get(f"{NETWORK}/ports", device_id=server)).ok()["ports"]
    ids = {"network": network.id, "subnet": network.subnet_id, "port": port["id"], "security_group": group}
    refused = await _shown(ann, kind, ids[kind])
    assert refused["fractus:error"] == f"In zone a: {_REASON}"
    assert refused.get("status") != "ACTIVE"
    assert (await ann.server(server))["status"] == "ERROR"


async def test_a_network_that_one_cloud_refuses_is_active_in_others(world: World) -> None:
    ann = world.user("ann")
    network = await ann.makes_network()
    await ann.boots_server(network=network, zone="b")
    await world.settle()
    world.cloud("a").faults.refuses(_REASON, kind="network", method="create")
    await ann.boots_server(network=network, zone="a")
    await world.run_for(10)
    shown = await _shown(ann, "network", network.id)
    assert (shown["status"], shown["fractus:error"]) == ("ACTIVE", f"In zone a: {_REASON}")
    assert shown["availability_zones"] == ["b"]
