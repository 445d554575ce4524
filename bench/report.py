"""What a bench found, in one shape for all of them: figures, their goals, pictures, and what was measured on.

A bench is a module `bench/<name>.py` with

    async def run(options: Options) -> Report        measures; never prints figures itself
    def arguments(parser) -> None                    its own command line, where it has one (in `options.given`)

    if __name__ == "__main__":
        report.alone("<name>", run, arguments)       python -m bench.<name> [--full] [--rounds N] ...

and a line in `bench.run.BENCHES`. `alone` prints its table and keeps the report as JSON; `bench.run` runs each bench in
a process of its own in this very way, and makes the table of all, the pictures and docs/performance.md of what is kept.
"""

from __future__ import annotations

import argparse
import asyncio
import datetime
import os
import platform
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

RESULTS = Path(__file__).parent / "results"
"""`full/` is kept with the sources and is what the docs show; `quick/` is this machine's own."""


class Row(msgspec.Struct, kw_only=True, omit_defaults=True):
    """One figure. Say the same words in every run: rows are found by them."""

    what: str
    unit: str
    """"ms CPU" (processor time of the service for one call), "ms", "s", "/s", "MiB", "KiB", "%", "", ..."""
    values: list[float]
    """One for each round, in the order of measuring; the table tells the median, the least and the most."""
    at_most: float | None = None
    """The goal, where less is better."""
    at_least: float | None = None
    """The goal, where more is better."""
    real: str = ""
    """What the real service's figure is called in `bench.baseline` ("GET /servers/{id}"); it has the same unit."""
    limit: str = ""
    """What the row of bare parts is called, in any report: the same bytes from a bare HTTP server, the same query by a
    bare driver; it has the same unit.
    """
    why: str = ""
    """Where the goal may be missed: why, and what would reach it. Printed only if it is missed."""
    note: str = ""

    @property
    def median(self) -> float:
        """The figure itself."""
        return statistics.median(self.values)

    @property
    def met(self) -> bool | None:
        """Whether its goal is reached; None without one."""
        if self.at_most is not None:
            return self.median <= self.at_most
        return self.median >= self.at_least if self.at_least is not None else None


class Line(msgspec.Struct, kw_only=True):
    """One line of a picture."""

    name: str
    points: list[tuple[float, float]]


class Picture(msgspec.Struct, kw_only=True, omit_defaults=True):
    """A picture to be drawn: docs/pictures/<slug>.svg."""

    slug: str
    title: str
    x: str
    """What lies along the bottom, with its unit."""
    y: str
    lines: list[Line]
    log_x: bool = False
    log_y: bool = False
    """Without it the picture begins at 0: nothing looks steeper than it is."""
    goal: float | None = None
    """Drawn as a level line."""


class Machine(msgspec.Struct, kw_only=True):
    """What it was measured on."""

    cores: int
    memory_gib: float
    python: str
    system: str
    load_before: float
    load_after: float = 0.0


class Report(msgspec.Struct, kw_only=True, omit_defaults=True):
    """All that a bench found. `alone` fills in what stands after `broken`."""

    title: str
    about: str = ""
    """Two or three sentences of Markdown: what was measured, over what, and how."""
    rows: list[Row]
    pictures: list[Picture] = []
    real: list[Row] = []
    """What a real service took for the same in the same run, by the names of `bench.baseline`."""
    remarks: list[str] = []
    """Sentences that stand under the table."""
    broken: list[str] = []
    """What must never be and was: lost, doubled, 5xx. The command ends with 1."""
    name: str = ""
    command: str = ""
    full: bool = False
    began: str = ""
    seconds: float = 0.0
    machine: Machine | None = None


class Options(NamedTuple):
    """How to measure."""

    scratch: Path
    """An empty directory, on a disk; it is removed afterwards."""
    full: bool
    """As large as the goals say; else a few minutes at most."""
    rounds: int
    """How often each figure is taken (interleaved where two things are held side by side)."""
    seconds: float
    """For one figure in one round."""
    given: argparse.Namespace
    """All arguments."""


Run = Callable[[Options], Awaitable[Report]]
Arguments = Callable[[argparse.ArgumentParser], None]


