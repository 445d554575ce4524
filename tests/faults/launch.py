"""Processes of the fault suite: those of fractus itself, with a wall clock that the suite can make jump.

    python -m tests.faults.launch api|worker|child      (FRACTUS_STATE and FAULTS_CLOCK are set)

`api` is `fractus serve`, `worker` is `fractus work`. `child` is both in one process, over one simulated cloud: a child
OpenStack, to be killed and restored as one. The clock is moved through a file of eight bytes, the seconds by which it
is ahead; durations (the monotonic clock, sleeping) go on as ever, as they do when an administrator sets the time.
"""

from __future__ import annotations

import asyncio
import mmap
import os
import signal
import struct
import sys
import time
from pathlib import Path

import uvicorn

from fractus.app import serve, wiring, work
from fractus.base import log as logging
from fractus.base.clock import SystemClock
from fractus.notify.node import LocalNotifier
from fractus.settings.loading import load

_SECONDS = struct.Struct("<d")


class JumpingClock:
    """Reads how far the wall clock of this process is ahead."""

    def __init__(self, path: Path) -> None:
        with path.open("rb") as file:
            self._map = mmap.mmap(file.fileno(), _SECONDS.size, access=mmap.ACCESS_READ)

    def now(self, _clock: SystemClock) -> float:
        """Stands in for `SystemClock.now`."""
        return time.time() + float(_SECONDS.unpack_from(self._map)[0])


def set_clock(path: Path, ahead: float) -> None:
    """Make the process that reads this file think that it is `ahead` seconds later."""
    with path.open("r+b" if path.exists() else "wb") as file:
        file.write(_SECONDS.pack(ahead))


def _install() -> None:
    # At the import of this module, and so in processes that the web server spawns too.
    path = os.environ.get("FAULTS_CLOCK")
    if path:
        clock = JumpingClock(Path(path))
        SystemClock.now = lambda self: clock.now(self)  # type: ignore[method-assign]


async def _child() -> None:
    settings = load()
    logging.configure(settings.log.level, json=settings.log.json)
    notifier = LocalNotifier()
    parts = wiring.core(settings, notifier=notifier)
    worker = wiring.worker(parts, notifier)
    stop = asyncio.Event()
    server = uvicorn.Server(
        uvicorn.Config(
            wiring.api(parts, wiring.keystone_tokens(parts), wiring.keystone_project_lookup(parts.settings)),
            host=settings.api.host,
            port=settings.api.port,
            lifespan="off",
            log_level="warning",
            access_log=False,
        )
    )
    working = asyncio.create_task(worker.run(stop))
    try:
        await server.serve()
    finally:
        stop.set()
        await working
        await parts.close()


def main() -> None:
    """Run one of them until it is asked to stop."""
    # Whoever is started to be killed must not outlive the one who kills.
    _die_with_parent()
    match sys.argv[1:]:
        case ["api"]:
            serve.main(load())
        case ["worker"]:
            work.main(load())
        case ["child"]:
            asyncio.run(_child())
        case other:
            raise SystemExit(f"api, worker or child, not {other}")


def _die_with_parent() -> None:
    import ctypes

    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


_install()

if __name__ == "__main__":
    main()
