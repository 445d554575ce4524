"""A cloud was away for an hour, and thousands of operations wait for it: how long until they are done, and who notices.

    python -m bench.backlog [--operations 10000] [--pace 100]        (make backlog)

The whole program runs in this process over three simulated clouds, with its real worker loop. One cloud goes away;
operations for it are accepted by the API; the clocks are moved on by an hour; it comes back, and is asked for no more
than `--pace` calls a second. All the while servers in another cloud are renamed, one after the other, and it is
measured how long each takes to be done there.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple, cast

from sqlalchemy import func, select

from fractus.base import log as logging
from fractus.clouds.openstack.pace import Rate
from fractus.clouds.simulated.cloud import SimulatedCloud
from fractus.model.cloud import CloudRow
from fractus.reconcile.queue.loop import Worker
from fractus.store.schema import WORK
from fractus.store.transaction import Query
from fractus.testing.clock import VirtualClock
from fractus.testing.user import COMPUTE, User
from fractus.testing.world import World, WorldCloud

AWAY, NEAR = "away", "near"
HOUR = 3600.0

#: Of the operations so many are stops, and as many deletes, of servers that are there; the others are creates.
_STOPS = _DELETES = 0.1
#: Requests to the API at the same time.
_AT_ONCE = 20
#: Seconds between two looks at how far it is.
_LOOK = 1.0


class SkippingClock(VirtualClock):
    """The machine's own clock, which can be moved on: nobody who sleeps is woken by that."""

    def __init__(self) -> None:
        super().__init__(time.time())
        self._skipped = 0.0

    def now(self) -> float:
        return time.time() + self._skipped

    def monotonic(self) -> float:
        return time.monotonic() + self._skipped

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(max(0.0, seconds))

    def skip(self, seconds: float) -> None:
        """So much time has gone by."""
        self._skipped += seconds


class PacedCloud(WorldCloud):
    """A simulated cloud whose operator allows so many calls a second, by the limiter of real clouds."""

    calls: list[float]
    pace: list[float]

    def connect(self, world: World, row: CloudRow | None = None) -> SimulatedCloud:
        made = super().connect(world, row)
        call, limiter = made._injector.call, Rate(world.clock, self.pace[0])

        async def paced(*args: Any, **named: Any) -> Any:
            if self.pace[0]:
                await limiter.take()
                self.calls.append(world.clock.monotonic())
            return await call(*args, **named)

        made._injector.call = paced  # type: ignore[method-assign]
        return made


class PacedWorld(World):
    """Three clouds, one of which is paced."""

    def __init__(self, directory: Path, pace: float) -> None:
        shape = {"hosts": 4, "vcpus_per_host": 10**6, "ram_per_host": 10**9, "disk_per_host": 10**8}
        super().__init__((AWAY, NEAR, "far"), tmp_path=directory, shape=shape, clock=SkippingClock())
        plain = self.clouds_by_name[AWAY]
        paced = PacedCloud(plain.row, plain.backend, plain.faults)
        object.__setattr__(paced, "calls", [])
        object.__setattr__(paced, "pace", [pace])
        self.clouds_by_name[AWAY] = paced

    @property
    def paced(self) -> PacedCloud:
        """The cloud that will be away."""
        return cast("PacedCloud", self.clouds_by_name[AWAY])


class Figures(NamedTuple):
    """Seconds, but for counts. Latencies: of a rename of a server in another cloud, until it is done there."""

    operations: int
    accepted: float
    drained: float
    calls: int
    rate: float
    """Calls a second, from the first after its return to the last."""
    excess: float
    """By how many calls it was ever ahead of its pace, the burst of one second taken off; 0 or less: never."""
    before: list[float]
    asking: list[float]
    outage: list[float]
    during: list[float]
    after: list[float]
    left_when_near_was_served: int
    """How many operations were left when the first rename after its return was done."""


_unassigned = Query(select(func.count()).where(WORK.c.cloud == ""))
_left = Query(select(func.count()).where(WORK.c.cloud.in_(["", AWAY])))


