"""Many callers at once, each with a connection of its own: as little work for each call as Python allows.

The callers share the machine with what they measure, so a client library's part in each call would show in the result.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import msgspec

#: Seconds. Who waits for longer counts as an error.
_PATIENCE = 120.0


class Asked(NamedTuple):
    """One call, ready to be sent."""

    method: str
    url: str
    token: str
    body: Any
    version: str = ""


class Reported(NamedTuple):
    """What a number of calls came to. Times in milliseconds."""

    calls: int
    seconds: float
    p50: float
    p99: float
    longest: float
    answers: Counter[str]
    """How many were answered with which status; `broken` where none came."""
    refused: list[str]
    """Some of the answers that were no success."""

    @property
    def rate(self) -> float:
        """Calls in a second."""
        return self.calls / self.seconds

    @property
    def errors(self) -> int:
        """Calls that did not succeed."""
        return sum(number for status, number in self.answers.items() if not status.startswith("2"))


def _bytes(asked: Asked) -> bytes:
    parts = urlsplit(asked.url)
    body = b"" if asked.body is None else msgspec.json.encode(asked.body)
    lines = [
        f"{asked.method} {parts.path}{'?' + parts.query if parts.query else ''} HTTP/1.1",
        f"Host: {parts.netloc}",
        f"X-Auth-Token: {asked.token}",
        "Accept: application/json",
        *([f"OpenStack-API-Version: {asked.version}"] if asked.version else []),
        *(["Content-Type: application/json"] if body else []),
        f"Content-Length: {len(body)}",
    ]
    return "\r\n".join([*lines, "", ""]).encode() + body


async def _answer(reader: asyncio.StreamReader) -> tuple[str, bytes]:
    head = await reader.readuntil(b"\r\n\r\n")
    status = head[9:12].decode()
    length = 0
    for line in head.split(b"\r\n"):
        if line[:15].lower() == b"content-length:":
            length = int(line[15:])
    return status, await reader.readexactly(length) if length else b""


async def crowd(
    host: str, port: int, ask: Callable[[int], Asked], *, callers: int, seconds: float, each: int = 0
) -> Reported:
    """Send `ask(0)`, `ask(1)`, ... from `callers` connections for `seconds`; with `each`, that many from each at least.

    All are connected before the first call.
    """
    answers: Counter[str] = Counter()
    refused: list[str] = []
    times: list[float] = []
    numbers = iter(range(1 << 40))
    lines = [await asyncio.open_connection(host, port) for _ in range(callers)]
    began = time.perf_counter()

    async def one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        sent = 0
        while True:
            start = time.perf_counter()
            if start - began > seconds and sent >= each:
                break
            sent += 1
            writer.write(_bytes(ask(next(numbers))))
            try:
                async with asyncio.timeout(_PATIENCE):
                    status, body = await _answer(reader)
            except (OSError, EOFError, TimeoutError) as error:
                answers["broken"] += 1
                refused.append(f"{type(error).__name__}: {error}")
                break
            answers[status] += 1
            if status.startswith("2"):
                times.append(time.perf_counter() - start)
            elif len(refused) < 10:
                refused.append(f"{status}: {body[:300]!r}")

    await asyncio.gather(*(one(*line) for line in lines))
    spent = time.perf_counter() - began
    for _, writer in lines:
        writer.close()
    times.sort()
    return Reported(
        calls=len(times),
        seconds=spent,
        p50=times[len(times) // 2] * 1000 if times else 0.0,
        p99=times[min(len(times) - 1, int(len(times) * 0.99))] * 1000 if times else 0.0,
        longest=times[-1] * 1000 if times else 0.0,
        answers=answers,
        refused=refused,
    )
