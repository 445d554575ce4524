"""Many creates at once against one limit, through several endpoints: exactly as many servers as the limit says.

    quota_burst.py --endpoint URL [--endpoint URL ...] [--limit 50] [--creates 200] [--during COMMAND]

An endpoint is the root of one API process or node (`http://10.0.0.11:8780`). Who asks comes from the environment:
FRACTUS_BURST_TOKEN (a member of the project that is filled), FRACTUS_BURST_ADMIN_TOKEN (an admin, who sets its quota)
and FRACTUS_BURST_PROJECT. The project must be empty; it is empty again afterwards, and has its old quota.

Three rounds, each with its verdict: single creates; the same after some were deleted, which must give exactly their
places back; and creates of up to seven at once, of which Nova makes as many as fit. COMMAND is run when half of the
first round is answered: something that takes a cloud, a process or a node away. An endpoint that does not answer is
left out for a moment and its request sent to the next: a request whose answer was lost may have been done, so what
counts is what the project has in the end.
"""

from __future__ import annotations

import argparse
import asyncio
import dataclasses
import itertools
import json
import os
import sys
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import aiohttp

#: How long an endpoint may take for one answer, and the whole for its end. Seconds.
_ANSWER, _GONE = 60, 600


@dataclasses.dataclass(frozen=True)
class Who:
    """Whose quota is burst at, and who sets it."""

    project_id: str
    token: str
    admin: str


@dataclasses.dataclass
class Round:
    """What came of one round."""

    name: str
    answers: Counter[int]
    servers: int
    usage: int
    limit: int

    @property
    def well(self) -> bool:
        """Whether there are exactly as many as may be, and the quota says the same."""
        return self.servers == self.usage == self.limit

    def __str__(self) -> str:
        """One line."""
        reported = ", ".join(
            f"{count} x {status or 'no answer'}" for status, count in sorted(self.answers.items())
        )
        verdict = "well" if self.well else "WRONG"
        return f"{self.name}: {verdict}: {self.servers} servers, usage {self.usage}, limit {self.limit} ({reported})"


