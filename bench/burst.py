"""Thousands of servers asked for at once, over many clouds: how long until all of them are ACTIVE, and what one costs.

    python -m bench.burst [--servers 5000] [--clouds 100] [--workers 1] [--clients 64]

Everything runs on this machine: the clouds (`fractus simulate`, OpenStack over HTTP), Keystone, the API and the
workers, each with its own processes. Each server has a port; every cloud is given flavor, image, network, subnet and
security group with its first one.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import sqlite3
import time
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

import aiohttp
import msgspec

from bench import report
from bench.deployment import Deployment, Tenant
from bench.load import Processor, connections
from bench.report import Line, Options, Picture, Report, Row
from bench.simulation import Asked, Simulation, Things, asked, over_clouds
from bench.stand import said

#: Seconds between two looks at how far it is, and after which it is given up.
_LOOK, _MOST = 0.5, 900.0
#: Seconds in which the workers get to know empty clouds before it begins.
_WARM, _WARM_CLOUD = 5.0, 0.2
#: One network for all of them.
_CIDR = "10.0.0.0/16"


class Burst(NamedTuple):
    """What one of them came to. Seconds."""

    accepted: float
    """Until the last was accepted."""
    active: float
    """Until the last was ACTIVE."""
    statuses: Counter[str]
    """At the end."""
    answers: Counter[int]
    curve: list[tuple[float, float]]
    cpu: dict[str, float]
    """Processor time of each part."""
    work: Asked


async def run(options: Options) -> Report:
    """Stand it up, ask, watch."""
    given = options.given
    servers, clouds = given.servers, given.clouds
    if options.full:
        servers, clouds = max(servers, 5000), max(clouds, 100)
    bursts = []
    for number in range(options.rounds):
        place = options.scratch / str(number)
        place.mkdir()
        bursts.append(await _burst(place, servers, clouds, given))
    return _report(bursts, servers, clouds, given)


async def _burst(place: Path, servers: int, clouds: int, given: argparse.Namespace) -> Burst:
    progress = said()
    standing = over_clouds(
        place,
        progress,
        clouds,
        tenant="burst",
        workers=given.workers,
        api_processes=given.api_processes,
        processes=given.processes,
        latency=given.latency,
    )
    async with standing as (at, tenant, below, made):
        with progress.step("Letting the workers get to know them", "The workers know them"):
            await asyncio.sleep(_WARM + _WARM_CLOUD * clouds)
        with progress.step(f"Asking for {servers} servers", f"{servers} servers"):
            return await _measured(at, tenant, below, made, servers, given.clients)


async def _measured(
    at: Deployment, tenant: Tenant, below: Simulation, made: Things, servers: int, clients: int
) -> Burst:
    leaders = at.leaders()
    parts = {
        "API": Processor([pid for name, pid in leaders.items() if name == "api"]),
        "workers": Processor([pid for name, pid in leaders.items() if name.startswith("worker")]),
        "Keystone": Processor([pid for name, pid in leaders.items() if name == "keystone"]),
        "clouds": below.processor(),
    }
    async with connections() as session:
        network = await _network(session, at, tenant)
        before = {name: part.used() for name, part in parts.items()}
        work = await asked(at.settings.work.metrics_port)
        began = time.monotonic()
        answers: Counter[int] = Counter()
        curve: list[tuple[float, float]] = []
        watching = asyncio.create_task(_watch(at, servers, began, curve))
        body = {"flavorRef": made.flavor, "imageRef": made.image, "networks": [{"uuid": network}]}
        numbers = iter(range(servers))

        async def client() -> None:
            for number in numbers:
                server = {"server": {"name": f"burst-{number}", **body}}
                answers[await _post(session, at, tenant, server)] += 1

        await asyncio.gather(*(client() for _ in range(clients)))
        accepted = time.monotonic() - began
        statuses = await watching
        active = time.monotonic() - began
        cpu = {name: part.used() - before[name] for name, part in parts.items()}
        after = await asked(at.settings.work.metrics_port)
    spent = Asked(*(later - earlier for later, earlier in zip(after, work, strict=True)))
    return Burst(accepted, active, statuses, answers, curve, cpu, spent)


async def _post(
    session: aiohttp.ClientSession, at: Deployment, tenant: Tenant, server: dict[str, Any]
) -> int:
    headers = {"X-Auth-Token": tenant.token, "OpenStack-API-Version": "compute 2.90"}
    try:
        async with session.post(f"{at.compute}/servers", json=server, headers=headers) as answer:
            await answer.read()
            return answer.status
    except (aiohttp.ClientError, TimeoutError):
        return 0


async def boot(at: Deployment, tenant: Tenant, made: Things, servers: int, *, clients: int = 16) -> None:
    """Have so many servers made, and wait until all are ACTIVE; RuntimeError if one is not."""
    async with connections() as session:
        network = await _network(session, at, tenant)
        body = {"flavorRef": made.flavor, "imageRef": made.image, "networks": [{"uuid": network}]}
        numbers = iter(range(servers))

        async def client() -> None:
            for number in numbers:
                status = await _post(session, at, tenant, {"server": {"name": f"bench-{number}", **body}})
                if status != 202:
                    raise RuntimeError(f"a create was answered {status}")

        await asyncio.gather(*(client() for _ in range(clients)))
    statuses = await _watch(at, servers, time.monotonic(), [])
    if statuses["ACTIVE"] != servers:
        raise RuntimeError(f"not every server became ACTIVE: {dict(statuses)}")


async def _network(session: aiohttp.ClientSession, at: Deployment, tenant: Tenant) -> str:
    headers = {"X-Auth-Token": tenant.token}
    url = at.network
    async with session.post(f"{url}/networks", json={"network": {"name": "burst"}}, headers=headers) as reply:
        network: str = msgspec.json.decode(await reply.read())["network"]["id"]
    subnet = {"network_id": network, "ip_version": 4, "cidr": _CIDR}
    async with session.post(f"{url}/subnets", json={"subnet": subnet}, headers=headers) as reply:
        reply.raise_for_status()
    return network


async def _watch(
    at: Deployment, servers: int, began: float, curve: list[tuple[float, float]]
) -> Counter[str]:
    """Look into the store, which costs the API nothing, until all are there and none is being built."""
    path = at.settings.state_dir / "fractus.db"
    with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as db:
        while True:
            await asyncio.sleep(_LOOK)
            reported = Counter(
                dict(db.execute("SELECT status, count(*) FROM server GROUP BY status").fetchall())
            )
            passed = time.monotonic() - began
            curve.append((round(passed, 1), float(reported["ACTIVE"])))
            if reported["ACTIVE"] + reported["ERROR"] >= servers or passed > _MOST:
                return reported


def _report(bursts: list[Burst], servers: int, clouds: int, given: argparse.Namespace) -> Report:
    rows = [
        Row(
            what="all servers ACTIVE after",
            unit="s",
            values=[one.active for one in bursts],
            at_most=60.0,
            why="all parts, the clouds among them, share the machine's cores",
        ),
        Row(
            what="accepted creates",
            unit="/s",
            values=[servers / one.accepted for one in bursts],
        ),
        Row(
            what="calls to clouds for each server",
            unit="",
            values=[one.work.calls / servers for one in bursts],
        ),
        Row(what="looks for each server", unit="", values=[one.work.looks / servers for one in bursts]),
        Row(what="sweeps of each cloud", unit="", values=[one.work.sweeps / clouds for one in bursts]),
    ]
    for part in bursts[0].cpu:
        values = [one.cpu[part] * 1000 / servers for one in bursts]
        rows.append(Row(what=f"{part}, for each server", unit="ms CPU", values=values))
    broken = []
    for one in bursts:
        if set(one.answers) != {202}:
            broken.append(f"not every create was accepted: {dict(one.answers)}")
        if one.statuses["ACTIVE"] != servers:
            broken.append(f"not every server became ACTIVE: {dict(one.statuses)}")
    if given.workers > 1:
        rows = [row for row in rows if not row.what.startswith(("calls", "looks", "sweeps"))]
    line = Line(name="ACTIVE", points=bursts[0].curve)
    picture = Picture(
        slug="burst",
        title=f"{servers:,} servers asked for at once over {clouds} clouds",
        x="seconds",
        y="servers ACTIVE",
        lines=[line],
    )
    return Report(
        title="A burst of creates",
        about=f"{servers:,} servers, each with a port, by {given.clients} clients at once, over {clouds} simulated "
        f"clouds (HTTP, latency {given.latency}); {given.api_processes} API, {given.workers} worker and "
        f"{given.processes} cloud processes on one machine, SQLite.",
        rows=rows,
        pictures=[picture],
        broken=broken,
    )


def arguments(parser: argparse.ArgumentParser) -> None:
    """Of this bench."""
    parser.add_argument("--servers", type=int, default=1000)
    parser.add_argument("--clouds", type=int, default=20)
    parser.add_argument("--clients", type=int, default=64)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--api-processes", type=int, default=1)
    parser.add_argument("--processes", type=int, default=1, help="of the simulated clouds")
    parser.add_argument("--latency", default="realistic", help="of the simulated clouds")


if __name__ == "__main__":
    report.alone("burst", run, arguments)
