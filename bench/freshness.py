"""Servers change in their clouds: how soon the parent shows it, and what looking costs clouds and workers.

    python -m bench.freshness [--clouds 10] [--each 1000] [--change 1,6] [--minutes 1]

Clouds are simulated (`fractus simulate`, OpenStack over HTTP) and begin with servers; the parent's store knows all of
them (`bench.owned`). First its workers take their inventory. Then `--change` percent of all servers change in a minute,
by chance: they are stopped and started by somebody, crash, move to another host. The clouds' journals say when each
change could be seen there; the parent's store, which its next read shows, when it was seen here.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import sqlite3
import time
from pathlib import Path
from typing import NamedTuple

import msgspec
from msgspec import Struct

from bench import report
from bench.deployment import Deployment, deployed
from bench.load import Processor
from bench.owned import own
from bench.report import Options, Report, Row
from bench.simulation import Asked, Simulation, asked, metrics, started
from bench.stand import said
from bench.watching import memory_of

#: Percent of all servers that change in a minute: of ten thousand servers more, for there is to be something to count.
_QUICK, _FULL = "6", "0.25,1"
#: Seconds between two looks, and in which a change has to be seen at all.
_LOOK, _MOST = 0.5, 120.0
#: Seconds that the first inventory of a thousand servers, and all it is shown, may take; and more for all of it.
_INVENTORY_EACH, _INVENTORY = 5.0, 300.0
#: Changes that are looked for in one statement.
_TOGETHER = 400
#: What the store has held for longer was not brought by the change: the server was like that before. Seconds.
_BEFORE = 1.0


class Inventory(NamedTuple):
    """What the first one of all clouds came to."""

    seconds: float
    calls: float
    workers: float
    """Seconds of processor time."""
    written: int
    """Presences of the first cloud, of which nothing had changed."""


class Seen(NamedTuple):
    """What was measured at one rate."""

    delays: list[float]
    """Seconds, sorted."""
    lost: int
    alike: int
    """Changes that left their server as the parent knew it, or were followed by another before it looked."""
    seconds: float
    workers: float
    clouds: float
    """Seconds of processor time."""
    work: Asked


async def run(options: Options) -> Report:
    """Stand it up, let it be known, have it change, watch."""
    given, progress = options.given, said()
    given.processes = given.processes or (2 if options.full else 1)
    clouds, each = (100, 10_000) if options.full else (given.clouds, given.each)
    rates = [float(rate) for rate in (given.change or (_FULL if options.full else _QUICK)).split(",")]
    more = {"hosts": 1000, "servers": each, "owned": True, "processes": given.processes, "latency": "none"}
    seen: dict[float, list[Seen]] = {rate: [] for rate in rates}
    async with deployed(options.scratch, progress, settings=metrics()) as at:
        with progress.step(f"Filling {clouds} clouds with {each:,} servers each", "The clouds run"):
            below = await started(at, options.scratch / "clouds", clouds, **more)
        with progress.step("Filling the store", "The store knows them"):
            servers = await own(at.settings.state_dir, below.state)
        await at.start_keystone()
        began = time.time()
        await at.start_workers(given.workers)
        with progress.step("Taking the first inventory", "All has been seen"):
            inventory = await _inventory(at, below, began, servers)
        await below.behave(latency=given.latency)
        for _ in range(options.rounds):
            for rate in rates:
                with progress.step(f"Changing {rate:g} % in a minute", f"Changed {rate:g} % in a minute"):
                    seen[rate].append(await _measured(at, below, rate, given.minutes * 60.0))
        memory = sum(memory_of(pid) for pid in _workers(at)), sum(map(memory_of, below.leaders().values()))
    return _report(seen, inventory, memory, (clouds, servers), given)


def _workers(at: Deployment) -> list[int]:
    return [pid for name, pid in at.leaders().items() if name.startswith("worker")]


def _opened(at: Deployment) -> contextlib.closing[sqlite3.Connection]:
    path = at.settings.state_dir / "fractus.db"
    return contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True))


async def _inventory(at: Deployment, below: Simulation, began: float, servers: int) -> Inventory:
    """Wait until every kind of every cloud has been listed whole."""
    kinds = ("server", "port", "network", "subnet", "security_group", "image", "flavor")
    limit = time.monotonic() + _INVENTORY + _INVENTORY_EACH * servers / 1000.0
    workers = Processor(_workers(at))
    with _opened(at) as db:
        while True:
            await asyncio.sleep(_LOOK)
            rows = db.execute("SELECT cursors FROM cloud").fetchall()
            known = [msgspec.json.decode(cursors or "{}") for (cursors,) in rows]
            if all(f"{kind}@" in cursors for cursors in known for kind in kinds):
                break
            if time.monotonic() > limit:
                raise TimeoutError("the first inventory is not done")
        text = "SELECT count(*) FROM presence WHERE cloud = ? AND observed_at >= ?"
        ((written,),) = db.execute(text, (below.names[0], began)).fetchall()
    calls = (await asked(at.settings.work.metrics_port)).calls
    return Inventory(time.time() - began, calls, workers.used(), written)


class Line(Struct, frozen=True):
    """Of a journal."""

    at: float
    cloud: str
    server: str
    vm_state: str
    host: str


class _Observed(Struct):
    """What is looked at of what the parent's store holds of a server."""

    vm_state: str
    host: str


