"""Processes of this machine, as /proc shows them: who a pid is, what it costs, who holds a port.

A pid alone names nobody: it is given out again. A `Mark` is a pid with the time at which the kernel started it, and
stays the name of one process for as long as the machine is up.
"""

from __future__ import annotations

import contextlib
import errno
import os
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct

_PROC = Path("/proc")
_LISTEN = "0A"  # the state of a listening socket in /proc/net/tcp


class Mark(Struct, frozen=True):
    """One process, for sure. `started` is in clock ticks since the machine came up."""

    pid: int
    started: int


def mark(pid: int) -> Mark | None:
    """The process that has this pid now; None where it has ended (a zombie has ended)."""
    fields = _stat(pid)
    return None if fields is None else Mark(pid, int(fields[19]))


def alive(process: Mark) -> bool:
    """Whether that very process still runs."""
    return mark(process.pid) == process


def boot_id() -> str:
    """A name for the time since the machine came up: marks of another one mean nothing."""
    try:
        return (_PROC / "sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""


def _stat(pid: int) -> list[str] | None:
    """The fields of /proc/PID/stat from the third (the state) on; the second may hold blanks and brackets."""
    try:
        fields = (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if not fields or fields[0] in "ZX" else fields


def _pids() -> Iterator[int]:
    for name in os.listdir(_PROC):
        if name.isdigit():
            yield int(name)


def group(leader: int) -> list[int]:
    """The pids of the process group that `leader` founded, living ones only."""
    members = []
    for pid in _pids():
        fields = _stat(pid)
        if fields is not None and int(fields[2]) == leader:
            members.append(pid)
    return sorted(members)


def memory(pids: list[int]) -> int:
    """Bytes that these processes cost together: what they share is counted once (PSS)."""
    total = 0
    for pid in pids:
        with contextlib.suppress(OSError):
            for line in (_PROC / str(pid) / "smaps_rollup").read_text().splitlines():
                if line.startswith("Pss:"):
                    total += int(line.split()[1]) * 1024
    return total


def end_group(leader: int) -> None:
    """Kill what is left of a process group. Safe after its leader has ended: no process can get a pid that is
    still the id of a group.
    """
    try:
        left = bool(group(leader))
    except OSError:
        # No descriptor to look with. Where nobody is left in the group, the signal says so.
        left = True
    if left:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(leader, signal.SIGKILL)


def end(process: Mark, *, within: float) -> bool:
    """Ask that process to stop, wait, and kill it where it does not. Returns whether it stopped when asked.

    `within` is in seconds. For processes that are not our children; blocks.
    """
    if not alive(process):
        return True
    with contextlib.suppress(ProcessLookupError):
        os.kill(process.pid, signal.SIGTERM)
    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        if not alive(process):
            return True
        time.sleep(0.05)
    if alive(process):
        with contextlib.suppress(ProcessLookupError):
            os.kill(process.pid, signal.SIGKILL)
    return False


def port_in_use(host: str, port: int) -> str:
    """Empty where a listener can be put on `host` and `port`; else why not, as half a sentence."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
            probe.listen(1)
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                return f"cannot be listened on ({error.strerror})"
            holder = _holder(port)
            return f"is taken by {holder}" if holder else "is taken by another program"
    return ""


def free_port(host: str = "127.0.0.1") -> int:
    """A port of `host` that nobody listens on just now."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.bind((host, 0))
        port: int = probe.getsockname()[1]
        return port


def _holder(port: int) -> str:
    """The program that listens on `port`, as far as we may know: `python3 (pid 12)`."""
    inodes = set()
    for table in ("tcp", "tcp6"):
        with contextlib.suppress(OSError):
            for line in (_PROC / "net" / table).read_text().splitlines()[1:]:
                fields = line.split()
                if fields[3] == _LISTEN and int(fields[1].rpartition(":")[2], 16) == port:
                    inodes.add(f"socket:[{fields[9]}]")
    for pid in _pids():
        with contextlib.suppress(OSError):
            for handle in os.listdir(_PROC / str(pid) / "fd"):
                with contextlib.suppress(OSError):
                    if os.readlink(_PROC / str(pid) / "fd" / handle) in inodes:
                        return f"{(_PROC / str(pid) / 'comm').read_text().strip()} (pid {pid})"
    return ""
