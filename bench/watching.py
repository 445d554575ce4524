"""Watches processes while something runs: memory and processor time of each, sampled, and how memory goes over time."""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import NamedTuple

_TICKS = os.sysconf("SC_CLK_TCK")


class Sample(NamedTuple):
    """One look at one process."""

    at: float
    """Seconds since the beginning."""
    memory: float
    """MiB, as its share of what it has (proportional set size)."""
    own: float
    """MiB of that which no file holds: it does not change as others begin or end who share our libraries."""
    used: float
    """Seconds of processor time since it began."""


class Watcher:
    """Looks at process groups every `pace` seconds. `leaders` says which: group by name, asked each time."""

    def __init__(self, leaders: Callable[[], Mapping[str, int]], pace: float = 10.0) -> None:
        self._leaders, self._pace = leaders, pace
        self._began = time.monotonic()
        self._names: dict[int, str] = {}
        self.processes: dict[str, list[Sample]] = {}
        self.files: dict[str, list[tuple[float, float]]] = {}
        """Sizes in MiB."""
        self._watched: dict[str, Path] = {}

    def file(self, name: str, path: Path) -> None:
        """Watch the size of a file, too."""
        self._watched[name] = path

    @contextlib.asynccontextmanager
    async def watching(self) -> AsyncIterator[None]:
        """While the block runs."""

        async def again_and_again() -> None:
            while True:
                self.look()
                await asyncio.sleep(self._pace)

        task = asyncio.create_task(again_and_again())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            self.look()

    def look(self) -> None:
        """Take one sample of everything."""
        at = time.monotonic() - self._began
        groups = {group: name for name, group in self._leaders().items()}
        for pid, group, used in _processes():
            if group in groups:
                with contextlib.suppress(OSError):
                    name = self._name(pid, group, groups[group])
                    self.processes.setdefault(name, []).append(Sample(at, *_memory(pid), used))
        for name, path in self._watched.items():
            with contextlib.suppress(OSError):
                self.files.setdefault(name, []).append((at, path.stat().st_size / 2**20))

    def _name(self, pid: int, group: int, name: str) -> str:
        """The leader has the group's name, its children are numbered: `api`, `api/1`, `api/2`."""
        if pid == group:
            return name
        if pid not in self._names:
            number = sum(known.startswith(f"{name}/") for known in self._names.values()) + 1
            self._names[pid] = f"{name}/{number}"
        return self._names[pid]

    def slope(self, name: str, *, warm_up: float) -> float | None:
        """MiB an hour by which a process grows, by least squares, after `warm_up` seconds; None of too few samples."""
        return slope([(one.at, one.own) for one in self.processes[name] if one.at >= warm_up])

    def cores(self, name: str) -> float:
        """How many cores it kept busy."""
        first, last = self.processes[name][0], self.processes[name][-1]
        return (last.used - first.used) / max(last.at - first.at, 1e-9)


def memory_of(leader: int) -> float:
    """MiB that a process group has."""
    total = 0.0
    for pid, group, _ in _processes():
        if group == leader:
            with contextlib.suppress(OSError):
                total += _memory(pid)[0]
    return total


def slope(points: list[tuple[float, float]]) -> float | None:
    """How much y grows in an hour where x are seconds, by least squares."""
    if len(points) < 3:
        return None
    mean_x = sum(x for x, _ in points) / len(points)
    mean_y = sum(y for _, y in points) / len(points)
    spread = sum((x - mean_x) ** 2 for x, _ in points)
    return sum((x - mean_x) * (y - mean_y) for x, y in points) / spread * 3600.0 if spread else None


def idle_cores(seconds_ago: tuple[float, float] | None) -> tuple[float, tuple[float, float]]:
    """How many cores of the machine were idle since the last call (whose second value is passed in)."""
    fields = [int(field) for field in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:]]
    now = time.monotonic(), (fields[3] + fields[4]) / _TICKS
    if seconds_ago is None or now[0] <= seconds_ago[0]:
        return 1.0, now
    return (now[1] - seconds_ago[1]) / (now[0] - seconds_ago[0]), now


def _processes() -> list[tuple[int, int, float]]:
    """(pid, process group, seconds of processor time) of all there are, oldest first."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            fields = path.read_text().rpartition(")")[2].split()
            found.append(
                (int(path.parent.name), int(fields[2]), (int(fields[11]) + int(fields[12])) / _TICKS)
            )
    return sorted(found)


def _memory(pid: int) -> tuple[float, float]:
    """MiB: its share of all it has, and of that what is in no file."""
    lines = (line.split() for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:])
    fields = {line[0]: int(line[1]) / 1024 for line in lines}
    if "Pss:" not in fields:
        raise OSError("it has ended")
    # Linux before 5.9 does not tell them apart.
    return fields["Pss:"], fields.get("Pss_Anon:", fields["Pss:"])
