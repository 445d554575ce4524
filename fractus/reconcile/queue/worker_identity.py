"""The name of a worker as the holder of leases, and how a dead one of this host is recognised by it."""

from __future__ import annotations

import os
import socket


def owner_name() -> str:
    """This process as the holder of leases: host, process id and its start, so that a dead one can be recognised."""
    return f"{_host()}:{os.getpid()}:{_started(os.getpid())}"


def _host() -> str:
    """This host, and on it the space that process ids are counted in: two containers may share a name and a store."""
    try:
        space = os.readlink("/proc/self/ns/pid").strip("pid:[]")
    except OSError:
        space = ""
    return f"{socket.gethostname()}/{space}"


def _started(pid: int) -> str:
    try:
        with open(f"/proc/{pid}/stat") as handle:
            return handle.read().rsplit(")", 1)[1].split()[19]
    except (OSError, IndexError):
        return ""


def is_dead(owner: str) -> bool:
    """Whether a holder of leases is surely dead: a process of this very host that is not there any more."""
    host, pid, started = [*owner.split(":"), "", ""][:3]
    return host == _host() and pid.isdigit() and _started(int(pid)) != started
