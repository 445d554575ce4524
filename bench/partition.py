"""Past one database: how many are needed for how many clouds, by arithmetic from what was measured, and how evenly
projects fill them, by simulation.

    python -m bench.partition [--clouds 10000] [--each 10000]

Costs are taken from the reports that the other benches have kept; where there is none, from the figure beside it here.
"""

from __future__ import annotations

import argparse
import heapq
import math
import random
from typing import NamedTuple

from bench import report
from bench.report import RESULTS, Line, Options, Picture, Report, Row, kept


class Cost(NamedTuple):
    """A measured figure: where it is kept, and what it was when this was written."""

    bench: str
    what: str
    unit: str
    otherwise: float


#: Bytes of the database for a server and all that is its own.
BYTES = Cost("growth", "database for each server, 1,000,000 servers", "KiB", 12.8)
#: Processor time of the API for one read, and for one create.
READ = Cost("growth", "GET /servers/detail?limit=100, 1,000,000 servers", "ms CPU", 1.1)
CREATE = Cost("growth", "POST /servers, 1,000,000 servers", "ms CPU", 3.5)
#: A worker's for a cloud where nothing happens.
IDLE = Cost("growth", "worker: processor for each cloud, 100 clouds", "ms CPU a minute", 90.0)

#: What one database shall hold and do: half of what it can, so that one may take over another's.
_DATABASE_GIB = 200.0
#: Durable transactions a second with a dozen rows each: half of what one took here (`bench.creates`).
_DATABASE_WRITES = 250.0
#: Observed changes are written so many to a transaction.
_BATCH = 20.0

#: What happens, for each million servers: changes a minute (of a hundred servers), creates and reads a second.
_CHANGING, _CREATES, _READS = 1.0, 2.0, 200.0

#: Projects of a deployment, for each cloud; their sizes follow a power law.
_PROJECTS_EACH = 50
_POWER = 1.15

_SERIES = (100, 300, 1000, 3000, 10_000)


class Needs(NamedTuple):
    """Of a deployment."""

    by_size: float
    by_writes: float
    api_cores: float
    worker_cores: float

    @property
    def databases(self) -> int:
        """So many, for whichever reason."""
        return max(1, math.ceil(max(self.by_size, self.by_writes)))


def needs(clouds: int, each: int, costs: dict[Cost, float]) -> Needs:
    """The arithmetic."""
    servers = clouds * each
    millions = servers / 1e6
    # A change that is seen costs the worker about what accepting a create costs the API, shared by its transaction.
    changes = servers * _CHANGING / 100 / 60
    writes = changes / _BATCH + millions * _CREATES * 4
    api = millions * (_READS * costs[READ] + _CREATES * costs[CREATE]) / 1000
    return Needs(
        by_size=servers * costs[BYTES] / 2**20 / _DATABASE_GIB,
        by_writes=writes / _DATABASE_WRITES,
        api_cores=api,
        worker_cores=clouds * costs[IDLE] / 60_000 + changes * costs[CREATE] / _BATCH / 1000,
    )


def spread(servers: int, projects: int, databases: int, dice: random.Random) -> tuple[float, float]:
    """Projects are put, as they come, into the emptiest database, and stay there. How full the fullest is, as times the
    mean; and the share of all servers that the largest project has.
    """
    weights = [1.0 / (rank + 10) ** _POWER for rank in range(projects)]
    total = sum(weights)
    sizes = [weight / total * servers for weight in weights]
    dice.shuffle(sizes)
    # Nobody knows how large a new project will grow: it is placed by what the databases hold then, which is a part.
    heap = [(0.0, at) for at in range(databases)]
    final = [0.0] * databases
    for size in sizes:
        held, at = heapq.heappop(heap)
        final[at] += size
        heapq.heappush(heap, (held + size * dice.random(), at))
    return max(final) / (servers / databases), max(sizes) / servers


async def run(options: Options) -> Report:
    """For the number of clouds that was asked for, and as a curve."""
    given = options.given
    reports = kept(given.results or RESULTS, full=True)
    costs = {cost: _known(reports, cost) for cost in (BYTES, READ, CREATE, IDLE)}
    one = needs(given.clouds, given.each, costs)
    dice = random.Random(1)
    projects = given.clouds * _PROJECTS_EACH
    full, largest = spread(given.clouds * given.each, projects, one.databases, dice)
    what = f"{given.clouds:,} clouds of {given.each:,} servers"
    rows = [
        *(
            Row(what=f"measured: {cost.what}", unit=cost.unit, values=[value])
            for cost, value in costs.items()
        ),
        Row(what=f"{what}: databases for what they hold", unit="", values=[one.by_size]),
        Row(what=f"{what}: databases for what is written", unit="", values=[one.by_writes]),
        Row(what=f"{what}: databases", unit="", values=[float(one.databases)]),
        Row(what=f"{what}: processors of all API processes", unit="cores", values=[one.api_cores]),
        Row(what=f"{what}: processors of all workers", unit="cores", values=[one.worker_cores]),
        Row(what="the fullest database, as times the mean", unit="x", values=[full]),
        Row(what="the largest project's share of all servers", unit="%", values=[largest * 100]),
        Row(what="a database's mean share of all servers", unit="%", values=[100.0 / one.databases]),
    ]
    curve = {clouds: needs(clouds, given.each, costs) for clouds in _SERIES}
    lines = [
        Line(name="databases", points=[(float(at), float(need.databases)) for at, need in curve.items()]),
        Line(name="cores of API", points=[(float(at), need.api_cores) for at, need in curve.items()]),
        Line(name="cores of workers", points=[(float(at), need.worker_cores) for at, need in curve.items()]),
    ]
    title = "What so many clouds need, by arithmetic"
    return Report(
        title="Past one database",
        about="Arithmetic, not a measurement: measured costs, multiplied. For each million servers"
        f" {_READS:.0f} pages and {_CREATES:.0f} creates a second, and {_CHANGING:g} % of all servers changing in a"
        f" minute; a database holds {_DATABASE_GIB:.0f} GiB and takes {_DATABASE_WRITES:.0f} transactions a second,"
        f" half of what it can. {projects:,} projects, sizes by a power law, each placed where least was when it came.",
        rows=rows,
        pictures=[Picture(slug="partition", title=title, x="clouds", y="number", lines=lines, log_x=True, log_y=True)],
    )  # fmt: skip


def _known(reports: dict[str, Report], cost: Cost) -> float:
    rows = reports[cost.bench].rows if cost.bench in reports else []
    return next(
        (row.median for row in rows if (row.what, row.unit) == (cost.what, cost.unit)), cost.otherwise
    )


def _source(reports: dict[str, Report], cost: Cost) -> str:
    measured = cost.bench in reports and any(row.what == cost.what for row in reports[cost.bench].rows)
    return f"measured by bench.{cost.bench}" if measured else "assumed"


def arguments(parser: argparse.ArgumentParser) -> None:
    """How large."""
    parser.add_argument("--clouds", type=int, default=10_000, help="(10000)")
    parser.add_argument("--each", type=int, default=10_000, help="servers in each (10000)")


if __name__ == "__main__":
    report.alone("partition", run, arguments)
