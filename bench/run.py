"""Every bench, one after the other, and the table of all: `make bench` (minutes), `make bench-full` (up to an hour).

    python -m bench.run [--full] [--only reads,creates] [--write]
    python -m bench.run --full --only none --write          only the docs, from what was kept

Each runs in a process of its own, as `python -m bench.<name>` does, and keeps its report in bench/results. With
`--write` (which `make bench-full` has) docs/performance.md, its pictures and the front page's figures are written again
from all reports that are kept, those of earlier runs too. FRACTUS_REAL_CLOUDS_YAML: a real cloud is asked beside ours.
"""

from __future__ import annotations

import argparse
import importlib.util
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from bench import page
from bench.report import RESULTS, Report, kept, number, reported


class Bench(NamedTuple):
    """One of them."""

    name: str
    what: str
    quick: tuple[str, ...] = ()
    """What its command line has in the quick run."""
    full: tuple[str, ...] = ("--full",)
    asked: bool = False
    """Only run when it is named: it takes an hour, or a real cloud."""


BENCHES = (
    Bench("requests", "single requests, next to a real cloud"),
    Bench("reads", "reads at 1,000,000 servers"),
    Bench("creates", "accepted creates on each database"),
    Bench("burst", "5,000 servers to ACTIVE over 100 clouds"),
    Bench("freshness", "how soon a change in a cloud is seen", full=("--full", "--rounds", "1")),
    Bench("isolation", "what hanging clouds cost the others"),
    Bench("growth", "cost by number of servers and of clouds"),
    Bench("idle", "what idle clouds cost, by number of kinds"),
    Bench("partition", "arithmetic of a plan past one database"),
    Bench("overhead", "what fractus adds to a create on a real cloud", asked=True),
    Bench("soak", "an hour of mixed load at 1,000,000 servers", asked=True),
)


class Headline(NamedTuple):
    """A figure of the front page."""

    bench: str
    what: str
    unit: str
    says: str
    """A sentence; {} is the figure."""


HEADLINES = (
    Headline(
        "reads", "GET /servers/detail, first page", "ms CPU",
        "A page of 100 servers out of a million costs {} ms of processor time; Nova needs 530 to 780 ms for one out of"
        " a thousand (`tools/realcloud/baseline.md`).",
    ),
    Headline(
        "burst", "all servers ACTIVE after", "s",
        "5,000 servers asked for at once run {} s later, over 100 simulated OpenStack clouds on the same two cores.",
    ),
    Headline(
        "soak", "errors (5xx)", "",
        "In an hour of mixed load at a million servers {} requests failed, and what was accepted came true.",
    ),
)  # fmt: skip


#: Those that can share a filled store.
_KEEPERS = ("reads", "growth", "soak")


def run(bench: Bench, *, full: bool, results: Path, keep: Path | None = None) -> str:
    """Measure one; a sentence where that went wrong."""
    if importlib.util.find_spec(f"bench.{bench.name}") is None:
        return f"{bench.name}: there is no bench.{bench.name}"
    command = [sys.executable, "-m", f"bench.{bench.name}", "--results", str(results)]
    command += bench.full if full else bench.quick
    if full and keep is not None and bench.name in _KEEPERS:
        command += ["--keep", str(keep)]
    print(f"\n=== {bench.name}: {bench.what}", file=sys.stderr, flush=True)
    ended = subprocess.run(command, cwd=page.ROOT, check=False)
    return "" if ended.returncode == 0 else f"{bench.name}: ended with {ended.returncode}"


def front(reports: Mapping[str, Report]) -> dict[str, str]:
    """What the front page says; of what was not measured nothing."""
    lines = []
    for headline in HEADLINES:
        rows = reports[headline.bench].rows if headline.bench in reports else []
        for row in rows:
            if (row.what, row.unit) == (headline.what, headline.unit):
                lines.append(f"- {headline.says.format(number(row.median))}")
    return {"front": "\n".join(lines)} if lines else {}


def chosen(only: str) -> list[Bench]:
    """Those that are named, or all that need not be."""
    if not only:
        return [bench for bench in BENCHES if not bench.asked]
    names = [] if only == "none" else only.split(",")
    known = {bench.name: bench for bench in BENCHES}
    unknown = [name for name in names if name not in known]
    if unknown:
        raise SystemExit(f"No bench is called {', '.join(unknown)}; there are {', '.join(known)}.")
    return [known[name] for name in names]


def main() -> None:
    """`make bench`, `make bench-full`."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.run", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("--full", action="store_true", help="as large as the goals say (up to an hour)")
    parser.add_argument("--only", default="", help="names of benches, with commas; none: measure nothing")
    parser.add_argument("--write", action="store_true", help="write docs/performance.md, pictures, README.md")
    parser.add_argument(
        "--results", type=Path, default=RESULTS, help="where reports are kept (bench/results)"
    )
    parser.add_argument(
        "--keep", type=Path, help="where a store of 1,000,000 servers is kept from run to run (13 GB)"
    )
    given = parser.parse_args()
    benches, began = chosen(given.only), time.monotonic()
    wrong = [
        said
        for bench in benches
        if (said := run(bench, full=given.full, results=given.results, keep=given.keep))
    ]
    reports = kept(given.results, full=given.full)
    print(f"\n{len(benches)} benches in {time.monotonic() - began:.0f} s")
    for name, report in reports.items():
        print(
            f"\n{reported(report)}\n\n{page.table(report, reports)}"
            if name in {b.name for b in benches}
            else ""
        )
    if given.write:
        homeless = page.write(reports, front(reports))
        wrong += [f"{name}: docs/{page.PAGE.name} has no place marked for it" for name in homeless]
    print("\n".join(wrong), file=sys.stderr)
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
