"""How costs grow: with the number of servers in the store, and with the number of clouds beneath.

    python -m bench.growth [--sizes 1000,10000,...] [--clouds 1,10,...]

By servers: processor time of a page, of one server, of a create; bytes in the database for each server; memory and
start-up of the API. By clouds: what a worker does for clouds where nothing happens (processor time, requests, memory),
and how long a server takes to be ACTIVE.
"""

from __future__ import annotations

import argparse
import asyncio
import time
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import aiohttp
import msgspec

from bench import report
from bench.children import beneath
from bench.creates import creates
from bench.deployment import deployed
from bench.filling import Plan, port_id, server_id
from bench.load import Endpoint, Figures, Processor, measure
from bench.reads import reads
from bench.report import Line, Options, Picture, Report, Row
from bench.stand import Stand, said, stand
from bench.watching import memory_of

_SIZES, _FULL_SIZES = (1000, 10_000, 100_000), (1000, 10_000, 100_000, 1_000_000)
_CLOUDS, _FULL_CLOUDS = (1, 10, 50), (1, 10, 100, 300)

#: Clouds of the stores that are filled.
_CLOUDS_OF_SERVERS = 100

_PAGE, _PORTS, _ONE = "GET /servers/detail?limit=100", "GET /v2.0/ports?limit=100", "GET /servers/{id}"
_CREATE, _DEEP = "POST /servers", "GET /servers/detail?limit=100, from the middle"

#: Seconds that a worker gets to look at all its clouds for the first time: longer than a sweep interval, and for each
#: cloud; and so long it is then watched.
_WARM, _WARM_CLOUD, _WATCHED = 15.0, 0.15, 30.0

#: Ids that single reads go through.
_IDS = 500

Found = dict[str, defaultdict[int, list[float]]]
"""Of each figure, by size, a value for each round."""


async def run(options: Options) -> Report:
    """Both series."""
    given, progress = options.given, said()
    sizes = _numbers(given.sizes, _FULL_SIZES if options.full else _SIZES)
    clouds = _numbers(given.clouds, _FULL_CLOUDS if options.full else _CLOUDS)
    servers_found: Found = defaultdict(lambda: defaultdict(list))
    for size in sizes:
        place, plan = _store(given.keep, options.scratch, size)
        for _ in range(options.rounds):
            async with stand(place, size, progress, plan=plan) as at:
                with progress.step(f"Measuring at {size:,} servers", f"Measured at {size:,} servers"):
                    await _at_size(at, size, options.seconds, servers_found)
        if place != given.keep:
            for file in sorted((place / "state").glob("fractus.db*")):
                file.unlink()
    clouds_found: Found = defaultdict(lambda: defaultdict(list))
    for number in clouds:
        for round_ in range(options.rounds if number <= _ROUNDS_UP_TO else 1):
            place = options.scratch / f"clouds-{number}-{round_}"
            (place / "state").mkdir(parents=True)
            await _at_clouds(place, number, clouds_found)
    return Report(
        title="Growth",
        about=f"By servers: a store of so many servers in {_CLOUDS_OF_SERVERS} clouds and 50 projects; the caller's"
        " project has three of ten. By clouds: clouds where nothing happens, one worker, swept every five seconds.",
        rows=[*_rows(servers_found, "servers"), *_rows(clouds_found, "clouds")],
        pictures=[
            *(_server_pictures(servers_found) if sizes else []),
            *(_cloud_pictures(clouds_found) if clouds else []),
        ],
    )


def _store(kept: Path | None, scratch: Path, size: int) -> tuple[Path, Plan]:
    """Where a store of a size is, or will be made: the one that is kept, where it is as large."""
    if kept is not None and (kept / "plan.json").exists():
        plan = msgspec.json.decode((kept / "plan.json").read_bytes(), type=Plan)
        if plan.servers == size:
            return kept, plan
    return scratch / f"servers-{size}", Plan(servers=size, clouds=_CLOUDS_OF_SERVERS)


#: More clouds than these are measured once: it takes minutes.
_ROUNDS_UP_TO = 10


# --- by servers -----------------------------------------------------------------------------------


