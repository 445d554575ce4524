"""A child whose every answer a test chooses, over real sockets: for what goes wrong, not for what goes right."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer
from msgspec import Struct

from fractus.clouds.openstack.tokens import Grant
from fractus.model.errors import CloudError

Answering = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Clock:
    """Time that a test moves."""

    def __init__(self) -> None:
        self.time = 1000.0
        self.slept: list[float] = []

    def now(self) -> float:
        return self.time

    def monotonic(self) -> float:
        return self.time

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.time += seconds


class Heard(Struct):
    """One request that came in."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def reply(document: Any = None, status: int = 200, **headers: str) -> Answering:
    """A JSON answer, as a service writes it."""

    async def answer(_request: web.Request) -> web.StreamResponse:
        named = {"x-openstack-request-id": "req-x"} | {
            key.replace("_", "-"): value for key, value in headers.items()
        }
        if document is None:
            return web.Response(status=status, headers=named)
        return web.json_response(document, status=status, headers=named)

    return answer


def text(body: str, status: int = 200, content_type: str = "text/html") -> Answering:
    """What a proxy writes."""

    async def answer(_request: web.Request) -> web.StreamResponse:
        return web.Response(text=body, status=status, content_type=content_type)

    return answer


def fault(sentence: str, status: int, name: str = "badRequest") -> Answering:
    """An error in Nova's envelope."""
    return reply({name: {"code": status, "message": sentence}}, status)


async def hang(_request: web.Request) -> web.StreamResponse:
    """Never answer."""
    await asyncio.Event().wait()
    raise AssertionError


async def drop(request: web.Request) -> web.StreamResponse:
    """Close the connection without an answer."""
    assert request.transport is not None
    request.transport.close()
    return web.Response()


async def cut_off(request: web.Request) -> web.StreamResponse:
    """Announce more than is sent."""
    response = web.StreamResponse(headers={"Content-Length": "1000", "Content-Type": "application/json"})
    await response.prepare(request)
    await response.write(b'{"server": {"id": "s')
    assert request.transport is not None
    request.transport.close()
    return response


class FakeChild:
    """Answers by method and path; the last answer of each is given again and again."""

    def __init__(self) -> None:
        self.heard: list[Heard] = []
        self._answers: dict[tuple[str, str], list[Answering]] = {}
        app = web.Application(client_max_size=64 * 1024 * 1024)
        app.router.add_route("*", "/{rest:.*}", self._handle)
        self._server = TestServer(app)

    async def start(self) -> None:
        await self._server.start_server()

    async def stop(self) -> None:
        await self._server.close()

    @property
    def url(self) -> str:
        return str(self._server.make_url("")).rstrip("/")

    def on(self, call: str, *answers: Answering) -> None:
        """`on("GET /compute/v2.1/servers/x", reply(...), hang)`."""
        method, path = call.split(" ", 1)
        self._answers[method, path] = list(answers)

    def said(self, call: str) -> list[Heard]:
        """What came in for a call."""
        method, path = call.split(" ", 1)
        return [heard for heard in self.heard if (heard.method, heard.path) == (method, path)]

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.heard.append(Heard(request.method, request.path, dict(request.query), headers, body))
        answers = self._answers.get((request.method, request.path))
        if not answers:
            return web.json_response(
                {"badRequest": {"message": f"the test expects no {request.method} {request.path}"}},
                status=418,
            )
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        return await answer(request)


class FakeAuthenticator:
    """Gives tokens `token-1`, `token-2` ... for any project, or what a test puts in the way."""

    def __init__(self, base: str = "http://127.0.0.1:1") -> None:
        self.base = base
        self.asked: list[str] = []
        self.lifetime = 3600.0
        self.rescopable = True
        self.errors: list[CloudError | None] = []
        self.gate: asyncio.Event | None = None
        self.roles = ["admin", "member"]
        #: What the catalog has: types of services, and the versions of their URLs.
        self.services = {"compute": "v2.1", "network": "v2.0", "image": "v2", "identity": "v3"}

    async def grant(self, project_id: str) -> Grant:
        self.asked.append(project_id)
        number = len(self.asked)
        if self.gate is not None:
            await self.gate.wait()
        error = self.errors.pop(0) if self.errors else None
        if error is not None:
            raise error
        return Grant(
            token=f"token-{number}",
            project_id=project_id or "home",
            project_domain_id="default",
            user_id="me",
            user_name="operator",
            roles=self.roles,
            lifetime=self.lifetime,
            endpoints={
                service: f"{self.base}/{service}/{version}" for service, version in self.services.items()
            },
        )

    async def close(self) -> None:
        return None
