"""What a running `fractus up` leaves in the state directory, for `status`, `down` and the next `up`.

The lock is the truth about whether it runs: the kernel drops it with the process, however that ends. The record says
which processes belong to it, by marks that a recycled pid cannot match.
"""

from __future__ import annotations

import contextlib
import fcntl
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
from msgspec import Struct

from fractus.base.files import put
from fractus.local.processes import Mark, alive, boot_id, end, end_group


class AlreadyRunning(Exception):
    """Another `fractus up` holds this state directory."""


class Part(Struct, frozen=True, kw_only=True):
    """One process that `fractus up` keeps running."""

    name: str
    state: str
    """`starting`, `running`, `restarting` or `stopped`."""
    process: Mark | None = None
    restarts: int = 0
    log: str = ""


class Record(Struct, frozen=True, kw_only=True):
    """A running `fractus up`, written whole each time something changes."""

    boot: str
    supervisor: Mark
    endpoint: str
    keystone_url: str
    since: float
    """Seconds since the epoch."""
    ready: bool = False
    """Everything was healthy at the end of the start."""
    parts: list[Part] = []


def record_path(run_dir: Path) -> Path:
    """Where the record is."""
    return run_dir / "up.json"


def write(run_dir: Path, record: Record) -> None:
    """Put a record in place, whole."""
    # True of running processes only: of no use after the machine was down.
    put(record_path(run_dir), msgspec.json.format(msgspec.json.encode(record)), lasting=False)


def read(run_dir: Path) -> Record | None:
    """The record of this or an earlier run since the machine came up; None where there is none."""
    try:
        record = msgspec.json.decode(record_path(run_dir).read_bytes(), type=Record)
    except (OSError, msgspec.DecodeError):
        return None
    return record if record.boot == boot_id() else None


@contextlib.contextmanager
def locked(run_dir: Path) -> Iterator[None]:
    """Hold the state directory alone; `AlreadyRunning` where another process does."""
    run_dir.mkdir(parents=True, exist_ok=True)
    with open(run_dir / "lock", "a", encoding="utf-8") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise AlreadyRunning from error
        yield


def is_running(run_dir: Path) -> bool:
    """Whether a `fractus up` holds this state directory now."""
    if not (run_dir / "lock").exists():
        return False
    try:
        with locked(run_dir):
            return False
    except AlreadyRunning:
        return True


def leftovers(record: Record | None) -> list[Part]:
    """Parts that still run. Where their supervisor does not, it was killed."""
    return [part for part in record.parts if part.process and alive(part.process)] if record else []


def end_leftovers(record: Record | None, say: Callable[[str], None]) -> None:
    """Stop what a killed `fractus up` left running, last started first."""
    for part in reversed(leftovers(record)):
        assert part.process is not None
        end(part.process, within=5.0)
        end_group(part.process.pid)
        say(f"Stopped {part.name} (pid {part.process.pid}), left over from a fractus up that was killed.")


def stop(run_dir: Path, *, within: float, say: Callable[[str], None]) -> bool:
    """Stop a running `fractus up` and what an earlier one left. Returns whether anything ran. Blocks.

    `within`: seconds that it gets to stop its parts in order; then it and they are killed.
    """
    record = read(run_dir)
    ran = is_running(run_dir)
    if ran and record is None:
        record = _await_record(run_dir)
    if ran and record is not None and not end(record.supervisor, within=within):
        say(f"fractus up (pid {record.supervisor.pid}) did not stop within {within:g} s and was killed.")
    # Read again: parts may have been restarted since.
    record = read(run_dir)
    left = bool(leftovers(record))
    end_leftovers(record, say)
    return ran or left


def _await_record(run_dir: Path) -> Record | None:
    """A run that has only just taken the lock writes its record in a moment."""
    for _ in range(40):
        record = read(run_dir)
        if record is not None or not is_running(run_dir):
            return record
        time.sleep(0.05)
    return None
