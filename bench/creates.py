"""What it costs to accept a create: the answer is 202 once everything is written and on disk.

    python -m bench.creates [--database mariadb] [--processes 1,2] [--callers 16,1000] [--what full] [--seconds 5]

The database server is this run's own, and forces every commit to the disk. Plain servers have one network; full ones
two networks, two security groups, a key, tags and metadata. What the callers use themselves is not in the figures, but
they share the machine. The last line of a table is the limit: the same number of rows, by the bare driver.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from bench import report
from bench.accepting import DATABASES, Accepting, Project, accepting, database
from bench.bare import bare
from bench.crowd import Asked, Reported, crowd
from bench.load import Endpoint, Figures, measure
from bench.report import Options, Report, Row
from bench.stand import said
from fractus.services import compute

#: Callers at once in the second figure: their commits share a write to the disk.
AT_ONCE = 16


def server_body(name: str, flavor: str, image: str, network: str) -> dict[str, Any]:
    """An ordinary server."""
    server = {"name": name, "flavorRef": flavor, "imageRef": image, "networks": [{"uuid": network}]}
    return {"server": server}


async def creates(
    endpoint: Endpoint, flavor: str, image: str, network: str, *, seconds: float, most: int = 1_000_000
) -> tuple[Figures, list[str]]:
    """Create servers one after the other; the figures, and the ids of all that were made."""
    made: list[str] = []

    async def job(number: int) -> None:
        body = server_body(f"bench-new-{number}", flavor, image, network)
        answer = msgspec.json.decode(await endpoint.call("POST", f"{endpoint.compute}/servers", body))
        made.append(answer["server"]["id"])

    return await measure(job, endpoint.processor, seconds=seconds, most=most), made


async def creates_at_once(
    endpoint: Endpoint, flavor: str, image: str, network: str, *, seconds: float
) -> Figures:
    """Create servers from several callers at once."""

    async def job(number: int) -> None:
        body = server_body(f"bench-more-{number}", flavor, image, network)
        await endpoint.call("POST", f"{endpoint.compute}/servers", body)

    return await measure(job, endpoint.processor, seconds=seconds, at_once=AT_ONCE)


async def port_creates(endpoint: Endpoint, network: str, *, seconds: float) -> Figures:
    """Create ports one after the other."""

    async def job(number: int) -> None:
        body = {"port": {"network_id": network, "name": f"bench-{number}"}}
        await endpoint.call("POST", f"{endpoint.network}/v2.0/ports", body)

    return await measure(job, endpoint.processor, seconds=seconds)


# --- from many callers, on any database -----------------------------------------------------------

#: Calls before the first figure: statements are compiled, tokens known, connections open.
_WARM = 64


def plain(project: Project, flavor: str, image: str, number: int) -> dict[str, Any]:
    """A server with one network."""
    return server_body(f"plain-{number}", flavor, image, project.networks[0])


def full(project: Project, flavor: str, image: str, number: int) -> dict[str, Any]:
    """A server with much of what a create may have."""
    body = server_body(f"full-{number}", flavor, image, project.networks[0])
    body["server"] |= {
        "networks": [{"uuid": id} for id in project.networks],
        "security_groups": [{"name": id} for id in project.groups],
        "key_name": project.key,
        "tags": ["bench", "full"],
        "metadata": {"made-by": "bench", "number": str(number)},
        "description": "One of many",
    }
    return body


def port(project: Project, flavor: str, image: str, number: int) -> dict[str, Any]:
    """A port of one network."""
    return {"port": {"network_id": project.networks[0], "name": f"port-{number}"}}


Body = Callable[[Project, str, str, int], dict[str, Any]]
BODIES: Mapping[str, Body] = {"plain": plain, "full": full, "port": port}


def asking(stand: Accepting, body: Body) -> Callable[[int], Asked]:
    """Call number n: projects take turns."""

    def ask(number: int) -> Asked:
        project = stand.projects[number % len(stand.projects)]
        made = body(project, stand.flavor, stand.image, number)
        if body is port:
            return Asked("POST", f"{stand.urls.network}/ports", project.token, made)
        return Asked(
            "POST", f"{stand.urls.compute}/servers", project.token, made, f"compute {compute.RANGE.max}"
        )

    return ask


async def one(stand: Accepting, ask: Callable[[int], Asked], callers: int, seconds: float) -> dict[str, Any]:
    """One line of the table."""
    before = stand.ours.used(), stand.database.used(), await stand.database.reported()
    reported = await crowd(stand.host, stand.port, ask, callers=callers, seconds=seconds, each=1)
    after = stand.ours.used(), stand.database.used(), await stand.database.reported()
    calls = max(1, reported.calls)
    line = {
        "callers": callers,
        "calls": reported.calls,
        "rate": reported.rate,
        "cpu_ms": (after[0] - before[0]) * 1000 / calls,
        "database_cpu_ms": (after[1] - before[1]) * 1000 / calls,
        "p50_ms": reported.p50,
        "p99_ms": reported.p99,
        "longest_ms": reported.longest,
        "errors": reported.errors,
        "answers": dict(reported.answers),
        "load": os.getloadavg()[0],
        **{f"{name}_each": (after[2][name] - before[2][name]) / calls for name in after[2]},
    }
    return _said(line, reported)


def _said(line: dict[str, Any], reported: Reported) -> dict[str, Any]:
    return line | ({"refused": reported.refused} if reported.refused else {})


async def stand_and_ask(
    options: Options, kind: str, processes: int, callers: Sequence[int], projects: int, what: Sequence[str]
) -> list[dict[str, Any]]:
    """All lines of one database and one number of processes."""
    progress = said()
    lines: list[dict[str, Any]] = []
    directory, seconds = options.scratch, options.seconds
    with tempfile.TemporaryDirectory(dir=directory) as made, database(kind, Path(made)) as base:
        async with accepting(Path(made), base, progress, processes=processes, projects=projects) as stand:
            for name in what:
                ask = asking(stand, BODIES[name])
                await crowd(stand.host, stand.port, ask, callers=8, seconds=0, each=_WARM // 8)
                for number in callers:
                    with progress.step(f"{name}, {number} at once", f"{name}, {number} at once: measured"):
                        line = await one(stand, ask, number, seconds)
                    lines.append({"database": kind, "processes": processes, "what": name, **line})
            with progress.step("The bare driver", "The bare driver: measured"):
                limit = await bare(base.url, seconds)
            lines.append({"database": kind, "processes": 1, "what": "the bare driver's limit", **limit})
    return lines


def _rows(lines: Sequence[Mapping[str, Any]]) -> list[Row]:
    """The figures of all rounds as rows. One caller waits for the disk and goes by no rate."""
    found: dict[tuple[str, str], Row] = {}

    def add(line: Mapping[str, Any], name: str, unit: str, **goal: Any) -> None:
        processes = f", {line['processes']} processes" if line["processes"] > 1 else ""
        what = f"{line['database']}: {line['what']}, {line['callers']} at once{processes}"
        row = found.setdefault((what, unit), Row(what=what, unit=unit, values=[], **goal))
        row.values.append(float(line[name]))

    for line in lines:
        crowded = line["callers"] > 1 and "errors" in line
        add(line, "rate", "/s", **({"at_least": 500.0} if crowded else {}))
        add(line, "cpu_ms", "ms CPU", **({"at_most": 3.0} if "errors" in line else {}))
        if "errors" in line:
            add(line, "p99_ms", "ms p99")
            add(line, "errors", "errors", at_most=0.0)
        for name in ("database_cpu_ms", "statements_each", "rollbacks_each"):
            if name in line:
                add(line, name, _UNITS[name])
    return list(found.values())


_UNITS = {
    "database_cpu_ms": "ms CPU of the database",
    "statements_each": "statements each",
    "rollbacks_each": "rollbacks each",
}


async def run(options: Options) -> Report:
    """All databases, numbers of processes and of callers that are asked for."""
    given = options.given
    callers = [int(number) for number in given.callers.split(",")]
    processes = given.processes or ("1,2" if options.full else "1")
    lines: list[dict[str, Any]] = []
    for _ in range(options.rounds):
        for kind in given.database.split(","):
            for number in processes.split(","):
                lines += await stand_and_ask(
                    options, kind, int(number), callers, given.projects, given.what.split(",")
                )
    broken = [
        f"{line['database']}, {line['what']}, {line['callers']} at once: {refused}"
        for line in lines
        for refused in line.get("refused", ())[:3]
    ]
    return Report(
        title="Accepted creates",
        about="`POST /servers` until its 202, on an empty store without a worker: counted when it is on disk, with "
        "quota, ports, addresses and security groups. Plain servers have one network; full ones two networks, two "
        "security groups, a key, tags and metadata. The database server is this run's own and forces every commit to "
        f"the disk. {given.projects} projects; the callers share the machine. The bare driver writes as many rows.",
        rows=_rows(lines),
        broken=broken,
    )


def arguments(parser: argparse.ArgumentParser) -> None:
    """Which lines of the table."""
    every = ",".join(DATABASES)
    parser.add_argument("--database", default=every, help=f"one or several ({every})")
    parser.add_argument("--processes", default="", help="API processes (1; with --full 1,2)")
    parser.add_argument("--callers", default="1,16,64,1000", help="at once (1,16,64,1000)")
    parser.add_argument("--what", default="plain,full", help="of plain, full (servers), port (plain,full)")
    parser.add_argument("--projects", type=int, default=4, help="projects that the callers belong to (4)")


if __name__ == "__main__":
    report.alone("creates", run, arguments)
