"""The API's processes under the web server that is theirs."""

from __future__ import annotations

import asyncio
import contextlib
import resource
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from fractus.app import serve
from tests.unit.listening import listens
from tests.unit.web.test_servers import upgraded
from tools.ports import free_port

ROOT = Path(__file__).parents[3]
START = """
import sys, pathlib
from fractus.app import serve
from fractus.settings.loading import load
given = {"api": {"port": int(sys.argv[2]), "workers": 2}}
serve.listen(load(pathlib.Path(sys.argv[1]), overrides=given, environ={}), "tests.unit.app.greeting:application")
"""

pytestmark = pytest.mark.slow


@contextlib.asynccontextmanager
async def serving(directory: Path) -> AsyncIterator[int]:
    """Two processes, and their port."""
    port = free_port()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", START, str(directory), str(port), cwd=ROOT, start_new_session=True
    )
    try:
        await listens(port, process, 120)
        yield port
    finally:
        process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(60):
            await process.wait()


async def test_many_who_keep_their_connections_open_keep_nobody_out(tmp_path: Path) -> None:
    """A web server that holds a thousand connections, and no more, has the next caller wait until one of them ends."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    async with serving(tmp_path) as port:
        lines = []
        try:
            for _ in range(1500):
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
                lines.append((reader, writer))
                writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
                async with asyncio.timeout(60):
                    head = await reader.readuntil(b"\r\n\r\n")
                    assert head.startswith(b"HTTP/1.1 200")
                    assert await reader.readexactly(2) == b"hi"
        finally:
            for _, writer in lines:
                writer.close()


@pytest.mark.parametrize("descriptors", [160, 256, 1024, 4096, 20_000, 1 << 20])
async def test_connections_leave_descriptors_for_all_else(descriptors: int) -> None:
    assert serve.connections(descriptors) >= 8
    assert 2 * serve.connections(descriptors) + 128 <= descriptors
    assert serve.connections(descriptors) <= serve.connections(-1) == 8192


async def test_no_websocket_reaches_the_application(tmp_path: Path) -> None:
    """A handshake is answered as the plain request that it also is."""
    async with serving(tmp_path) as port:
        assert (await upgraded(port, "/")).startswith("HTTP/1.1 200")
