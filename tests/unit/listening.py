"""A server in a process of its own, waited for."""

from __future__ import annotations

import asyncio


async def listens(port: int, process: asyncio.subprocess.Process, within: float) -> None:
    """Return when somebody accepts connections. AssertionError where the process ends before that; `within` seconds."""
    async with asyncio.timeout(within):
        while process.returncode is None:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.05)
            else:
                writer.close()
                return
    raise AssertionError("the server did not start")
