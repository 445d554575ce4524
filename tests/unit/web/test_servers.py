"""The application under both servers: what only a real socket can show."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.unit.listening import listens
from tools.ports import free_port

TARGET = "tests.unit.web.served:app"
HURRIED = "tests.unit.web.served:hurried"
COMMANDS = {
    "granian": ["granian", "--interface", "asgi", "--workers", "1", "--log-level", "error"],
    "uvicorn": ["uvicorn", "--log-level", "error"],
}
ROOT = Path(__file__).parents[3]
TOKEN = {"X-Auth-Token": "ann"}

pytestmark = pytest.mark.slow


@contextlib.asynccontextmanager
async def serving(server: str, log: Path | None = None, target: str = TARGET) -> AsyncIterator[int]:
    """The port of a server; what it writes goes to `log`."""
    port = free_port()
    command = [sys.executable, "-m", *COMMANDS[server], target, "--host", "127.0.0.1", "--port", str(port)]
    with (log or Path(os.devnull)).open("wb") as out:
        process = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdout=out, stderr=out)
    try:
        await listens(port, process, 120)
        yield port
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        async with asyncio.timeout(120):
            await process.wait()


async def _reported(http: aiohttp.ClientSession) -> Any:
    async with http.get("reported", headers=TOKEN) as answer:
        return await answer.json()


async def _pieces() -> AsyncIterator[bytes]:
    for _ in range(20):
        yield b"x" * 100_000


async def _half_an_upload(port: int, framing: str) -> None:
    """Send the head and a part of a body, then go away."""
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(
        f"PUT /compute/v2.1/things/1/file HTTP/1.1\r\nHost: x\r\nX-Auth-Token: ann\r\n{framing}\r\n\r\n".encode()
    )
    writer.write(b"3\r\nabc\r\n" if "chunked" in framing else b"abc")
    await writer.drain()
    await asyncio.sleep(0.1)
    writer.close()
    await writer.wait_closed()


@pytest.mark.parametrize("server", ["granian", "uvicorn"])
async def test_a_server_carries_everything(server: str) -> None:
    base = "http://127.0.0.1:{}/compute/v2.1/"
    async with serving(server) as port, aiohttp.ClientSession(base.format(port)) as http:
        async with http.get("things/7", headers=TOKEN) as answer:
            assert (answer.status, await answer.json()) == (200, {"thing": {"id": "7"}})
            assert answer.headers["X-Openstack-Request-Id"].startswith("req-")
        async with http.get("nosuch") as answer:
            assert answer.status == 401
        async with http.post("things", json={"thing": {"name": "x"}}, headers=TOKEN) as answer:
            assert answer.status == 202
        async with http.delete("things/1", headers={"X-Auth-Token": "boss"}) as answer:
            assert (answer.status, await answer.read()) == (204, b"")
        async with http.get("things/1/file", headers=TOKEN) as answer:
            assert (await answer.read(), answer.headers["Content-Length"]) == (b"abcdef", "6")
        async with http.head("things/1/file", headers=TOKEN) as answer:
            assert (answer.status, answer.headers["Content-Length"]) == (200, "6")
        async with http.put("things/1/file", data=_pieces(), headers=TOKEN) as answer:
            assert answer.status == 204
        reported = await _reported(http)
        assert (reported["uploaded"], reported["finished"], reported["broken"]) == (2_000_000, True, 0)


@pytest.mark.parametrize("framing", ["Content-Length: 1000", "Transfer-Encoding: chunked"])
@pytest.mark.parametrize("server", ["granian", "uvicorn"])
async def test_a_server_tells_that_an_upload_broke_off(server: str, framing: str) -> None:
    base = "http://127.0.0.1:{}/compute/v2.1/"
    async with serving(server) as port, aiohttp.ClientSession(base.format(port)) as http:
        await _half_an_upload(port, framing)
        async with asyncio.timeout(60):
            while not (reported := await _reported(http))["broken"]:
                await asyncio.sleep(0.05)
        assert not reported["finished"]


@pytest.mark.parametrize("server", ["granian", "uvicorn"])
async def test_requests_side_by_side_keep_their_ids_under_a_server(server: str) -> None:
    base = "http://127.0.0.1:{}/compute/v2.1/"
    ids = [f"req-11111111-2222-3333-4444-{number:012}" for number in range(40)]
    async with serving(server) as port, aiohttp.ClientSession(base.format(port)) as http:

        async def ask(own: str) -> str:
            async with http.get("things", headers={**TOKEN, "X-Openstack-Request-Id": own}) as answer:
                return answer.headers["X-Openstack-Request-Id"]

        assert list(await asyncio.gather(*map(ask, ids))) == ids
        assert (await _reported(http))["request_ids"] == ids


#: What a client that wants a WebSocket sends.
UPGRADE = (
    "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
)


async def upgraded(port: int, path: str) -> str:
    """The head of the answer to a WebSocket handshake."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"GET {path} HTTP/1.1\r\nHost: x\r\n{UPGRADE}\r\n".encode())
    await writer.drain()
    async with asyncio.timeout(60):
        head = await reader.readuntil(b"\r\n\r\n")
    writer.close()
    return head.decode()


