"""Groups of volumes and their snapshots, end to end in simulated clouds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from fractus.testing.user import VOLUME, User
from fractus.testing.world import World

V = "3.71"


async def _type(world: World, name: str = "plain", **specs: str) -> str:
    body = {"group_type": {"name": name, "group_specs": specs}}
    return str((await world.admin.post(f"{VOLUME}/group_types", body, version=V)).ok()["group_type"]["id"])


async def _group(world: World, user: User, **more: Any) -> str:
    given = {"name": "g", "group_type": "plain", "volume_types": ["__DEFAULT__"], **more}
    made = (await user.post(f"{VOLUME}/groups", {"group": given}, version=V)).ok()["group"]
    assert made == {"id": made["id"], "name": given["name"]}
    return str(made["id"])


async def _shown(user: User, group: str, kind: str = "group", **query: Any) -> dict[str, Any]:
    found = (await user.get(f"{VOLUME}/{kind}s/{group}", version=V, **query)).ok()[kind]
    assert isinstance(found, dict)
    return found


async def _act(user: User, group: str, action: str, **body: Any) -> tuple[int, str]:
    reply = await user.post(f"{VOLUME}/groups/{group}/action", {action: body}, version=V)
    return reply.status, reply.body.decode()


async def _put(user: User, group: str, **body: Any) -> tuple[int, str]:
    reply = await user.put(f"{VOLUME}/groups/{group}", {"group": body}, version=V)
    return reply.status, reply.body.decode()


async def test_the_volumes_of_a_group_are_in_one_cloud(world: World) -> None:
    ann, type_ = world.user("ann", project="p1"), await _type(world)
    group = await _group(world, ann)
    first = await _shown(ann, group)
    assert (first["status"], first["availability_zone"], first["group_type"]) == ("available", "", type_)
    volumes = [await ann.makes_volume(f"v{n}", group_id=group) for n in range(4)]
    await world.settle()
    shown = [await ann.volume(one) for one in volumes]
    (zone,) = {one["availability_zone"] for one in shown}
    assert {(one["status"], one["group_id"]) for one in shown} == {("available", group)}
    later = await ann.makes_volume("later", group_id=group)
    await world.settle()
    assert (await ann.volume(later))["availability_zone"] == zone
    found = await _shown(ann, group, list_volume="true")
    assert (found["availability_zone"], set(found["volumes"])) == (zone, {*volumes, later})
    assert "volumes" not in await _shown(ann, group)
    listed = (await ann.get(f"{VOLUME}/volumes", version=V, group_id=group)).ok()["volumes"]
    assert len(listed) == 5


async def test_a_volume_of_a_group_ends_with_it_alone(world: World) -> None:
    ann, type_ = world.user("ann", project="p1"), await _type(world)
    group = await _group(world, ann, availability_zone="b")
    volume = await ann.makes_volume("v", group_id=group)
    await world.settle()
    assert (await ann.volume(volume))["availability_zone"] == "b"
    assert (await ann.delete(f"{VOLUME}/volumes/{volume}")).status == 400
    status, why = await _act(ann, group, "delete")
    assert (status, f"Group {group} still contains volumes" in why) == (400, True)
    at = f"{VOLUME}/group_types/{type_}"
    assert (await world.admin.delete(at, version=V)).status == 400, "a group has it"
    assert (await _act(ann, group, "delete", **{"delete-volumes": True}))[0] == 202
    assert (await _shown(ann, group))["status"] == "deleting"
    await world.settle()
    assert (await ann.get(f"{VOLUME}/groups/{group}", version=V)).status == 404
    assert (await ann.get(f"{VOLUME}/volumes/{volume}")).status == 404
    assert not world.cloud("b").of("volume")
    assert (await world.admin.delete(at, version=V)).status == 202
    used = (await ann.get(f"{VOLUME}/os-quota-sets/{ann.project_id}", usage="True")).ok()["quota_set"]
    assert used["groups"]["in_use"] == 0


async def test_volumes_come_to_a_group_and_leave_it(world: World) -> None:
    ann, bob = world.user("ann", project="p1"), world.user("bob", project="p2")
    await _type(world)
    group, other = await _group(world, ann), await _group(world, ann)
    near, far = await ann.makes_volume("v1", zone="a"), await ann.makes_volume("v2", zone="b")
    foreign = await bob.makes_volume("v3", zone="a")
    await world.settle()
    assert (await _put(ann, group, name="n", description="d", add_volumes=near))[0] == 202
    found = await _shown(ann, group, list_volume="true")
    assert (found["name"], found["description"], found["volumes"]) == ("n", "d", [near])
    assert found["availability_zone"] == "a"
    for asked, why in (
        ({"add_volumes": far}, "Volume is not local to this node."),
        ({"add_volumes": foreign}, "volume cannot be found."),
        ({"add_volumes": near, "remove_volumes": near}, "are in both add and remove volume list."),
        ({"remove_volumes": far}, "it is not in the group."),
        ({"name": "n"}, "because no valid name, description, add_volumes, or remove_volumes were provided."),
    ):
        status, said = await _put(ann, group, **asked)
        assert (status, why in said) == (400, True), said
    status, said = await _put(ann, other, add_volumes=near)
    assert (status, f"it is already in group {group}." in said) == (400, True)
    assert (await _put(bob, group, name="mine"))[0] == 404
    assert (await _put(ann, group, remove_volumes=f"{near},"))[0] == 202
    assert (await ann.volume(near))["group_id"] is None
    assert (await _act(ann, group, "delete"))[0] == 202
    assert (await ann.get(f"{VOLUME}/groups/{group}", version=V)).status == 404
    assert (await ann.delete(f"{VOLUME}/volumes/{near}")).status == 202


async def test_a_group_is_made_of_a_snapshot_and_of_a_group(world: World) -> None:
    ann = world.user("ann", project="p1")
    await _type(world)
    group = await _group(world, ann)
    volumes = [await ann.makes_volume(f"v{n}", group_id=group) for n in range(2)]
    await world.settle()
    body = {"group_snapshot": {"group_id": group, "name": "s", "description": "d"}}
    made = (await ann.post(f"{VOLUME}/group_snapshots", body, version=V)).ok()["group_snapshot"]
    whole = made["id"]
    assert (await _shown(ann, whole, "group_snapshot"))["status"] == "creating"
    status, why = await _act(ann, group, "delete", **{"delete-volumes": True})
    assert (status, "Group has existing snapshots." in why) == (400, True)
    await world.settle()
    assert (await _shown(ann, whole, "group_snapshot"))["status"] == "available"
    parts = (await ann.get(f"{VOLUME}/snapshots/detail", version=V)).ok()["snapshots"]
    assert {(one["name"], one["group_snapshot_id"], one["status"]) for one in parts} == {
        ("s", whole, "available")
    }
    assert {one["volume_id"] for one in parts} == {*volumes}
    assert (await ann.delete(f"{VOLUME}/snapshots/{parts[0]['id']}")).status == 400
    groups = []
    for source in ({"group_snapshot_id": whole}, {"source_group_id": group}):
        asked = {"create-from-src": {"name": "copy", **source}}
        made = (await ann.post(f"{VOLUME}/groups/action", asked, version=V)).ok()["group"]
        groups.append(made["id"])
        assert (await _shown(ann, made["id"]))["status"] == "creating"
    assert (await ann.delete(f"{VOLUME}/group_snapshots/{whole}", version=V)).status == 400, "it is read"
    await world.settle()
    (zone,) = {(await ann.volume(one))["availability_zone"] for one in volumes}
    for copy in groups:
        found = await _shown(ann, copy, list_volume="true")
        assert (found["status"], found["availability_zone"], len(found["volumes"])) == ("available", zone, 2)
        for one in found["volumes"]:
            assert (await ann.volume(one))["status"] == "available"
    assert (await ann.delete(f"{VOLUME}/group_snapshots/{whole}", version=V)).status == 202
    await world.settle()
    assert (await ann.get(f"{VOLUME}/group_snapshots/{whole}", version=V)).status == 404
    for one in (group, *groups):
        assert (await _act(ann, one, "delete", **{"delete-volumes": True}))[0] == 202
    await world.settle()
    assert not any(world.cloud(one).of(kind) for one in "ab" for kind in ("volume", "snapshot"))


async def test_a_group_whose_volume_fails_is_in_error_and_still_ends(world: World) -> None:
    ann = world.user("ann", project="p1")
    await _type(world)
    group = await _group(world, ann)
    volume = await ann.makes_volume("v", group_id=group)
    await world.settle()
    (cloud,) = [one for one in "ab" if world.cloud(one).of("volume")]
    world.cloud(cloud).backend.limit("", "volumes", 1)
    asked = {"create-from-src": {"name": "copy", "source_group_id": group}}
    copy = (await ann.post(f"{VOLUME}/groups/action", asked, version=V)).ok()["group"]["id"]
    await world.run_for(120.0)
    assert (await _shown(ann, copy))["status"] == "error"
    for one in (copy, group):
        assert (await _act(ann, one, "delete", **{"delete-volumes": True}))[0] == 202
    await world.settle()
    assert (await ann.get(f"{VOLUME}/groups", version=V)).ok()["groups"] == []
    assert (await ann.get(f"{VOLUME}/volumes/{volume}")).status == 404


async def test_what_no_back_end_is_asked_for_is_an_error(world: World) -> None:
    """As Cinder shows a group for whose type it finds no back end."""
    await _type(world, "plain", consistent_group_snapshot_enabled="<is> True")
    ann = world.user("ann", project="p1")
    group = await _group(world, ann)
    assert (await _shown(ann, group))["status"] == "error"
    body = {"volume": {"size": 1, "group_id": group}}
    reply = await ann.post(f"{VOLUME}/volumes", body, version=V)
    assert (reply.status, b"Originating group status must be one of" in reply.body) == (400, True)
    assert (await _act(ann, group, "delete"))[0] == 202


async def test_states_are_said_by_administrators(world: World) -> None:
    ann, admin = world.user("ann", project="p1"), world.admin
    await _type(world)
    group = await _group(world, ann)
    body = {"group_snapshot": {"group_id": group}}
    whole = (await ann.post(f"{VOLUME}/group_snapshots", body, version=V)).ok()["group_snapshot"]["id"]
    assert (await _shown(ann, whole, "group_snapshot"))["status"] == "available", "there is nothing in it"
    assert (await _act(ann, group, "reset_status", status="error"))[0] == 403
    assert (await _act(admin, group, "reset_status", status="error"))[0] == 202
    assert (await _shown(ann, group))["status"] == "error"
    status, why = await _act(admin, group, "reset_status", status="in-use")
    assert (status, "Group status: in-use is invalid, valid status are: ('error'," in why) == (400, True)
    at = f"{VOLUME}/group_snapshots/{whole}"
    reply = await admin.post(f"{at}/action", {"reset_status": {"status": "creating"}}, version=V)
    assert reply.status == 202
    assert (await ann.delete(at, version=V)).status == 400
    (await admin.post(f"{at}/action", {"reset_status": {"status": "error"}}, version=V)).ok()
    assert (await ann.delete(at, version=V)).status == 202
    assert (await ann.get(at, version=V)).status == 404


async def test_the_quota_of_groups_is_exact(tmp_path: Path) -> None:
    async with World(clouds=1, tmp_path=tmp_path, quota={"groups": 1}) as world:
        ann = world.user("ann", project="p1")
        await _type(world)
        await _group(world, ann)
        given = {"group_type": "plain", "volume_types": ["__DEFAULT__"]}
        reply = await ann.post(f"{VOLUME}/groups", {"group": given}, version=V)
        assert (reply.status, b"Maximum number of groups allowed (1) exceeded" in reply.body) == (413, True)


@pytest.mark.parametrize(
    ("given", "status", "sentence"),
    [
        ({"group_type": "none"}, 404, "Group type with name none could not be found."),
        ({"volume_types": ["none"]}, 404, "Volume type with name none could not be found."),
        ({"volume_types": []}, 400, "[] should be non-empty"),
        ({"availability_zone": "moon"}, 400, "Availability zone 'moon' is invalid."),
        ({"group_type": " "}, 400, "group_type"),
        ({"colour": "red"}, 400, "Additional properties are not allowed"),
    ],
)
async def test_wrong_groups_are_refused(
    world: World, given: dict[str, Any], status: int, sentence: str
) -> None:
    await _type(world)
    body = {"group": {"group_type": "plain", "volume_types": ["__DEFAULT__"], **given}}
    reply = await world.user("ann").post(f"{VOLUME}/groups", body, version=V)
    assert (reply.status, sentence in reply.body.decode()) == (status, True), reply.body


@pytest.mark.parametrize(
    ("version", "missing"), [("3.13", "group_snapshot_id"), ("3.37", "replication_status")]
)
async def test_older_versions_know_less(world: World, version: str, missing: str) -> None:
    ann = world.user("ann", project="p1")
    await _type(world)
    group = await _group(world, ann)
    shown = (await ann.get(f"{VOLUME}/groups/{group}", version=version)).ok()["group"]
    assert missing not in shown
    assert missing in await _shown(ann, group)
    seen = (await world.admin.get(f"{VOLUME}/groups/{group}", version=V)).ok()["group"]
    assert seen["project_id"] == ann.project_id
    assert "project_id" not in await _shown(ann, group)
