"""Volume types that a cloud does not have are made there, where its operator lets us."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, cast

import pytest

from fractus.clouds.simulated.records import VolumeTypeRecord
from fractus.testing.user import VOLUME
from fractus.testing.world import World

V = "3.71"


@pytest.fixture
async def lenient(tmp_path: Path) -> AsyncIterator[World]:
    """A cloud in which we may make types."""
    async with World(1, tmp_path=tmp_path, shape={"make_volume_types": True}) as world:
        yield world


async def _type(world: World, name: str, **more: Any) -> str:
    body = {"volume_type": {"name": name, **more}}
    made = (await world.admin.post(f"{VOLUME}/types", body, version=V)).ok()
    return str(made["volume_type"]["id"])


def _there(world: World, name: str) -> Any:
    every = cast("list[VolumeTypeRecord]", world.cloud("a").of("volume_type"))
    return next((one for one in every if one.name == name), None)


async def test_a_type_is_made_with_its_first_volume_follows_and_leaves(lenient: World) -> None:
    ann, admin = lenient.user("ann", project="p1"), lenient.admin
    fast = await _type(lenient, "fast", description="d", extra_specs={"volume_backend_name": "ssd"})
    assert _there(lenient, "fast") is None
    volume = await ann.makes_volume("v1", volume_type=fast)
    await lenient.settle()
    shown = await ann.volume(volume)
    assert (shown["status"], shown["volume_type"]) == ("available", "fast")
    made = _there(lenient, "fast")
    assert (made.marker, made.description, made.extra_specs) == (fast, "d", {"volume_backend_name": "ssd"})
    (await ann.delete(f"{VOLUME}/volumes/{volume}")).ok()
    await lenient.settle()
    at = f"{VOLUME}/types/{fast}"
    (await admin.put(at, {"volume_type": {"name": "faster", "description": "e"}}, version=V)).ok()
    (await admin.post(f"{at}/extra_specs", {"extra_specs": {"k": "v"}}, version=V)).ok()
    (await admin.delete(f"{at}/extra_specs/volume_backend_name", version=V)).ok()
    await lenient.settle()
    made = _there(lenient, "faster")
    assert (made.description, made.extra_specs) == ("e", {"k": "v"})
    (await admin.delete(at, version=V)).ok()
    await lenient.settle()
    assert _there(lenient, "faster") is None
    assert _there(lenient, "__DEFAULT__") is not None


async def test_a_type_of_the_cloud_s_own_is_used_and_never_changed(lenient: World) -> None:
    own = VolumeTypeRecord(id="t", project_id="", name="fast", extra_specs={"own": "yes"})
    lenient.cloud("a").backend.records.put(own)
    ann, fast = lenient.user("ann", project="p1"), await _type(lenient, "fast", extra_specs={"k": "v"})
    volume = await ann.makes_volume("v1", volume_type="fast")
    await lenient.settle()
    assert (await ann.volume(volume))["status"] == "available"
    (await ann.delete(f"{VOLUME}/volumes/{volume}")).ok()
    await lenient.settle()
    (await lenient.admin.delete(f"{VOLUME}/types/{fast}", version=V)).ok()
    await lenient.settle()
    assert (_there(lenient, "fast").id, _there(lenient, "fast").extra_specs) == ("t", {"own": "yes"})


async def test_a_private_type_is_used_there_by_whom_it_is_given_to(lenient: World) -> None:
    ann = lenient.user("ann", project="p1")
    gold = await _type(lenient, "gold", **{"os-volume-type-access:is_public": False})
    at = f"{VOLUME}/types/{gold}/action"
    (await lenient.admin.post(at, {"addProjectAccess": {"project": ann.project_id}}, version=V)).ok()
    volume = await ann.makes_volume("v1", volume_type=gold)
    await lenient.settle()
    assert (await ann.volume(volume))["status"] == "available"
    made = _there(lenient, "gold")
    assert (made.is_public, len(made.access)) == (False, 1)
    (await lenient.admin.post(at, {"removeProjectAccess": {"project": ann.project_id}}, version=V)).ok()
    await lenient.settle()
    assert _there(lenient, "gold").access == []


async def test_a_volume_gets_a_type_that_is_made_for_it(lenient: World) -> None:
    ann = lenient.user("ann", project="p1")
    volume = await ann.makes_volume("v1")
    await lenient.settle()
    gold = await _type(lenient, "gold", extra_specs={"k": "v"})
    body = {"os-retype": {"new_type": "gold"}}
    assert (await ann.post(f"{VOLUME}/volumes/{volume}/action", body, version=V)).status == 202
    await lenient.settle()
    shown = await ann.volume(volume)
    assert (shown["status"], shown["volume_type"]) == ("available", "gold")
    made = _there(lenient, "gold")
    assert (made.marker, made.extra_specs) == (gold, {"k": "v"})
    (await ann.delete(f"{VOLUME}/volumes/{volume}")).ok()
    await lenient.settle()
    (await lenient.admin.delete(f"{VOLUME}/types/{gold}", version=V)).ok()
    await lenient.settle()
    assert _there(lenient, "gold") is None, "it leaves with ours, though it came by a change of type"


async def test_an_encrypted_type_is_made_encrypted(lenient: World) -> None:
    ann, gold = lenient.user("ann", project="p1"), await _type(lenient, "gold")
    given = {"provider": "luks", "control_location": "front-end", "cipher": "aes-xts-plain64"}
    at = f"{VOLUME}/types/{gold}/encryption"
    (await lenient.admin.post(at, {"encryption": given}, version=V)).ok()
    volume = await ann.makes_volume("v1", volume_type="gold")
    await lenient.settle()
    assert (await ann.volume(volume))["status"] == "available"
    assert _there(lenient, "gold").encrypted == "front-end"
