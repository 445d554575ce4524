"""A server's life through the whole program, over simulated clouds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fractus.testing.world import World

_SERVERS = "/compute/v2.1/servers"


async def test_a_server_is_built_driven_renamed_and_deleted(tmp_path: Path) -> None:
    async with World(clouds=1, tmp_path=tmp_path) as world:
        ann = world.user("ann")
        id = await ann.boots_server()
        await world.settle()
        assert (await ann.server(id))["status"] == "ACTIVE"

        actions: list[tuple[dict[str, Any], str, str]] = [
            ({"os-stop": None}, "powering-off", "SHUTOFF"),
            ({"os-start": None}, "powering-on", "ACTIVE"),
            ({"reboot": {"type": "SOFT"}}, "rebooting", "ACTIVE"),
            ({"reboot": {"type": "HARD"}}, "rebooting_hard", "ACTIVE"),
        ]
        for body, task, status in actions:
            assert (await ann.post(f"{_SERVERS}/{id}/action", body)).status == 202
            assert (await ann.server(id))["OS-EXT-STS:task_state"] == task
            await world.settle()
            shown = await ann.server(id)
            assert (shown["status"], shown["OS-EXT-STS:task_state"]) == (status, None)

        about = {"server": {"name": "new", "description": "words"}}
        assert (await ann.put(f"{_SERVERS}/{id}", about, version="2.90")).status == 200
        assert (await ann.post(f"{_SERVERS}/{id}/metadata", {"metadata": {"a": "b"}})).status == 200
        await world.settle()
        (there,) = world.cloud("a").marked("server", id)
        seen: Any = there
        assert (seen.name, seen.description, seen.metadata) == ("new", "words", {"a": "b"})

        assert (await ann.delete(f"{_SERVERS}/{id}")).status == 204
        assert (await ann.server(id))["OS-EXT-STS:task_state"] == "deleting"
        await world.settle()
        assert (await ann.get(f"{_SERVERS}/{id}")).status == 404
        assert world.cloud("a").of("server") == []


async def test_a_child_that_has_no_room_says_so_in_the_fault(tmp_path: Path) -> None:
    async with World(clouds=1, tmp_path=tmp_path) as world:
        ann = world.user("ann")
        huge = await world.admin.makes_flavor("huge", vcpus=4096)
        id = await ann.boots_server(flavor=huge, zone="a")
        await world.settle()
        shown = await ann.server(id)
        assert shown["status"] == "ERROR"
        assert shown["fault"]["code"] == 500
        assert "No valid host was found" in shown["fault"]["message"]
