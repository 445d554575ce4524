"""Usage of projects: exact, over servers that are there and servers that were."""

from __future__ import annotations

import datetime
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from fractus.testing.user import COMPUTE, User
from fractus.testing.world import World

USAGE = f"{COMPUTE}/os-simple-tenant-usage"


def _at(world: World, seconds: float = 0.0) -> str:
    moment = datetime.datetime.fromtimestamp(world.clock.now() + seconds, datetime.UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%S")


async def _hours(user: User, world: World, **query: str) -> dict[str, Any]:
    """Their own project's."""
    asked = {"start": _at(world, -86400.0), "end": _at(world, 3600.0), **query}
    shown: dict[str, Any] = (await user.get(f"{USAGE}/{user.project_id}", version="2.104", **asked)).ok()[
        "tenant_usage"
    ]
    return shown


async def test_servers_are_counted_from_their_launch_to_their_end(world: World) -> None:
    ann = world.user("ann")
    assert await _hours(ann, world) == {}
    assert (await ann.get(f"{USAGE}/{ann.project_id}")).ok() == {"tenant_usage": {}}
    flavor = await world.admin.makes_flavor(
        "sized", vcpus=2, ram=1024, disk=3, **{"OS-FLV-EXT-DATA:ephemeral": 2}
    )
    gone, kept = await ann.boots_server("gone", flavor=flavor), await ann.boots_server("kept", flavor=flavor)
    await world.settle()
    await world.run_for(60.0)
    await ann.deletes_server(gone)
    await world.settle()
    await world.run_for(60.0)
    usage = await _hours(ann, world)
    by_name = {one["name"]: one for one in usage["server_usages"]}
    seconds = {name: one["hours"] * 3600 for name, one in by_name.items()}
    assert 55 < seconds["gone"] < 90
    assert seconds["kept"] >= seconds["gone"] + 55
    assert (by_name["gone"]["state"], by_name["kept"]["state"]) == ("terminated", "active")
    assert by_name["kept"]["ended_at"] is None
    assert by_name["gone"]["instance_id"] == gone
    sizes = {"memory_mb": 1024, "local_gb": 5, "vcpus": 2, "flavor": "sized", "tenant_id": ann.project_id}
    assert all(by_name["kept"][name] == value for name, value in sizes.items())
    hours = sum(one["hours"] for one in by_name.values())
    assert usage["total_hours"] == pytest.approx(hours)
    assert usage["total_memory_mb_usage"] == pytest.approx(1024 * hours)
    # A period in the past is cut at both of its ends; what began after it and what ended before it is not in it.
    half = await _hours(ann, world, start=_at(world, -30.0), end=_at(world, -12.0))
    assert [one["instance_id"] for one in half["server_usages"]] == [kept]
    assert half["total_hours"] == pytest.approx(18 / 3600)
    assert await _hours(ann, world, end=_at(world, -80000.0)) == {}


async def test_administrators_see_all_projects_a_page_at_a_time(world: World) -> None:
    ann, bob, root = world.user("ann"), world.user("bob", project="p2"), world.admin
    for user in (ann, bob):
        for _ in range(2):
            await user.boots_server()
    await world.settle()
    await world.run_for(60.0)
    period = {"start": _at(world, -86400.0), "end": _at(world)}
    whole = (await root.get(USAGE, version="2.104", **period)).ok()
    assert {one["tenant_id"] for one in whole["tenant_usages"]} == {ann.project_id, bob.project_id}
    assert all("server_usages" not in one for one in whole["tenant_usages"])
    seen, query = [], {**period, "detailed": "1", "limit": "3"}
    while True:
        page = (await root.get(USAGE, version="2.40", **query)).ok()
        seen += [one["instance_id"] for tenant in page["tenant_usages"] for one in tenant["server_usages"]]
        if "tenant_usages_links" not in page:
            break
        query = dict(parse_qsl(urlsplit(page["tenant_usages_links"][0]["href"]).query))
    assert len(seen) == len(set(seen)) == 4
    unpaged = (await root.get(USAGE, version="2.39", **{**period, "limit": "1"})).ok()
    assert "tenant_usages_links" not in unpaged
    assert len(unpaged["tenant_usages"]) == 2
    assert (await ann.get(USAGE, version="2.104")).status == 403
    assert (await ann.get(f"{USAGE}/{bob.project_id}", version="2.104", **period)).status == 403


@pytest.mark.parametrize(
    ("query", "why"),
    [
        ({"start": "yesterday"}, "Invalid datetime string: Datetime is in invalid format"),
        (
            {"start": "2001-01-02T00:00:00", "end": "2001-01-01T00:00:00"},
            "Invalid start time. The start time",
        ),
        (
            {"end": "2001-01-01T00:00:00"},
            "Invalid start time. The start time cannot occur after the end time.",
        ),
        ({"start": "2001-01-01 00:00:00.0", "marker": "x"}, "Marker x could not be found."),
        ({"start": "2001-01-01T00:00:00.5", "limit": "x"}, "Invalid input for query parameters limit"),
        ({"colour": "blue"}, "Additional properties are not allowed ('colour' was unexpected)"),
    ],
)
async def test_wrong_periods_are_refused_as_nova_refuses_them(
    world: World, query: dict[str, str], why: str
) -> None:
    ann = world.user("ann")
    reply = await ann.get(f"{USAGE}/{ann.project_id}", version="2.104", **query)
    assert reply.status == 400
    assert why in reply.json["badRequest"]["message"]
