"""The worker process: the machine over the clouds."""

from __future__ import annotations

import asyncio
import contextlib
import signal

from prometheus_client import start_http_server

from fractus.app import bell, wiring
from fractus.app.settings import Settings
from fractus.base import log as logging

log = logging.logger("app.work")


def main(settings: Settings) -> None:
    """Work until SIGTERM or SIGINT; then finish what is under way and give the rest back."""
    logging.configure(settings.log.level, json=settings.log.json)
    asyncio.run(_run(settings))


async def _run(settings: Settings) -> None:
    ringing = bell.LocalBell()
    parts = wiring.core(settings, bell=ringing)
    worker = wiring.worker(parts, ringing)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    if settings.work.metrics_port:
        with contextlib.suppress(OSError):
            # A second worker of this node leaves the page to the first.
            start_http_server(settings.work.metrics_port, addr=settings.api.host, registry=parts.registry)
    hearing = await bell.listen(settings.state_dir, worker.ring)
    log.info("worker runs", owner=worker.owner)
    try:
        await worker.run(stop)
    finally:
        if hearing is not None:
            hearing.close()
        await parts.close()
    log.info("worker has stopped")
