"""One process of a simulation: its share of the clouds, until it is asked to stop."""

from __future__ import annotations

import asyncio
import contextlib
import os
import resource
import signal
from pathlib import Path

from fractus.base import collector
from fractus.base import log as logging
from fractus.base.clock import SystemClock
from fractus.simulation import control, ids
from fractus.simulation.archive import Archive
from fractus.simulation.changes import Changes
from fractus.simulation.child import Child
from fractus.simulation.credentials import passwords
from fractus.simulation.gate import Gate, Latency
from fractus.simulation.plan import Plan

log = logging.logger("simulate")


class Process:
    """The clouds of share `share`."""

    def __init__(self, state: Path, plan: Plan, share: int) -> None:
        """Nothing is opened yet."""
        self._state, self._plan, self._share = state, plan, share
        self._clock = SystemClock()
        self._gates: dict[str, Gate] = {}
        self._carried_out: float = -1.0
        self._changes: Changes

    async def run(self) -> None:
        """Serve until SIGINT or SIGTERM."""
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stop.set)
        changing: asyncio.Task[None] | None = None
        archiving: asyncio.Task[None] | None = None
        try:
            await self._start(stop)
            if stop.is_set():
                return
            changing = asyncio.create_task(self._changes.run())
            archiving = asyncio.create_task(Archive([gate.child for gate in self._gates.values()]).run())
            while not stop.is_set():
                await self._obey()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(control.LOOK):
                        await stop.wait()
        finally:
            for task in filter(None, (changing, archiving)):
                task.cancel()
                await asyncio.wait([task])
            for gate in self._gates.values():
                gate.door.shut()
            await asyncio.gather(*(gate.child.close() for gate in self._gates.values()))

    async def _start(self, stop: asyncio.Event) -> None:
        plan = self._plan
        known = passwords(self._state, plan)
        for cloud in plan.shares()[self._share]:
            if stop.is_set():
                return
            name = ids.cloud_name(cloud)
            child = Child(self._state / name, name, plan.url_of(cloud), plan.hosts, self._clock)
            child.found(known[cloud])
            await child.start()
            latency = Latency(plan.latency, f"{plan.seed} {name}")
            self._gates[name] = Gate(child, latency, plan.host, plan.port_of(cloud))
        children = [gate.child for gate in self._gates.values()]
        self._changes = Changes(children, plan.seed, self._state / f"journal-{self._share + 1}.jsonl")
        collector.settle()

    async def _obey(self) -> None:
        """Carry out what is asked for, if that has changed."""
        written = control.changed(self._state)
        if written == self._carried_out:
            return
        self._carried_out = written
        controls = control.read(self._state)
        self._changes.percent = self._plan.change if controls.change is None else controls.change
        for name, gate in self._gates.items():
            fault = controls.faults.get(name, "none")
            if fault != gate.fault or not (gate.door.is_open or fault == "refuse"):
                await gate.suffer(fault)
            gate.latency.factor = self._plan.latency if controls.latency is None else controls.latency
        control.done(self._state, self._share, controls.version)


def main(state: Path, plan: Plan, share: int) -> None:
    """Run one, in this process."""
    logging.configure("warning")
    os.umask(0o077)
    # Each cloud holds a dozen files open, and as many connections as its callers like.
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    import uvloop

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(Process(state, plan, share).run())
