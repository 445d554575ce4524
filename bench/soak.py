"""An hour of mixed load at 1,000,000 servers: nothing may fail, get lost or stay undone, and memory stays flat.

    python -m bench.soak [--minutes 60] [--servers 1000000] [--clouds 100]

Two API processes and two workers run over a filled store and many clouds. Tenants read in every way there is; others
make servers (some with networks, groups and ports of their own), change them and delete them, and check all that they
are reported. The load makes room for others: it slows down where less than half a core of the machine is idle. At the
end everything that was begun is finished, and nothing may be left over.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import time
from collections import defaultdict
from pathlib import Path
from typing import NamedTuple

import aiohttp

from bench import report
from bench.calling import Caller, Tally
from bench.children import Children, children, prepared
from bench.deployment import Deployment, Tenant, deployed
from bench.filling import Filled, Plan
from bench.mixture import PATIENCE, PREFIX, Maker, Pace, Reader
from bench.report import Line, Options, Picture, Report, Row
from bench.stand import said
from bench.watching import Sample, Watcher, idle_cores
from fractus.local.progress import Progress

API_PROCESSES = WORKERS = 2

#: Projects that tenants have: those that the filled store knows as 1, 2, ... The first has 300,000 of a million. In
#: a store that others filled the others have none.
TENANTS = 4
#: For each tenant.
READERS, MAKERS = 2, 3

#: Seconds of rest between two steps, before all is made slower or faster.
_READ_REST, _MAKE_REST = 0.15, 1.5

#: Cores of the machine that are left idle for others, and how often it is looked at (seconds).
_LEFT, _LOOK = 0.5, 5.0
#: Between two words of how it goes. Seconds.
_SAY = 120.0

#: A run of so many minutes is kept as one that says something of an hour.
_FULL = 30.0

#: Of the time, so much passes before memory counts as what it stays.
_WARM_UP = 0.2
#: MiB an hour by which a process may grow.
_FLAT = 20.0
#: MiB below which a process is not looked at: those that only start others.
_SMALL = 65.0


class Soaked(NamedTuple):
    """What came of it."""

    tally: Tally
    watcher: Watcher
    lives: int
    left: list[str]
    """What was not as it should be at the end, in sentences."""
    factor: float
    seconds: float


async def run(options: Options) -> Report:
    """Stand it up, go on for so long, look at what is left."""
    given, progress = options.given, said()
    given.minutes = given.minutes or (60.0 if options.full else 3.0)
    given.full = given.minutes >= _FULL
    directory = options.scratch
    prepared(directory, given.keep)
    async with deployed(directory, progress, api_processes=API_PROCESSES) as at:
        await at.start_keystone()
        tenants = [await at.demo(), *[await at.tenant(f"soak-{number}") for number in range(2, TENANTS + 1)]]
        projects = {number: tenant.project_id for number, tenant in enumerate(tenants, 1)}
        plan = Plan(servers=given.servers, clouds=given.clouds, projects=projects)
        async with children(at, directory, given.keep, plan, progress) as under:
            await at.start_api()
            await at.start_workers(WORKERS)
            with progress.step(
                f"Mixed load for {given.minutes:g} minutes", "The time is over, and all is settled"
            ):
                soaked = await _soak(at, under, tenants, given.minutes * 60.0, progress)
    return _report(soaked, given.servers, under, given.minutes)


async def _soak(
    at: Deployment, under: Children, tenants: list[Tenant], seconds: float, progress: Progress
) -> Soaked:
    tally, pace = Tally(), Pace()
    watcher = Watcher(lambda: {**at.leaders(), **under.leaders()})
    store = at.settings.state_dir / "fractus.db"
    for name, path in (("store", store), ("its write-ahead log", store.with_name("fractus.db-wal"))):
        watcher.file(name, path)
    began = time.monotonic()
    # A connection for each call: calls of one tenant are spread over both processes, and read what the other one wrote.
    connector = aiohttp.TCPConnector(limit=0, force_close=True)
    timeout = aiohttp.ClientTimeout(total=60.0)
    async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session, watcher.watching():
        makers, actors = await _actors(at, under.filled, session, tenants, tally, pace)
        governor = asyncio.create_task(_govern(pace))
        ending = asyncio.create_task(_end(pace, seconds))
        teller = asyncio.create_task(_say(tally, watcher, progress))
        await asyncio.gather(*actors)
        governor.cancel()
        teller.cancel()
        await asyncio.gather(governor, ending, teller, return_exceptions=True)
        left = await _left(at, under, session, tenants, tally)
    left += [f"{name} ended and was started again, {times} times" for name, times in at.restarted().items()]
    lives = sum(maker.lives for maker in makers)
    return Soaked(tally, watcher, lives, left, pace.factor, time.monotonic() - began)


async def _actors(
    at: Deployment,
    filled: Filled,
    session: aiohttp.ClientSession,
    tenants: list[Tenant],
    tally: Tally,
    pace: Pace,
) -> tuple[list[Maker], list[asyncio.Task[None]]]:
    makers: list[Maker] = []
    tasks: list[asyncio.Task[None]] = []
    admin = Caller(session, at.admin(), tally)
    tasks.append(asyncio.create_task(Reader(admin, at, admin=True).run(pace, _READ_REST * 4)))
    for tenant in tenants:
        caller = Caller(session, tenant, tally)
        network = await _network(at, caller)
        for _ in range(READERS):
            tasks.append(asyncio.create_task(Reader(caller, at).run(pace, _READ_REST * len(tenants))))
        for _ in range(MAKERS):
            maker = Maker(
                caller, at, len(makers) + 1, flavor=filled.flavor_id, image=filled.image_id, network=network
            )
            makers.append(maker)
            tasks.append(asyncio.create_task(maker.run(pace, _MAKE_REST)))
    return makers, tasks


async def _network(at: Deployment, caller: Caller) -> str:
    """A network of a tenant for servers to come, which stays."""
    body = {"network": {"name": f"{PREFIX}shared"}}
    network = (await caller.call("POST", f"{at.network}/networks", body)).body["network"]["id"]
    subnet = {"network_id": network, "ip_version": 4, "cidr": "10.240.0.0/16"}
    await caller.call("POST", f"{at.network}/subnets", {"subnet": subnet})
    return str(network)


async def _govern(pace: Pace) -> None:
    """Slower where the machine has little left, faster where it has much."""
    _, before = idle_cores(None)
    while True:
        await asyncio.sleep(_LOOK)
        idle, before = idle_cores(before)
        if idle < _LEFT:
            pace.factor = min(pace.factor * 1.3, 8.0)
        elif idle > _LEFT * 1.5:
            pace.factor = max(pace.factor * 0.9, 0.25)


async def _say(tally: Tally, watcher: Watcher, progress: Progress) -> None:
    """How it goes, now and then: nobody waits an hour to hear that it went wrong in the first minute."""
    while True:
        await asyncio.sleep(_SAY)
        memory = ", ".join(
            f"{name} {samples[-1].memory:.0f} MiB"
            for name, samples in sorted(watcher.processes.items())
            if name.startswith("api/")
        )
        wrong = ", ".join(f"{count} {sort}" for sort, count in tally.wrongs.items()) or "nothing amiss"
        progress.say(f"Minute {tally.minute}: {sum(tally.statuses.values()):,} requests, {wrong}; {memory}")
        for sentence in tally.wrong[-3:]:
            progress.say(f"  {sentence}")


async def _end(pace: Pace, seconds: float) -> None:
    await asyncio.sleep(seconds)
    pace.over.set()


async def _left(
    at: Deployment, under: Children, session: aiohttp.ClientSession, tenants: list[Tenant], tally: Tally
) -> list[str]:
    """What is still there that should not be, once there was time enough."""
    found: list[str] = []
    for tenant in tenants:
        caller = Caller(session, tenant, tally)
        servers = (await caller.get(f"{at.compute}/servers?name=^{PREFIX}")).get("servers", [])
        if servers:
            found.append(f"{tenant.name} has {len(servers)} servers left: {servers[:3]}")
    limit = time.monotonic() + PATIENCE
    while (work := await under.work_left()) and time.monotonic() < limit:
        await asyncio.sleep(2.0)
    return [*found, *(f"work left: {sentence}" for sentence in work)]


# --- what is shown --------------------------------------------------------------------------------


def _report(soaked: Soaked, servers: int, under: Children, minutes: float) -> Report:
    tally, watcher = soaked.tally, soaked.watcher
    total = sum(tally.statuses.values())
    rows = [
        Row(what="requests", unit="", values=[float(total)]),
        *(
            Row(what=f"answers {status}" if status else "no answer", unit="", values=[float(count)])
            for status, count in sorted(tally.statuses.items())
        ),
        *(
            Row(what=what, unit="", values=[float(tally.wrongs[sort])], at_most=0)
            for sort, what in (
                ("5xx", "errors (5xx)"), ("no answer", "requests without an answer"),
                ("unexpected", "answers that should have been others"),
                ("lost", "things lost, or not read as they were written"),
                ("unsettled", f"things not done within {PATIENCE:.0f} s"),
            )
        ),
        Row(what="left over at the end", unit="", values=[float(len(soaked.left))], at_most=0),
        Row(what="servers made, changed and deleted again", unit="", values=[float(soaked.lives)]),
        *_time_rows(tally),
        *_memory_rows(watcher, minutes),
    ]  # fmt: skip
    return Report(
        title=f"{minutes:g} minutes of mixed load at {servers:,} servers",
        about=f"{API_PROCESSES} API processes and {WORKERS} workers over {under.what}; {TENANTS} tenants and an"
        f" administrator, {TENANTS * READERS + 1} readers and {TENANTS * MAKERS} makers at once, slowed down so far"
        f" that half a core stays idle (at the end {soaked.factor:.1f} times as slow as they would like).",
        rows=rows,
        pictures=_pictures(tally, watcher),
        broken=[*tally.wrong, *soaked.left],
    )


def _time_rows(tally: Tally) -> list[Row]:
    rows = []
    for kind in sorted(tally.minutes):
        times = tally.times(kind)
        for share, name in ((0.5, "p50"), (0.99, "p99")):
            value = times[min(len(times) - 1, int(len(times) * share))]
            unit, scale = ("ms", 1000.0) if kind in ("read", "write") else ("s", 1.0)
            rows.append(Row(what=f"{kind}, {name} of {len(times):,}", unit=unit, values=[value * scale]))
    return rows


def _memory_rows(watcher: Watcher, minutes: float) -> list[Row]:
    rows: list[Row] = []
    cores: dict[str, float] = defaultdict(float)
    why = "over a few minutes caches still fill" if minutes < _FULL else ""
    for name, samples in sorted(watcher.processes.items()):
        cores[name.split("/")[0].rstrip("-0123456789")] += watcher.cores(name)
        most = max(one.memory for one in samples)
        if most < _SMALL:
            continue
        rows.append(Row(what=f"{name}: memory, at most", unit="MiB", values=[most]))
        growth = watcher.slope(name, warm_up=minutes * 60.0 * _WARM_UP)
        if growth is not None:
            goal = _FLAT if name.startswith(("api", "worker")) else None
            what = f"{name}: growth after a fifth of the time"
            rows.append(Row(what=what, unit="MiB/h", values=[growth], at_most=goal, why=why))
    rows += [Row(what=f"{name}: processor", unit="cores", values=[used]) for name, used in cores.items()]
    for name, sizes in watcher.files.items():
        rows.append(Row(what=f"{name}: size at the end", unit="MiB", values=[sizes[-1][1]]))
    return rows


def _pictures(tally: Tally, watcher: Watcher) -> list[Picture]:
    memory = [
        Line(name=name, points=[(one.at / 60.0, one.memory) for one in _thinned(samples)])
        for name, samples in sorted(watcher.processes.items())
        if max(one.memory for one in samples) >= _SMALL
    ]
    waiting = [
        Line(
            name=f"{kind}s, median", points=[(m, statistics.median(v) * 1000) for m, v in sorted(by.items())]
        )
        for kind, by in tally.minutes.items()
        if kind in ("read", "write")
    ]
    work = [
        Line(name=kind, points=[(m, statistics.median(v)) for m, v in sorted(by.items())])
        for kind, by in tally.minutes.items()
        if kind not in ("read", "write")
    ]
    return [
        Picture(slug="soak-memory", title="Memory of every process", x="minutes", y="MiB", lines=memory),
        Picture(slug="soak-waiting", title="How long callers waited", x="minutes", y="ms", lines=waiting),
        Picture(
            slug="soak-work",
            title="How long work took, median of each minute",
            x="minutes",
            y="s",
            lines=work,
        ),
    ]


def _thinned(samples: list[Sample]) -> list[Sample]:
    """No more points than a picture can show."""
    return samples[:: max(1, len(samples) // 120)]


def arguments(parser: argparse.ArgumentParser) -> None:
    """How long, over how much."""
    parser.add_argument(
        "--minutes", type=float, help="of load (3; with --full 60); 30 and more count as --full"
    )
    parser.add_argument("--servers", type=int, default=1_000_000, help="in the store before (1000000)")
    parser.add_argument("--clouds", type=int, default=100, help="of those servers (100)")
    parser.add_argument(
        "--keep", type=Path, help="where the filled store is kept (13 GB); one of bench.reads will do"
    )


if __name__ == "__main__":
    report.alone("soak", run, arguments)
