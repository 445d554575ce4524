"""Bodies that fall silent, or come a byte at a time, are cut off on every route that takes one."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from fractus.settings.loading import Settings
from fractus.testing import asgi
from fractus.testing.user import User
from fractus.testing.world import World
from fractus.web.routing import Route
from fractus.web.service import Service

SENTENCE = "The server has waited too long for the request to be sent by the client."
ADMIN = ("admin", "member", "reader", "service")

#: Seconds that a test waits for an answer which it expects after half a second.
_PATIENCE = 60.0


class Hurried(World):
    """A world whose bodies have little time."""

    idle = 0.5

    def settings(self) -> Settings:
        settings = super().settings()
        api = msgspec.structs.replace(settings.api, body_idle_timeout=self.idle, body_timeout=self.idle)
        return msgspec.structs.replace(settings, api=api)


@pytest.fixture
async def hurried(tmp_path: Path) -> AsyncIterator[World]:
    async with Hurried(0, tmp_path=tmp_path) as made:
        yield made


async def silent(*first: bytes) -> AsyncIterator[bytes]:
    for piece in first:
        yield piece
    await asyncio.Event().wait()


async def a_byte_at_a_time() -> AsyncIterator[bytes]:
    while True:
        yield b" "
        await asyncio.sleep(0.02)


async def send(
    who: User, world: World, method: str, path: str, body: AsyncIterator[bytes], **headers: str
) -> asgi.HttpReply:
    named = {"X-Auth-Token": who.token, "Accept": "application/json", "Content-Length": "100000", **headers}
    async with asyncio.timeout(_PATIENCE):
        return await asgi.call(world.app, method, path, headers=named, body=body)


def routes_with_bodies(world: World) -> list[tuple[Service, Route]]:
    found = [(one.service, route) for one in world.core.kinds.services() for route in one.routes]
    writing = {"POST", "PUT", "PATCH", "DELETE"}
    return [(face, route) for face, route in found if route.method in writing and not route.raw]


def headers_of(service: Service, route: Route) -> dict[str, str]:
    version = route.max_version or route.min_version
    return {"OpenStack-API-Version": f"{service.type} {version}"} if version is not None else {}


def path_of(service: Service, route: Route, project_id: str) -> str:
    path = route.path
    while "{" in path:
        name = path[path.index("{") + 1 : path.index("}")]
        path = path.replace(f"{{{name}}}", project_id if name == "project_id" else str(uuid.uuid4()), 1)
    return f"{service.prefix}{service.mount}{path}"


async def test_every_body_that_falls_silent_is_answered_408_and_its_connection_closed(hurried: World) -> None:
    root = hurried.user("root", roles=ADMIN)
    found = routes_with_bodies(hurried)
    assert len(found) > 100

    async def one(service: Service, route: Route) -> asgi.HttpReply:
        path = path_of(service, route, root.project_id)
        headers = {"Content-Type": "application/json", **headers_of(service, route)}
        return await send(root, hurried, route.method, path, silent(b'{"'), **headers)

    answers = await asyncio.gather(*(one(service, route) for service, route in found))
    for (service, route), answer in zip(found, answers, strict=True):
        where = f"{service.type} {route.method} {route.path}"
        assert answer.status == 408, (where, answer.body)
        assert answer.headers["connection"] == "close", where
        assert SENTENCE in answer.body.decode(), where


@pytest.mark.parametrize(
    ("path", "shape"),
    [
        (
            "/compute/v2.1/os-keypairs",
            lambda body: (body["computeFault"]["code"], body["computeFault"]["message"]),
        ),
        (
            "/network/v2.0/networks",
            lambda body: (
                {"HTTPRequestTimeout": 408}[body["NeutronError"]["type"]],
                body["NeutronError"]["message"],
            ),
        ),
        (
            "/image/v2/images",
            lambda body: (int(body["code"].split()[0]), body["message"].removesuffix("<br /><br />\n\n\n")),
        ),
    ],
)
async def test_a_body_that_trickles_is_cut_off_in_the_words_of_its_service(
    hurried: World, path: str, shape: Any
) -> None:
    ann = hurried.user("ann")
    answer = await send(
        ann, hurried, "POST", path, a_byte_at_a_time(), **{"Content-Type": "application/json"}
    )
    assert (answer.status, shape(answer.json)) == (408, (408, SENTENCE))


@pytest.mark.parametrize("verb", ["file", "stage"])
@pytest.mark.parametrize("trickles", [False, True])
async def test_an_upload_that_falls_silent_leaves_nothing_and_can_be_repeated(
    hurried: World, verb: str, trickles: bool
) -> None:
    ann = hurried.user("ann")
    fields = {"name": "pic", "disk_format": "raw", "container_format": "bare"}
    image_id = (await ann.call("POST", "/image/v2/images", fields)).ok()["id"]
    path = f"/image/v2/images/{image_id}/{verb}"
    octets = {"Content-Type": "application/octet-stream"}
    body = a_byte_at_a_time() if trickles else silent(b"x" * 70_000)
    answer = await send(ann, hurried, "PUT", path, body, **octets)
    assert (answer.status, answer.headers["connection"]) == (408, "close")
    assert SENTENCE in answer.body.decode()
    assert list(Path(hurried.settings().images.directory).iterdir()) == []
    assert (await ann.call("GET", f"/image/v2/images/{image_id}")).ok()["status"] == "queued"
    again = await ann.call("PUT", path, body=b"whole", headers=octets)
    assert again.status == 204


async def test_an_upload_may_take_as_long_as_it_likes_while_it_moves(tmp_path: Path) -> None:
    async def slowly() -> AsyncIterator[bytes]:
        for _ in range(12):
            yield b"x" * 5000
            await asyncio.sleep(0.25)

    world = Hurried(0, tmp_path=tmp_path)
    world.idle = 2.0
    async with world:
        ann = world.user("ann")
        fields = {"name": "pic", "disk_format": "raw", "container_format": "bare"}
        image_id = (await ann.call("POST", "/image/v2/images", fields)).ok()["id"]
        path = f"/image/v2/images/{image_id}/file"
        headers = {"Content-Type": "application/octet-stream", "Content-Length": "60000"}
        answer = await send(ann, world, "PUT", path, slowly(), **headers)
        assert answer.status == 204, answer.body