def alone(name: str, run: Run, arguments: Arguments | None = None) -> None:
    """The command line of one bench: measure, print, keep."""
    parser = argparse.ArgumentParser(prog=f"python -m bench.{name}", description=_described(run))
    parser.add_argument("--full", action="store_true", help="as large as the goals say")
    parser.add_argument("--rounds", type=int, help="how often each figure is taken (1; with --full 3)")
    parser.add_argument("--seconds", type=float, default=2.0, help="for one figure in one round (2)")
    parser.add_argument("--scratch", type=Path, help="where to make a directory for large files (/var/tmp)")
    parser.add_argument("--results", type=Path, help="where to keep the report (bench/results)")
    if arguments is not None:
        arguments(parser)
    given = parser.parse_args()
    found = asyncio.run(_measured(name, run, given))
    keep(found, given.results or RESULTS)
    print(reported(found))
    sys.exit(1 if found.broken else 0)


async def _measured(name: str, run: Run, given: argparse.Namespace) -> Report:
    before, began = machine(), time.time()
    measuring = asyncio.current_task()
    assert measuring is not None
    # What was started is stopped in order, whoever ends this.
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, measuring.cancel)
    place = given.scratch or Path("/var/tmp")
    with tempfile.TemporaryDirectory(prefix=f"fractus-bench-{name}-", dir=place) as scratch:
        rounds = given.rounds or (3 if given.full else 1)
        found = await run(Options(Path(scratch), given.full, rounds, given.seconds, given))
    before.load_after = os.getloadavg()[0]
    found.name, found.full, found.machine = name, given.full, before
    found.began = datetime.datetime.fromtimestamp(began, datetime.UTC).isoformat(timespec="seconds")
    found.seconds = round(time.time() - began, 1)
    found.command = " ".join(["python -m", f"bench.{name}", *_reported(sys.argv[1:])])
    return found


#: Arguments that say only where something lies on this machine.
_PLACES = ("--results", "--scratch", "--keep")


def _reported(arguments: list[str]) -> list[str]:
    """A command line as others would type it."""
    return [
        one
        for before, one in zip(["", *arguments], arguments, strict=False)
        if before not in _PLACES and one.partition("=")[0] not in _PLACES
    ]


def machine() -> Machine:
    """This one, now."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return Machine(
        cores=len(os.sched_getaffinity(0)),
        memory_gib=round(memory, 1),
        python=platform.python_version(),
        system=platform.platform(terse=True),
        load_before=os.getloadavg()[0],
    )


def keep(report: Report, place: Path = RESULTS) -> Path:
    """Write it to <place>/full or <place>/quick; it takes the place of the one before."""
    path = place / ("full" if report.full else "quick") / f"{report.name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(msgspec.json.format(msgspec.json.encode(report), indent=1) + b"\n")
    return path


def kept(place: Path = RESULTS, *, full: bool) -> dict[str, Report]:
    """All that were kept, by name."""
    paths = sorted((place / ("full" if full else "quick")).glob("*.json"))
    return {path.stem: msgspec.json.decode(path.read_bytes(), type=Report) for path in paths}


def reported(report: Report) -> str:
    """It, for a terminal: a line for each figure."""
    width = max((len(row.what) for row in report.rows), default=0)
    lines = [f"{report.title} ({measured_on(report)})"]
    lines += [f"  {row.what:<{width}}  {_figure(row)}" for row in report.rows]
    lines += [f"  {remark}" for remark in report.remarks]
    lines += [f"  BROKEN: {sentence}" for sentence in report.broken]
    return "\n".join(lines)


def _figure(row: Row) -> str:
    goal = goal_of(row)
    verdict = {True: "  reached", False: "  MISSED", None: ""}[row.met]
    return f"{number(row.median):>8} {row.unit}{spread(row)}{f'   goal {goal}' if goal else ''}{verdict}"


def measured_on(report: Report) -> str:
    """The machine and how busy it was."""
    on = report.machine
    assert on is not None
    load = f"load average {on.load_before:.1f} before, {on.load_after:.1f} after"
    return f"{on.cores} cores, {on.memory_gib:.0f} GiB, Python {on.python}, {load}; {report.began}"


def goal_of(row: Row) -> str:
    """In signs; empty without one."""
    if row.at_most is not None:
        return f"≤ {number(row.at_most)}"
    return f"≥ {number(row.at_least)}" if row.at_least is not None else ""


def spread(row: Row) -> str:
    """The least and the most; empty of one round."""
    return f" ({number(min(row.values))}-{number(max(row.values))})" if len(row.values) > 1 else ""


def number(value: float | None) -> str:
    """Three digits are enough."""
    if value is None:
        return ""
    size = abs(value)
    if size >= 100 or value == int(value):
        return f"{value:,.0f}"
    return f"{value:.1f}" if size >= 10 else f"{value:.2f}" if size >= 0.1 else f"{value:.3g}"


def _described(run: Any) -> str:
    return (sys.modules[run.__module__].__doc__ or "").partition("\n")[0]
