"""Every process restarted under load behind a real HAProxy: no request fails, and nothing that was asked is lost."""

from __future__ import annotations

import asyncio
from pathlib import Path

import aiohttp
import pytest

from tools.rolling.load import Load
from tools.rolling.stand import Stand, why_not

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(900),
    pytest.mark.skipif(bool(why_not()), reason=why_not() or "-"),
]


async def test_a_rolling_restart_fails_no_request(tmp_path: Path) -> None:
    async with Stand(tmp_path / "state", apis=2, workers=2) as stand, Load(stand, clients=4) as load:
        await asyncio.sleep(1.0)
        for program in [*stand.apis, *stand.workers]:
            await stand.restart(program)
            assert program.process is not None
        await asyncio.sleep(1.0)
        await load.end()
        states = await load.settled()
        assert load.failed == []
        assert load.done["POST 202"] > 0
        assert load.done["DELETE 204"] > 0
        assert states == ({"ACTIVE": len(load.kept)} if load.kept else {})


async def test_an_upload_under_way_is_finished_and_then_the_process_ends(tmp_path: Path) -> None:
    """Its bits come slowly, for longer than the notice; the word to stop comes in the middle."""
    async with Stand(tmp_path / "state", apis=1, workers=0, clouds=0, notice=0.5) as stand:
        url = f"http://127.0.0.1:{stand.ports[0]}"
        async with aiohttp.ClientSession(headers={"X-Auth-Token": "admin-token"}) as http:
            image = {"name": "i", "disk_format": "raw", "container_format": "bare"}
            async with http.post(f"{url}/image/v2/images", json=image) as answer:
                id = (await answer.json())["id"]
            reported, seen = asyncio.Event(), asyncio.Event()

            async def bits() -> object:
                for _ in range(3):
                    yield b"x" * 1000
                    await asyncio.sleep(0.1)
                reported.set()
                while not seen.is_set():
                    yield b"x" * 1000
                    await asyncio.sleep(0.1)
                # Longer than the notice from here on.
                for _ in range(10):
                    yield b"x" * 1000
                    await asyncio.sleep(0.1)

            headers = {"Content-Type": "application/octet-stream"}
            upload = asyncio.create_task(_put(http, f"{url}/image/v2/images/{id}/file", bits(), headers))
            await asyncio.wait_for(reported.wait(), 120)
            process = stand.apis[0].process
            assert process is not None
            process.terminate()
            # At once, and while the upload goes on: the health check says so, and other requests are answered still.
            await _says(http, url, 503)
            async with http.get(f"{url}/image/v2/images/{id}") as answer:
                assert answer.status == 200
                assert answer.headers["Connection"].lower() == "close"
            seen.set()
            assert await upload == 204
            assert await asyncio.wait_for(process.wait(), 120) == 0


async def _put(http: aiohttp.ClientSession, url: str, data: object, headers: dict[str, str]) -> int:
    async with http.put(url, data=data, headers=headers) as answer:
        return answer.status


async def _says(http: aiohttp.ClientSession, url: str, status: int) -> None:
    async with asyncio.timeout(120):
        while True:
            async with http.get(f"{url}/healthcheck") as answer:
                if answer.status == status:
                    return
            await asyncio.sleep(0.02)
