"""What an idle cloud is asked for, with all kinds that there are and something held of the usual ones."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from fractus.clouds.simulated.fault_injector import FaultInjector
from fractus.clouds.simulated.neutron import NeutronSimulated
from fractus.reconcile.machine import Pace
from fractus.reconcile.queue.loop import Worker
from fractus.testing.world import World

#: Minutes that are counted, after those in which everything is listed for the first time: longer than the inventory.
_MINUTES, _BEFORE = 12, 2


async def test_an_idle_cloud_is_asked_for_twelve_whole_listings_a_minute(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed: list[tuple[float, str]] = []
    call = FaultInjector.call

    async def counted(
        self: FaultInjector, kind: str, method: str, about: str, *args: Any, **more: Any
    ) -> Any:
        if method in ("list", "list_changed") and not about:
            listed.append((world.clock.monotonic(), kind))
        return await call(self, kind, method, about, *args, **more)

    monkeypatch.setattr(FaultInjector, "call", counted)
    # As Neutron: it keeps stamps, and refuses to list by them.
    monkeypatch.setattr(NeutronSimulated, "dates_changes", False)
    async with World(clouds=1, tmp_path=tmp_path, shape={"agents": True, "host_lists": True}) as world:
        await world.user("ann", project="p1").boots_server(zone="a")
        await world.settle()
        world.restart_worker()
        worker = world.parts.worker
        assert isinstance(worker, Worker)
        began = world.clock.monotonic()
        async with _sweeping(worker, "a") as resting:
            for _ in range((_BEFORE + _MINUTES) * 12):
                await resting.wait()
                await world.clock.advance(5.0)
        kinds = worker._kinds("a")
    watched = [(at - began - 60.0 * _BEFORE, kind) for at, kind in listed if at - began >= 60.0 * _BEFORE]
    a_minute = Counter(int(at // 60.0) for at, _ in watched)
    assert len(watched) <= Pace().listings * _MINUTES
    assert max(a_minute.values()) <= Pace().listings + 1, "one that is late comes with the next"
    assert {kind for _, kind in watched} == set(kinds), "and everything was seen once more"


@contextlib.asynccontextmanager
async def _sweeping(worker: Worker, cloud: str) -> Any:
    """Sweep it as the worker does; the event says when a quick sweep is done, and the next one waits for its time."""
    resting = asyncio.Event()
    rest = worker._rest_of

    async def rests(*args: Any, **more: Any) -> None:
        resting.set()
        await rest(*args, **more)
        resting.clear()

    worker._rest_of = rests  # type: ignore[method-assign]
    sweeper = asyncio.create_task(worker._sweeper(cloud))
    try:
        yield resting
    finally:
        sweeper.cancel()
        await asyncio.gather(sweeper, return_exceptions=True)