class Burst:
    """Bursts through several endpoints."""

    def __init__(self, session: aiohttp.ClientSession, endpoints: Sequence[str], who: Who) -> None:
        self._session = session
        self._endpoints = [one.rstrip("/") for one in endpoints]
        self._turn = itertools.count()
        self._who = who

    async def call(
        self, method: str, path: str, body: Any = None, *, admin: bool = False, version: str = "2.90"
    ) -> tuple[int, Any]:
        """One request, to whichever endpoint answers."""
        headers = {
            "X-Auth-Token": self._who.admin if admin else self._who.token,
            "OpenStack-API-Version": f"compute {version}",
        }
        timeout = aiohttp.ClientTimeout(total=_ANSWER)
        for attempt in range(5 * len(self._endpoints)):
            url = self._endpoints[next(self._turn) % len(self._endpoints)] + path
            try:
                async with self._session.request(
                    method, url, json=body, headers=headers, timeout=timeout
                ) as reply:
                    text = await reply.text()
                    if reply.status in (502, 503, 504):
                        await asyncio.sleep(0.05 * attempt)
                        continue
                    return reply.status, json.loads(text) if text else None
            except (aiohttp.ClientError, OSError, TimeoutError):
                await asyncio.sleep(0.05 * attempt)
        return 0, None

    async def well(self, method: str, path: str, body: Any = None, *, admin: bool = False) -> Any:
        """One request that has to succeed."""
        status, document = await self.call(method, path, body, admin=admin)
        if not 200 <= status < 300:
            raise SystemExit(f"{method} {path}: {status or 'no answer'} {document}")
        return document

    # --- what is asked for ----------------------------------------------------------------------

    async def servers(self) -> list[str]:
        """All servers of the project."""
        found: list[str] = []
        more = ""
        while True:
            page = (await self.well("GET", f"/compute/v2.1/servers?limit=500{more}"))["servers"]
            found += [server["id"] for server in page]
            if len(page) < 500:
                return found
            more = f"&marker={page[-1]['id']}"

    async def usage(self) -> int:
        """What the quota says."""
        absolute = (await self.well("GET", "/compute/v2.1/limits"))["limits"]["absolute"]
        return int(absolute["totalInstancesUsed"])

    async def set_limit(self, limit: int) -> None:
        """Limit servers, and nothing else."""
        quotas = {"instances": limit, "cores": -1, "ram": -1, "force": True}
        path = f"/compute/v2.1/os-quota-sets/{self._who.project_id}"
        await self.well("PUT", path, {"quota_set": quotas}, admin=True)
        network = {"quota": {"port": -1, "force": True}}
        await self.well("PUT", f"/network/v2.0/quotas/{self._who.project_id}", network, admin=True)

    async def forget_limit(self) -> None:
        """The default quotas again."""
        path = f"/compute/v2.1/os-quota-sets/{self._who.project_id}"
        await self.well("DELETE", path, admin=True)
        await self.call("DELETE", f"/network/v2.0/quotas/{self._who.project_id}", admin=True)

    async def delete(self, servers: Sequence[str]) -> None:
        """Delete servers, and wait until they are gone."""
        await asyncio.gather(*(self.call("DELETE", f"/compute/v2.1/servers/{id}") for id in servers))
        async with asyncio.timeout(_GONE):
            while set(await self.servers()) & set(servers):
                await asyncio.sleep(0.2)

    async def round(
        self,
        name: str,
        server: dict[str, Any],
        creates: int,
        limit: int,
        *,
        halfway: Callable[[], Awaitable[None]] | None = None,
        most: Sequence[int] = (1,),
    ) -> Round:
        """`creates` requests at once; `most`: how many servers they may make, in turn."""
        answers: Counter[int] = Counter()
        disturbed: list[asyncio.Task[None]] = []

        async def one(number: int) -> None:
            many = most[number % len(most)]
            counts = {"min_count": 1, "max_count": many} if many > 1 else {}
            body = {"server": {**server, "name": f"burst-{number}", **counts}}
            status, _ = await self.call("POST", "/compute/v2.1/servers", body)
            answers[status] += 1
            if halfway is not None and not disturbed and answers.total() * 2 >= creates:
                disturbed.append(asyncio.get_running_loop().create_task(_soon(halfway)))

        await asyncio.gather(*(one(number) for number in range(creates)))
        await asyncio.gather(*disturbed)
        return Round(name, answers, len(await self.servers()), await self.usage(), limit)

    async def whole(
        self,
        server: dict[str, Any],
        *,
        limit: int,
        creates: int,
        halfway: Callable[[], Awaitable[None]] | None = None,
    ) -> list[Round]:
        """All rounds, in an empty project."""
        if await self.servers():
            raise SystemExit("The project has servers; this needs an empty one.")
        await self.set_limit(limit)
        try:
            rounds = [await self.round("single creates", server, creates, limit, halfway=halfway)]
            await self.delete((await self.servers())[: limit // 3])
            rounds.append(await self.round("what was given back", server, creates, limit))
            await self.delete(await self.servers())
            rounds.append(await self.round("several at once", server, creates, limit, most=(7, 3, 1)))
            await self.delete(await self.servers())
            rounds.append(Round("all deleted", Counter(), len(await self.servers()), await self.usage(), 0))
        finally:
            await self.forget_limit()
        return rounds


async def _soon(call: Callable[[], Awaitable[None]]) -> None:
    await call()


async def _run(command: str) -> None:
    process = await asyncio.create_subprocess_shell(command)
    await process.wait()


async def template(burst: Burst) -> dict[str, Any]:
    """The smallest flavor, an image and a network that are there."""
    flavors = (await burst.well("GET", "/compute/v2.1/flavors/detail"))["flavors"]
    images = (await burst.well("GET", "/image/v2/images?status=active"))["images"]
    networks = (await burst.well("GET", "/network/v2.0/networks"))["networks"]
    if not (flavors and images):
        raise SystemExit("There must be a flavor and an active image.")
    return {
        "flavorRef": min(flavors, key=lambda one: (one["ram"], one["disk"]))["id"],
        "imageRef": images[0]["id"],
        "networks": [{"uuid": networks[0]["id"]}] if networks else "none",
    }


async def main() -> int:
    """Burst and tell."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--endpoint", action="append", required=True)
    parser.add_argument("--limit", type=int, default=50)
    parser.add_argument("--creates", type=int, default=200)
    parser.add_argument("--during", default="")
    given = parser.parse_args()
    try:
        who = Who(
            os.environ["FRACTUS_BURST_PROJECT"],
            os.environ["FRACTUS_BURST_TOKEN"],
            os.environ["FRACTUS_BURST_ADMIN_TOKEN"],
        )
    except KeyError as error:
        parser.error(f"{error.args[0]} is not set")
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector) as session:
        burst = Burst(session, given.endpoint, who)
        halfway = (lambda: _run(given.during)) if given.during else None
        rounds = await burst.whole(
            await template(burst), limit=given.limit, creates=given.creates, halfway=halfway
        )
    for one in rounds:
        print(one)
    return 0 if all(one.well for one in rounds) else 1


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
