"""Backups of volumes, end to end in simulated clouds."""

from __future__ import annotations

from typing import Any, cast

from fractus.testing.asgi import HttpReply
from fractus.testing.user import VOLUME, User
from fractus.testing.world import World

V = "3.71"


async def _backup(user: User, volume: str, **more: Any) -> str:
    asked = {"volume_id": volume, **more}
    made: str = (await user.post(f"{VOLUME}/backups", {"backup": asked}, version=V)).ok()["backup"]["id"]
    return made


async def _shown(user: User, backup: str) -> dict[str, Any]:
    return cast("dict[str, Any]", (await user.get(f"{VOLUME}/backups/{backup}", version=V)).ok()["backup"])


def _there(world: World, cloud: str) -> list[Any]:
    return cast("list[Any]", world.cloud(cloud).of("backup"))


def _said(answer: HttpReply) -> str:
    """The sentence of a refusal."""
    (error,) = answer.json.values()
    return str(error["message"])


async def _status(user: User, volume: str) -> str:
    return str((await user.volume(volume))["status"])


async def test_a_backup_outlives_its_volume_and_becomes_another(world: World) -> None:
    ann = world.user("ann", project="p1")
    volume = await ann.makes_volume("v1", size=2, zone="b")
    await world.settle()
    made = (
        await ann.post(
            f"{VOLUME}/backups",
            {"backup": {"volume_id": volume, "name": "b1", "metadata": {"a": "b"}, "container": "c"}},
            version=V,
        )
    ).ok()["backup"]
    assert set(made) == {"id", "name", "links"}
    backup = made["id"]
    assert (await _shown(ann, backup))["status"] == "creating"
    assert await _status(ann, volume) == "backing-up"
    assert (await ann.delete(f"{VOLUME}/volumes/{volume}")).status == 400
    await world.settle()
    shown = await _shown(ann, backup)
    assert (shown["status"], shown["size"], shown["availability_zone"]) == ("available", 2, "b")
    assert (shown["container"], shown["metadata"], shown["object_count"]) == ("c", {"a": "b"}, 2)
    assert await _status(ann, volume) == "available"
    changed = {"backup": {"name": "b2", "metadata": {"c": "d"}}}
    assert (await ann.put(f"{VOLUME}/backups/{backup}", changed, version=V)).ok()["backup"]["name"] == "b2"
    assert (await ann.delete(f"{VOLUME}/volumes/{volume}")).status == 202
    await world.settle()
    assert (await ann.get(f"{VOLUME}/volumes/{volume}")).status == 404
    (there,) = _there(world, "b")
    assert (there.name, there.metadata) == ("b2", {"c": "d"})
    asked = {"volume": {"backup_id": backup, "size": 1}}
    assert (await ann.post(f"{VOLUME}/volumes", asked, version=V)).status == 400
    restored = (
        await ann.post(f"{VOLUME}/backups/{backup}/restore", {"restore": {"name": "v2"}}, version=V)
    ).ok()["restore"]
    assert (restored["backup_id"], restored["volume_name"]) == (backup, "v2")
    assert (await _shown(ann, backup))["status"] == "restoring"
    await world.settle()
    assert (await ann.volume(restored["volume_id"]))["availability_zone"] == "b"
    assert await _status(ann, restored["volume_id"]) == "available"
    assert (await _shown(ann, backup))["status"] == "available"
    assert (await ann.delete(f"{VOLUME}/backups/{backup}")).status == 202
    await world.settle()
    assert not world.cloud("b").of("backup")
    assert (await ann.get(f"{VOLUME}/backups/{backup}")).status == 404


async def test_a_backup_is_written_to_a_volume_of_its_cloud(world: World) -> None:
    ann = world.user("ann", project="p1")
    volume = await ann.makes_volume("v1", size=2, zone="b")
    small = await ann.makes_volume("small", size=1, zone="b")
    other = await ann.makes_volume("other", size=2, zone="a")
    await world.settle()
    backup = await _backup(ann, volume)
    await world.settle()

    async def restore(to: str) -> tuple[int, str]:
        answer = await ann.post(
            f"{VOLUME}/backups/{backup}/restore", {"restore": {"volume_id": to}}, version=V
        )
        return answer.status, _said(answer) if answer.status == 400 else ""

    assert await restore(small) == (
        400,
        "Invalid volume: volume size 1 is too small to restore backup of size 2.",
    )
    status, sentence = await restore(other)
    assert status == 400
    assert "zone a" in sentence
    assert "in b" in sentence
    assert (await restore(volume))[0] == 202
    assert await _status(ann, volume) == "restoring-backup"
    assert (await _shown(ann, backup))["status"] == "restoring"
    assert (await restore(volume))[0] == 400
    await world.settle()
    assert (await _status(ann, volume), (await _shown(ann, backup))["status"]) == ("available", "available")
    assert [one.status for one in _there(world, "b")] == ["available"]


