"""Some clouds hang: they take connections and never answer. What do the others' users notice?

    python -m bench.isolation [--clouds 20] [--each 3]

Of all clouds one, a tenth and a half hang in turn; between two of these all are well, and that is what the figures are
held against. Measured are reads of the API (they never leave the building), and work: a server in a cloud that is well
is renamed by its user, until its cloud has said the new name.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import functools
import itertools
import sqlite3
import time
from collections.abc import Awaitable, Callable, Iterator
from typing import NamedTuple

import aiohttp
import msgspec

from bench import report
from bench.burst import boot
from bench.deployment import Deployment, Tenant
from bench.load import connections
from bench.report import Options, Report, Row
from bench.simulation import Simulation, over_clouds
from bench.stand import said

#: Shares of the clouds that hang, the least one cloud.
_SHARES = (0.01, 0.1, 0.5)
#: Seconds after clouds began to hang, or were well again, before it is measured: slots fill, breakers open and close.
_FILLING, _HEALING = 10.0, 25.0
#: Readers at once, and servers that are renamed at once.
_READERS, _MAKERS = 4, 2
#: Seconds that a rename gets.
_MOST = 60.0


class Times(NamedTuple):
    """Milliseconds."""

    reads: list[float]
    work: list[float]


class Side(NamedTuple):
    """Some clouds hang, and right before none did."""

    hanging: int
    well: Times
    ill: Times


async def run(options: Options) -> Report:
    """Stand it up, have servers made, let clouds hang."""
    given, progress = options.given, said()
    clouds = max(given.clouds, 100) if options.full else given.clouds
    sides: list[Side] = []
    seconds = max(options.seconds, given.watched)
    standing = over_clouds(
        options.scratch,
        progress,
        clouds,
        tenant="isolation",
        workers=given.workers,
        processes=given.processes,
    )
    async with standing as (at, tenant, below, made):
        with progress.step(f"Making {clouds * given.each} servers", "They are ACTIVE"):
            await boot(at, tenant, made, clouds * given.each)
        for _ in range(options.rounds):
            for share in _SHARES:
                number = max(1, round(clouds * share))
                with progress.step(f"{number} clouds hang", f"{number} of {clouds} hung"):
                    sides.append(await _side(at, tenant, below, number, seconds))
    return _report(sides, clouds, given)


async def _side(at: Deployment, tenant: Tenant, below: Simulation, number: int, seconds: float) -> Side:
    ill, well = below.names[:number], below.names[number:]
    await below.fault(below.names, "none")
    await asyncio.sleep(_HEALING)
    before = await _measured(at, tenant, well, seconds)
    await below.fault(ill, "hang")
    try:
        await asyncio.sleep(_FILLING)
        return Side(number, before, await _measured(at, tenant, well, seconds))
    finally:
        await below.fault(ill, "none")


async def _measured(at: Deployment, tenant: Tenant, well: list[str], seconds: float) -> Times:
    """Reads, and renames of servers in the clouds `well`, side by side."""
    path = at.settings.state_dir / "fractus.db"
    reads: list[float] = []
    work: list[float] = []
    async with connections() as session:
        with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as db:
            marks = ",".join("?" * len(well))
            text = f"SELECT id FROM presence WHERE kind = 'server' AND cloud IN ({marks}) ORDER BY id"
            ids = [id for (id,) in db.execute(text, well).fetchall()]
            servers = itertools.cycle(ids)
            # Each renames servers of its own: of two names the first would never be seen.
            own = [itertools.cycle(some) for first in range(_MAKERS) if (some := ids[first::_MAKERS])]
            end = time.monotonic() + seconds
            await asyncio.gather(
                *(
                    _again(lambda: _read(session, at, tenant, next(servers)), reads, end)
                    for _ in range(_READERS)
                ),
                *(
                    _again(functools.partial(_renamed, session, at, tenant, db, some), work, end)
                    for some in own
                ),
            )
    return Times(sorted(reads), sorted(work))


async def _again(call: Callable[[], Awaitable[None]], times: list[float], end: float) -> None:
    while time.monotonic() < end:
        began = time.monotonic()
        await call()
        times.append((time.monotonic() - began) * 1000)
        # Callers that think for a moment: it is not to be measured how a full machine behaves.
        await asyncio.sleep(0.02)


def _headers(tenant: Tenant) -> dict[str, str]:
    return {"X-Auth-Token": tenant.token, "OpenStack-API-Version": "compute 2.90"}


async def _read(session: aiohttp.ClientSession, at: Deployment, tenant: Tenant, server: str) -> None:
    for url in (f"{at.compute}/servers/detail?limit=100", f"{at.compute}/servers/{server}"):
        async with session.get(url, headers=_headers(tenant)) as answer:
            await answer.read()
            answer.raise_for_status()


async def _renamed(
    session: aiohttp.ClientSession,
    at: Deployment,
    tenant: Tenant,
    db: sqlite3.Connection,
    servers: Iterator[str],
) -> None:
    server, name = next(servers), f"name-{time.monotonic_ns()}"
    url, body = f"{at.compute}/servers/{server}", {"server": {"name": name}}
    began = time.monotonic()
    async with session.put(url, json=body, headers=_headers(tenant)) as answer:
        await answer.read()
        answer.raise_for_status()
    text = "SELECT observed FROM presence WHERE kind = 'server' AND id = ?"
    while time.monotonic() - began < _MOST:
        (observed,) = db.execute(text, [server]).fetchone()
        if msgspec.json.decode(observed)["name"] == name:
            return
        await asyncio.sleep(0.005)
    raise TimeoutError(f"server {server} has not got its new name within {_MOST:.0f} s")


def _report(sides: list[Side], clouds: int, given: argparse.Namespace) -> Report:
    rows = []
    for number in sorted({side.hanging for side in sides}):
        these = [side for side in sides if side.hanging == number]
        for what in ("reads", "work"):
            well = [_p99(getattr(side.well, what)) for side in these]
            ill = [_p99(getattr(side.ill, what)) for side in these]
            change = [100.0 * (late / early - 1.0) for early, late in zip(well, ill, strict=True)]
            where = f"{what}, {number} of {clouds} clouds hang"
            rows += [
                Row(what=f"{where}: p99 before", unit="ms", values=well),
                Row(what=f"{where}: p99", unit="ms", values=ill),
                Row(
                    what=f"{where}: p99 changes by", unit="%", values=change, at_most=10.0,
                    why="on a machine that others use, the p99 of two stretches without any fault differs as much",
                ),
            ]  # fmt: skip
    return Report(
        title="Isolation",
        about=f"{clouds} simulated clouds (HTTP) with {given.each} servers each, some of which hang; {_READERS} callers"
        f" that read and {_MAKERS} that rename servers in clouds that are well, until the cloud has said the new name; "
        f"{given.workers} worker, SQLite.",
        rows=rows,
    )


def _p99(times: list[float]) -> float:
    return times[min(len(times) - 1, int(len(times) * 0.99))]


def arguments(parser: argparse.ArgumentParser) -> None:
    """Of this bench."""
    parser.add_argument("--clouds", type=int, default=20)
    parser.add_argument("--each", type=int, default=3, help="servers in each cloud")
    parser.add_argument("--watched", type=float, default=20.0, help="seconds for one figure")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--processes", type=int, default=1, help="of the simulated clouds")


if __name__ == "__main__":
    report.alone("isolation", run, arguments)
