"""A server changes in its cloud: how soon the parent shows it, and what looking costs clouds and workers.

    python -m bench.freshness [--clouds 20] [--each 50] [--change 1] [--minutes 2]

Clouds are simulated (`fractus simulate`, OpenStack over HTTP), the servers in them are made through the parent. Then
somebody else renames servers in their clouds, `--change` percent of all in a minute, by the clouds' own API: from the
moment that a cloud has answered until the parent's store has the new name, which its next read shows.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import random
import sqlite3
import time
from pathlib import Path
from typing import NamedTuple

import aiohttp
import msgspec

from bench import report
from bench.burst import boot
from bench.deployment import Deployment, deployed
from bench.load import Processor, connections
from bench.report import Options, Report, Row
from bench.simulation import Asked, Simulation, asked, metrics, simulation, things
from bench.stand import said

#: Seconds between two looks into the store, and in which a change has to be seen at all.
_LOOK, _MOST = 0.1, 120.0
#: Seconds in which the workers come to rest after the servers were made.
_REST = 20.0
#: Changes that are looked for in one statement.
_TOGETHER = 400


class Seen(NamedTuple):
    """What was measured."""

    delays: list[float]
    """Seconds, sorted."""
    lost: int
    seconds: float
    workers: float
    clouds: float
    """Seconds of processor time."""
    work: Asked


async def run(options: Options) -> Report:
    """Stand it up, have servers made, change them, watch."""
    given, progress = options.given, said()
    clouds = max(given.clouds, 100) if options.full else given.clouds
    seen = []
    async with deployed(options.scratch, progress, settings=metrics()) as at:
        await at.start_keystone()
        tenant = await at.tenant("freshness")
        await tenant.log_in()
        async with simulation(at, options.scratch / "clouds", clouds, processes=given.processes) as below:
            await at.start_api()
            made = await things(at)
            await at.start_workers(given.workers)
            servers = clouds * given.each
            with progress.step(f"Making {servers:,} servers", f"There are {servers:,} servers"):
                await boot(at, tenant, made, servers)
                await asyncio.sleep(_REST)
            for _ in range(options.rounds):
                rate = servers * given.change / 100.0 / 60.0
                with progress.step(f"Changing {rate:.1f} a second", "Measured"):
                    seen.append(await _measured(at, below, rate, given.minutes * 60.0))
    return _report(seen, clouds, servers, given)


class _Changer:
    """Renames servers in their clouds."""

    def __init__(self, session: aiohttp.ClientSession, below: Simulation, database: Path) -> None:
        self._session, self._entries, self._database = session, below.entries, database
        self._tokens: dict[str, tuple[str, str]] = {}
        self.waiting: dict[str, tuple[str, float]] = {}
        """Server, by the parent's id -> its new name, and when its cloud had answered."""
        self.seen: list[float] = []
        self.lost = 0

    def servers(self) -> list[tuple[str, str, str]]:
        """Id, cloud and id there of all that are ACTIVE."""
        text = "SELECT p.id, p.cloud, p.remote_id FROM presence p JOIN server s ON s.id = p.id"
        with contextlib.closing(sqlite3.connect(f"file:{self._database}?mode=ro", uri=True)) as db:
            found = db.execute(f"{text} WHERE p.kind = 'server' AND s.status = 'ACTIVE'").fetchall()
        return [(id, cloud, there) for id, cloud, there in found]

    async def rename(self, number: int, id: str, cloud: str, there: str) -> None:
        """One of them."""
        name = f"renamed-{number}"
        token, compute = await self._way(cloud)
        url, body = f"{compute}/servers/{there}", {"server": {"name": name}}
        async with self._session.put(url, json=body, headers={"X-Auth-Token": token}) as answer:
            await answer.read()
            answer.raise_for_status()
        self.waiting[id] = name, time.monotonic()

    async def _way(self, cloud: str) -> tuple[str, str]:
        if cloud not in self._tokens:
            auth = self._entries[cloud]["auth"]
            user = {"name": auth["username"], "domain": {"name": "Default"}, "password": auth["password"]}
            scope = {"project": {"name": auth["project_name"], "domain": {"name": "Default"}}}
            identity = {"methods": ["password"], "password": {"user": user}}
            body = {"auth": {"identity": identity, "scope": scope}}
            async with self._session.post(f"{auth['auth_url']}/auth/tokens", json=body) as answer:
                catalog = msgspec.json.decode(await answer.read())["token"]["catalog"]
                token = answer.headers["X-Subject-Token"]
            (compute,) = [service for service in catalog if service["type"] == "compute"]
            self._tokens[cloud] = token, _versioned(compute["endpoints"][0]["url"])
        return self._tokens[cloud]

    async def watch(self) -> None:
        """Look into the store, which costs fractus nothing, for what is being waited for."""
        with contextlib.closing(sqlite3.connect(f"file:{self._database}?mode=ro", uri=True)) as db:
            while True:
                await asyncio.sleep(_LOOK)
                ids = list(self.waiting)
                for first in range(0, len(ids), _TOGETHER):
                    self._look(db, ids[first : first + _TOGETHER])

    def _look(self, db: sqlite3.Connection, ids: list[str]) -> None:
        marks = ",".join("?" * len(ids))
        text = f"SELECT id, observed FROM presence WHERE kind = 'server' AND id IN ({marks})"
        now = time.monotonic()
        for id, observed in db.execute(text, ids).fetchall():
            name, at = self.waiting[id]
            if msgspec.json.decode(observed)["name"] == name:
                self.seen.append(now - at)
                del self.waiting[id]
            elif now - at > _MOST:
                self.lost += 1
                del self.waiting[id]


