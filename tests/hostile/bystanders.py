"""Others, who have done nothing: how long they wait while an attack runs."""

from __future__ import annotations

import asyncio
import dataclasses
import math
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence

import aiohttp

from tests.hostile.target import Target, session

#: A request of a bystander is given up after so long, and counts as failed. Seconds.
_PATIENCE = 40.0

#: Seconds between the end of a request and the next one.
_PAUSE, _LOGIN_PAUSE = 0.05, 0.4


@dataclasses.dataclass
class Waits:
    """How long requests of one sort took, in seconds, and how those that failed did."""

    seconds: list[float] = dataclasses.field(default_factory=list)
    failures: Counter[str] = dataclasses.field(default_factory=Counter)

    def quantile(self, share: float) -> float:
        """The time that this share of the requests did not exceed; 0 where there were none."""
        return quantile(self.seconds, share)


def quantile(values: Sequence[float], share: float) -> float:
    """By nearest rank: of fewer than a hundred values the 99th percentile is the largest."""
    if not values:
        return 0.0
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]


class Bystanders:
    """A probe of the health, a user with a token, and users who log in. An `async with` block is the time they are
    there.
    """

    def __init__(self, target: Target) -> None:
        self._target = target
        self._tenant = target.tenant("bystander")
        self.health, self.known, self.login = Waits(), Waits(), Waits()
        self._over = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._http: aiohttp.ClientSession

    async def __aenter__(self) -> Bystanders:
        self._http = session(seconds=_PATIENCE)
        token = await self._tenant.token(self._http)
        await self._read(token)
        loops = (
            self._loop(self.health, lambda: self._get("/healthcheck", {}), _PAUSE),
            self._loop(self.known, lambda: self._read(token), _PAUSE),
            self._loop(self.login, self._log_in, _LOGIN_PAUSE),
        )
        self._tasks = [asyncio.create_task(loop) for loop in loops]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._over.set()
        await asyncio.gather(*self._tasks)
        await self._http.close()

    async def _loop(self, waits: Waits, request: Callable[[], Awaitable[None]], pause: float) -> None:
        while not self._over.is_set():
            began = time.monotonic()
            try:
                await request()
            except _Refused as refused:
                waits.failures[str(refused)] += 1
            except (aiohttp.ClientError, TimeoutError, OSError, RuntimeError) as error:
                waits.failures[type(error).__name__] += 1
            waits.seconds.append(time.monotonic() - began)
            try:
                await asyncio.wait_for(self._over.wait(), pause)
            except TimeoutError:
                continue

    async def _read(self, token: str) -> None:
        await self._get("/compute/v2.1/servers", {"X-Auth-Token": token})

    async def _log_in(self) -> None:
        await self._read(await self._tenant.token(self._http))

    async def _get(self, path: str, headers: dict[str, str]) -> None:
        async with self._http.get(self._target.url + path, headers=headers) as answer:
            await answer.read()
            if answer.status != 200:
                raise _Refused(str(answer.status))


class _Refused(Exception):
    """Another answer than 200."""
