"""Calls of tenants that are counted: every status, how long each took, and what should not have been."""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Collection
from typing import Any, NamedTuple

import aiohttp
import msgspec

from bench.deployment import Tenant

VERSION = "2.90"

#: What must not be is reported so often and then counted only.
_REPORTED = 30


class Answer(NamedTuple):
    """`status` 0: there was none."""

    status: int
    body: Any


class Tally:
    """What came of everything. Times in seconds."""

    def __init__(self) -> None:
        self.began = time.monotonic()
        self.statuses: Counter[int] = Counter()
        self.calls: Counter[str] = Counter()
        self.minutes: defaultdict[str, defaultdict[int, list[float]]] = defaultdict(lambda: defaultdict(list))
        """By kind of call (`read`, `write`, `to ACTIVE` ...) and minute."""
        self.wrong: list[str] = []
        self.wrongs: Counter[str] = Counter()
        """How much went wrong, by sort: `5xx`, `no answer`, `unexpected`, `lost`, `unsettled`."""

    @property
    def minute(self) -> int:
        """Minutes since it began."""
        return int((time.monotonic() - self.began) // 60)

    def took(self, kind: str, seconds: float) -> None:
        """Something of a kind took so long."""
        self.minutes[kind][self.minute].append(seconds)

    def times(self, kind: str) -> list[float]:
        """All of a kind, shortest first."""
        return sorted(one for minute in self.minutes[kind].values() for one in minute)

    def amiss(self, sort: str, sentence: str) -> None:
        """Something was as it must not be."""
        self.wrongs[sort] += 1
        if len(self.wrong) < _REPORTED:
            self.wrong.append(f"{sort} in minute {self.minute}: {sentence}")


class Caller:
    """Calls as one tenant. Each writes down what came of it, and calls it amiss when it was none of `expect`."""

    def __init__(self, session: aiohttp.ClientSession, tenant: Tenant, tally: Tally) -> None:
        self.tenant, self.tally = tenant, tally
        self._session = session

    async def call(
        self, method: str, url: str, body: Any = None, *, expect: Collection[int] = (), kind: str = ""
    ) -> Answer:
        """One call. `expect`: good statuses; without them any success. `kind`: read or write, else by the method."""
        await self.tenant.log_in()
        tally, began = self.tally, time.monotonic()
        headers = {"X-Auth-Token": self.tenant.token, "OpenStack-API-Version": f"compute {VERSION}"}
        try:
            async with self._session.request(method, url, json=body, headers=headers) as reply:
                data = await reply.read()
                status = reply.status
        except (aiohttp.ClientError, TimeoutError) as error:
            tally.statuses[0] += 1
            tally.amiss("no answer", f"{method} {url}: {type(error).__name__} {error}")
            return Answer(0, None)
        tally.took(kind or ("read" if method == "GET" else "write"), time.monotonic() - began)
        tally.statuses[status] += 1
        tally.calls[method] += 1
        decoded = msgspec.json.decode(data) if data[:1] in (b"{", b"[") else None
        if status >= 500:
            tally.amiss("5xx", f"{method} {url}: {status} {data[:200]!r}")
        elif not (status in expect if expect else status < 300):
            tally.amiss("unexpected", f"{method} {url}: {status} {data[:200]!r}")
        return Answer(status, decoded)

    async def get(self, url: str, *, expect: Collection[int] = ()) -> Any:
        """The body of a GET; an empty one where it was not answered well, which is written down already."""
        answer = await self.call("GET", url, expect=expect)
        return answer.body if answer.status and answer.status < 300 else {}
