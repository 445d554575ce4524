"""Every route once more with a project id in its URL, as older catalogs have it: the same answers, the id in links."""

from __future__ import annotations

import re

import pytest

from fractus.testing.asgi import HttpReply
from fractus.testing.user import User
from fractus.testing.world import World
from tests.api.bodies import body_of
from tests.api.house import House, Served, furnish, served
from tests.api.rows import changes, rows_of

OWN, OTHER = "c0ffee00c0ffee00c0ffee00c0ffee00", "0123456789abcdef0123456789abcdef"


def ann_of(world: World) -> User:
    return world.user("ann", project_id=OWN)


#: What differs between two answers to one question.
_PASSING = re.compile(r"req-[0-9a-f-]{36}")


@pytest.fixture
async def house(world: World) -> House:
    return await furnish(world, ann_of(world))


async def with_projects(world: World) -> list[Served]:
    """The routes of the services whose URLs may have a project id."""
    found = [one for one in await served(world) if one.service.project_mismatch is not None]
    assert {one.service.type for one in found} >= {"compute"}
    return found


def with_project(one: Served, path: str, project: str, mount: str = "") -> str:
    below = path.removeprefix(one.service.prefix + one.service.mount)
    return f"{one.service.prefix}{mount or one.service.mount}/{project}{below}"


def version_of(one: Served) -> str:
    return str(one.route.max_version or one.service.versions.max) if one.service.versions else ""


def in_project(one: Served, body: str, mount: str) -> str:
    """The body with the project id, and the mount where one is given, in all links."""
    service = one.service
    for root in set(re.findall(rf'http://[^/"]+:\d+{service.prefix}(?=/)', body)):
        body = body.replace(f"{root}{service.mount}/", f"{root}<versioned>/")
        body = re.sub(f"{root}/", f"{root}/{OWN}/", body)
        body = body.replace(f"{root}<versioned>/", f"{root}{mount or service.mount}/{OWN}/")
    return body


def without_passing(reply: HttpReply) -> str:
    return _PASSING.sub("req", reply.body.decode())


@pytest.mark.parametrize("legacy", [False, True])
async def test_every_read_is_answered_as_without_the_id(world: World, house: House, legacy: bool) -> None:
    ann, compared = ann_of(world), 0
    for one in await with_projects(world):
        if one.route.method != "GET" or one.gone:
            continue
        path, version = house.path(one), "" if legacy else version_of(one)
        mount = one.service.legacy_mount if legacy else ""
        plain = await ann.get(path, version=version)
        reply = await ann.get(with_project(one, path, OWN, mount), version=version)
        assert reply.status == plain.status, one
        assert without_passing(reply) == in_project(one, without_passing(plain), mount), one
        compared += 1
    assert compared > 30


async def test_the_id_of_another_project_is_refused_before_anything_is_done(
    world: World, house: House
) -> None:
    before = await rows_of(world)
    for user in (ann_of(world), world.admin):
        for one in await with_projects(world):
            path = with_project(one, house.path(one), OTHER)
            reply = await user.call(one.route.method, path, body_of(one, house), version=version_of(one))
            mismatch = one.service.project_mismatch
            assert mismatch is not None
            assert reply.status == 400, (one, reply.body)
            assert reply.json["badRequest"]["message"] == mismatch(OTHER, user.project_id), one
    assert changes(before, await rows_of(world)) == []


async def test_what_is_no_project_id_is_a_path_that_does_not_exist(world: World) -> None:
    ann = ann_of(world)
    for path in (
        "/compute/v2.1/demo/servers",
        f"/compute/v2.1/{OWN.upper()}/servers",
        f"/compute/v2.1/{OWN}/nosuch",
    ):
        assert (await ann.get(path)).status == 404
    assert (await ann.get(f"/compute/v2.1/{OWN}/servers/")).status == 404


async def test_the_version_document_below_a_project(world: World) -> None:
    ann = ann_of(world)
    for mount, id in (("/v2.1", "v2.1"), ("/v2", "v2.0")):
        reply = await ann.get(f"/compute{mount}/{OWN}/")
        assert reply.ok()["version"]["id"] == id
        assert (await ann.get(f"/compute{mount}/{OWN}")).status == 404
        assert (await ann.get(f"/compute{mount}/{OTHER}/")).status == 400
        stranger = User(world, ann.principal, "unknown")
        assert (await stranger.get(f"/compute{mount}/{OWN}/")).status == 401


async def test_a_server_is_made_and_named_with_the_id_in_its_links(world: World, house: House) -> None:
    ann = ann_of(world)
    below = f"/compute/v2.1/{OWN}"
    body = {"server": {"name": "s", "flavorRef": house.flavor, "imageRef": house.image, "networks": "none"}}
    made = await ann.post(f"{below}/servers", body, version="2.60")
    links = made.ok()["server"]["links"]
    id = made.json["server"]["id"]
    assert made.headers["location"] == links[0]["href"]
    assert links[0]["href"].endswith(f"/compute/v2.1/{OWN}/servers/{id}")
    assert links[1]["href"].endswith(f"/compute/{OWN}/servers/{id}")
    tagged = await ann.put(f"{below}/servers/{house.server}/tags/red", version="2.60")
    assert tagged.headers["location"].endswith(f"{below}/servers/{house.server}/tags/red")
    listed = (await ann.get(f"{below}/servers/detail", limit=1, version="2.47")).ok()
    assert f"/compute/v2.1/{OWN}/servers/detail?limit=1&marker=" in listed["servers_links"][0]["href"]
