"""A Keystone whose certificate is signed by an authority that only the settings know."""

from __future__ import annotations

import contextlib
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

from aiohttp import web

from fractus.app import wiring
from fractus.auth.calls import Caller
from fractus.auth.project_names import KeystoneProjects, project_named
from fractus.local.keystone_catalog import Catalog, User
from fractus.model.cloud import Scope
from fractus.settings.loading import Settings, load
from tests.unit.web.test_tls import Authority

_PROJECT = {"id": "p1", "name": "the name", "domain_id": "default"}


async def _log_in(_: web.Request) -> web.Response:
    return web.json_response({"token": {}}, status=201, headers={"X-Subject-Token": "t"})


async def _project(_: web.Request) -> web.Response:
    return web.json_response({"project": _PROJECT})


async def _projects(_: web.Request) -> web.Response:
    return web.json_response({"projects": [_PROJECT]})


@contextlib.asynccontextmanager
async def keystone(directory: Path) -> AsyncIterator[Settings]:
    """Settings that name it and its authority."""
    authority = Authority(directory)
    authority.renews()
    served = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    served.load_cert_chain(directory / "cert.pem", directory / "key.pem")
    application = web.Application()
    application.router.add_post("/v3/auth/tokens", _log_in)
    application.router.add_get("/v3/projects/p1", _project)
    application.router.add_get("/v3/projects", _projects)
    runner = web.AppRunner(application)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=served)
        await site.start()
        port = runner.addresses[0][1]
        settings_given = {
            "mode": "external",
            "url": f"https://127.0.0.1:{port}/v3",
            "password": "secret",
            "ca_file": str(authority.file),
        }
        yield load(directory / "state", overrides={"keystone": settings_given}, environ={})
    finally:
        await runner.cleanup()


async def test_all_who_ask_it_trust_its_authority(tmp_path: Path) -> None:
    async with keystone(tmp_path) as settings:
        who = wiring.credential(settings)
        assert await KeystoneProjects(who).scope_of("p1") == Scope("p1", "the name")
        assert await project_named(who, "the name") == "p1"


async def test_who_is_registered_there_can_log_in(tmp_path: Path) -> None:
    async with keystone(tmp_path) as settings, Caller(settings.keystone.ca_file) as caller:
        catalog = Catalog(caller, settings.keystone.url)
        assert await catalog._can_log_in(User("fractus", "secret", "service", ("admin",)))
