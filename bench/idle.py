"""What clouds cost in which nothing happens, by the number of kinds: processor time, and whole listings asked for.

    python -m bench.idle [--clouds 10] [--kinds 8,60] [--watched 30]

One worker over toy clouds in its own process, so that nothing but looking is measured: no HTTP, no parsing. Kinds have
no cursor, and things of all of them, or of the first eight, are held in each cloud.
"""

from __future__ import annotations

import argparse
import asyncio
import time
from collections import defaultdict
from pathlib import Path
from typing import NamedTuple

from bench import report
from bench.report import Options, Report, Row
from bench.stand import said
from fractus.base.clock import SystemClock
from fractus.reconcile.machine import Pace
from fractus.testing.toys import ToyClouds

#: Things of each kind that is held.
_EACH = 10
#: Held of sixty, where most kinds are there for the inventory alone. The first of them hardly change, as flavors do.
_FEW, _SLOW = 8, 2
#: What is saved up is used up, and the clouds are swept evenly, after so long. Seconds.
_WARM = 75.0
#: Whole listings a minute that a cloud may be asked for.
_GOAL = 12.0


class Shape(NamedTuple):
    """What is looked at."""

    kinds: int
    held: int

    def said(self, clouds: int) -> str:
        """As rows are named."""
        held = "" if self.held == self.kinds else f", {self.held} held"
        return f"{self.kinds} kinds{held}, {clouds:,} clouds"


class Idle(NamedTuple):
    """What was measured of one."""

    cpu: float
    """Milliseconds for each cloud and minute."""
    listings: float
    """Whole ones, for each cloud and minute."""


async def run(options: Options) -> Report:
    """Each shape in turn, in each round."""
    given, progress = options.given, said()
    clouds = given.clouds or (100 if options.full else 10)
    kinds = [int(one) for one in given.kinds.split(",")]
    shapes = [Shape(number, number) for number in kinds]
    shapes += [Shape(number, _FEW) for number in kinds if number > _FEW]
    found: dict[Shape, list[Idle]] = defaultdict(list)
    for round_ in range(options.rounds):
        for shape in shapes:
            name = shape.said(clouds)
            with progress.step(f"A worker over {name}", f"Measured over {name}"):
                place = options.scratch / f"{shape.kinds}-{shape.held}-{round_}.db"
                found[shape].append(await _measured(place, shape, clouds, given.watched))
    return Report(
        title="Idle clouds",
        about=f"Toy clouds where nothing happens, {_EACH} things of each kind that is held; one worker, swept every"
        " five seconds, everything listed whole. Of sixty kinds either all are held, or only eight.",
        rows=[row for shape, every in found.items() for row in _rows(shape.said(clouds), every)],
    )


async def _measured(place: Path, shape: Shape, clouds: int, seconds: float) -> Idle:
    toys = ToyClouds(
        place, SystemClock(), kinds=shape.kinds, clouds=clouds, pace=Pace(), slow=lambda at: at < _SLOW
    )
    await toys.open(shape.held, _EACH)
    stop = asyncio.Event()
    worker = asyncio.create_task(toys.worker.run(stop))
    try:
        await asyncio.sleep(_WARM)
        before, began = time.process_time(), time.monotonic()
        await asyncio.sleep(seconds)
        ended = time.monotonic()
        minutes = (ended - began) / 60.0
        cpu = (time.process_time() - before) * 1000.0
    finally:
        stop.set()
        await worker
        await toys.close()
    listed = [[at for at, _ in cloud.listed if began <= at < ended] for cloud in toys.clouds.values()]
    return Idle(cpu / minutes / clouds, sum(map(len, listed)) / minutes / clouds)


def _rows(name: str, every: list[Idle]) -> list[Row]:
    cpu, listings = (list(values) for values in zip(*every, strict=True))
    return [
        Row(what=f"worker: processor for each cloud, {name}", unit="ms CPU a minute", values=cpu),
        Row(what=f"whole listings of each cloud, {name}", unit="a minute", values=listings, at_most=_GOAL),
    ]


def arguments(parser: argparse.ArgumentParser) -> None:
    """How many."""
    parser.add_argument("--clouds", type=int, default=0, help="(10; --full: 100)")
    parser.add_argument("--kinds", default="8,60", help="numbers of kinds (8,60)")
    parser.add_argument("--watched", type=float, default=60.0, help="seconds of each measuring (60)")


if __name__ == "__main__":
    report.alone("idle", run, arguments)
