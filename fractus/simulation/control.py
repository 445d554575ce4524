"""What is asked of a running simulation: a file that is written whole, and read by its processes when it changes.

So a fault lasts across a restart, is asked for by whoever can write the state directory, and needs no port. Each
process notes in a file of its own which version it has carried out.
"""

from __future__ import annotations

import time
from collections.abc import Collection
from pathlib import Path

import msgspec
from msgspec import Struct

from fractus.base.files import put

_FILE = "control.json"

#: How often processes look. Seconds.
LOOK = 0.1


class Controls(Struct, frozen=True, kw_only=True):
    """What should be so."""

    version: int = 0
    faults: dict[str, str] = {}
    """Cloud -> fault; who is not named is well."""
    change: float | None = None
    """Percent of servers that change in a minute, where something else was asked than at the start."""
    latency: float | None = None
    """The same for the factor of latencies."""


def read(state: Path) -> Controls:
    """What is asked now."""
    try:
        return msgspec.json.decode((state / _FILE).read_bytes(), type=Controls)
    except FileNotFoundError:
        return Controls()


def ask(
    state: Path,
    *,
    faults: dict[str, str] | None = None,
    change: float | None = None,
    latency: float | None = None,
) -> Controls:
    """Ask for more; `faults` are of the clouds that it names alone."""
    before = read(state)
    now = {**before.faults, **(faults or {})}
    controls = Controls(
        version=before.version + 1,
        faults={name: fault for name, fault in now.items() if fault != "none"},
        change=before.change if change is None else change,
        latency=before.latency if latency is None else latency,
    )
    put(state / _FILE, msgspec.json.encode(controls), lasting=False)
    return controls


def done(state: Path, share: int, version: int) -> None:
    """Process `share` has carried out that version."""
    put(_done(state, share), str(version).encode(), lasting=False)


def _done(state: Path, share: int) -> Path:
    return state / f"control-done-{share}"


def wait(state: Path, shares: Collection[int], version: int, seconds: float) -> bool:
    """Whether all processes have carried it out within `seconds`."""
    until = time.monotonic() + seconds
    while not obeyed(state, shares, version):
        if time.monotonic() >= until:
            return False
        time.sleep(LOOK / 2)
    return True


def obeyed(state: Path, shares: Collection[int], version: int) -> bool:
    """Whether all processes have carried it out."""
    return all(_version(_done(state, share)) >= version for share in shares)


def begin(state: Path, shares: Collection[int]) -> None:
    """At a start: no process has carried out anything yet. Faults last; how clouds behave was said anew."""
    before = read(state)
    if before.change is not None or before.latency is not None:
        controls = Controls(version=before.version + 1, faults=before.faults)
        put(state / _FILE, msgspec.json.encode(controls), lasting=False)
    for share in shares:
        _done(state, share).unlink(missing_ok=True)


def changed(state: Path) -> float:
    """When the file was last written; 0 where there is none."""
    try:
        return (state / _FILE).stat().st_mtime_ns
    except FileNotFoundError:
        return 0


def _version(path: Path) -> int:
    try:
        return int(path.read_text() or -1)
    except FileNotFoundError:
        return -1
