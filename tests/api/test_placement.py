"""Placement over all clouds: what there is is mirrored, what each provider has and uses is asked of its cloud."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from fractus.services.placement.providers.versions import REQUESTS
from fractus.testing.asgi import HttpReply
from fractus.testing.user import User
from fractus.testing.world import World
from fractus.web.microversion import Version

PLACEMENT = "/placement"


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    shape = {"hosts": 2, "host_lists": True, "vcpus_per_host": 4, "ram_per_host": 4096}
    async with World(2, tmp_path=tmp_path, shape=shape) as made:
        await made.sweep(full=True)
        yield made


async def get(world: World, path: str, version: str = "1.39", who: User | None = None) -> HttpReply:
    return await (who or world.admin).get(f"{PLACEMENT}{path}", version=version)


async def providers(world: World, query: str = "", version: str = "1.39") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await get(world, f"/resource_providers{query}", version)).ok()[
        "resource_providers"
    ]
    return found


def said(reply: HttpReply) -> str:
    """The sentence of an error, without what WebOb says before it."""
    text: str = reply.json["errors"][0]["detail"]
    return text.partition("\n\n")[2].strip()


async def test_the_version_document_needs_no_token(world: World) -> None:
    [entry] = (await get(world, "/")).ok()["versions"]
    assert (entry["min_version"], entry["max_version"]) == ("1.0", "1.39")


async def test_providers_of_all_clouds_are_one_list(world: World) -> None:
    every = await providers(world)
    assert [one["name"] for one in every] == [f"host-{number}.{zone}" for zone in "ab" for number in (1, 2)]
    assert len({one["uuid"] for one in every}) == 4
    one = every[2]
    assert one["root_provider_uuid"] == one["uuid"]
    assert one["parent_provider_uuid"] is None
    for query in (f"?uuid={one['uuid']}", f"?name={one['name']}", f"?in_tree={one['uuid']}"):
        assert await providers(world, query) == [one]
    assert (await get(world, f"/resource_providers/{one['uuid']}")).ok() == one


@pytest.mark.parametrize(
    ("version", "links", "trees"),
    [
        ("1.0", "self inventories usages", False),
        ("1.1", "self inventories usages aggregates", False),
        ("1.6", "self inventories usages aggregates traits", False),
        ("1.11", "self inventories usages aggregates traits allocations", False),
        ("1.14", "self inventories usages aggregates traits allocations", True),
    ],
)
async def test_each_version_shows_what_it_knew(world: World, version: str, links: str, trees: bool) -> None:
    one = (await providers(world, version=version))[0]
    assert " ".join(link["rel"] for link in one["links"]) == links
    assert ("root_provider_uuid" in one) is trees


@pytest.mark.parametrize(
    ("since", "path"),
    [
        ("1.1", "/resource_providers/{id}/aggregates"),
        ("1.2", "/resource_classes"),
        ("1.6", "/traits"),
        ("1.6", "/resource_providers/{id}/traits"),
        ("1.9", "/usages?project_id=p"),
        ("1.10", "/allocation_candidates?resources=VCPU:1"),
    ],
)
async def test_a_route_is_there_from_its_version_on(world: World, since: str, path: str) -> None:
    path = path.format(id=(await providers(world))[0]["uuid"])
    before = f"1.{int(since.partition('.')[2]) - 1}"
    assert (await get(world, path, before)).status == 404
    assert (await get(world, path, since)).status == 200


async def test_what_a_provider_has_is_asked_of_its_cloud(world: World) -> None:
    ann = world.user("ann")
    server = await ann.boots_server(zone="b")
    await world.settle()
    [used] = await providers(world, "?name=host-1.b")
    url = f"/resource_providers/{used['uuid']}"
    inventories = (await get(world, f"{url}/inventories")).ok()["inventories"]
    assert inventories["VCPU"]["total"] == 4
    assert (await get(world, f"{url}/inventories/VCPU")).ok()["total"] == 4
    usages = (await get(world, f"{url}/usages")).ok()["usages"]
    assert usages["VCPU"] == 1
    assert "COMPUTE_NODE" in (await get(world, f"{url}/traits")).ok()["traits"]
    assert (await get(world, f"{url}/aggregates")).ok()["aggregates"] == []
    allocations = (await get(world, f"{url}/allocations")).ok()["allocations"]
    assert list(allocations) == [server], "by the id that it has here"
    mine = (await get(world, f"/allocations/{server}")).ok()
    assert mine["allocations"][used["uuid"]]["resources"] == allocations[server]["resources"]
    assert mine["project_id"] == ann.project_id
    assert "project_id" not in (await get(world, f"/allocations/{server}", "1.11")).ok()
    nobody = "5b1c0d7e-0b6c-4a3b-9d63-000000000001"
    assert (await get(world, f"/allocations/{nobody}")).ok() == {"allocations": {}}


async def test_what_a_project_uses_is_the_sum_over_its_servers(world: World) -> None:
    ann = world.user("ann")
    path = f"/usages?project_id={ann.project_id}"
    assert (await get(world, path)).ok() == {"usages": {}}
    for zone in "ab":
        await ann.boots_server(zone=zone)
    await world.settle()
    used = (await get(world, path, "1.9")).ok()["usages"]
    assert used["VCPU"] == 2
    by_type = (await get(world, path)).ok()["usages"]
    assert by_type == {"INSTANCE": {**used, "consumer_count": 2}}
    assert (await get(world, f"{path}&consumer_type=all")).ok()["usages"] == {"all": by_type["INSTANCE"]}
    assert (await get(world, f"{path}&consumer_type=MIGRATION")).ok() == {"usages": {}}
    assert (await get(world, f"{path}&user_id=nobody")).ok() == {"usages": {}}
    assert (await get(world, path, who=ann)).ok()["usages"] == by_type, "readers see their own project's"
    assert (await get(world, path, who=world.user("ben", "p2"))).status == 403


async def test_candidates_of_all_clouds_are_one_answer(world: World) -> None:
    found = (await get(world, "/allocation_candidates?resources=VCPU:1,MEMORY_MB:512")).ok()
    ids = {one["uuid"] for one in await providers(world)}
    assert set(found["provider_summaries"]) == ids
    assert {id for one in found["allocation_requests"] for id in one["allocations"]} == ids
    some = (await get(world, "/allocation_candidates?resources=VCPU:1&limit=3")).ok()
    assert len(some["allocation_requests"]) == len(some["provider_summaries"]) == 3
    none = (await get(world, "/allocation_candidates?resources=VCPU:5")).ok()
    assert none == {"allocation_requests": [], "provider_summaries": {}}
    assert len(await providers(world, "?resources=VCPU:1&required=COMPUTE_NODE")) == 4
    assert await providers(world, "?resources=VCPU:9") == []


async def test_a_cloud_that_is_away_is_left_out_and_named(world: World) -> None:
    world.cloud("b").faults.unreachable()
    await world.run_for(120)
    reply = await get(world, "/allocation_candidates?resources=VCPU:1")
    assert len(reply.ok()["allocation_requests"]) == 2
    assert reply.headers["fractus-stale"] == "b"
    for path in ("/resource_providers", "/resource_classes", "/traits", "/traits?associated=true"):
        reply = await get(world, path)
        assert reply.headers["fractus-stale"] == "b", path
    assert len(await providers(world)) == 4, "the mirror has them still"
    [gone] = await providers(world, "?name=host-1.b")
    assert (await get(world, f"/resource_providers/{gone['uuid']}/usages")).status == 503
    world.cloud("a").faults.unreachable()
    assert (await get(world, "/allocation_candidates?resources=VCPU:1")).status == 503


async def test_names_are_listed_once(world: World) -> None:
    classes = [one["name"] for one in (await get(world, "/resource_classes")).ok()["resource_classes"]]
    assert classes == sorted(set(classes))
    assert "VCPU" in classes
    shown = (await get(world, "/resource_classes/VCPU")).ok()
    assert shown == {
        "name": "VCPU",
        "links": [{"rel": "self", "href": "/placement/resource_classes/VCPU"}],
    }
    traits = (await get(world, "/traits")).ok()["traits"]
    assert traits == sorted(set(traits))
    assert (await get(world, "/traits?name=startswith:STORAGE")).ok()["traits"] == ["STORAGE_DISK_SSD"]
    assert (await get(world, "/traits?name=in:COMPUTE_NODE,NONE")).ok()["traits"] == ["COMPUTE_NODE"]
    associated = (await get(world, "/traits?associated=true")).ok()["traits"]
    assert associated == ["COMPUTE_NODE", "COMPUTE_VOLUME_MULTI_ATTACH"]
    assert (await get(world, "/traits/COMPUTE_NODE")).status == 204


@pytest.mark.parametrize(
    ("path", "status", "sentence"),
    [
        ("/resource_providers/abc", 404, "No resource provider with uuid abc found"),
        (
            "/resource_providers/abc/usages",
            404,
            "No resource provider with uuid abc found: No resource provider with uuid abc found",
        ),
        ("/resource_classes/FOO", 404, "No such resource class FOO."),
        ("/traits/FOO", 404, "No such trait(s): FOO."),
        ("/nothing", 404, ""),
        ("/resource_providers?uuid=abc", 400, "Invalid query string parameters: 'abc' is not a 'uuid'"),
        (
            "/resource_providers?foo=1",
            400,
            "Invalid query string parameters: Additional properties are not allowed ('foo' was unexpected)",
        ),
        (
            "/traits?name=x",
            400,
            "Badly formatted name parameter. Expected name query string parameter in form:"
            ' ?name=[in|startswith]:[name1,name2|prefix]. Got: "x"',
        ),
        (
            "/traits?associated=maybe",
            400,
            'The query parameter "associated" only accepts "true" or "false"',
        ),
        ("/usages", 400, "Invalid query string parameters: 'project_id' is a required property"),
        (
            "/allocation_candidates",
            400,
            "There must be at least one resources or resources[$S] parameter.",
        ),
        (
            "/allocation_candidates?resources=FOO:1",
            400,
            "Invalid resource class in resources parameter: No such resource class FOO.",
        ),
    ],
)
async def test_what_is_wrong_is_answered_as_placement_does(
    world: World, path: str, status: int, sentence: str
) -> None:
    reply = await get(world, path)
    assert (reply.status, said(reply)) == (status, sentence)
    assert reply.json["errors"][0]["status"] == status


async def test_parameters_come_with_their_versions(world: World) -> None:
    assert not REQUESTS.query_allowed("required", Version(1, 17), "providers")
    assert (await get(world, "/resource_providers?required=COMPUTE_NODE", "1.17")).status == 400
    assert (await get(world, "/resource_providers?required=COMPUTE_NODE", "1.18")).status == 200


async def test_it_is_for_administrators_and_read_only(world: World) -> None:
    ann = world.user("ann")
    for path in (
        "/resource_providers",
        "/resource_classes",
        "/traits",
        "/allocation_candidates?resources=VCPU:1",
    ):
        assert (await get(world, path, who=ann)).status == 403
    reply = await world.admin.post(f"{PLACEMENT}/resource_providers", {"name": "mine"})
    assert reply.status == 501
    assert (await get(world, "/resource_providers", "1.40")).status == 406
    assert (await get(world, "/resource_providers")).headers["cache-control"] == "no-cache"
    assert "last-modified" not in (await get(world, "/resource_providers", "1.14")).headers