async def _at_size(at: Stand, size: int, seconds: float, found: Found) -> None:
    endpoint, plan_numbers = at.endpoint, _own_numbers(size)
    servers = [server_id(number) for number in plan_numbers]
    ports = [port_id(number) for number in plan_numbers]
    taken = await reads(endpoint, servers, ports, [100], seconds)
    middle = servers[len(servers) // 2]
    url = f"{endpoint.compute}/servers/detail?limit=100&marker={middle}"
    taken[_DEEP] = await _again(endpoint, url, seconds)
    taken[_CREATE], _ = await creates(
        endpoint, at.filled.flavor_id, at.filled.image_id, at.filled.network_id, seconds=seconds
    )
    for call in (_PAGE, _DEEP, _ONE, _PORTS, _CREATE):
        found[f"{call}|ms CPU"][size].append(taken[call].cpu or 0.0)
    database = at.settings.state_dir / "fractus.db"
    found["database for each server|KiB"][size].append(database.stat().st_size / size / 1024)
    found["API: memory|MiB"][size].append(memory_of(at.pid))
    found["API: start-up|s"][size].append(at.ready_after)


async def _again(endpoint: Endpoint, url: str, seconds: float) -> Figures:
    """One URL, again and again."""

    async def job(_: int) -> None:
        await endpoint.call("GET", url)

    return await measure(job, endpoint.processor, seconds=seconds)


def _own_numbers(size: int) -> list[int]:
    """Servers of the caller's own project, from first to last."""
    plan = Plan(servers=size, clouds=_CLOUDS_OF_SERVERS)
    step = max(1, size // (4 * _IDS))
    return [number for number in range(1, size + 1, step) if plan.project_of(number) == 1]


# --- by clouds ------------------------------------------------------------------------------------


async def _at_clouds(place: Path, number: int, found: Found) -> None:
    progress = said()
    async with deployed(place, progress) as at:
        await at.start_keystone()
        tenant = await at.tenant("growth")
        await at.start_api()
        async with beneath(at, place, number, progress) as clouds:
            await at.start_workers(1)
            worker = at.leaders()["worker"]
            with progress.step(f"A worker over {number} clouds", f"Measured over {number} clouds"):
                await asyncio.sleep(_WARM + _WARM_CLOUD * number)
                processor, below = Processor([worker]), Processor(clouds.leaders().values())
                before = processor.used(), below.used(), await _asked(at.settings.work.metrics_port)
                began = time.monotonic()
                await asyncio.sleep(_WATCHED)
                minutes = (time.monotonic() - began) / 60.0
                after = processor.used(), below.used(), await _asked(at.settings.work.metrics_port)
            per_cloud = minutes * number
            found["worker: processor for each cloud|ms CPU a minute"][number].append(
                (after[0] - before[0]) * 1000 / per_cloud
            )
            found["worker: processor|cores"][number].append((after[0] - before[0]) / minutes / 60.0)
            found["sweeps of each cloud|a minute"][number].append((after[2][0] - before[2][0]) / per_cloud)
            found["requests to each cloud|a minute"][number].append((after[2][1] - before[2][1]) / per_cloud)
            found["worker: memory|MiB"][number].append(memory_of(worker))
            found["one server to ACTIVE|s"][number].append(await clouds.boots(at, tenant))


async def _asked(port: int) -> tuple[float, float]:
    """How many sweeps a worker made so far, and how many calls to its clouds."""
    async with aiohttp.ClientSession() as session, session.get(f"http://127.0.0.1:{port}/metrics") as answer:
        text = await answer.text()
    totals = dict.fromkeys(("fractus_sweeps_total", "fractus_child_call_seconds_count"), 0.0)
    for line in text.splitlines():
        name = line.partition("{")[0]
        if name in totals:
            totals[name] += float(line.rpartition(" ")[2])
    return totals["fractus_sweeps_total"], totals["fractus_child_call_seconds_count"]


# --- what is shown --------------------------------------------------------------------------------

_GOALS = {_PAGE: 1.0, _DEEP: 1.0, _ONE: 0.25, _PORTS: 1.0, _CREATE: 3.0, "API: memory": 300.0}
_REAL = {_PAGE: _PAGE, _ONE: _ONE, _PORTS: _PORTS, _CREATE: _CREATE}


def _rows(found: Found, of: str) -> list[Row]:
    rows = []
    for name, by_size in found.items():
        what, _, unit = name.partition("|")
        for size, values in by_size.items():
            rows.append(
                Row(
                    what=f"{what}, {size:,} {of if size > 1 else of[:-1]}", unit=unit, values=values,
                    at_most=_GOALS.get(what), real=_REAL.get(what, ""),
                )
            )  # fmt: skip
    return rows


def _line(found: Found, name: str, label: str = "") -> Line:
    points = [(float(size), sorted(values)[len(values) // 2]) for size, values in found[name].items()]
    return Line(name=label or name.partition("|")[0], points=points)


def _picture(
    slug: str, title: str, x: str, y: str, lines: Sequence[Line], goal: float | None = None
) -> Picture:
    return Picture(slug=slug, title=title, x=x, y=y, lines=list(lines), log_x=True, goal=goal)


def _server_pictures(found: Found) -> list[Picture]:
    calls = [_line(found, f"{call}|ms CPU") for call in (_PAGE, _DEEP, _ONE, _PORTS, _CREATE)]
    size, memory = _line(found, "database for each server|KiB"), _line(found, "API: memory|MiB")
    x = "servers in the store"
    return [
        _picture("growth-requests", "Processor time of one request", x, "ms", calls),
        _picture("growth-database", "Database for each server", x, "KiB", [size]),
        _picture("growth-api", "Memory of the API", x, "MiB", [memory], 300.0),
    ]


def _cloud_pictures(found: Found) -> list[Picture]:
    each = _line(found, "worker: processor for each cloud|ms CPU a minute")
    memory, x = _line(found, "worker: memory|MiB"), "clouds"
    return [
        _picture(
            "growth-clouds", "What an idle cloud costs the worker", x, "ms of processor time a minute", [each]
        ),
        _picture("growth-worker", "Memory of one worker over all clouds", x, "MiB", [memory]),
    ]


def _numbers(text: str, default: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(int(number) for number in text.split(",") if number.isdigit()) if text else default


def arguments(parser: argparse.ArgumentParser) -> None:
    """Which sizes."""
    parser.add_argument(
        "--sizes", default="", help="numbers of servers (1000,10000,100000; --full: and 1000000)"
    )
    parser.add_argument(
        "--clouds", default="", help="numbers of clouds (1,10,50; --full: 1,10,100,300), or none"
    )
    parser.add_argument("--keep", type=Path, help="where a filled store is kept, for the size that it has")


if __name__ == "__main__":
    report.alone("growth", run, arguments)
