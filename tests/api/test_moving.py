"""Servers move to other hosts of their cloud: migrated, migrated live, evacuated, as a client that polls sees it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from fractus.testing.user import COMPUTE
from fractus.testing.world import World


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with World(2, tmp_path=tmp_path, shape={"hosts": 3, "host_lists": True}) as made:
        await made.sweep(full=True)
        yield made


async def host_of(world: World, server: str) -> str:
    return str((await world.admin.server(server))["OS-EXT-SRV-ATTR:host"])


async def usage(world: World) -> Any:
    return (await world.user("ann").get(f"{COMPUTE}/limits")).ok()["limits"]["absolute"]


async def polled(world: World, server: str, until: str) -> list[tuple[str, str | None]]:
    """The states that a client sees, each once, until it is at rest with a status."""
    seen: list[tuple[str, str | None]] = []
    for _ in range(200):
        shown = await world.admin.server(server)
        state = shown["status"], shown["OS-EXT-STS:task_state"]
        if not seen or seen[-1] != state:
            seen.append(state)
        if state == (until, None) and len(seen) > 1:
            return seen
        await world.run_for(0.5)
    raise AssertionError(f"never {until}: {seen}")


async def test_a_server_is_migrated_to_the_host_that_is_named_and_stays_or_goes_back(world: World) -> None:
    ann = world.user("ann")
    server = await ann.boots_server(zone="a")
    await world.settle()
    first, used = await host_of(world, server), await usage(world)
    other = next(name for name in ("host-1.a", "host-2.a") if name != first)
    assert (await ann.acts(server, "migrate")).status == 403
    (await world.admin.acts(server, "migrate", {"host": other})).ok()
    states = await polled(world, server, "VERIFY_RESIZE")
    assert states[0] == ("RESIZE", "resize_prep")
    assert await host_of(world, server) == other
    assert await usage(world) == used
    (await ann.acts(server, "revertResize")).ok()
    await polled(world, server, "ACTIVE")
    assert await host_of(world, server) == first
    (await world.admin.acts(server, "migrate")).ok()
    await polled(world, server, "VERIFY_RESIZE")
    (await ann.acts(server, "confirmResize")).ok()
    await world.settle()
    assert (await ann.server(server))["status"] == "ACTIVE"
    assert await host_of(world, server) != first
    assert await usage(world) == used
    actions = (await ann.get(f"{COMPUTE}/servers/{server}/os-instance-actions")).ok()["instanceActions"]
    assert [one["action"] for one in actions][:2] == ["confirmResize", "migrate"]


async def test_a_running_server_is_migrated_live(world: World) -> None:
    ann = world.user("ann")
    server = await ann.boots_server(zone="b")
    await world.settle()
    first = await host_of(world, server)
    body = {"host": None, "block_migration": "auto"}
    (await world.admin.acts(server, "os-migrateLive", body)).ok()
    assert await polled(world, server, "ACTIVE") == [("MIGRATING", "migrating"), ("ACTIVE", None)]
    second = await host_of(world, server)
    assert second != first
    old = {"host": first, "block_migration": False, "disk_over_commit": False}
    (await world.admin.acts(server, "os-migrateLive", old, version="2.1")).ok()
    await polled(world, server, "ACTIVE")
    assert await host_of(world, server) == first
    actions = (await ann.get(f"{COMPUTE}/servers/{server}/os-instance-actions")).ok()["instanceActions"]
    assert actions[0]["action"] == "live-migration"


async def test_a_live_migration_is_seen_and_aborted_or_completed(world: World) -> None:
    ann = world.user("ann")
    server = await ann.boots_server(zone="a")
    await world.settle()
    first, at = await host_of(world, server), f"{COMPUTE}/servers/{server}/migrations"
    assert (await world.admin.get(at, version="2.23")).ok() == {"migrations": []}
    for end, moved in (("abort", False), ("complete", True)):
        (await world.admin.acts(server, "os-migrateLive", {"host": None, "block_migration": "auto"})).ok()
        await world.work_once()
        (one,) = (await world.admin.get(at, version="2.80")).ok()["migrations"]
        assert (one["server_uuid"], one["source_compute"], one["status"]) == (server, first, "running")
        assert (await world.admin.get(f"{at}/{one['id']}", version="2.80")).ok() == {"migration": one}
        (old,) = (await world.admin.get(at, version="2.23")).ok()["migrations"]
        assert one.keys() - old.keys() == {"uuid", "user_id", "project_id"}
        if end == "abort":
            assert (await world.admin.delete(f"{at}/{one['id']}", version="2.24")).status == 202
        else:
            body = {"force_complete": None}
            assert (await world.admin.post(f"{at}/{one['id']}/action", body, version="2.22")).status == 202
        assert (await world.admin.get(f"{at}/{one['id']}", version="2.80")).status == 404
        await world.settle()
        assert (await host_of(world, server) != first) is moved
    assert (await ann.get(f"{COMPUTE}/servers/{server}/topology", version="2.78")).ok()["nodes"] == []


async def test_a_server_is_evacuated_from_a_host_that_is_down(world: World) -> None:
    ann = world.user("ann")
    server = await ann.boots_server(zone="a")
    await world.settle()
    first = await host_of(world, server)
    (one,) = (await world.admin.get(f"{COMPUTE}/os-services", host=first)).ok()["services"]
    body = {"host": first, "binary": "nova-compute", "forced_down": True}
    (await world.admin.put(f"{COMPUTE}/os-services/force-down", body, version="2.11")).ok()
    reply = await world.admin.acts(server, "evacuate", {"onSharedStorage": False}, version="2.13")
    assert (reply.status, len(reply.ok()["adminPass"])) == (200, 12)
    states = await polled(world, server, "ACTIVE")
    assert states[0] == ("REBUILD", "rebuilding")
    second = await host_of(world, server)
    assert second not in ("", first)
    body = {"host": second, "binary": one["binary"], "forced_down": True}
    (await world.admin.put(f"{COMPUTE}/os-services/force-down", body, version="2.11")).ok()
    reply = await world.admin.acts(server, "evacuate", {}, version="2.95")
    assert (reply.status, reply.body) == (200, b"")
    await polled(world, server, "SHUTOFF")


#: Action, argument, version, status, sentence. `{id}` stands for the server's id, `{host}` for its host.
WRONG: list[tuple[str, Any, str, int, str]] = [
    ("migrate", {"host": "nowhere"}, "2.56", 400, "Compute host nowhere could not be found."),
    ("migrate", {"host": "{host}"}, "2.56", 400, "Cannot migrate to the host where the server exists."),
    (
        "migrate", {"host": "host-1.b"}, "2.56", 400,
        "Server {id} is in a, and the host host-1.b in b: a server moves within its cloud.",
    ),
    (
        "migrate", {"host": 1}, "2.56", 400,
        "Invalid input for field/attribute host. Value: 1. 1 is not of type 'string', 'null'",
    ),
    (
        "migrate", {"colour": "x"}, "2.56", 400,
        "Invalid input for field/attribute migrate. Value: {'colour': 'x'}."
        " Additional properties are not allowed ('colour' was unexpected)",
    ),
    (
        "os-migrateLive", {"host": None}, "2.25", 400,
        "Invalid input for field/attribute os-migrateLive. Value: {'host': None}."
        " 'block_migration' is a required property",
    ),
    (
        "os-migrateLive", {"host": None, "block_migration": "auto", "force": True}, "2.30", 400,
        "Can't force to a non-provided destination",
    ),
    ("evacuate", {"force": True}, "2.29", 400, "Can't force to a non-provided destination"),
    ("evacuate", {"host": "nowhere"}, "2.95", 404, "Compute host nowhere not found."),
    (
        "evacuate", {"onSharedStorage": True, "adminPass": "x"}, "2.13", 400,
        "admin password can't be changed on existing disk",
    ),
]  # fmt: skip


async def test_wrong_moves_are_refused_as_nova_does(world: World) -> None:
    ann = world.user("ann")
    server = await ann.boots_server(zone="a")
    await world.settle()
    host = await host_of(world, server)
    for action, argument, version, status, sentence in WRONG:
        if argument.get("host") == "{host}":
            argument = {"host": host}
        reply = await world.admin.acts(server, action, argument, version=version)
        (fault,) = reply.json.values()
        assert (reply.status, fault["message"]) == (status, sentence.replace("{id}", server))
    (await ann.acts(server, "os-stop")).ok()
    await world.settle()
    body = {"host": None, "block_migration": "auto"}
    reply = await world.admin.acts(server, "os-migrateLive", body)
    (fault,) = reply.json.values()
    said = f"Cannot 'os-migrateLive' instance {server} while it is in vm_state stopped"
    assert (reply.status, fault["message"]) == (409, said)
