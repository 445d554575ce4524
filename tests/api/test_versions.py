"""Microversions and request ids, as every client meets them: asked for, refused, named in every answer, sent on."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from fractus.base.ids import is_request_id, new_request_id
from fractus.services.compute import VERSIONS
from fractus.testing.asgi import HttpReply, call
from fractus.testing.user import COMPUTE, IMAGE, NETWORK, User
from fractus.testing.world import World
from fractus.web.table import Bound
from tests.api.house import furnish, served
from tests.api.refusals import faults_of

NEW, OLD = "OpenStack-API-Version", "X-OpenStack-Nova-API-Version"


async def _asked(user: User, headers: Mapping[str, str], path: str = f"{COMPUTE}/servers") -> HttpReply:
    return await user.call("GET", path, headers=headers)


@pytest.mark.parametrize(
    ("headers", "version"),
    [
        ({}, "2.1"),
        ({NEW: "compute 2.1"}, "2.1"),
        ({NEW: "compute 2.90"}, "2.90"),
        ({NEW: "compute latest"}, "2.104"),
        ({NEW: "COMPUTE 2.53"}, "2.53"),
        ({NEW: "volume 3.50, compute 2.53"}, "2.53"),
        ({NEW: "volume 3.50"}, "2.1"),
        ({OLD: "2.53"}, "2.53"),
        ({OLD: "latest"}, "2.104"),
        ({NEW: "compute 2.60", OLD: "2.53"}, "2.60"),
        ({NEW: "volume 3.50", OLD: "2.53"}, "2.53"),
    ],
)
async def test_the_version_is_asked_for_in_either_header_and_named_in_both(
    world: World, headers: dict[str, str], version: str
) -> None:
    reply = await _asked(world.user("ann"), headers)
    assert reply.status == 200
    assert reply.headers[NEW.lower()] == f"compute {version}"
    assert reply.headers[OLD.lower()] == version
    assert {one.strip() for one in reply.headers["vary"].split(",")} >= {NEW, OLD}


@pytest.mark.parametrize("version", ["2.0", "2.105", "3.0", "1.1", "2.999999"])
@pytest.mark.parametrize("header", [NEW, OLD])
async def test_versions_that_are_not_served_are_refused(world: World, header: str, version: str) -> None:
    text = f"compute {version}" if header == NEW else version
    for path in (f"{COMPUTE}/servers", f"{COMPUTE}/servers/nobody", f"{COMPUTE}/flavors"):
        reply = await _asked(world.user("ann"), {header: text}, path)
        assert reply.status == 406
        assert faults_of("compute", reply) == []
        said = reply.json["computeFault"]["message"]
        assert said == f"Version {version} is not supported by the API. Minimum is 2.1 and maximum is 2.104."
        assert reply.headers[NEW.lower()] == f"compute {version}"


@pytest.mark.parametrize(
    "text", ["2", "2.x", "02.1", "2.01", "2.1.1", "v2.1", "-2.1", "2.", ".1", "newest", "2.1 2.2", "²"]
)
async def test_what_is_no_version_is_refused(world: World, text: str) -> None:
    for headers in ({NEW: f"compute {text}"}, {OLD: text}):
        reply = await _asked(world.user("ann"), headers)
        assert reply.status == 400, (headers, reply.status)
        assert faults_of("compute", reply) == []
        assert "is of invalid format" in reply.json["badRequest"]["message"]


async def test_every_read_works_at_every_version(world: World) -> None:
    house = await furnish(world, world.user("ann"))
    reads = [
        one for one in await served(world) if one.service.type == "compute" and one.route.method == "GET"
    ]
    # What one path shows may be of one route up to a version, and of another since: any of them is "there".
    spans: dict[str, list[Bound]] = {}
    for one in reads:
        spans.setdefault(str(one), []).append(Bound(one.route, ()))
    wrongs = []
    for version, _ in VERSIONS:
        for one in (one for one in reads if not one.gone):
            reply = await house.owner.get(house.path(one), version=str(version))
            there = any(bound.serves(version) for bound in spans[str(one)])
            if reply.headers[NEW.lower()] != f"compute {version}" or faults_of("compute", reply):
                wrongs.append(f"{one} at {version}: {reply.status} {reply.headers} {reply.body[:200]!r}")
            if not there and reply.status != 404:
                wrongs.append(f"{one} at {version}: {reply.status}, and it is not there at that version")
    assert not wrongs, "\n".join(wrongs[:20])


async def test_the_versions_documents_are_there_without_a_token_and_lead_to_the_api(world: World) -> None:
    for path, statuses in (
        ("/compute/", (200, 300)),
        ("/network/", (200, 300)),
        ("/image/versions", (200, 300)),
        ("/volume/", (200, 300)),
    ):
        reply = await call(world.app, "GET", path)
        assert reply.status in statuses, path
        assert is_request_id(reply.headers["x-openstack-request-id"])
        current = [one for one in reply.json["versions"] if one["status"] == "CURRENT"]
        assert len(current) == 1
        (link,) = [link["href"] for link in current[0]["links"] if link["rel"] == "self"]
        assert link.startswith("http://")
        listing = {"compute": "servers", "network": "networks", "image": "images", "volume": "volumes"}[
            path.split("/")[1]
        ]
        assert (await world.user("ann").call("GET", f"{link.rstrip('/')}/{listing}")).status == 200
    one = (await call(world.app, "GET", "/compute/v2.1")).ok()["version"]
    assert (one["min_version"], one["version"]) == ("2.1", "2.104")


async def test_every_answer_has_a_request_id_also_the_refusals(world: World) -> None:
    ann = world.user("ann")
    seen = set()
    for method, path in (
        ("GET", "/"), ("GET", "/nowhere"), ("GET", "/healthcheck"), ("GET", "/metrics"), ("GET", f"{COMPUTE}/servers"),
        ("GET", f"{COMPUTE}/nowhere"), ("DELETE", f"{NETWORK}/networks"), ("GET", f"{IMAGE}/images/nowhere"),
        ("TRACE", f"{COMPUTE}/servers"), ("POST", f"{NETWORK}/networks"), ("PATCH", f"{COMPUTE}/servers"),
    ):  # fmt: skip
        reply = await ann.call(method, path)
        assert is_request_id(reply.headers["x-openstack-request-id"]), (method, path)
        seen.add(reply.headers["x-openstack-request-id"])
        if path.startswith(COMPUTE) and method != "TRACE":
            assert reply.headers["x-compute-request-id"] == reply.headers["x-openstack-request-id"]
    assert len(seen) == 11
    unknown = await call(world.app, "GET", f"{COMPUTE}/servers")
    assert (unknown.status, is_request_id(unknown.headers["x-openstack-request-id"])) == (401, True)


async def test_a_callers_request_id_is_taken_where_it_is_one(world: World) -> None:
    ann, own = world.user("ann"), new_request_id()
    reply = await ann.call("GET", f"{COMPUTE}/servers", headers={"X-Openstack-Request-Id": own})
    assert reply.headers["x-openstack-request-id"] == own
    for bad in ("", "req-", "req-1", "x" * 5000, own[4:], f"{own}\n", f"{own}, {own}"):
        reply = await ann.call("GET", f"{COMPUTE}/servers", headers={"X-Openstack-Request-Id": bad})
        assert is_request_id(reply.headers["x-openstack-request-id"])
        assert reply.headers["x-openstack-request-id"] != bad


async def test_the_request_id_goes_with_the_work_to_the_cloud(world: World) -> None:
    ann = world.user("ann")
    boot, stop, end = new_request_id(), new_request_id(), new_request_id()
    body = {
        "server": {
            "name": "vm",
            "flavorRef": await world.default_flavor(),
            "imageRef": await world.default_image(),
            "networks": [{"uuid": (await ann.own_network()).id}],
            "availability_zone": "a",
        }
    }
    made = await ann.call("POST", f"{COMPUTE}/servers", body, headers={"X-Openstack-Request-Id": boot})
    server = f"{COMPUTE}/servers/{made.ok()['server']['id']}"
    await world.settle()
    stopped = await ann.call(
        "POST", f"{server}/action", {"os-stop": None}, headers={"X-Openstack-Request-Id": stop}
    )
    stopped.ok()
    await world.settle()
    (await ann.call("DELETE", server, headers={"X-Openstack-Request-Id": end})).ok()
    await world.settle()
    calls = world.cloud("a").faults
    for request_id, kind, method in (
        (boot, "server", "create"), (stop, "server", "apply stop"), (end, "server", "delete"),
    ):  # fmt: skip
        assert [call.request_id for call in calls.calls(kind, method)] == [request_id], method
    carried = {call.kind: call.request_id for call in calls.changes() if call.method == "create"}
    assert set(carried) >= {"network", "subnet", "port", "image", "flavor", "security_group", "server"}
    assert set(carried.values()) == {boot}, "what a server needs is made for the sake of its request"
