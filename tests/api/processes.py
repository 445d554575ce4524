"""A world whose API and workers are processes of their own, as in a real set-up: they share nothing but the file.

No wake-up passes between them: with every one lost the same things must come about.
"""

from __future__ import annotations

import asyncio
import itertools
from typing import cast

from fractus.app import wiring
from fractus.app.children import Connect
from fractus.app.wiring import Core
from fractus.model.cloud import HOME, Scope
from fractus.notify.node import LocalNotifier
from fractus.operations import cloud_rows
from fractus.reconcile.queue.loop import Worker
from fractus.testing.asgi import App
from fractus.testing.world import Assemble, Parts, World


class Workers:
    """Several workers, at work at the same time."""

    def __init__(self, workers: list[Worker]) -> None:
        self.workers = workers

    async def run_due(self) -> int:
        """What is due, whoever takes it."""
        return sum(await asyncio.gather(*(worker.run_due() for worker in self.workers)))


def _core(world: World, *, crowded: bool) -> Core:
    core = wiring.core(world.settings(), notifier=LocalNotifier(), clock=world.clock, crowded=crowded)
    drivers = cast("dict[str, Connect]", core.drivers)
    drivers["simulated"] = lambda row: world.cloud(row.name).connect(world, row)
    return core


def several(apps: dict[str, App], workers: int = 1, apis: int = 1) -> Assemble:
    """Build a world of `apis` APIs, put into `apps` by name (the first is also the world's own), and workers."""

    async def assemble(world: World) -> Parts:
        cores = [_core(world, crowded=number < apis) for number in range(apis + workers)]
        for cloud in world.clouds:
            await cloud_rows.add(
                cores[0].store, cores[0].vault, name=cloud.name, driver="simulated", identity=cloud.row.identity,
                settings=cloud.row.settings, auth={},
            )  # fmt: skip
        for core in cores:
            await core.children.refresh(core.store)
        apps.update(
            {
                f"api{number}": wiring.api(core, world.tokens, world.tokens)
                for number, core in enumerate(cores[:apis])
            }
        )
        numbers = itertools.count(1)

        async def scope_of(project_id: str) -> Scope:
            return Scope(project_id, world.project_name(project_id)) if project_id else HOME

        first = {id(core): wiring.worker(core, LocalNotifier(), scope_of) for core in cores[apis:]}

        def new_workers() -> Workers:
            made = [Worker(one.machine, one.metrics, owner=f"w:{next(numbers)}") for one in first.values()]
            return Workers(made)

        async def sweep_all(full: bool) -> None:
            at_work: Workers = cast("Workers", world.parts.worker)
            for worker in at_work.workers:
                for cloud in world.clouds:
                    await worker.sweep_once(cloud.name, full=full)

        async def close() -> None:
            for core in cores:
                await core.close()

        return Parts(apps["api0"], cores[0].store, new_workers(), new_workers, sweep_all, close)

    return assemble