@pytest.mark.parametrize("server", ["granian", "uvicorn"])
async def test_websockets_are_refused_without_a_traceback(server: str, tmp_path: Path) -> None:
    log = tmp_path / "log"
    async with serving(server, log) as port:
        for path in ("/compute/v2.1/things/7", "/compute/", "/healthcheck", "/metrics", "/nosuch"):
            status = (await upgraded(port, path)).split()[1]
            # A server without WebSockets takes the handshake for the plain request that it also is.
            assert status in ("200", "300", "401", "403", "404"), (path, status)
        assert (await upgraded(port, "/compute/v2.1/things/7")).split()[1] in ("401", "403")
        async with (
            aiohttp.ClientSession() as http,
            http.get(f"http://127.0.0.1:{port}/compute/v2.1/things/7", headers=TOKEN) as answer,
        ):
            assert answer.status == 200, "others are served as before"
    assert "Traceback" not in log.read_text()


async def _slow(port: int, method: str, path: str, framing: str, pause: float | None) -> bytes:
    """Send the head and a part of a body, then nothing, or a byte after each pause; all that is answered until the
    connection is closed.
    """
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    chunked = "chunked" in framing
    head = f"{method} /compute/v2.1{path} HTTP/1.1\r\nHost: x\r\nX-Auth-Token: ann\r\n{framing}\r\n\r\n"
    writer.write(head.encode() + (b'3\r\n{"a\r\n' if chunked else b'{"a'))

    async def trickle() -> None:
        while pause is not None:
            writer.write(b"1\r\n \r\n" if chunked else b" ")
            await writer.drain()
            await asyncio.sleep(pause)

    trickling = asyncio.create_task(trickle())
    got = b""
    try:
        async with asyncio.timeout(60):
            while piece := await reader.read(65536):
                got += piece
    except ConnectionResetError:
        pass  # it is closed while more of the body arrives
    finally:
        trickling.cancel()
        await asyncio.gather(trickling, return_exceptions=True)
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()
    return got


@pytest.mark.parametrize("framing", ["Content-Length: 100000", "Transfer-Encoding: chunked"])
@pytest.mark.parametrize("server", ["granian", "uvicorn"])
async def test_a_server_closes_connections_whose_body_does_not_come(server: str, framing: str) -> None:
    base = "http://127.0.0.1:{}/compute/v2.1/"
    async with serving(server, target=HURRIED) as port, aiohttp.ClientSession(base.format(port)) as http:
        answers = await asyncio.gather(
            _slow(port, "PUT", "/things/1/file", framing, None),
            _slow(port, "PUT", "/things/1/file", framing, 0.3),
            _slow(port, "POST", "/things", framing, None),
            _slow(port, "POST", "/things", framing, 0.3),
        )
        for answer in answers:
            assert answer.startswith(b"HTTP/1.1 408 "), answer
            assert b"connection: close" in answer.lower()
            assert b"The server has waited too long" in answer
        reported = await _reported(http)
        assert (reported["late"], reported["finished"]) == (2, False)
