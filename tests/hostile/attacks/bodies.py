"""Requests whose bodies do not come."""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp

from fractus.local.processes import group
from tests.hostile.attack import Attack, Tally
from tests.hostile.target import ATTACKER, Target, session

_UPLOADS, _DOCUMENTS, _CONNECTIONS = 5, 200, 600

#: What the target has for bodies here, in seconds; as many in the settings below.
_IDLE, _TOTAL = 3, 4

#: Seconds more that a loaded machine may take to cut one off.
_MARGIN = 20.0

SETTINGS = {"FRACTUS_API_BODY_IDLE_TIMEOUT": str(_IDLE), "FRACTUS_API_BODY_TIMEOUT": str(_TOTAL)}


def _open_files(target: Target) -> int:
    """Descriptors of the API's processes."""
    return sum(len(os.listdir(f"/proc/{pid}/fd")) for pid in group(target.pids()["api"]))


async def _slow(base: str, tally: Tally, head: str, token: str, pause: float | None, most: float) -> None:
    """Send a head and a part of a body, then nothing, or a byte after each pause, until the server closes."""
    url = urlsplit(base)
    reader, writer = await asyncio.open_connection(url.hostname, url.port, local_addr=(ATTACKER, 0))
    lines = [head, "Host: target", f"X-Auth-Token: {token}", "Content-Length: 100000", "", ""]
    got = b""

    async def trickle() -> None:
        with contextlib.suppress(OSError):
            while pause is not None:
                writer.write(b" ")
                await writer.drain()
                await asyncio.sleep(pause)

    writer.write("\r\n".join(lines).encode() + b'{"')
    trickling = asyncio.create_task(trickle())
    try:
        async with asyncio.timeout(most):
            while piece := await reader.read(65536):
                got += piece
    except ConnectionResetError:
        pass
    except TimeoutError:
        tally.note("still open")
        return
    finally:
        trickling.cancel()
        await asyncio.wait([trickling])
        writer.close()
    tally.answered(int(got.split(b" ", 2)[1])) if got else tally.note("closed without an answer")


async def _images(target: Target, http: aiohttp.ClientSession, token: str) -> list[str]:
    fields = {"name": "slow", "disk_format": "raw", "container_format": "bare"}
    made = []
    for _ in range(_UPLOADS):
        async with http.post(
            f"{target.url}/image/v2/images", json=fields, headers={"X-Auth-Token": token}
        ) as answer:
            made.append((await answer.json())["id"])
    return made


async def _silent(target: Target, tally: Tally, seconds: float) -> None:
    """Uploads that fall silent, and JSON documents at a byte a second; again and again until the time is over."""
    async with session(ATTACKER) as http:
        token = await target.tenant("mallory").token(http)
        images = await _images(target, http, token)
    before = _open_files(target)
    until = time.monotonic() + seconds
    most = max(_IDLE, _TOTAL) + _MARGIN
    octets = "Content-Type: application/octet-stream"
    document = "Content-Type: application/json"
    while time.monotonic() < until:
        uploads = [f"PUT /image/v2/images/{one}/file HTTP/1.1\r\n{octets}" for one in images]
        documents = [f"POST /network/v2.0/networks HTTP/1.1\r\n{document}"] * _DOCUMENTS
        await asyncio.gather(
            *(_slow(target.url, tally, head, token, None, most) for head in uploads),
            *(_slow(target.url, tally, head, token, 1.0, most) for head in documents),
        )
    tally.require(not tally.outcomes["still open"], f"a body was not cut off within {most:g} s")
    tally.require(tally.outcomes["408"] > 0, "no body was answered 408")
    parts = list(Path(target.state, "images").glob("*.part"))
    tally.require(not parts, f"{len(parts)} files of uploads that were cut off are left")
    for _ in range(50):
        if (left := _open_files(target)) <= before + 10:
            break
        await asyncio.sleep(0.2)
    else:
        tally.require(False, f"{left} descriptors are open, {before} before")


async def _wordless(target: Target, tally: Tally, seconds: float) -> None:
    """Connections that say nothing, or begin a request and say nothing more, or one header without end."""
    url = urlsplit(target.url)

    async def one(first: bytes, pause: float | None) -> None:
        reader, writer = await asyncio.open_connection(url.hostname, url.port, local_addr=(ATTACKER, 0))
        writer.write(first)
        with contextlib.suppress(OSError):
            while await _silence(reader, pause or seconds):
                if pause is None:
                    tally.note("still open")
                    return
                writer.write(b"a")
                await writer.drain()
        tally.note("closed")
        writer.close()

    head = b"GET /healthcheck HTTP/1.1\r\nX-More: "
    kinds = ((b"", None), (head, None), (head, 1.0))
    async with asyncio.timeout(seconds + _MARGIN):
        await asyncio.gather(*(one(*kinds[number % 3]) for number in range(_CONNECTIONS)))
    tally.require(
        not tally.outcomes["still open"], f"a connection without a request was open for {seconds:g} s"
    )


async def _silence(reader: asyncio.StreamReader, seconds: float) -> bool:
    """Whether nothing comes for so long; False when the other side has closed."""
    try:
        async with asyncio.timeout(seconds):
            while await reader.read(65536):
                pass
        return False
    except TimeoutError:
        return True


async def _logins(target: Target, tally: Tally, seconds: float) -> None:
    """Logins at Keystone whose bodies do not come; they need no user."""
    head = "POST /v3/auth/tokens HTTP/1.1\r\nContent-Type: application/json"
    each = (None, 1.0)
    await asyncio.gather(
        *(_slow(target.keystone, tally, head, "-", each[number % 2], seconds) for number in range(_DOCUMENTS))
    )


ATTACKS = [
    Attack(
        name="silent bodies",
        tries=f"{_UPLOADS} uploads of images that fall silent, and {_DOCUMENTS} JSON bodies at a byte a second.",
        run=_silent,
        short=4.0,
        settings=SETTINGS,
    ),
    Attack(
        name="silent connections",
        tries=f"{_CONNECTIONS} connections that say nothing, or begin a request and do not end it.",
        run=_wordless,
        seconds=50.0,
        short=None,
    ),
    Attack(
        name="silent logins",
        tries=f"{_DOCUMENTS} logins at the embedded Keystone, half of which fall silent, half at a byte a second.",
        run=_logins,
    ),
]
