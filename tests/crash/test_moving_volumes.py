"""A volume that nobody has written to goes to the cloud of its server, while the worker is killed at every step."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from fractus.testing.crash import CrashMatrix, Story
from fractus.testing.user import COMPUTE, User
from fractus.testing.world import World

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


async def _apart(world: World) -> tuple[User, str, str, str, str]:
    """A user's volume and server in two clouds, and these."""
    ann = world.user("ann")
    volume = await ann.makes_volume()
    await world.settle()
    first = (await ann.volume(volume))["availability_zone"]
    second = "b" if first == "a" else "a"
    server = await ann.boots_server(zone=second)
    await world.settle()
    return ann, volume, server, first, second


async def comes_to_its_server(world: World) -> AsyncIterator[None]:
    """It is in the other cloud then, once, and not in the first."""
    ann, volume, server, first, second = await _apart(world)
    yield
    body = {"volumeAttachment": {"volumeId": volume}}
    (await ann.post(f"{COMPUTE}/servers/{server}/os-volume_attachments", body)).ok()
    await world.settle()
    shown = await ann.volume(volume)
    assert [shown["status"], shown["availability_zone"]] == ["in-use", second]
    assert [one["server_id"] for one in shown["attachments"]] == [server]
    assert not world.cloud(first).of("volume")
    assert len(world.cloud(second).of("volume")) == len(world.cloud(second).of("volume_attachment")) == 1
    await ann.deletes_server(server)
    await world.settle()
    assert (await ann.volume(volume))["status"] == "available"


async def is_refused_there(world: World) -> AsyncIterator[None]:
    """It stays where it was, free."""
    ann, volume, server, first, second = await _apart(world)
    world.cloud(second).faults.refuses("no room", kind="volume", method="create")
    yield
    body = {"volumeAttachment": {"volumeId": volume}}
    (await ann.post(f"{COMPUTE}/servers/{server}/os-volume_attachments", body)).ok()
    await world.settle()
    shown = await ann.volume(volume)
    assert [shown["status"], shown["availability_zone"], shown["attachments"]] == ["available", first, []]
    assert len(world.cloud(first).of("volume")) == 1
    assert not world.cloud(second).of("volume")


@pytest.mark.parametrize("story", [comes_to_its_server, is_refused_there])
async def test_a_killed_worker_leaves_no_trace(story: Story, tmp_path: Path) -> None:
    matrix = CrashMatrix(story, lambda directory: World(clouds=2, tmp_path=directory), tmp_path)
    wrongs = await matrix.run()
    assert not wrongs, f"{len(wrongs)} wrongs:\n" + "\n".join(wrongs)
