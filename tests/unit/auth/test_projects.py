"""Whether a project exists, asked of a small Keystone on this machine."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from fractus.auth.projects import KeystoneProjectLookup


class Keystone:
    """Knows one project, and lets only the owner of one token look."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.fails_with = 0
        self.silent = False
        self.over = asyncio.Event()
        self.url = ""

    async def project(self, request: web.Request) -> web.Response:
        self.asked.append(request.raw_path)
        if self.silent:
            await self.over.wait()
        if self.fails_with:
            return web.Response(status=self.fails_with)
        if request.headers["X-Auth-Token"] != "admin":
            return web.Response(status=403)
        return web.Response(status=200 if request.match_info["id"] == "p1" else 404)


@pytest.fixture
async def keystone() -> AsyncIterator[Keystone]:
    state = Keystone()
    app = web.Application()
    app.router.add_get("/v3/projects/{id}", state.project)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    state.url = f"http://127.0.0.1:{runner.addresses[0][1]}/v3"
    yield state
    state.over.set()
    await runner.cleanup()


@pytest.fixture
async def lookup(keystone: Keystone) -> AsyncIterator[KeystoneProjectLookup]:
    made = KeystoneProjectLookup(keystone.url, timeout=30.0)
    yield made
    await made.close()


async def test_only_what_keystone_says_is_not_there_is_not_there(
    keystone: Keystone, lookup: KeystoneProjectLookup
) -> None:
    assert await lookup.exists("p1", "admin")
    assert not await lookup.exists("demo", "admin")
    assert await lookup.exists("demo", "somebody"), "who may not know is believed"


@pytest.mark.parametrize("status", [302, 401, 403, 500, 503])
async def test_an_answer_that_says_nothing_is_taken_for_yes(
    keystone: Keystone, lookup: KeystoneProjectLookup, status: int
) -> None:
    keystone.fails_with = status
    assert await lookup.exists("demo", "admin")


async def test_a_keystone_that_is_away_or_slow_keeps_nobody(keystone: Keystone) -> None:
    away = KeystoneProjectLookup("http://127.0.0.1:1/v3")
    assert await away.exists("demo", "admin")
    await away.close()
    keystone.silent = True
    hurried = KeystoneProjectLookup(keystone.url, timeout=0.05)
    assert await hurried.exists("demo", "admin")
    await hurried.close()


@pytest.mark.parametrize("id", ["a/b", "p1?x=1", "p1#x", "é", "%2e%2e", "p1 "])
async def test_an_id_is_one_segment_of_the_path(
    keystone: Keystone, lookup: KeystoneProjectLookup, id: str
) -> None:
    assert not await lookup.exists(id, "admin")
    assert len(keystone.asked) == 1


@pytest.mark.parametrize("id", [".", ".."])
async def test_another_path_is_not_asked(keystone: Keystone, lookup: KeystoneProjectLookup, id: str) -> None:
    assert not await lookup.exists(id, "admin")
    assert keystone.asked == []
