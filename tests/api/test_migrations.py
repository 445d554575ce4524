"""Migrations of servers within all clouds, as one list."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from fractus.testing.user import COMPUTE
from fractus.testing.world import World

ROOT = f"{COMPUTE}/os-migrations"


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with World(2, tmp_path=tmp_path, shape={"hosts": 2, "host_lists": True}) as made:
        await made.sweep(full=True)
        yield made


async def migrated(world: World) -> dict[str, str]:
    """A server of ann's in each cloud that was migrated, by its cloud."""
    ann, found = world.user("ann"), {}
    for zone in "ab":
        found[zone] = await ann.boots_server(zone=zone)
        await world.settle()
        (await world.admin.acts(found[zone], "migrate")).ok()
        for _ in range(100):
            if (await world.admin.server(found[zone]))["status"] == "VERIFY_RESIZE":
                break
            await world.run_for(1)
    return found


async def listed(world: World, version: str = "2.104", **query: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await world.admin.get(ROOT, version=version, **query)).ok()["migrations"]
    return found


async def test_migrations_of_all_clouds_are_one_list_with_our_ids_and_names(world: World) -> None:
    assert await listed(world) == []
    servers, ann = await migrated(world), world.user("ann")
    every = await listed(world)
    assert [one["instance_uuid"] for one in every] == [servers["b"], servers["a"]], "the newest first"
    first = every[0]
    assert (first["status"], first["migration_type"]) == ("finished", "resize")
    assert (first["project_id"], first["user_id"]) == (ann.project_id, ann.principal.user_id)
    assert {first["source_compute"], first["dest_compute"]} == {"host-1.b", "host-2.b"}
    old = await listed(world, "2.1")
    assert set(every[0]) - set(old[0]) == {"uuid", "migration_type", "user_id", "project_id"}
    for query, zones in (
        ({"instance_uuid": servers["a"]}, "a"),
        ({"host": "host-1.b"}, "b"),
        ({"host": "none"}, ""),
        ({"status": "error"}, ""),
        ({"project_id": ann.project_id}, "ba"),
        ({"project_id": "another"}, ""),
    ):
        found = [one["instance_uuid"] for one in await listed(world, **query)]
        assert found == [servers[zone] for zone in zones], query
    assert (await ann.get(ROOT)).status == 403


async def test_migrations_are_paged_over_clouds(world: World) -> None:
    servers = await migrated(world)
    reply = (await world.admin.get(ROOT, version="2.59", limit=1)).ok()
    (one,) = reply["migrations"]
    assert one["instance_uuid"] == servers["b"]
    assert f"marker={one['uuid']}" in reply["migrations_links"][0]["href"]
    rest = await listed(world, "2.59", marker=one["uuid"])
    assert [one["instance_uuid"] for one in rest] == [servers["a"]]
    assert await listed(world, "2.59", limit=0) == []
    for query, sentence in (
        ("marker=none", "Marker none could not be found."),
        ("limit=x", "Invalid input for query parameters limit. Value: x. 'x' does not match '^[0-9]*$'"),
        ("colour=red", "Additional properties are not allowed ('colour' was unexpected)"),
        (
            "changes-before=2026-01-01",
            "Additional properties are not allowed ('changes-before' was unexpected)",
        ),
        (
            "changes-since=x",
            "Invalid input for query parameters changes-since. Value: x. 'x' is not a 'date-time'",
        ),
    ):
        wrong = await world.admin.get(f"{ROOT}?{query}", version="2.59")
        assert wrong.json["badRequest"]["message"] == sentence
    assert (await world.admin.get(f"{ROOT}?colour=red", version="2.58")).status == 200


async def test_a_silent_cloud_takes_nothing_from_the_others_and_is_named(world: World) -> None:
    servers = await migrated(world)
    world.cloud("b").faults.unreachable()
    reply = await world.admin.get(ROOT, version="2.104")
    assert [one["instance_uuid"] for one in reply.ok()["migrations"]] == [servers["a"]]
    assert reply.headers["fractus-stale"] == "b"
