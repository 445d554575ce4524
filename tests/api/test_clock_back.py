"""A wall clock that is set back by a day puts nothing off: not what is due, nor what is held, nor who may log in."""

from __future__ import annotations

import asyncio

import pytest

from fractus.testing.world import World

_DAY = 86_400.0


@pytest.mark.parametrize("held", [False, True])
async def test_what_was_put_off_by_the_clock_before_is_done_soon(world: World, held: bool) -> None:
    ann = world.user("ann")
    network = await ann.own_network()
    await world.default_flavor(), await world.default_image()
    cloud = world.cloud("a")
    cloud.faults.unreachable()
    server = await ann.boots_server(zone="a", network=network)
    await world.run_for(60)
    if held:
        # Its holder ends with the lease in its hands.
        await world.parts.worker._claim("a", 100)
        world.restart_worker()
    cloud.faults.heals()
    world.clock.jump(-_DAY)
    assert (await ann.server(server))["status"] != "ACTIVE"

    worker, stop = world.parts.worker, asyncio.Event()
    working = asyncio.create_task(worker.run(stop))
    began = world.clock.monotonic()
    async with asyncio.timeout(120):
        while (await ann.server(server))["status"] != "ACTIVE":
            await world.clock.advance(1.0)
            await asyncio.sleep(0.02)
    stop.set()
    await working
    assert world.clock.monotonic() - began < 3600
