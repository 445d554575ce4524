"""Each weather does to a request what it says, and to the child what it says."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import aiohttp
import pytest
from aiohttp import web

from tests.faults import proxy
from tests.faults.proxy import Proxy


class Upstream:
    """A child that counts."""

    def __init__(self) -> None:
        self.done = 0
        self.served = asyncio.Event()

    async def handle(self, request: web.Request) -> web.Response:
        body = await request.read()
        self.done += 1
        self.served.set()
        return web.json_response({"got": body.decode()}, status=201)


@contextlib.asynccontextmanager
async def _standing(patience: float = 0.2) -> AsyncIterator[tuple[Upstream, Proxy]]:
    child = Upstream()
    app = web.Application()
    app.router.add_route("*", "/{rest:.*}", child.handle)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    way = Proxy("a", 1, patience=patience)
    await way.start(0, port)
    assert way._server is not None
    way.port = way._server.sockets[0].getsockname()[1]
    try:
        yield child, way
    finally:
        await way.close()
        await runner.cleanup()


async def _post(way: Proxy, body: bytes = b"hello") -> tuple[int, str]:
    async with aiohttp.ClientSession() as session:
        try:
            async with session.post(f"http://127.0.0.1:{way.port}/x", data=body) as answer:
                return answer.status, await answer.text()
        except aiohttp.ClientConnectorError:
            return -1, ""
        except aiohttp.ClientError:
            return 0, ""


async def test_without_weather_all_passes() -> None:
    async with _standing() as (child, way):
        assert await _post(way) == (201, '{"got": "hello"}')
        assert child.done == 1
        assert not way.counts


@pytest.mark.parametrize(
    ("sort", "status", "done"),
    [
        (proxy.LOST_REQUEST, 0, 0),
        (proxy.LOST_ANSWER, 0, 1),
        (proxy.LATE_ANSWER, 201, 1),
        (proxy.THROTTLED, 429, 0),
        (proxy.BROKEN, 500, 0),
        (proxy.AWAY, 503, 0),
        (proxy.LYING, 502, 1),
        (proxy.GARBAGE, 200, 1),
        (proxy.HANGING, 0, 0),
        (proxy.GONE, -1, 0),
    ],
)
async def test_weather(sort: str, status: int, done: int) -> None:
    async with _standing() as (child, way):
        await way.set_weather(sort, 1.0)
        found, _ = await _post(way)
        assert (found, child.done) == (status, done)
        assert way.counts[sort] == 1
        await way.clear()
        assert (await _post(way))[0] == 201


async def test_cut_off() -> None:
    async with _standing() as (child, way):
        await way.set_weather(proxy.CUT, 1.0)
        status, text = await _post(way)
        assert (status, text) != (201, '{"got": "hello"}')
        assert child.done == 1


async def test_delivered_twice() -> None:
    async with _standing() as (child, way):
        await way.set_weather(proxy.DOUBLED, 1.0)
        assert (await _post(way))[0] == 201
        async with asyncio.timeout(60):
            while child.done < 2:
                await asyncio.sleep(0.01)


async def test_delivered_when_nobody_waits_any_more() -> None:
    async with _standing(patience=0.1) as (child, way):
        await way.set_weather(proxy.LATE_REQUEST, 1.0)
        assert (await _post(way))[0] == 0
        await asyncio.wait_for(child.served.wait(), 60)
        assert child.done == 1


async def test_a_body_in_chunks_arrives_whole() -> None:
    async def parts() -> AsyncIterator[bytes]:
        for _ in range(3):
            yield b"part "

    async with _standing() as (_, way), aiohttp.ClientSession() as session:
        answer = await session.put(f"http://127.0.0.1:{way.port}/x", data=parts())
        assert await answer.json() == {"got": "part part part "}
