"""What clouds have beside our resources: mirrored, shown as their services show it, and never asked for by a read."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from fractus.clouds.simulated.cloud import SimulatedCloud
from fractus.model.errors import CloudError, Missing, Refused
from fractus.model.mirror import Mirrored
from fractus.operations import cloud_rows
from fractus.testing.user import NETWORK, User
from fractus.testing.world import World

AGENTS = f"{NETWORK}/agents"

#: Of a Neutron, in the order in which ours are shown.
FIELDS = [
    "id", "agent_type", "binary", "topic", "host", "admin_state_up", "created_at", "started_at", "heartbeat_timestamp",
    "description", "resources_synced", "availability_zone", "alive", "configurations",
]  # fmt: skip


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with World(2, tmp_path=tmp_path, shape={"agents": True, "hosts": 2}) as made:
        await made.sweep(full=True)
        yield made


async def agents(world: World, who: User | None = None, **query: Any) -> list[dict[str, Any]]:
    return await (who or world.admin).listed(AGENTS, **query)


def there(world: World, cloud: str) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = world.cloud(cloud).backend.agents
    return found


async def test_agents_of_all_clouds_are_shown_as_neutron_shows_them_with_their_cloud_as_zone(
    world: World,
) -> None:
    every = await agents(world)
    assert {one["id"] for one in every} == {*there(world, "a"), *there(world, "b")}
    assert len(every) == 2 * (2 + 3)
    for one in every:
        assert list(one) == FIELDS
        cloud = one["availability_zone"]
        original = there(world, cloud)[one["id"]]
        assert {**one, "availability_zone": original["availability_zone"]}.items() >= original.items()
        assert (await world.admin.get(f"{AGENTS}/{one['id']}")).ok() == {"agent": one}


async def test_who_may_not_see_agents_finds_none(world: World) -> None:
    member = world.user("ann")
    assert await agents(world, member) == []
    (one, *_) = there(world, "a")
    reply = await member.get(f"{AGENTS}/{one}")
    assert (reply.status, reply.json["NeutronError"]["type"]) == (404, "AgentNotFound")


async def test_lists_are_filtered_sorted_paged_and_cut_to_fields(world: World) -> None:
    every = await agents(world)
    assert {one["host"] for one in await agents(world, host="host-2")} == {"host-2"}
    assert len(await agents(world, host="host-2")) == 2
    assert len(await agents(world, host=["host-1", "host-2"])) == len(every)
    assert {one["agent_type"] for one in await agents(world, binary="neutron-l3-agent")} == {"L3 agent"}
    assert {one["availability_zone"] for one in await agents(world, availability_zone="b")} == {"b"}
    assert await agents(world, alive="False") == []
    assert len(await agents(world, alive="True", admin_state_up="true")) == len(every)
    hosts = [one["host"] for one in await agents(world, sort_key="host", sort_dir="desc")]
    assert hosts == sorted(hosts, reverse=True)
    assert all(list(one) == ["host"] for one in await agents(world, fields="host"))
    ids = [one["id"] for one in every]
    assert ids == sorted(ids)
    first = (await world.admin.get(AGENTS, limit=4)).ok()
    assert [one["id"] for one in first["agents"]] == ids[:4]
    assert first["agents_links"][0]["rel"] == "next"
    assert [one["id"] for one in await agents(world, limit=4, marker=ids[3])] == ids[4:8]
    assert (await world.admin.get(AGENTS, limit=4, marker="nobody")).status == 404


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ({"foo": "1"}, "['foo'] is invalid attribute for filtering"),
        ({"created_at": "1"}, "['created_at'] is invalid attribute for filtering"),
        ({"alive": "maybe"}, "Invalid input for operation: 'maybe' cannot be converted to boolean."),
        ({"sort_key": "configurations", "sort_dir": "asc"}, "['configurations'] is invalid attribute for sort_keys"),
    ],
)  # fmt: skip
async def test_bad_queries_are_refused_as_neutron_does(
    world: World, query: dict[str, str], sentence: str
) -> None:
    reply = await world.admin.get(AGENTS, **query)
    assert (reply.status, reply.json["NeutronError"]["message"]) == (400, sentence)


async def test_what_changes_there_is_seen_by_a_sweep_and_what_is_gone_is_forgotten(world: World) -> None:
    one, other, *_ = there(world, "a")
    there(world, "a")[one]["alive"] = False
    del there(world, "a")[other]
    await world.run_for(150)
    shown = {agent["id"]: agent for agent in await agents(world)}
    assert shown[one]["alive"] is False
    assert other not in shown
    assert (await world.admin.get(f"{AGENTS}/{other}")).status == 404
    assert len(await agents(world, alive="False")) == 1


async def test_an_id_that_two_clouds_share_says_its_zone_until_they_share_it_no_longer(world: World) -> None:
    (one, *_) = there(world, "a")
    there(world, "b")[one] = {**there(world, "a")[one], "host": "other"}
    for _ in range(2):
        await world.sweep(full=True)
    ids = {agent["id"] for agent in await agents(world)}
    assert {f"a@{one}", f"b@{one}"} <= ids
    assert one not in ids
    shown = (await world.admin.get(f"{AGENTS}/b@{one}")).ok()["agent"]
    assert (shown["id"], shown["host"], shown["availability_zone"]) == (f"b@{one}", "other", "b")
    assert (await world.admin.get(f"{AGENTS}/{one}")).status == 404, "which of the two?"
    del there(world, "b")[one]
    for _ in range(2):
        await world.sweep(full=True)
    assert (await world.admin.get(f"{AGENTS}/{one}")).ok()["agent"]["availability_zone"] == "a"
    assert (await world.admin.get(f"{AGENTS}/a@{one}")).ok()["agent"]["id"] == one, (
        "a zone may always be said"
    )
    assert (await world.admin.get(f"{AGENTS}/b@{one}")).status == 404


async def test_what_is_shown_of_a_cloud_that_does_not_answer_is_said_to_be_stale(world: World) -> None:
    before = await agents(world)
    assert "fractus-stale" not in {name.lower() for name in (await world.admin.get(AGENTS)).headers}
    world.cloud("a").faults.unreachable()
    await world.run_for(60)
    reply = await world.admin.get(AGENTS)
    assert [one["id"] for one in reply.ok()["agents"]] == [one["id"] for one in before], "no list shrinks"
    assert reply.headers["fractus-stale"] == "a"
    (one, *_) = there(world, "a")
    assert (await world.admin.get(f"{AGENTS}/{one}")).headers["fractus-stale"] == "a"
    assert "fractus-stale" not in (await world.admin.get(AGENTS, availability_zone="b")).headers


def refuse_in_a(monkeypatch: pytest.MonkeyPatch, error: CloudError) -> None:
    given = SimulatedCloud.mirrored

    async def mirrored(cloud: SimulatedCloud, what: Mirrored) -> AsyncIterator[Mapping[str, Any]]:
        if cloud.name == "a":
            raise error
        async for one in given(cloud, what):
            yield one

    monkeypatch.setattr(SimulatedCloud, "mirrored", mirrored)


async def test_a_cloud_that_does_not_let_us_list_them_is_well_and_has_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse_in_a(monkeypatch, Refused("not for you", status=403))
    async with World(2, tmp_path=tmp_path, shape={"agents": True, "hosts": 2}) as world:
        await world.sweep(full=True)
        assert {one["availability_zone"] for one in await agents(world)} == {"b"}
        assert "fractus-stale" not in (await world.admin.get(AGENTS)).headers


@pytest.mark.parametrize("error", [Refused("not for you", status=403), Missing("no such path")])
async def test_what_a_cloud_does_not_let_us_list_any_more_is_not_forgotten_but_stale(
    world: World, monkeypatch: pytest.MonkeyPatch, error: CloudError
) -> None:
    before = await agents(world)
    with monkeypatch.context() as for_a_while:
        refuse_in_a(for_a_while, error)
        await world.sweep(full=True)
        reply = await world.admin.get(AGENTS)
        assert reply.ok()["agents"] == before
        assert reply.headers["fractus-stale"] == "a"
        assert "fractus-stale" not in (await world.admin.get(AGENTS, availability_zone="b")).headers
    (one, *_) = there(world, "a")
    del there(world, "a")[one]
    await world.sweep(full=True)
    reply = await world.admin.get(AGENTS)
    assert {agent["id"] for agent in reply.ok()["agents"]} == {agent["id"] for agent in before} - {one}
    assert "fractus-stale" not in reply.headers


async def test_a_list_with_something_that_has_no_id_forgets_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = await agents(world)

    async def mirrored(cloud: SimulatedCloud, what: Mirrored) -> AsyncIterator[Mapping[str, Any]]:
        yield {"error": "try again"}

    monkeypatch.setattr(SimulatedCloud, "mirrored", mirrored)
    await world.sweep(full=True)
    assert await agents(world) == before


async def test_a_cloud_that_is_removed_takes_its_agents_with_it(world: World) -> None:
    core = world.core
    await cloud_rows.remove(core.store, core.resources, core.lifecycles, "a", forget=True)
    assert {one["availability_zone"] for one in await agents(world)} == {"b"}