class Story:
    """One run of it."""

    def __init__(self, world: PacedWorld, operations: int, *, quiet: float, progress: bool = False) -> None:
        """`quiet`: seconds that the other cloud is looked at before and after."""
        self.progress = progress
        self.world = world
        self.operations = operations
        self.quiet = quiet
        self.ann: User = world.user("ann")
        self._flavor = self._image = self._probe = ""
        self._renames = 0

    async def measured(self) -> Figures:
        """From the first server to the last."""
        stops, deletes = int(self.operations * _STOPS), int(self.operations * _DELETES)
        await self._prepare(stops + deletes)
        before = await self._renames_for(self.quiet)
        self.world.paced.faults.unreachable()
        began = time.monotonic()
        asking: list[float] = []
        async with self._renaming(asking):
            await self._ask(stops, deletes)
        accepted = time.monotonic() - began
        await self._assigned()
        outage = await self._renames_for(self.quiet)
        cast("SkippingClock", self.world.clock).skip(HOUR)
        self.world.paced.calls.clear()
        self.world.paced.faults.heals()
        began = time.monotonic()
        during: list[float] = []
        async with self._renaming(during):
            left = await self._until_renamed(during)
            await self._drained()
        drained = time.monotonic() - began
        calls = list(self.world.paced.calls)
        after = await self._renames_for(self.quiet)
        pace = self.world.paced.pace[0]
        return Figures(
            self.operations, accepted, drained, len(calls), len(calls) / (calls[-1] - calls[0]),
            max(number + 1 - pace - pace * (at - calls[0]) for number, at in enumerate(calls)) - 1,
            before, asking, outage, during, after, left,
        )  # fmt: skip

    # ------------------------------------------------------------------ what is asked

    async def _prepare(self, servers: int) -> None:
        """The servers that will be stopped and deleted, and one elsewhere, whose name changes again and again."""
        self._flavor, self._image = await self.world.default_flavor(), await self.world.default_image()
        self._probe = await self._boot("probe", NEAR)
        await self._many([self._boot(f"old-{number}", AWAY) for number in range(servers)])
        await self._drained()
        await self._renames_for(0.5)

    async def _boot(self, name: str, zone: str) -> str:
        return await self.ann.boots_server(
            name, flavor=self._flavor, image=self._image, zone=zone, networks="none"
        )

    async def _many(self, asked: Sequence[Any]) -> None:
        gate = asyncio.Semaphore(_AT_ONCE)

        async def one(call: Any) -> None:
            async with gate:
                await call

        await asyncio.gather(*(one(call) for call in asked))

    async def _ask(self, stops: int, deletes: int) -> None:
        there = [server.marker for server in self.world.paced.of("server")]
        creates = self.operations - stops - deletes
        await self._many(
            [
                *(self._boot(f"new-{number}", AWAY) for number in range(creates)),
                *(self._stop(id) for id in there[:stops]),
                *(self.ann.deletes_server(id) for id in there[stops : stops + deletes]),
            ]
        )

    async def _stop(self, id: str) -> None:
        (await self.ann.acts(id, "os-stop")).ok()

    # ------------------------------------------------------------------ what is measured

    async def _left(self) -> int:
        """Pieces of work that wait for the cloud."""
        row = await self.world.parts.store.row(_left)
        assert row is not None
        return int(row[0])

    async def _assigned(self) -> None:
        """Return when all that was accepted has its cloud."""
        while (row := await self.world.parts.store.row(_unassigned)) is not None and row[0]:
            await asyncio.sleep(0.1)

    async def _drained(self) -> None:
        began = time.monotonic()
        while left := await self._left():
            if self.progress:
                print(f"  {time.monotonic() - began:5.0f} s: {left} pieces of work left", flush=True)
            await asyncio.sleep(_LOOK)

    async def _rename(self) -> float:
        self._renames += 1
        name = f"probe-{self._renames}"
        began = time.monotonic()
        (await self.ann.put(f"{COMPUTE}/servers/{self._probe}", {"server": {"name": name}})).ok()
        while [server.name for server in self.world.cloud(NEAR).marked("server", self._probe)] != [name]:
            await asyncio.sleep(0.005)
        return time.monotonic() - began

    async def _renames_for(self, seconds: float) -> list[float]:
        took: list[float] = []
        until = time.monotonic() + seconds
        while time.monotonic() < until or not took:
            took.append(await self._rename())
            await asyncio.sleep(0.05)
        return took

    @contextlib.asynccontextmanager
    async def _renaming(self, took: list[float]) -> AsyncIterator[None]:
        async def go_on() -> None:
            while True:
                took.append(await self._rename())
                await asyncio.sleep(0.2)

        task = asyncio.create_task(go_on())
        try:
            yield
        finally:
            while not took and not task.done():
                await asyncio.sleep(0.01)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _until_renamed(self, took: list[float]) -> int:
        """How much was left when the first rename was done."""
        while not took:
            await asyncio.sleep(0.01)
        return await self._left()


async def run(
    directory: Path, operations: int, pace: float, *, quiet: float = 10.0, progress: bool = False
) -> Figures:
    """Stand it up in an empty directory, and measure it."""
    world = PacedWorld(directory, pace)
    async with world:
        stop = asyncio.Event()
        working = asyncio.create_task(cast("Worker", world.parts.worker).run(stop))
        try:
            measuring = asyncio.create_task(
                Story(world, operations, quiet=quiet, progress=progress).measured()
            )
            await asyncio.wait([measuring, working], return_when=asyncio.FIRST_COMPLETED)
            measuring.cancel() if working.done() else None
            return await measuring
        finally:
            stop.set()
            await working


def _reported(name: str, took: Sequence[float]) -> str:
    ordered = sorted(took)
    p95 = ordered[min(len(ordered) - 1, int(len(ordered) * 0.95))]
    return (
        f"  {name:<24} median {statistics.median(took) * 1000:6.0f} ms, 95% {p95 * 1000:6.0f} ms,"
        f" longest {ordered[-1] * 1000:6.0f} ms ({len(took)} renames)"
    )


def lines(figures: Figures, pace: float) -> list[str]:
    """The figures in words."""
    return [
        f"{figures.operations} operations were accepted in {figures.accepted:.0f} s"
        f" while their cloud was away; an hour went by.",
        f"All were done {figures.drained:.0f} s after its return, with {figures.calls} calls:"
        f" {figures.rate:.0f} a second; allowed are {pace:.0f}, never exceeded: {figures.excess <= 0}.",
        "A server in another cloud was renamed there within:",
        _reported("before", figures.before),
        _reported("while all were accepted", figures.asking),
        _reported("while all were waiting", figures.outage),
        _reported("while it caught up", figures.during),
        _reported("after", figures.after),
    ]


def main() -> None:
    """`make backlog`."""
    parser = argparse.ArgumentParser(prog="python -m bench.backlog")
    parser.add_argument("--operations", type=int, default=10_000)
    parser.add_argument("--pace", type=float, default=100.0, help="calls a second that the cloud allows")
    options = parser.parse_args()
    logging.configure("error")
    with tempfile.TemporaryDirectory(prefix="fractus-backlog-") as directory:
        figures = asyncio.run(run(Path(directory), options.operations, options.pace, progress=True))
    print("\n".join(lines(figures, options.pace)))


if __name__ == "__main__":
    main()