class Watch:
    """Reads journals from where they end now, and looks in the store for what they tell."""

    def __init__(self, simulated: Path) -> None:
        self._files = {path: path.stat().st_size for path in simulated.glob("journal-*.jsonl")}
        self.waiting: dict[tuple[str, str], Line] = {}
        """By cloud, and id there."""
        self.delays: list[float] = []
        self.lost = self.alike = 0

    def read(self) -> None:
        """Take in what the journals tell since. Of two changes of one server that were not seen the later counts."""
        for path, place in self._files.items():
            with path.open("rb") as file:
                file.seek(place)
                data = file.read()
            whole = data.rfind(b"\n") + 1
            self._files[path] = place + whole
            for text in data[:whole].splitlines():
                line = msgspec.json.decode(text, type=Line)
                self.alike += (line.cloud, line.server) in self.waiting
                self.waiting[line.cloud, line.server] = line

    def look(self, db: sqlite3.Connection) -> None:
        """Find what has been seen since."""
        by_cloud: dict[str, list[str]] = {}
        for cloud, server in self.waiting:
            by_cloud.setdefault(cloud, []).append(server)
        for cloud, servers in by_cloud.items():
            for first in range(0, len(servers), _TOGETHER):
                self._look(db, cloud, servers[first : first + _TOGETHER])

    def _look(self, db: sqlite3.Connection, cloud: str, servers: list[str]) -> None:
        marks = ",".join("?" * len(servers))
        what = "kind = 'server' AND cloud = ?"
        text = (
            f"SELECT remote_id, observed_at, observed FROM presence WHERE {what} AND remote_id IN ({marks})"
        )
        for server, at, observed in db.execute(text, (cloud, *servers)).fetchall():
            line = self.waiting[cloud, server]
            shown = msgspec.json.decode(observed, type=_Observed)
            if (shown.vm_state, shown.host) != (line.vm_state, line.host):
                if time.time() - line.at <= _MOST:
                    continue
                self.lost += 1
            elif at < line.at - _BEFORE:
                self.alike += 1
            else:
                self.delays.append(max(0.0, at - line.at))
            del self.waiting[cloud, server]


async def _measured(at: Deployment, below: Simulation, rate: float, seconds: float) -> Seen:
    workers, clouds = Processor(_workers(at)), below.processor()
    watch = Watch(below.state)
    with _opened(at) as db:
        before = workers.used(), clouds.used(), await asked(at.settings.work.metrics_port)
        began = time.monotonic()
        await below.behave(change=rate)
        while time.monotonic() - began < seconds:
            await asyncio.sleep(_LOOK)
            watch.read()
            watch.look(db)
        after = workers.used(), clouds.used(), await asked(at.settings.work.metrics_port)
        spent = time.monotonic() - began
        await below.behave(change=0.0)
        # What was journalled last may not have been written yet.
        still = time.monotonic() + 5.0
        while watch.waiting or time.monotonic() < still:
            await asyncio.sleep(_LOOK)
            watch.read()
            watch.look(db)
    work = Asked(*(later - earlier for later, earlier in zip(after[2], before[2], strict=True)))
    return Seen(
        sorted(watch.delays), watch.lost, watch.alike, spent, after[0] - before[0], after[1] - before[1], work
    )


