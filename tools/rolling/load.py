"""A constant load of mixed requests, that counts what failed: no answer, or one that says 5xx."""

from __future__ import annotations

import asyncio
import itertools
import random
import time
from collections import Counter
from types import TracebackType
from typing import Any, Self

import aiohttp

from tools.rolling.stand import Stand

_HEADERS = {"X-Auth-Token": "member-token", "X-OpenStack-Nova-API-Version": "2.79"}


class Load:
    """Several clients, each with a connection that it keeps; they list, show, create and delete servers."""

    def __init__(self, stand: Stand, *, clients: int = 6, pause: float = 0.05, seed: int = 1) -> None:
        """`pause`: seconds between two requests of a client, about."""
        self._stand = stand
        self._clients = clients
        self._pause = pause
        self._random = random.Random(seed)
        self._numbers = itertools.count()
        self._tasks: list[asyncio.Task[None]] = []
        self._stop = asyncio.Event()
        self.done: Counter[str] = Counter()
        self.failed: list[str] = []
        self.slowest = 0.0
        self.kept: set[str] = set()
        """Servers that were accepted and not deleted."""
        self.deleted: set[str] = set()
        self._flavor = ""
        self._image = ""
        self._network = ""

    async def __aenter__(self) -> Self:
        """Make what servers need, and begin."""
        async with aiohttp.ClientSession(headers={**_HEADERS, "X-Auth-Token": "admin-token"}) as http:
            await self._prepare(http)
        self._tasks = [asyncio.create_task(self._client()) for _ in range(self._clients)]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop."""
        await self.end()

    async def end(self) -> None:
        """Stop asking; what was asked is waited for."""
        self._stop.set()
        await asyncio.gather(*self._tasks)

    async def _prepare(self, http: aiohttp.ClientSession) -> None:
        base = self._stand.url
        body = {"flavor": {"name": "small", "ram": 64, "vcpus": 1, "disk": 1}}
        async with http.post(f"{base}/compute/v2.1/flavors", json=body) as answer:
            self._flavor = (await answer.json())["flavor"]["id"]
        image = {"name": "i", "disk_format": "raw", "container_format": "bare", "visibility": "public"}
        async with http.post(f"{base}/image/v2/images", json=image) as answer:
            self._image = (await answer.json())["id"]
        data = {"Content-Type": "application/octet-stream"}
        async with http.put(
            f"{base}/image/v2/images/{self._image}/file", data=b"x" * 1024, headers=data
        ) as put:
            assert put.status == 204, await put.text()
        member = {"X-Auth-Token": "member-token"}
        net = {"network": {"name": "n"}}
        async with http.post(f"{base}/network/v2.0/networks", json=net, headers=member) as answer:
            self._network = (await answer.json())["network"]["id"]
        subnet = {"subnet": {"network_id": self._network, "cidr": "10.0.0.0/20", "ip_version": 4}}
        async with http.post(f"{base}/network/v2.0/subnets", json=subnet, headers=member) as answer:
            assert answer.status == 201, await answer.text()

    async def _client(self) -> None:
        timeout = aiohttp.ClientTimeout(total=60)
        async with aiohttp.ClientSession(headers=_HEADERS, timeout=timeout) as http:
            mine: list[str] = []
            while not self._stop.is_set():
                await self._one(http, mine)
                await asyncio.sleep(self._pause * self._random.uniform(0.5, 1.5))

    async def _one(self, http: aiohttp.ClientSession, mine: list[str]) -> None:
        base = f"{self._stand.url}/compute/v2.1/servers"
        dice = self._random.random()
        if dice < 0.15 and len(mine) < 6:
            body = {"server": {"name": f"s{next(self._numbers)}", "flavorRef": self._flavor, "imageRef": self._image,
                               "networks": [{"uuid": self._network}]}}  # fmt: skip
            status, answer = await self._ask(http, "POST", base, body)
            if status == 202:
                mine.append(answer["server"]["id"])
                self.kept.add(mine[-1])
        elif dice < 0.25 and mine:
            id = mine.pop(0)
            status, _ = await self._ask(http, "DELETE", f"{base}/{id}")
            if status == 204:
                self.kept.discard(id)
                self.deleted.add(id)
        elif dice < 0.32 and mine:
            # Whichever process takes it and whichever does it; one that is not running cannot be asked.
            reboot = {"reboot": {"type": "HARD"}}
            await self._ask(http, "POST", f"{base}/{self._random.choice(mine)}/action", reboot, refusal=409)
        elif dice < 0.6 and mine:
            await self._ask(http, "GET", f"{base}/{self._random.choice(mine)}")
        else:
            await self._ask(http, "GET", f"{base}/detail")

    async def _ask(
        self, http: aiohttp.ClientSession, method: str, url: str, body: Any = None, *, refusal: int = 0
    ) -> tuple[int, Any]:
        """`refusal`: a status that is an answer as good as any."""
        began = time.monotonic()
        try:
            async with http.request(method, url, json=body) as answer:
                data = await answer.json() if answer.content_type == "application/json" else None
                status = answer.status
        except Exception as error:
            self.failed.append(f"{method} {url}: {type(error).__name__}: {error}")
            return 0, None
        self.slowest = max(self.slowest, time.monotonic() - began)
        self.done[f"{method} {status}"] += 1
        if status >= 400 and status != refusal:
            self.failed.append(f"{method} {url}: {status} {data}")
        return status, data

    async def settled(self, within: float = 120.0) -> dict[str, int]:
        """Wait until every server is as it was asked; how many are in which state."""
        end = time.monotonic() + within
        async with aiohttp.ClientSession(headers=_HEADERS) as http:
            while True:
                async with http.get(f"{self._stand.url}/compute/v2.1/servers/detail?limit=1000") as answer:
                    servers = {one["id"]: one["status"] for one in (await answer.json())["servers"]}
                right = {"ACTIVE"} >= set(servers.values()) and set(servers) == self.kept
                if right or time.monotonic() > end:
                    return dict(Counter(servers.values()))
                await asyncio.sleep(0.25)
