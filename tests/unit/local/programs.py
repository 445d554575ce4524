"""Tiny programs for the supervisor to run, and a way to say when they are ready."""

from __future__ import annotations

import os
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

from fractus.local.supervisor import Program

#: Says that it is up (a file), writes its end to the common journal when it is asked to stop.
WELL_BEHAVED = """
import os, signal, sys, time
name = sys.argv[1]
def stop(number, frame):
    with open("journal", "a") as out:
        out.write(name + "\\n")
    os.unlink(name + ".up")
    sys.exit(0)
signal.signal(signal.SIGTERM, stop)
print("I am", name, flush=True)
with open(name + ".starts", "a") as out:
    out.write("x")
open(name + ".up", "w").write(str(os.getpid()))
while True:
    time.sleep(10)
"""

DEAF = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + WELL_BEHAVED.replace(
    "signal.signal(signal.SIGTERM, stop)", ""
)

#: Leaves a child of its own behind when it dies.
PARENT = (
    """
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
open("grandchild", "w").write(str(child.pid))
"""
    + WELL_BEHAVED
)

BROKEN = "print('I cannot'); raise SystemExit(3)"


def program(
    directory: Path,
    name: str,
    source: str = WELL_BEHAVED,
    *,
    ready: Callable[[], Awaitable[bool]] | None = None,
    ready_within: float = 120.0,
    stop_within: float = 120.0,
) -> Program:
    async def up() -> bool:
        return (directory / f"{name}.up").exists()

    return Program(
        name=name,
        argv=[sys.executable, "-c", source, name],
        environ=dict(os.environ),
        cwd=directory,
        log=directory / "log" / f"{name}.log",
        ready=ready or up,
        ready_within=ready_within,
        stop_within=stop_within,
    )