def _versioned(url: str) -> str:
    """With the version of the API, which catalogs may leave out."""
    url = url.rstrip("/")
    return url if url.endswith("/v2.1") else f"{url}/v2.1"


async def _measured(at: Deployment, below: Simulation, rate: float, seconds: float) -> Seen:
    leaders = at.leaders()
    workers = Processor([pid for name, pid in leaders.items() if name.startswith("worker")])
    clouds = below.processor()
    async with connections() as session:
        changer = _Changer(session, below, at.settings.state_dir / "fractus.db")
        servers = changer.servers()
        watching = asyncio.create_task(changer.watch())
        before = workers.used(), clouds.used(), await asked(at.settings.work.metrics_port)
        began, number = time.monotonic(), 0
        async with asyncio.TaskGroup() as group:
            while time.monotonic() - began < seconds:
                one = random.choice(servers)
                if one[0] not in changer.waiting:
                    number += 1
                    group.create_task(changer.rename(number, *one))
                await asyncio.sleep(max(0.0, began + number / rate - time.monotonic()))
        after = workers.used(), clouds.used(), await asked(at.settings.work.metrics_port)
        spent = time.monotonic() - began
        while changer.waiting:
            await asyncio.sleep(_LOOK)
        watching.cancel()
    work = Asked(*(later - earlier for later, earlier in zip(after[2], before[2], strict=True)))
    return Seen(sorted(changer.seen), changer.lost, spent, after[0] - before[0], after[1] - before[1], work)


def _report(seen: list[Seen], clouds: int, servers: int, given: argparse.Namespace) -> Report:
    def of(part: float) -> list[float]:
        return [one.delays[min(len(one.delays) - 1, int(len(one.delays) * part))] for one in seen]

    rows = [
        Row(what="a change is seen after, median", unit="s", values=of(0.5), at_most=5.0),
        Row(what="a change is seen after, p99", unit="s", values=of(0.99), at_most=15.0),
        Row(what="changes", unit="/s", values=[len(one.delays) / one.seconds for one in seen]),
        Row(what="workers", unit="cores", values=[one.workers / one.seconds for one in seen]),
        Row(
            what="all clouds, with the changes themselves",
            unit="cores",
            values=[one.clouds / one.seconds for one in seen],
        ),
    ]
    if given.workers == 1:
        rows += [
            Row(
                what="requests to each cloud",
                unit="/s",
                values=[one.work.calls / one.seconds / clouds for one in seen],
            ),
            Row(
                what="worker, for each change",
                unit="ms CPU",
                values=[one.workers * 1000 / len(one.delays) for one in seen],
            ),
        ]
    lost = sum(one.lost for one in seen)
    return Report(
        title="Freshness",
        about=f"{servers:,} servers in {clouds} simulated clouds (HTTP), of which {given.change:g} % are renamed in a "
        f"minute by somebody else; {given.workers} worker, SQLite. Names are told as drift, which is more work for the "
        "parent than a change of state.",
        rows=rows,
        broken=[f"{lost} changes were not seen within {_MOST:.0f} s"] if lost else [],
    )


def arguments(parser: argparse.ArgumentParser) -> None:
    """Of this bench."""
    parser.add_argument("--clouds", type=int, default=20)
    parser.add_argument("--each", type=int, default=20, help="servers in each cloud")
    parser.add_argument("--change", type=float, default=30.0, help="percent of the servers in a minute")
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--processes", type=int, default=1, help="of the simulated clouds")


if __name__ == "__main__":
    report.alone("freshness", run, arguments)
