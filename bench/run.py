"""All benches over one stand, and their table: `make bench`.

    python -m bench.run [--servers N] [--seconds S] [--write]

With FRACTUS_REAL_CLOUDS_YAML the same is asked of the real cloud `east`. `--write` puts the table into
docs/performance.md.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import platform
import re
import tempfile
from collections.abc import Sequence
from pathlib import Path

from bench import child
from bench.creates import AT_ONCE, creates, creates_at_once, port_creates
from bench.filling import port_id, server_id
from bench.load import Figures
from bench.reads import lists, reads
from bench.stand import Stand, said, stand
from bench.table import table

PAGE = Path(__file__).parents[1] / "docs/performance.md"
_MARKED = re.compile(r"(<!-- bench -->\n).*(<!-- end -->)", re.DOTALL)

#: Ids that single reads go through.
_IDS = 2000


async def measure(servers: int, seconds: float, what: Sequence[str]) -> str:
    """Stand everything up, ask, and say what it came to."""
    progress = said()
    with progress.step("Asking a real cloud", "The real cloud was asked"):
        theirs = await child.ask(seconds, what=tuple(what))
    with tempfile.TemporaryDirectory(prefix="fractus-bench-") as directory:
        async with stand(Path(directory), servers, progress) as ours:
            with progress.step("Measuring", "Measured"):
                page = theirs.page if theirs is not None else 100
                figures = await _ours(ours, servers, sorted({page, 100}), seconds, what)
    head = f"{machine()}; {servers} servers in the store."
    if theirs is not None:
        head += f" The real cloud: Nova, Neutron and Keystone on the same machine, {theirs.page} servers;"
        head += (
            " others worked in it, so what a call of ours cost there cannot be told."
            if theirs.busy
            else f" {theirs.background * 1000:.0f} ms a second that it used anyway are taken off its figures."
        )
    return f"{head}\n\n{table(figures, theirs.figures if theirs else {})}\n"


async def _ours(
    ours: Stand, servers: int, pages: Sequence[int], seconds: float, what: Sequence[str]
) -> dict[str, Figures]:
    filled = ours.filled
    known = range(1, servers, max(1, servers // _IDS))
    found: dict[str, Figures] = {}
    if "reads" in what:
        ids = [server_id(number) for number in known], [port_id(number) for number in known]
        found |= await reads(ours.endpoint, *ids, pages, seconds)
        found |= await lists(ours.endpoint, ids[0], pages[-1], seconds)
    if "creates" in what:
        made = (filled.flavor_id, filled.image_id, filled.network_id)
        found["POST /servers"], _ = await creates(ours.endpoint, *made, seconds=seconds)
        found[f"POST /servers, {AT_ONCE} at once"] = await creates_at_once(
            ours.endpoint, *made, seconds=seconds
        )
        found["POST /v2.0/ports"] = await port_creates(ours.endpoint, filled.network_id, seconds=seconds)
    return found


def machine() -> str:
    """What it was measured on."""
    cores = len(os.sched_getaffinity(0))
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    load = os.getloadavg()[0]
    python = f"Python {platform.python_version()}"
    return f"{cores} cores, {memory:.0f} GiB, {python}, load average {load:.1f} at the end"


def main(what: Sequence[str] = ("reads", "creates")) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="What requests cost.")
    parser.add_argument("--servers", type=int, default=20_000, help="servers in the store (20000)")
    parser.add_argument("--seconds", type=float, default=2.0, help="seconds for each figure (2)")
    parser.add_argument("--write", action="store_true", help=f"put the table into docs/{PAGE.name}")
    args = parser.parse_args()
    told = asyncio.run(measure(args.servers, args.seconds, what))
    print(told)
    if args.write:
        PAGE.write_text(_MARKED.sub(lambda found: f"{found[1]}{told}{found[2]}", PAGE.read_text("utf-8")))


if __name__ == "__main__":
    main()
