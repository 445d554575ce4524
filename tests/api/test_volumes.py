"""Volumes, their types and snapshots, end to end in simulated clouds."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest
from sqlalchemy import select

from fractus.clouds.simulated.records import VolumeTypeRecord
from fractus.operations.volume_types import map_type, mapped
from fractus.quota.recount import recount
from fractus.quota.tables import QUOTA_LIMIT, QUOTA_USAGE
from fractus.store.transaction import Query
from fractus.testing.user import VOLUME, User
from fractus.testing.world import World

V = "3.71"


async def _ask(user: User, volume: str, action: str, body: Any) -> int:
    answer = await user.post(f"{VOLUME}/volumes/{volume}/action", {action: body}, version=V)
    return answer.status


def _there(world: World, cloud: str, kind: str = "volume") -> list[Any]:
    return cast("list[Any]", world.cloud(cloud).of(kind))


async def test_a_volume_lives_from_create_to_delete(world: World) -> None:
    ann = world.user("ann", project="p1")
    volume = await ann.makes_volume("v1", size=2, metadata={"a": "b"}, zone="b")
    assert (await ann.volume(volume))["status"] == "creating"
    await world.settle()
    shown = await ann.volume(volume)
    assert (shown["status"], shown["availability_zone"], shown["size"]) == ("available", "b", 2)
    (there,) = _there(world, "b")
    assert (there.name, there.size, there.metadata, there.type_name) == ("v1", 2, {"a": "b"}, "__DEFAULT__")
    assert not _there(world, "a")
    assert (await ann.delete(f"{VOLUME}/volumes/{volume}")).status == 202
    assert (await ann.volume(volume))["status"] == "deleting"
    await world.settle()
    assert (await ann.get(f"{VOLUME}/volumes/{volume}")).status == 404
    assert not _there(world, "b")


async def test_a_volume_changes_in_its_cloud(world: World) -> None:
    ann, admin = world.user("ann", project="p1"), world.admin
    volume = await ann.makes_volume("v1", zone="a")
    await world.settle()
    at = f"{VOLUME}/volumes/{volume}"
    answer = await ann.put(at, {"volume": {"name": "v2", "description": "new"}}, version=V)
    assert answer.ok()["volume"]["name"] == "v2"
    assert await _ask(ann, volume, "os-extend", {"new_size": 3}) == 202
    assert (await ann.volume(volume))["status"] == "extending"
    assert await _ask(ann, volume, "os-set_bootable", {"bootable": True}) == 200
    (await ann.post(f"{at}/metadata", {"metadata": {"k": "v"}})).ok()
    (await ann.put(f"{at}/metadata/l", {"meta": {"l": "w"}})).ok()
    assert await _ask(ann, volume, "os-set_image_metadata", {"metadata": {"os": "x"}}) == 200
    await world.settle()
    assert await _ask(ann, volume, "os-update_readonly_flag", {"readonly": True}) == 202
    await world.settle()
    (there,) = _there(world, "a")
    assert (there.name, there.description, there.size, there.bootable, there.readonly) == (
        "v2",
        "new",
        3,
        True,
        True,
    )
    assert (there.metadata, there.image_metadata) == ({"k": "v", "l": "w"}, {"os": "x"})
    shown = await ann.volume(volume)
    assert (shown["status"], shown["bootable"]) == ("available", "true")
    assert shown["metadata"] == {"k": "v", "l": "w", "readonly": "True"}
    assert await _ask(admin, volume, "os-reset_status", {"status": "error"}) == 202
    assert (await ann.volume(volume))["status"] == "error"
    await world.settle()
    assert _there(world, "a")[0].status == "error"
    assert (await ann.volume(volume))["status"] == "error"
    assert await _ask(ann, volume, "os-reset_status", {"status": "available"}) == 403


async def test_a_snapshot_goes_to_its_volume_and_a_volume_to_its_snapshot(world: World) -> None:
    ann = world.user("ann", project="p1")
    volume = await ann.makes_volume("v1", zone="b")
    await world.settle()
    snapshot = await ann.makes_snapshot(volume, metadata={"a": "b"})
    await world.settle()
    shown = (await ann.get(f"{VOLUME}/snapshots/{snapshot}", version=V)).ok()["snapshot"]
    assert (shown["status"], shown["size"], shown["metadata"]) == ("available", 1, {"a": "b"})
    assert len(_there(world, "b", "snapshot")) == 1
    copy = await ann.makes_volume("copy", size=2, snapshot_id=snapshot)
    clone = await ann.makes_volume("clone", source_volid=volume)
    await world.settle()
    assert {(await ann.volume(one))["availability_zone"] for one in (copy, clone)} == {"b"}
    assert (await ann.delete(f"{VOLUME}/volumes/{volume}")).status == 400
    # What was made of it does not hold it.
    assert (await ann.delete(f"{VOLUME}/snapshots/{snapshot}")).status == 202
    await world.settle()
    assert not _there(world, "b", "snapshot")
    assert (await ann.delete(f"{VOLUME}/volumes/{volume}")).status == 202
    await world.settle()
    assert len(_there(world, "b")) == 2


async def test_a_volume_of_an_image_is_bootable(world: World) -> None:
    ann = world.user("ann", project="p1")
    image = await world.default_image()
    volume = await ann.makes_volume("root", imageRef=image)
    await world.settle()
    shown = await ann.volume(volume)
    assert (shown["status"], shown["bootable"]) == ("available", "true")
    assert shown["volume_image_metadata"]["image_id"] == image


async def test_hints_decide_the_cloud_and_name_volumes_as_it_does(world: World) -> None:
    ann, bob = world.user("ann", project="p1"), world.user("bob", project="p2")
    here, away = await ann.makes_volume(zone="b"), await ann.makes_volume(zone="a")
    await world.settle()

    async def made(user: User, zone: str | None = None, **hints: Any) -> tuple[int, Any]:
        body = {"volume": {"size": 1, "availability_zone": zone}, "OS-SCH-HNT:scheduler_hints": hints}
        answer = await user.post(f"{VOLUME}/volumes", body, version=V)
        return answer.status, answer.json

    status, body = await made(ann, same_host=here, different_host=[away], query="[]")
    assert status == 202
    await world.settle()
    (theirs, mine) = sorted(_there(world, "b"), key=lambda one: "same_host" in one.hints)
    assert mine.hints == {"same_host": [theirs.id], "query": "[]"}, (
        "the one in the other cloud is apart already"
    )
    assert (await ann.volume(body["volume"]["id"]))["availability_zone"] == "b"
    assert (await made(ann, zone="a", same_host=here))[0] == 409
    assert (await made(bob, same_host=here))[1] == {
        "badRequest": {"code": 400, "message": f"Volume {here} could not be found."}
    }
    assert (await made(bob, different_host=[7]))[0] == 400


async def test_a_cloud_without_the_type_is_not_chosen(tmp_path: Path) -> None:
    async with World(clouds=2, tmp_path=tmp_path) as world:
        ann, admin = world.user("ann", project="p1"), world.admin
        world.cloud("b").backend.records.put(VolumeTypeRecord(id="t", project_id="", name="fast"))
        made = (await admin.post(f"{VOLUME}/types", {"volume_type": {"name": "fast"}}, version=V)).ok()
        first = await ann.makes_volume("v1", volume_type="fast")
        second = await ann.makes_volume("v2", volume_type=made["volume_type"]["id"], zone="a")
        await world.settle()
        shown = await ann.volume(first)
        assert (shown["status"], shown["availability_zone"]) == ("available", "b")
        assert (await ann.volume(second))["status"] == "error"
        assert (await admin.delete(f"{VOLUME}/types/{made['volume_type']['id']}")).status == 400
        # An operator names the one that will do.
        await map_type(world.core, "fast", "a", "__DEFAULT__")
        await world.settle()
        assert (await ann.volume(second))["status"] == "available"
        names = {(one.cloud, one.name) for one in await mapped(world.core) if one.type == "fast"}
        assert names == {("a", "__DEFAULT__"), ("b", "fast")}


async def test_quota_is_exact(tmp_path: Path) -> None:
    async with World(clouds=1, tmp_path=tmp_path, quota={"volumes": 2, "gigabytes": 4}) as world:
        ann, admin = world.user("ann", project="p1"), world.admin
        at = f"{VOLUME}/os-quota-sets/{ann.project_id}"
        volume = await ann.makes_volume("v1", size=2)
        await world.settle()
        await ann.makes_snapshot(volume)
        answer = await ann.post(f"{VOLUME}/volumes", {"volume": {"size": 1}}, version=V)
        assert answer.status == 413, answer.body
        assert "exceeds allowed gigabytes quota" in str(answer.body)
        used = (await ann.get(at, usage="True")).ok()["quota_set"]
        assert used["volumes"]["in_use"] == 1
        assert used["gigabytes"]["in_use"] == used["gigabytes___DEFAULT__"]["in_use"] == 4
        (await admin.put(at, {"quota_set": {"gigabytes": 10, "volumes___DEFAULT__": 1}})).ok()
        answer = await ann.post(f"{VOLUME}/volumes", {"volume": {"size": 1}}, version=V)
        assert "volumes___DEFAULT__" in str(answer.body)
        assert (await admin.put(at, {"quota_set": {"volumes": 0}})).status == 400
        assert (await admin.delete(at)).status == 200
        limits = (await ann.get(f"{VOLUME}/limits")).ok()["limits"]["absolute"]
        assert (limits["maxTotalVolumes"], limits["totalGigabytesUsed"]) == (2, 4)


async def test_lists_find_sort_page_and_count(world: World) -> None:
    ann, bob = world.user("ann", project="p1"), world.user("bob", project="p2")
    ids = [await ann.makes_volume(f"v{n}", size=n + 1, metadata={"n": str(n % 2)}) for n in range(5)]
    await bob.makes_volume("bobs")

    async def names(path: str = "/volumes/detail", **query: Any) -> list[str]:
        body = (await ann.get(VOLUME + path, version=V, **query)).ok()
        return [one["name"] for one in body["volumes"]]

    assert await names(sort="size:asc") == [f"v{n}" for n in range(5)]
    assert await names("/volumes", name="v3") == ["v3"]
    assert sorted(await names(**{"name~": "v"})) == [f"v{n}" for n in range(5)]
    assert sorted(await names(metadata="{'n': '1'}")) == ["v1", "v3"]
    assert await names(size=3) == ["v2"]
    assert await names(sort="size:asc", limit=2, marker=ids[1]) == ["v2", "v3"]
    assert await names(sort="size:asc", limit=2, offset=1) == ["v1", "v2"]
    page = (await ann.get(f"{VOLUME}/volumes", version=V, limit=2, with_count="true")).ok()
    assert page["count"] == 5
    assert "marker=" in page["volumes_links"][0]["href"]
    assert len((await world.admin.get(f"{VOLUME}/volumes", version=V, all_tenants=1)).ok()["volumes"]) == 6
    assert not (await world.admin.get(f"{VOLUME}/volumes", version=V)).ok()["volumes"]
    summary = (await ann.get(f"{VOLUME}/volumes/summary", version=V)).ok()["volume-summary"]
    assert (summary["total_count"], summary["total_size"]) == (5, 15)
    for query in ({"bootable": "maybe"}, {"sort": "nothing"}, {"unknown": "x"}, {"limit": "x"}):
        assert (await ann.get(f"{VOLUME}/volumes", version=V, **query)).status == 400


@pytest.mark.parametrize(
    ("version", "missing"),
    [("3.0", "group_id"), ("3.13", "shared_targets"), ("3.62", "volume_type_id"), ("3.64", "consumes_quota")],
)
async def test_older_versions_know_less(world: World, version: str, missing: str) -> None:
    ann = world.user("ann", project="p1")
    volume = await ann.makes_volume("v1")
    assert missing not in await ann.volume(volume, version)
    assert missing in await ann.volume(volume)


async def test_a_refused_extension_costs_nothing_and_is_shown_until_it_is_reset(world: World) -> None:
    ann = world.user("ann")
    volume = await ann.makes_volume(zone="a", size=1)
    await world.settle()
    world.cloud("a").backend.limit("", "gigabytes", 2)
    assert await _ask(ann, volume, "os-extend", {"new_size": 3}) == 202
    await world.settle()
    shown = await ann.volume(volume)
    assert (shown["status"], shown["size"]) == ("error_extending", 1)
    used = (await ann.get(f"{VOLUME}/limits")).ok()["limits"]["absolute"]
    assert used["totalGigabytesUsed"] == 1
    assert await _ask(world.admin, volume, "os-reset_status", {"status": "available"}) == 202
    await world.settle()
    assert (await ann.volume(volume))["status"] == "available"


async def test_a_quota_has_the_whole_name_of_its_type(world: World) -> None:
    admin = world.admin
    name = "fast-" + "x" * 250
    (await admin.post(f"{VOLUME}/types", {"volume_type": {"name": name}})).ok()
    project = admin.project_id
    body = {"quota_set": {f"gigabytes_{name}": 7}}
    (await admin.put(f"{VOLUME}/os-quota-sets/{project}", body)).ok()
    shown = (await admin.get(f"{VOLUME}/os-quota-sets/{project}", usage="True")).ok()["quota_set"]
    assert shown[f"gigabytes_{name}"]["limit"] == 7
    await admin.makes_volume(size=1, volume_type=name)
    refused = await admin.post(f"{VOLUME}/volumes", {"volume": {"size": 7, "volume_type": name}}, version=V)
    assert refused.status == 413
    for table in (QUOTA_LIMIT, QUOTA_USAGE):
        rows = await world.core.store.rows(Query(select(table.c.name)))
        assert rows
        assert all(len(str(name)) <= 64 for (name,) in rows)


async def test_a_snapshot_is_as_large_as_its_volume_was_when_its_cloud_made_it(world: World) -> None:
    """A cloud that was away may make the volume larger first: then that is what the snapshot is, and what it costs."""
    ann = world.user("ann")
    volume = await ann.makes_volume(size=1, zone="a")
    await world.settle()
    cloud = world.cloud("a")
    cloud.faults.unreachable()
    snapshot = await ann.makes_snapshot(volume)
    assert await _ask(ann, volume, "os-extend", {"new_size": 3}) == 202
    [record] = _there(world, "a")
    record.size = 3
    cloud.backend.records.put(record)
    cloud.faults.heals()
    await world.settle()
    shown = (await ann.get(f"{VOLUME}/snapshots/{snapshot}", version=V)).ok()["snapshot"]
    assert (shown["status"], shown["size"], (await ann.volume(volume))["size"]) == ("available", 3, 3)
    used = (await ann.get(f"{VOLUME}/os-quota-sets/{ann.project_id}", usage="true")).ok()["quota_set"]
    assert used["gigabytes"]["in_use"] == 6
    counted = recount(world.core.store, world.core.quota, dry_run=True)
    assert [one async for found in counted for one in found] == []


async def test_a_volume_whose_cloud_has_forgotten_that_it_grew_can_be_used(world: World) -> None:
    """It is reported as drift, and is none the less the volume that is there."""
    ann = world.user("ann")
    volume = await ann.makes_volume(size=1, zone="a")
    await world.settle()
    assert await _ask(ann, volume, "os-extend", {"new_size": 2}) == 202
    await world.settle()
    [record] = _there(world, "a")
    record.size = 1
    world.cloud("a").backend.records.put(record)
    await world.sweep(full=True)
    await world.settle()
    shown = await ann.volume(volume)
    assert (shown["status"], shown["size"]) == ("available", 1)
    assert (await ann.delete(f"{VOLUME}/volumes/{volume}", version=V)).status == 202
    await world.settle()
    assert not _there(world, "a")


async def test_a_backup_of_what_is_gone_ends_and_is_not_tried_for_ever(world: World) -> None:
    """What is in it is nowhere else: no other cloud is tried, and its user is shown why."""
    ann = world.user("ann")
    volume = await ann.makes_volume(zone="a")
    await world.settle()
    [record] = _there(world, "a")
    world.cloud("a").backend.records.drop(record)
    body = {"backup": {"volume_id": volume, "name": "b"}}
    made = (await ann.post(f"{VOLUME}/backups", body, version=V)).ok()["backup"]["id"]
    await world.settle()
    await world.clock.advance(120.0)
    await world.settle()
    shown = (await ann.get(f"{VOLUME}/backups/{made}", version=V)).ok()["backup"]
    assert (shown["status"], shown["availability_zone"]) == ("error", "a")
    assert f"volume {volume}: It is gone from a" in shown["fail_reason"]
