"""Transfers of volumes from a project to another, end to end in simulated clouds."""

from __future__ import annotations

from typing import Any, cast

import pytest

from fractus.testing.user import VOLUME, User
from fractus.testing.world import World

V = "3.71"


async def _offer(user: User, volume: str, path: str = "volume-transfers", **more: Any) -> dict[str, Any]:
    asked = {"transfer": {"volume_id": volume, **more}}
    made = (await user.post(f"{VOLUME}/{path}", asked, version=V)).ok()["transfer"]
    return cast("dict[str, Any]", made)


async def _take(user: User, transfer: dict[str, Any], key: str = "") -> int:
    body = {"accept": {"auth_key": key or transfer["auth_key"]}}
    return (await user.post(f"{VOLUME}/volume-transfers/{transfer['id']}/accept", body, version=V)).status


async def _used(world: World, user: User) -> dict[str, int]:
    at = f"{VOLUME}/os-quota-sets/{user.project_id}?usage=true"
    quotas = (await world.admin.get(at, version=V)).ok()["quota_set"]
    return {name: quotas[name]["in_use"] for name in ("volumes", "gigabytes", "snapshots")}


def _owners(world: World, kind: str) -> set[str]:
    return {one.project_id for one in world.cloud("a").of(kind)}


@pytest.mark.parametrize("path", ["volume-transfers", "os-volume-transfer"])
async def test_a_volume_goes_to_another_project_with_its_snapshots_and_quota(world: World, path: str) -> None:
    ann, bob = world.user("ann", project="p1"), world.user("bob", project="p2")
    volume = await ann.makes_volume("v1", size=2, zone="a")
    await world.settle()
    snapshot = await ann.makes_snapshot(volume)
    await world.settle()
    (before,) = _owners(world, "volume")
    transfer = await _offer(ann, volume, path, name="offer")
    assert (transfer["name"], transfer["no_snapshots"], len(transfer["auth_key"])) == ("offer", False, 16)
    assert (await ann.volume(volume))["status"] == "awaiting-transfer"
    shown = (await ann.get(f"{VOLUME}/{path}/{transfer['id']}", version="3.54")).ok()["transfer"]
    assert set(shown) == {"id", "created_at", "name", "volume_id", "links"}
    assert (await bob.get(f"{VOLUME}/{path}/{transfer['id']}")).status == 404
    assert (await ann.delete(f"{VOLUME}/volumes/{volume}")).status == 400
    assert await _take(bob, transfer, "wrong") == 400
    assert await _take(bob, transfer) == 202
    assert (await ann.get(f"{VOLUME}/volumes/{volume}")).status == 404
    assert (await ann.get(f"{VOLUME}/{path}/{transfer['id']}")).status == 404
    await world.settle()
    assert (await bob.volume(volume))["status"] == "available"
    theirs = (await bob.get(f"{VOLUME}/snapshots/{snapshot}", version=V)).ok()["snapshot"]
    assert theirs["os-extended-snapshot-attributes:project_id"] == bob.project_id
    assert await _used(world, ann) == {"volumes": 0, "gigabytes": 0, "snapshots": 0}
    assert await _used(world, bob) == {"volumes": 1, "gigabytes": 4, "snapshots": 1}
    (after,) = _owners(world, "volume")
    assert after != before
    assert _owners(world, "snapshot") == {after}


async def test_snapshots_may_stay_and_an_offer_may_end(world: World) -> None:
    ann, bob = world.user("ann", project="p1"), world.user("bob", project="p2")
    volume = await ann.makes_volume("v1", zone="a")
    await world.settle()
    snapshot = await ann.makes_snapshot(volume)
    await world.settle()
    transfer = await _offer(ann, volume)
    assert (await bob.delete(f"{VOLUME}/volume-transfers/{transfer['id']}")).status == 404
    assert (await ann.delete(f"{VOLUME}/volume-transfers/{transfer['id']}")).status == 202
    await world.settle()
    assert (await ann.volume(volume))["status"] == "available"
    assert await _take(bob, transfer) == 404
    transfer = await _offer(ann, volume, no_snapshots=True, name=None)
    assert await _take(bob, transfer) == 202
    await world.settle()
    assert (await ann.get(f"{VOLUME}/snapshots/{snapshot}")).status == 200
    assert (await bob.get(f"{VOLUME}/snapshots/{snapshot}")).status == 404
    assert (await bob.volume(volume))["status"] == "available"
    assert _owners(world, "snapshot") != _owners(world, "volume")


async def test_who_has_no_quota_for_it_takes_nothing(world: World) -> None:
    ann, bob = world.user("ann", project="p1"), world.user("bob", project="p2")
    volume = await ann.makes_volume("v1", size=2, zone="a")
    await world.settle()
    transfer = await _offer(ann, volume)
    at = f"{VOLUME}/os-quota-sets/{bob.project_id}"
    (await world.admin.put(at, {"quota_set": {"gigabytes": 1}}, version=V)).ok()
    assert await _take(bob, transfer) == 413
    assert (await ann.volume(volume))["status"] == "awaiting-transfer"
    assert await _used(world, ann) == {"volumes": 1, "gigabytes": 2, "snapshots": 0}
    (await world.admin.put(at, {"quota_set": {"gigabytes": 2}}, version=V)).ok()
    assert await _take(bob, transfer) == 202
    await world.settle()
    assert await _used(world, bob) == {"volumes": 1, "gigabytes": 2, "snapshots": 0}
