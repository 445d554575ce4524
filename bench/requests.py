"""What single requests cost, held against a real cloud in the same run.

With FRACTUS_REAL_CLOUDS_YAML the same is asked of the real cloud `east` (FRACTUS_REAL_CLOUD names another); without it
the figures of tools/realcloud/baseline.md stand in the table.

    python -m bench.requests [--servers N]
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence

from bench import child, report
from bench.creates import AT_ONCE, creates, creates_at_once, port_creates
from bench.filling import port_id, server_id
from bench.load import Figures
from bench.reads import lists, reads
from bench.report import Options, Report, Row
from bench.stand import Stand, said, stand

#: Ids that single reads go through.
_IDS = 2000

#: Pages are as long as the real cloud's list, too: so the two are alike.
_PAGE = 100


async def run(options: Options) -> Report:
    """Stand everything up, ask, and say what it came to."""
    progress = said()
    servers = options.given.servers
    with progress.step("Asking a real cloud", "The real cloud was asked"):
        theirs = await child.ask(options.seconds, what=("reads", "creates"))
    pages = sorted({_PAGE, theirs.page if theirs is not None else _PAGE})
    taken: list[dict[str, Figures]] = []
    async with stand(options.scratch, servers, progress) as ours:
        for _ in range(options.rounds):
            with progress.step("Measuring", "Measured"):
                taken.append(await _round(ours, servers, pages, options.seconds))
    about = f"One process of the API, one caller after the other, {servers:,} servers in the store."
    if theirs is not None:
        about += f" The real cloud: Nova, Neutron and Keystone on the same machine, {theirs.page} servers;"
        about += (
            " others worked in it, so what a call of ours cost there cannot be measured."
            if theirs.busy
            else f" {theirs.background * 1000:.0f} ms a second that it used anyway are taken off its figures."
        )
    return Report(
        title="Single requests, next to a real cloud",
        about=about,
        rows=_rows(taken),
        real=_rows([theirs.figures]) if theirs is not None else [],
    )


async def _round(ours: Stand, servers: int, pages: Sequence[int], seconds: float) -> dict[str, Figures]:
    filled = ours.filled
    known = range(1, servers, max(1, servers // _IDS))
    ids = [server_id(number) for number in known], [port_id(number) for number in known]
    found = await reads(ours.endpoint, *ids, pages, seconds)
    found |= await lists(ours.endpoint, ids[0], pages[-1], seconds)
    made = (filled.flavor_id, filled.image_id, filled.network_id)
    found["POST /servers"], _ = await creates(ours.endpoint, *made, seconds=seconds)
    found[f"POST /servers, {AT_ONCE} at once"] = await creates_at_once(ours.endpoint, *made, seconds=seconds)
    found["POST /v2.0/ports"] = await port_creates(ours.endpoint, filled.network_id, seconds=seconds)
    return found


def _rows(taken: Sequence[Mapping[str, Figures]]) -> list[Row]:
    """Two rows for each call: its processor time, and how long its caller waited."""
    rows: list[Row] = []
    for call in taken[0]:
        cpu = [found[call].cpu for found in taken]
        if None not in cpu:
            rows.append(Row(what=call, unit="ms CPU", values=[one or 0.0 for one in cpu], real=call))
        rows.append(Row(what=call, unit="ms", values=[found[call].p50 for found in taken], real=call))
    return rows


def arguments(parser: argparse.ArgumentParser) -> None:
    """How much is in the store."""
    parser.add_argument("--servers", type=int, default=20_000, help="servers in the store (20000)")


if __name__ == "__main__":
    report.alone("requests", run, arguments)
