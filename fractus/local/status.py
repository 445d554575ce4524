"""What `fractus status` says: which processes run, whether they are well, what they cost."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import Any

from msgspec import Struct
from rich.table import Table

from fractus.auth.calls import answers
from fractus.local import running
from fractus.local.processes import alive, group, memory
from fractus.local.running import Part, Record
from fractus.settings.loading import Settings

#: Exit codes, as `systemctl status` and the Linux Standard Base have them.
WELL, UNWELL, STOPPED = 0, 1, 3


class Process(Struct, frozen=True, kw_only=True):
    """One process and what it started. `memory` in bytes, shared pages counted once."""

    name: str
    state: str
    pid: int | None
    memory: int
    restarts: int
    log: str
    healthy: bool | None
    """What it answers when it is asked; None where it cannot be asked."""


class Status(Struct, frozen=True, kw_only=True):
    """Everything that can be seen from outside."""

    state_dir: str
    state: str
    """`running`, `starting`, `stopped`, or `orphaned`: parts run and their supervisor does not."""
    endpoint: str
    keystone_url: str
    log_dir: str
    since: float | None
    processes: list[Process]

    @property
    def exit_code(self) -> int:
        """0 well, 1 running but not well, 3 not running."""
        if self.state == "stopped":
            return STOPPED
        return (
            WELL
            if self.state == "running" and all(one.healthy is not False for one in self.processes)
            else UNWELL
        )


def look(settings: Settings) -> Status:
    """Look at processes and ask them how they are; seconds at most, whatever state they are in."""
    record = running.read(settings.run_dir)
    held = running.is_running(settings.run_dir)
    left = running.leftovers(record)
    if record is None or not (held or left):
        return Status(
            state_dir=str(settings.state_dir),
            state="starting" if held else "stopped",
            endpoint=settings.endpoint,
            keystone_url=settings.keystone.url,
            log_dir=str(settings.log_dir),
            since=None,
            processes=[],
        )
    return Status(
        state_dir=str(settings.state_dir),
        state=("running" if record.ready else "starting") if held else "orphaned",
        endpoint=record.endpoint,
        keystone_url=record.keystone_url,
        log_dir=str(settings.log_dir),
        since=record.since,
        processes=_processes(record, held),
    )


def _processes(record: Record, held: bool) -> list[Process]:
    health = asyncio.run(_health(record))
    found = [_process(part, health) for part in record.parts]
    if held:
        pid = record.supervisor.pid
        supervisor = Process(
            name="supervisor",
            state="running",
            pid=pid,
            memory=memory([pid]),
            restarts=0,
            log="",
            healthy=None,
        )
        found.insert(0, supervisor)
    return found


async def _health(record: Record) -> dict[str, bool]:
    urls = {"keystone": record.keystone_url, "api": f"{record.endpoint}/healthcheck"}
    there = {part.name for part in record.parts}
    asked = [name for name in urls if name in there]
    return dict(zip(asked, await asyncio.gather(*(answers(urls[name]) for name in asked)), strict=True))


def _process(part: Part, health: dict[str, bool]) -> Process:
    runs = part.process is not None and alive(part.process)
    pid = part.process.pid if runs and part.process else None
    return Process(
        name=part.name,
        # A record may be older than what happened since.
        state=part.state if runs or part.state == "restarting" else "stopped",
        pid=pid,
        memory=memory(group(pid)) if pid else 0,
        restarts=part.restarts,
        log=part.log,
        healthy=health.get(part.name) if runs else False,
    )


def table(status: Status) -> Table:
    """The processes as a table."""
    shown = Table("process", "state", "pid", "health", "memory", "restarts", box=None, pad_edge=False)
    for one in status.processes:
        health = {True: "well", False: "[red]not well[/]", None: ""}[one.healthy]
        size = f"{one.memory / 2**20:.0f} MiB" if one.memory else ""
        pid = str(one.pid) if one.pid else ""
        shown.add_row(one.name, one.state, pid, health, size, str(one.restarts or ""))
    if status.processes:
        total = sum(one.memory for one in status.processes)
        shown.add_row("", "", "", "", f"{total / 2**20:.0f} MiB", "", style="dim")
    return shown


def headline(status: Status) -> str:
    """The first line."""
    if status.state == "stopped":
        return f"fractus does not run in {status.state_dir}. Start it: fractus up"
    if status.state == "orphaned":
        return f"The fractus up in {status.state_dir} was killed and left processes running. End them: fractus down"
    since = "" if status.since is None else f", for {_span(time.time() - status.since)}"
    return f"fractus is {status.state} in {status.state_dir}{since}."


def _span(seconds: float) -> str:
    for size, unit in ((86400, "days"), (3600, "hours"), (60, "minutes")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} seconds"


def lines_of_clouds(rows: Sequence[Any], now: float) -> list[str]:
    """One line a cloud: `rows` are the store's cloud records."""
    lines = []
    for row in rows:
        seen = (
            "never answered yet"
            if row.seen_at is None
            else f"answered {_span(max(0.0, now - row.seen_at))} ago"
        )
        state = "" if row.enabled else ", disabled"
        if row.state != "open":
            why = f": {row.state_reason}" if row.state_reason else ""
            state += f", {row.state} by {row.state_by or 'fractus'}{why}"
        error = f": {row.error}" if row.error else ""
        lines.append(f"{row.name} ({row.driver}{state}) {seen}{error}")
    return lines
