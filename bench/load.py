"""Calls an API again and again: what each call costs the service in processor time, and how long its caller waits."""

from __future__ import annotations

import asyncio
import dataclasses
import os
import time
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple

import aiohttp
import msgspec

_TICKS = os.sysconf("SC_CLK_TCK")


class Figures(NamedTuple):
    """What a number of calls came to. Times in milliseconds."""

    calls: int
    cpu: float | None
    """Processor time of the service for one call; None where its processes are not known."""
    p50: float
    p99: float
    rate: float
    """Calls in a second."""


class Processor:
    """The processor time of some process groups. `background`: seconds a second that they use anyway."""

    def __init__(self, leaders: Iterable[int]) -> None:
        self._groups = frozenset(leaders)
        self.background = 0.0

    def __bool__(self) -> bool:
        """Whether any process is known."""
        return bool(self._groups)

    def used(self) -> float:
        """Seconds so far."""
        total = 0
        for path in Path("/proc").glob("[0-9]*/stat"):
            try:
                fields = path.read_text().rpartition(")")[2].split()
            except OSError:
                continue  # it has ended
            if int(fields[2]) in self._groups:
                total += int(fields[11]) + int(fields[12])
        return total / _TICKS

    async def learn_background(self, seconds: float) -> None:
        """Look at what they use while nobody asks anything of us."""
        before = self.used()
        await asyncio.sleep(seconds)
        self.background = (self.used() - before) / seconds


class Refused(Exception):
    """A call was not answered as it should be; figures of errors say nothing."""


@dataclasses.dataclass
class Endpoint:
    """One cloud's API as a user calls it: ours or a real one."""

    session: aiohttp.ClientSession
    compute: str
    """With the version: `http://host/compute/v2.1`."""
    network: str
    image: str
    token: str
    version: str
    """The microversion of compute calls."""
    processor: Processor

    async def call(self, method: str, url: str, body: Any = None, *, version: str = "") -> bytes:
        """One call; the answer's bytes. `Refused` unless it is a success."""
        headers = {"X-Auth-Token": self.token, "Accept": "application/json"}
        if url.startswith(self.compute):
            headers["OpenStack-API-Version"] = f"compute {version or self.version}"
        async with self.session.request(method, url, json=body, headers=headers) as answer:
            data = await answer.read()
            if answer.status >= 300:
                raise Refused(f"{method} {url}: {answer.status} {data[:300]!r}")
            return data

    async def read(self, url: str) -> Any:
        """One GET; the answer decoded."""
        return msgspec.json.decode(await self.call("GET", url))

    async def sends(self, method: str, url: str, body: Any) -> Any:
        """One call with a body; the answer decoded."""
        return msgspec.json.decode(await self.call(method, url, body))


Job = Callable[[int], Awaitable[Any]]


async def measure(
    job: Job, processor: Processor, *, seconds: float, at_once: int = 1, most: int = 1_000_000
) -> Figures:
    """Run `job(0)`, `job(1)`, ... for `seconds`, or `most` times, from `at_once` callers."""
    await job(-1)  # connections are open, statements compiled, caches warm
    times: list[float] = []
    numbers = iter(range(most))
    before, began = processor.used(), time.perf_counter()

    async def caller() -> None:
        for number in numbers:
            start = time.perf_counter()
            if start - began > seconds:
                return
            await job(number)
            times.append(time.perf_counter() - start)

    async with asyncio.TaskGroup() as group:
        for _ in range(at_once):
            group.create_task(caller())
    spent = time.perf_counter() - began
    used = processor.used() - before - processor.background * spent
    times.sort()
    return Figures(
        calls=len(times),
        cpu=max(0.0, used) * 1000 / len(times) if processor else None,
        p50=times[len(times) // 2] * 1000,
        p99=times[min(len(times) - 1, int(len(times) * 0.99))] * 1000,
        rate=len(times) / spent,
    )


def connections() -> aiohttp.ClientSession:
    """Connections to services on this machine, kept open; a call has a minute."""
    return aiohttp.ClientSession(
        timeout=aiohttp.ClientTimeout(total=60.0), connector=aiohttp.TCPConnector(limit=0)
    )