def _report(
    seen: dict[float, list[Seen]],
    inventory: Inventory,
    memory: tuple[float, float],
    size: tuple[int, int],
    given: argparse.Namespace,
) -> Report:
    clouds, servers = size
    rows = [
        row for rate, rounds in seen.items() for row in _rows(f", {rate:g} % a minute", rounds, clouds, given)
    ]
    rows += [
        Row(what="first inventory of all clouds", unit="s", values=[inventory.seconds]),
        Row(what="first inventory: worker, for a thousand servers and their ports", unit="s CPU",
            values=[inventory.workers * 1000 / servers]),
        Row(what="first inventory: written of the first cloud", unit="", values=[float(inventory.written)], at_most=0),
        Row(what="workers: memory", unit="MiB", values=[memory[0]]),
        Row(what="all clouds: memory", unit="MiB", values=[memory[1]]),
    ]  # fmt: skip
    if given.workers == 1:
        rows.append(
            Row(what="first inventory: requests to each cloud", unit="", values=[inventory.calls / clouds])
        )
    every = [one for rounds in seen.values() for one in rounds]
    lost, alike = sum(one.lost for one in every), sum(one.alike for one in every)
    return Report(
        title="Freshness",
        about=f"{servers:,} servers, each with its port, in {clouds} simulated clouds (HTTP, "
        f"processes: {given.processes}, latencies times {given.latency:g}), all of them known to the parent; "
        f"{given.workers} worker, SQLite. Servers are stopped, started, moved or crash in their clouds by chance.",
        rows=rows,
        remarks=[
            f"{alike:,} changes do not count: their server was known to be so, or was changed again at once."
        ],
        broken=[f"{lost} changes were not seen within {_MOST:.0f} s"] if lost else [],
    )


def _rows(where: str, rounds: list[Seen], clouds: int, given: argparse.Namespace) -> list[Row]:
    def of(part: float) -> list[float]:
        return [one.delays[min(len(one.delays) - 1, int(len(one.delays) * part))] for one in rounds]

    why = (
        "clouds, worker and the bench share the machine's cores and its disk: sweeps that are further apart than "
        "`work.sweep_interval` (5 s) say so, and `fractus_sweep_part_seconds` what they wait for"
    )
    rows = [
        Row(what=f"a change is seen after, median{where}", unit="s", values=of(0.5), at_most=5.0, why=why),
        Row(what=f"a change is seen after, p99{where}", unit="s", values=of(0.99), at_most=15.0, why=why),
        Row(what=f"changes{where}", unit="/s", values=[len(one.delays) / one.seconds for one in rounds]),
        Row(what=f"workers{where}", unit="cores", values=[one.workers / one.seconds for one in rounds]),
        Row(
            what=f"all clouds, with the changes themselves{where}",
            unit="cores",
            values=[one.clouds / one.seconds for one in rounds],
        ),
        Row(
            what=f"workers, for each change{where}",
            unit="ms CPU",
            values=[one.workers * 1000 / len(one.delays) for one in rounds],
        ),
    ]
    if given.workers == 1:
        calls = [one.work.calls / one.seconds / clouds for one in rounds]
        apart = [one.seconds * clouds / max(1.0, one.work.sweeps) for one in rounds]
        rows += [
            Row(what=f"requests to each cloud{where}", unit="/s", values=calls),
            Row(what=f"from one sweep of a cloud to the next{where}", unit="s", values=apart),
        ]
    return rows


def arguments(parser: argparse.ArgumentParser) -> None:
    """Of this bench."""
    parser.add_argument("--clouds", type=int, default=10, help="(10; with --full 100)")
    parser.add_argument(
        "--each", type=int, default=1000, help="servers in each cloud (1000; with --full 10000)"
    )
    parser.add_argument(
        "--change", default="", help=f"percent of the servers in a minute ({_QUICK}; --full: {_FULL})"
    )
    parser.add_argument("--minutes", type=float, default=1.0, help="for each of these (1)")
    parser.add_argument("--latency", type=float, default=1.0, help="of the clouds: times a real one's (1)")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--processes", type=int, help="of the simulated clouds (1; with --full 2)")


if __name__ == "__main__":
    report.alone("freshness", run, arguments)
