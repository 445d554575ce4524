"""Uploads that would fill the disk on which the database lies too."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator
from typing import Any

import aiohttp

from tests.hostile.attack import Attack, Tally
from tests.hostile.target import ATTACKER, Target, session

#: MiB: the file system of the target, what uploads leave of it, and one image.
_DISK, _RESERVE, _IMAGE = 96, 24, 6
_CLIENTS = 4
_CHUNK = b"\0" * (1 << 20)

#: What others write meanwhile (database, logs, a chunk of each upload) may take of the reserve.
_OTHERS = 12


def _free(target: Target) -> int:
    """MiB."""
    disk = os.statvfs(target.state)
    return disk.f_bavail * disk.f_frsize >> 20


async def _body() -> AsyncIterator[bytes]:
    for _ in range(_IMAGE):
        yield _CHUNK


async def _upload(http: aiohttp.ClientSession, target: Target, headers: dict[str, str], *, says: bool) -> Any:
    """One image; the status of its upload, and its id. `says`: whether the request says how large it is."""
    images = f"{target.url}/image/v2/images"
    fields = {"name": "filler", "disk_format": "raw", "container_format": "bare"}
    async with http.post(images, json=fields, headers=headers) as answer:
        if answer.status != 201:
            return answer.status, ""
        made = (await answer.json())["id"]
    more = {"Content-Type": "application/octet-stream"} | (
        {"Content-Length": str(_IMAGE << 20)} if says else {}
    )
    async with http.put(f"{images}/{made}/file", data=_body(), headers=headers | more) as answer:
        await answer.read()
        return answer.status, made


async def _fill(target: Target, tally: Tally, seconds: float) -> None:
    until = time.monotonic() + seconds
    before, least, kept = target.pids(), _free(target), []
    async with session(ATTACKER) as http:
        headers = {"X-Auth-Token": await target.tenant("mallory").token(http)}

        async def client(number: int) -> None:
            nonlocal least
            while time.monotonic() < until:
                try:
                    status, made = await _upload(http, target, headers, says=number % 2 == 0)
                    tally.answered(status)
                    if status == 204:
                        kept.append(made)
                except (aiohttp.ClientError, OSError) as error:
                    # One that is cut may find the connection closed before it has read why.
                    tally.unanswered(error)
                least = min(least, _free(target))
                await asyncio.sleep(0.05)

        await asyncio.gather(*(client(number) for number in range(_CLIENTS)))
        tally.note("images", len(kept))
        tally.note("MiB left", least)
        await _judge(http, target, tally, headers, kept)
    tally.require(least >= _RESERVE - _OTHERS, f"only {least} MiB of {_DISK} were left free")
    tally.require(target.pids() == before, "a process ended")
    left = [path.name for path in (target.state / "images").glob("*.part")]
    tally.require(not left, f"parts of uploads were left: {left}")


async def _judge(
    http: aiohttp.ClientSession, target: Target, tally: Tally, headers: dict[str, str], kept: list[str]
) -> None:
    strange = set(tally.outcomes) & {str(status) for status in range(400, 600)} - {"507", "503"}
    tally.require(bool(tally.outcomes["507"]), "no upload was refused with 507")
    tally.require(not strange, f"uploads were answered {strange}")
    async with http.post(
        f"{target.url}/network/v2.0/networks", json={"network": {}}, headers=headers
    ) as answer:
        tally.require(answer.status == 201, f"a write was answered {answer.status} when uploads had stopped")
    for made in kept:
        async with http.delete(f"{target.url}/image/v2/images/{made}", headers=headers) as answer:
            await answer.read()
    async with asyncio.timeout(60):
        while (await _upload(http, target, headers, says=True))[0] != 204:
            await asyncio.sleep(0.5)


ATTACKS = [
    Attack(
        name="full disk",
        tries=f"{_CLIENTS} clients upload images until a disk of {_DISK} MiB has no room for more, and go on.",
        run=_fill,
        short=None,
        alone=True,
        disk=_DISK,
        settings={
            "FRACTUS_IMAGES_RESERVE_LEAST": str(_RESERVE),
            "FRACTUS_QUOTA_UNLIMITED": "true",
        },
    ),
]