async def test_an_incremental_backup_holds_the_one_before(world: World) -> None:
    ann = world.user("ann", project="p1")
    volume = await ann.makes_volume("v1", zone="a")
    await world.settle()
    asked = {"backup": {"volume_id": volume, "incremental": True}}
    answer = await ann.post(f"{VOLUME}/backups", asked, version=V)
    assert (answer.status, _said(answer)) == (
        400,
        "Invalid backup: No backups available to do an incremental backup.",
    )
    full = await _backup(ann, volume)
    await world.settle()
    part = await _backup(ann, volume, incremental=True)
    await world.settle()
    assert (await _shown(ann, full))["has_dependent_backups"] is True
    assert (await _shown(ann, part))["is_incremental"] is True
    assert (await ann.delete(f"{VOLUME}/backups/{full}")).status == 400
    assert (await ann.delete(f"{VOLUME}/backups/{part}")).status == 202
    await world.settle()
    assert (await _shown(ann, full))["has_dependent_backups"] is False
    assert (await ann.delete(f"{VOLUME}/backups/{full}")).status == 202
    await world.settle()
    assert not world.cloud("a").of("backup")


async def test_what_is_written_down_of_a_backup_makes_it_known_again(world: World) -> None:
    ann, admin = world.user("ann", project="p1"), world.admin
    volume = await ann.makes_volume("v1", zone="b")
    await world.settle()
    backup = await _backup(ann, volume, name="b1")
    await world.settle()
    assert (await ann.get(f"{VOLUME}/backups/{backup}/export_record", version=V)).status == 403
    record = (await admin.get(f"{VOLUME}/backups/{backup}/export_record", version=V)).ok()["backup-record"]
    again = await admin.post(f"{VOLUME}/backups/import_record", {"backup-record": record}, version=V)
    assert (again.status, _said(again)) == (400, "Invalid backup: Backup already exists in database.")
    assert (await ann.delete(f"{VOLUME}/backups/{backup}")).status == 202
    await world.settle()
    made = (await admin.post(f"{VOLUME}/backups/import_record", {"backup-record": record}, version=V)).ok()
    assert made["backup"]["id"] == backup
    await world.settle()
    shown = await _shown(admin, backup)
    assert (shown["status"], shown["name"], shown["availability_zone"]) == ("available", "b1", "b")
    back = (await admin.post(f"{VOLUME}/backups/{backup}/restore", {"restore": {}}, version=V)).ok()[
        "restore"
    ]
    await world.settle()
    assert ((await admin.volume(back["volume_id"]))["status"], back["volume_name"]) == (
        "available",
        f"restore_backup_{backup}",
    )
    assert (await _shown(admin, backup))["status"] == "available"


async def test_a_project_has_so_many_backups(world: World) -> None:
    ann, admin = world.user("ann", project="p1"), world.admin
    volume = await ann.makes_volume("v1", size=3, zone="a")
    await world.settle()
    at = f"{VOLUME}/os-quota-sets/{ann.project_id}"

    async def refused(quota: dict[str, int]) -> str:
        (await admin.put(at, {"quota_set": quota}, version=V)).ok()
        answer = await ann.post(f"{VOLUME}/backups", {"backup": {"volume_id": volume}}, version=V)
        assert answer.status == 413
        return _said(answer)

    assert await refused({"backups": 0}) == "Maximum number of backups allowed (0) exceeded"
    assert await refused({"backups": 1, "backup_gigabytes": 2}) == (
        "Requested backup exceeds allowed Backup gigabytes quota. Requested 3G, quota is 2G and 0G has been consumed."
    )


async def test_states_that_an_administrator_says_and_ends(world: World) -> None:
    ann, admin = world.user("ann", project="p1"), world.admin
    volume = await ann.makes_volume("v1", zone="a")
    await world.settle()
    backup = await _backup(ann, volume)
    at = f"{VOLUME}/backups/{backup}/action"
    assert (await ann.delete(f"{VOLUME}/backups/{backup}")).status == 400
    await world.settle()
    assert (await admin.post(at, {"os-reset_status": {"status": "restoring"}}, version=V)).status == 400
    assert (await admin.post(at, {"os-reset_status": {"status": "error"}}, version=V)).status == 202
    await world.settle()
    assert (await _shown(ann, backup))["status"] == "error"
    assert (await ann.post(at, {"os-force_delete": {}}, version=V)).status == 403
    assert (await admin.post(at, {"os-force_delete": {}}, version=V)).status == 202
    await world.settle()
    assert not world.cloud("a").of("backup")
