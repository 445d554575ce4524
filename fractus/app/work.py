"""The worker process: the machine over the clouds."""

from __future__ import annotations

import asyncio
import contextlib
import signal

import uvloop
from prometheus_client import start_http_server

from fractus.app import wiring
from fractus.base import collector
from fractus.base import log as logging
from fractus.notify import node
from fractus.notify.broker import RabbitNotifier
from fractus.operations.cloud_identity import Enrolment
from fractus.reconcile.queue.ownership import Shared
from fractus.reconcile.queue.worker_identity import owner_name
from fractus.settings.loading import Settings

log = logging.logger("app.work")


def main(settings: Settings) -> None:
    """Work until SIGTERM or SIGINT; then finish what is under way and give the rest back."""
    logging.configure(settings.log.level, json=settings.log.json)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_run(settings))


async def _run(settings: Settings) -> None:
    notifier = node.LocalNotifier()
    parts = wiring.core(settings, notifier=notifier)
    owner = owner_name()
    broker = wiring.rabbit_lanes(settings)
    ownership = Shared(parts.store, parts.clock, owner, broker=broker)
    worker = wiring.worker(parts, notifier, owner=owner, ownership=ownership)
    outward = wiring.notifier(settings)

    def route(cloud: str) -> None:
        """What this worker wakes may be in another one's lane."""
        if worker.runs(cloud):
            worker.notify(cloud)
        else:
            outward.notify(cloud)

    notifier.listen(route)
    if broker is not None:
        broker.hear(worker.notify)
        broker.start()
    if isinstance(outward, RabbitNotifier):
        outward.start()
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    if settings.work.metrics_port:
        with contextlib.suppress(OSError):
            # A second worker of this node leaves the page to the first.
            start_http_server(settings.work.metrics_port, addr=settings.api.host, registry=parts.registry)
    hearing = await node.listen(settings.state_dir, worker.notify)
    collector.settle()
    log.info("worker runs", owner=worker.owner)
    enrolling = asyncio.create_task(Enrolment(parts, worker.runs).run())
    try:
        await worker.run(stop)
    finally:
        enrolling.cancel()
        await asyncio.wait([enrolling])
        if hearing is not None:
            hearing.close()
        if broker is not None:
            await broker.close()
        if isinstance(outward, RabbitNotifier):
            await outward.close()
        await parts.close()
    log.info("worker has stopped")
