"""A worker that was suspended for longer than its lease, just before it sent a change, does not send it any more."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path
from typing import Any

from fractus.base import guard
from fractus.reconcile.queue.loop import Worker
from fractus.testing.asgi import App
from fractus.testing.world import World
from tests.api.processes import several


async def test_a_create_that_was_announced_before_a_long_stop_is_not_sent_after_it(tmp_path: Path) -> None:
    apps: dict[str, App] = {}
    async with World(clouds=1, tmp_path=tmp_path, assemble=several(apps, workers=2)) as world:
        ann = world.user("ann")
        server = await ann.boots_server("vm", zone="a")
        stopped, going = asyncio.Event(), asyncio.Event()
        workers: list[Worker] = world.parts.worker.workers  # type: ignore[attr-defined]
        sleeper, other = workers
        begin = sleeper.machine.begin

        async def suspended(claim: Any, *rest: Any, **more: Any) -> bool:
            done = await begin(claim, *rest, **more)
            if claim.kind == "server" and not stopped.is_set():
                stopped.set()
                await going.wait()
            return done

        sleeper.machine.begin = suspended  # type: ignore[method-assign]
        asleep: asyncio.Task[int] | None = None
        while not stopped.is_set():
            asleep = asyncio.create_task(sleeper.run_due())
            waiting = asyncio.create_task(stopped.wait())
            await asyncio.wait([asleep, waiting], return_when=asyncio.FIRST_COMPLETED)
            waiting.cancel()
            await world.clock.advance(1.0)
        assert asleep is not None
        # The other one finds the lease over, looks for a lost create twice, and makes the server.
        world.parts.worker.workers = [other]  # type: ignore[attr-defined]
        await world.settle()
        assert (await ann.server(server))["status"] == "ACTIVE"
        sleeper.machine.awake = lambda: guard.boottime() + 300.0
        going.set()
        await asleep
        made = Counter((one.kind, one.id) for one in world.cloud("a").faults.calls(method="create"))
        assert [key for key, count in made.items() if count > 1] == []
        assert len(world.cloud("a").marked("server", server)) == 1
        await world.assert_no_orphans()


async def test_the_guard_is_the_tasks_own() -> None:
    def no() -> None:
        raise LookupError

    async def guarded() -> None:
        guard.set_guard(no)
        try:
            guard.check()
        except LookupError:
            return
        raise AssertionError("it may not")

    await asyncio.create_task(guarded())
    guard.check()
