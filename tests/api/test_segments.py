"""Segments of networks and the ranges of their numbers: each cloud's own, mirrored, and made in one cloud."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from fractus.testing.user import NETWORK
from fractus.testing.world import World

SEGMENTS, RANGES = f"{NETWORK}/segments", f"{NETWORK}/network_segment_ranges"
NOWHERE = "8f0b4a6e-0000-4000-8000-000000000001"
FIELDS = {
    "id", "network_id", "name", "description", "physical_network", "network_type", "segmentation_id", "created_at",
    "updated_at", "revision_number",
}  # fmt: skip


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with World(2, tmp_path=tmp_path) as made:
        yield made


def error(reply: Any) -> tuple[int, str, str]:
    found = reply.json["NeutronError"]
    return reply.status, found["type"], found["message"]


async def network(world: World, *zones: str) -> str:
    """A network with a server in each of these clouds."""
    ann = world.user("ann")
    made = await ann.makes_network()
    for zone in zones:
        await ann.boots_server(zone, zone=zone, networks=[{"uuid": made.id}])
    await world.settle()
    await world.sweep(full=True)
    return str(made.id)


def remote(world: World, cloud: str, id: str) -> str:
    (there,) = world.cloud(cloud).marked("network", id)
    return str(there.id)


async def test_segments_of_ours_are_shown_by_our_network(world: World) -> None:
    id, admin = await network(world, "a", "b"), world.admin
    every = await admin.listed(SEGMENTS, network_id=id)
    assert len(every) == 2
    assert {one["network_id"] for one in every} == {id}
    assert all(one.keys() == FIELDS for one in every)
    assert (await admin.get(f"{SEGMENTS}/{every[0]['id']}")).ok() == {"segment": every[0]}
    assert await admin.listed(SEGMENTS, network_id=NOWHERE) == []
    assert await world.user("ann").listed(SEGMENTS) == []
    reply = await world.user("ann").get(f"{SEGMENTS}/{every[0]['id']}")
    assert error(reply)[:2] == (404, "SegmentNotFound")


async def test_one_is_made_changed_and_deleted_in_the_cloud_of_its_network(world: World) -> None:
    id, admin = await network(world, "b"), world.admin
    asked = {"network_id": id, "network_type": "vlan", "physical_network": "physnet1", "segmentation_id": 333}
    made = (await admin.post(SEGMENTS, {"segment": asked})).ok()["segment"]
    assert made.items() >= asked.items()
    there = world.cloud("b").backend.segments["segment"][made["id"]]
    assert there["network_id"] == remote(world, "b", id)
    changed = (await admin.put(f"{SEGMENTS}/{made['id']}", {"segment": {"name": "rack"}})).ok()["segment"]
    assert (changed["name"], changed["network_id"]) == ("rack", id)
    await world.sweep(full=True)
    assert (await admin.get(f"{SEGMENTS}/{made['id']}")).ok()["segment"] == changed
    assert error(await admin.post(SEGMENTS, {"segment": asked}))[:2] == (409, "VlanIdInUse")
    assert (await admin.delete(f"{SEGMENTS}/{made['id']}")).status == 204
    assert error(await admin.get(f"{SEGMENTS}/{made['id']}"))[:2] == (404, "SegmentNotFound")
    await world.sweep(full=True)
    assert [one["network_type"] for one in await admin.listed(SEGMENTS, network_id=id)] == ["geneve"]


async def test_a_network_in_several_clouds_has_its_cloud_named(world: World) -> None:
    id, admin = await network(world, "a", "b"), world.admin
    asked = {"network_id": id, "network_type": "vlan", "segmentation_id": 7}
    status, type, sentence = error(await admin.post(SEGMENTS, {"segment": asked}))
    assert (status, type) == (400, "BadRequest")
    assert "which of a, b is meant" in sentence
    for named, shown in (("b@physnet2", "physnet2"), ("b@", None)):
        made = (await admin.post(SEGMENTS, {"segment": {**asked, "physical_network": named}})).ok()["segment"]
        assert (made["physical_network"], made["network_id"]) == (shown, id)
        assert made["id"] in world.cloud("b").backend.segments["segment"]
    reply = await admin.post(SEGMENTS, {"segment": {**asked, "physical_network": "c@physnet2"}})
    assert error(reply) == (400, "BadRequest", "Bad segment request: There is no place for it in zone c.")


async def test_what_is_refused(world: World) -> None:
    admin, ann = world.admin, world.user("ann")
    nowhere = await ann.makes_network()
    plain = {"network_id": nowhere.id, "network_type": "vxlan"}
    assert error(await admin.post(SEGMENTS, {"segment": plain})) == (
        400, "BadRequest", "Bad segment request: There is no place for it in any zone yet.",
    )  # fmt: skip
    unknown = {**plain, "network_id": NOWHERE}
    assert error(await admin.post(SEGMENTS, {"segment": unknown}))[:2] == (404, "NetworkNotFound")
    assert error(await ann.post(SEGMENTS, {"segment": plain})) == (
        403, "PolicyNotAuthorized", "rule:create_segment is disallowed by policy",
    )  # fmt: skip
    missing = {"segment": {"network_id": nowhere.id}}
    assert error(await admin.post(SEGMENTS, missing)) == (
        400, "HTTPBadRequest", "Failed to parse request. Required attribute 'network_type' not specified",
    )  # fmt: skip
    id = await network(world, "a")
    ((one),) = await admin.listed(SEGMENTS, network_id=id)
    path = f"{SEGMENTS}/{one['id']}"
    assert error(await admin.put(path, {"segment": {"network_type": "flat"}}))[2] == (
        "Cannot update read-only attribute network_type"
    )
    for reply in (await ann.put(path, {"segment": {"name": "x"}}), await ann.delete(path)):
        assert error(reply) == (404, "HTTPNotFound", "The resource could not be found.")


async def test_ranges_are_each_clouds(world: World) -> None:
    await world.sweep(full=True)
    admin = world.admin
    defaults = await admin.listed(RANGES)
    assert [one["default"] for one in defaults] == [True, True]
    assert await world.user("ann").listed(RANGES) == []
    asked = {"name": "r", "network_type": "vlan", "minimum": 5, "maximum": 9}
    body = {"network_segment_range": {**asked, "physical_network": "b@physnet1"}}
    made = (await admin.post(RANGES, body)).ok()["network_segment_range"]
    assert made.items() >= {**asked, "physical_network": "physnet1", "available": [5, 6, 7, 8, 9]}.items()
    assert made["id"] in world.cloud("b").backend.segments["network_segment_range"]
    path = f"{RANGES}/{made['id']}"
    changed = (await admin.put(path, {"network_segment_range": {"maximum": 7}})).ok()["network_segment_range"]
    assert changed["maximum"] == 7
    assert (await admin.delete(path)).status == 204
    assert len(await admin.listed(RANGES)) == 2
    refused = error(await admin.delete(f"{RANGES}/{defaults[0]['id']}"))
    assert refused[:2] == (400, "NetworkSegmentRangeDefaultReadOnly")
    private = {"network_segment_range": {**asked, "shared": False, "physical_network": "b@"}}
    assert "'shared' cannot be carried" in error(await admin.post(RANGES, private))[2]


async def test_documents_say_what_the_segments_of_a_cloud_mean(world: World) -> None:
    id, ann = await network(world, "a"), world.user("ann")
    shown = (await ann.get(f"{NETWORK}/networks/{id}")).ok()["network"]
    assert shown["l2_adjacency"] is True
    (subnet,) = await ann.listed(f"{NETWORK}/subnets", network_id=id)
    assert "segment_id" not in subnet
    seen = (await world.admin.get(f"{NETWORK}/subnets/{subnet['id']}")).ok()["subnet"]
    assert seen["segment_id"] is None
    change = {"subnet": {"segment_id": NOWHERE}}
    status, _, sentence = error(await world.admin.put(f"{NETWORK}/subnets/{subnet['id']}", change))
    assert status == 400
    assert sentence.startswith("Invalid input for operation: 'segment_id' cannot be carried")
    port = (await ann.post(f"{NETWORK}/ports", {"port": {"network_id": id, "fixed_ips": []}})).ok()["port"]
    assert port["ip_allocation"] == "none"
    other = (await ann.post(f"{NETWORK}/ports", {"port": {"network_id": id}})).ok()["port"]
    assert other["ip_allocation"] == "immediate"
