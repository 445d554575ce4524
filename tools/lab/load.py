"""Run in the client's namespace: a constant load through the VIP, and a line about every request.

    python -m tools.lab.load DIRECTORY EVENTS

An ordinary HTTP client with an ordinary token: reads, creates, deletes and logins at a steady pace, whatever the
answers are. A request that failed is not repeated. It ends on SIGTERM, when what is under way has ended.
"""

from __future__ import annotations

import asyncio
import collections
import json
import signal
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp

from tools.lab.place import VIP, Place
from tools.lab.seeding import FLAVOR, IMAGE, NETWORK

IDENTITY, ENDPOINT = f"http://{VIP}:5000/v3", f"http://{VIP}:8780"
SERVERS = f"{ENDPOINT}/compute/v2.1/servers"

#: Requests a second.
PACE = {"read": 4.0, "create": 0.5, "delete": 0.4, "login": 0.25}

#: Seconds after which a client of today gives a request up.
PATIENCE = 10.0

#: Seconds that one token is used for.
TOKEN = 60.0

Answer = tuple[int, Any]


class Load:
    """One user."""

    def __init__(self, place: Place, out: Path) -> None:
        self._password = place.user_password()
        self._out = open(out, "a", buffering=1, encoding="utf-8")  # noqa: SIM115 - to the end of the process
        self._number = 0
        self._run = f"{time.time():.0f}"
        self._token = ""
        self._token_since = -2 * TOKEN
        self._ids: dict[str, str] = {}
        self._old: collections.deque[str] = collections.deque()
        self.stop = asyncio.Event()
        self._under_way: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        # A new connection for each request, as a hundred clients would make: none is spared a dead server.
        connector = aiohttp.TCPConnector(force_close=True, limit=0)
        limit = aiohttp.ClientTimeout(total=PATIENCE)
        async with aiohttp.ClientSession(connector=connector, timeout=limit) as self._http:
            await self._prepare()
            async with asyncio.TaskGroup() as group:
                for name, pace in PACE.items():
                    group.create_task(self._steadily(name, 1 / pace, getattr(self, f"_{name}")))
            if self._under_way:
                await asyncio.wait(self._under_way)

    async def _prepare(self) -> None:
        await self._login({})
        for kind, url in (
            ("flavor", f"{ENDPOINT}/compute/v2.1/flavors"),
            ("image", f"{ENDPOINT}/image/v2/images"),
            ("network", f"{ENDPOINT}/network/v2.0/networks"),
        ):
            _, body = await self._call("GET", url)
            names = {FLAVOR, IMAGE, NETWORK}
            [found] = [one["id"] for one in body[f"{kind}s"] if one["name"] in names]
            self._ids[kind] = found

    async def _steadily(
        self, name: str, every: float, do: Callable[[dict[str, Any]], Awaitable[Answer]]
    ) -> None:
        due = time.monotonic()
        while not self.stop.is_set():
            task = asyncio.create_task(self._noted(name, do))
            self._under_way.add(task)
            task.add_done_callback(self._under_way.discard)
            due += every
            await asyncio.sleep(max(0.0, due - time.monotonic()))

    async def _noted(self, name: str, do: Callable[[dict[str, Any]], Awaitable[Answer]]) -> None:
        event: dict[str, Any] = {"op": name, "at": time.time()}
        try:
            status, body = await do(event)
            event["status"] = status
            if status >= 400:
                event["said"] = json.dumps(body)[:300]
        except TimeoutError:
            event["status"], event["said"] = 0, "no answer"
        except (aiohttp.ClientError, OSError) as error:
            event["status"], event["said"] = 0, type(error).__name__
        if "status" in event and not event.pop("nothing", False):
            event["took"] = round(time.time() - event["at"], 3)
            self._out.write(json.dumps(event) + "\n")

    async def _call(self, method: str, url: str, body: Any = None, **headers: str) -> Answer:
        given = {"X-Auth-Token": self._token, "X-OpenStack-Nova-API-Version": "2.104", **headers}
        async with self._http.request(method, url, json=body, headers=given) as answer:
            text = await answer.text()
            try:
                return answer.status, json.loads(text or "{}")
            except ValueError:
                return answer.status, text

    async def _login(self, _event: dict[str, Any]) -> Answer:
        user = {"name": "lab", "domain": {"name": "Default"}, "password": self._password}
        scope = {"project": {"name": "lab", "domain": {"name": "Default"}}}
        body = {"auth": {"identity": {"methods": ["password"], "password": {"user": user}}, "scope": scope}}
        async with self._http.post(f"{IDENTITY}/auth/tokens", json=body) as answer:
            # A token is used for a while, as clients do: each new one has to be checked by every API process.
            if answer.status == 201 and time.monotonic() - self._token_since > TOKEN:
                self._token_since = time.monotonic()
                self._token = answer.headers["X-Subject-Token"]
            return answer.status, await answer.text()

    async def _read(self, event: dict[str, Any]) -> Answer:
        if self._old and self._number % 2:
            event["id"] = self._old[-1]
            return await self._call("GET", f"{SERVERS}/{self._old[-1]}")
        return await self._call("GET", f"{SERVERS}/detail?limit=20")

    async def _create(self, event: dict[str, Any]) -> Answer:
        self._number += 1
        event["name"] = f"load-{self._run}-{self._number}"
        server = {"name": event["name"], "flavorRef": self._ids["flavor"], "imageRef": self._ids["image"]}
        status, body = await self._call(
            "POST", SERVERS, {"server": {**server, "networks": [{"uuid": self._ids["network"]}]}}
        )
        if status == 202:
            event["id"] = body["server"]["id"]
            self._old.append(event["id"])
        return status, body

    async def _delete(self, event: dict[str, Any]) -> Answer:
        # Some seconds old, so that most are there and some are still being made.
        if len(self._old) < 6:
            event["nothing"] = True
            return 0, None
        event["id"] = self._old.popleft()
        return await self._call("DELETE", f"{SERVERS}/{event['id']}")


async def _main(place: Place, out: Path) -> None:
    load = Load(place, out)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, load.stop.set)
    await load.run()


if __name__ == "__main__":
    asyncio.run(_main(Place(Path(sys.argv[1])), Path(sys.argv[2])))
