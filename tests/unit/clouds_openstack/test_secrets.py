"""Whatever a child does, no token and no password is shown to anyone."""

from __future__ import annotations

import io
import logging
import traceback
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web

from fractus.base import log
from fractus.clouds.openstack import OpenStackCloud
from fractus.model.cloud import HOME, CloudRow, Scope
from fractus.model.errors import CloudError
from fractus.model.servers import ServerWanted
from fractus.testing.live import console_of
from tests.unit.clouds_openstack.fake import Answering, Clock, FakeChild, cut_off, drop, reply, text

PASSWORD = "hunter2-hunter2"
TOKEN = "gAAAAABtokentoken"


async def echo(request: web.Request) -> web.StreamResponse:
    """A proxy in debug mode."""
    return web.Response(
        text="\n".join(f"{key}: {value}" for key, value in request.headers.items()), status=400
    )


async def echo_html(request: web.Request) -> web.StreamResponse:
    return web.Response(
        text=f"<html>{request.headers.get('x-auth-token')} {PASSWORD}</html>", content_type="text/html"
    )


async def echo_wrong_type(request: web.Request) -> web.StreamResponse:
    return web.json_response({"server": {"id": "x", "status": [request.headers.get("x-auth-token")]}})


@pytest.fixture
async def cloud(fake: FakeChild, clock: Clock) -> AsyncIterator[OpenStackCloud]:
    """With a real Keystone plugin, so that the password really travels."""
    auth = {
        "auth_url": f"{fake.url}/v3",
        "username": "operator",
        "password": PASSWORD,
        "project_name": "home",
        "user_domain_name": "D",
        "project_domain_name": "D",
    }
    row = CloudRow(name="far", driver="openstack", auth={"auth": auth})
    made = OpenStackCloud.connect(row, clock=clock, request_id=lambda: "")
    links = [{"rel": "self", "href": f"{fake.url}/v3/"}]
    fake.on("GET /v3", reply({"version": {"id": "v3.14", "status": "stable", "links": links}}))
    fake.on("POST /v3/auth/tokens", granted(fake.url))
    yield made
    await made.close()


def granted(base: str) -> Answering:
    def endpoints(service: str, version: str) -> dict[str, Any]:
        url = f"{base}/{service}/{version}"
        return {
            "type": service,
            "name": service,
            "id": service,
            "endpoints": [{"interface": "public", "url": url, "id": "e"}],
        }

    catalog = [endpoints("compute", "v2.1"), endpoints("network", "v2.0"), endpoints("identity", "v3")]
    project = {"id": "p1", "name": "home", "domain": {"id": "d", "name": "D"}}
    user = {"id": "u1", "name": "operator", "domain": {"id": "d", "name": "D"}}
    stamps = {"issued_at": "2199-01-01T00:00:00.000000Z", "expires_at": "2199-01-01T02:00:00.000000Z"}
    token = {
        "methods": ["password"],
        "user": user,
        "project": project,
        "catalog": catalog,
        "roles": [],
        **stamps,
    }
    return reply({"token": token}, 201, X_Subject_Token=TOKEN)


async def _everything(cloud: OpenStackCloud) -> list[BaseException]:
    """Call what there is; what it raised."""
    servers = cloud.actuators()["server"]
    wanted = ServerWanted(id="w1", name="x", flavor_id="f", port_ids=["p"])
    raised: list[BaseException] = []
    for attempt in (
        servers.observe(HOME, "s1"),
        servers.create(HOME, wanted),
        servers.find(HOME, wanted),
        servers.delete(Scope("p-ann"), "s1"),
        console_of(cloud, HOME, "s1", 5, 1.0),
    ):
        try:
            await attempt
        except CloudError as error:
            raised.append(error)
    assert len(raised) >= 4
    return raised


def _printed(error: BaseException) -> str:
    """All that a log could print of it: its chain, with the arguments of every error in it."""
    shown = "".join(traceback.format_exception(error))
    while error is not None:
        shown += repr(error) + repr(error.args) + repr(vars(error))
        error = error.__cause__ or error.__context__  # type: ignore[assignment]
    return shown


@pytest.mark.parametrize(
    "answer", [echo, echo_html, echo_wrong_type, drop, cut_off, text("no", 401), text("", 500)]
)
async def test_no_secret_is_shown(
    cloud: OpenStackCloud, fake: FakeChild, answer: Answering, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    stream = io.StringIO()
    log.configure("debug", stream=stream)
    for call in (
        "GET /compute/v2.1/servers/s1",
        "POST /compute/v2.1/servers",
        "GET /compute/v2.1/servers/detail",
        "GET /identity/v3/projects",
        "POST /compute/v2.1/servers/s1/action",
    ):
        fake.on(call, answer)
    errors = await _everything(cloud)
    shown = (
        "".join(map(_printed, errors))
        + stream.getvalue()
        + caplog.text
        + repr(cloud._child.services.tokens.__dict__)
    )
    assert TOKEN not in shown
    assert PASSWORD not in shown


async def test_no_secret_of_a_refused_login_is_shown(
    cloud: OpenStackCloud, fake: FakeChild, caplog: pytest.LogCaptureFixture
) -> None:
    async def echo_login(request: web.Request) -> web.StreamResponse:
        body = {"error": {"code": 401, "message": await request.text(), "title": "Unauthorized"}}
        return web.json_response(body, status=401)

    caplog.set_level(logging.DEBUG)
    fake.on("POST /v3/auth/tokens", echo_login)
    errors = await _everything(cloud)
    report = await cloud.check()
    shown = "".join(map(_printed, errors)) + repr(report) + caplog.text
    assert PASSWORD not in shown
    assert "***" in shown
