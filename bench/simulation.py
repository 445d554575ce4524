"""`fractus simulate` beneath a deployment: its processes, its clouds added to the store, its faults, what it costs."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, NamedTuple

import aiohttp
import yaml

from bench.deployment import Deployment, Tenant, deployed
from bench.load import Processor
from fractus.app import wiring
from fractus.auth.calls import Caller
from fractus.local import running
from fractus.local.keystone import ADMIN
from fractus.local.processes import free_port
from fractus.local.progress import Progress
from fractus.local.supervisor import Program
from fractus.operations import cloud_rows
from fractus.simulation import control

#: Opening a cloud takes a tenth of a second of processor time, filling it with 10,000 servers a second; and others may
#: be at work on the machine. Seconds.
_READY_WITHIN, _READY_EACH = 120.0, 10.0
_WORKS_WITHIN = 120.0


class Simulation:
    """Clouds that run."""

    def __init__(self, state: Path) -> None:
        self.state = state

    @property
    def entries(self) -> dict[str, dict[str, Any]]:
        """Cloud -> its entry of `clouds.yaml`."""
        found: dict[str, dict[str, Any]] = yaml.safe_load((self.state / "clouds.yaml").read_text("utf-8"))[
            "clouds"
        ]
        return found

    @property
    def names(self) -> list[str]:
        """Of all clouds."""
        return sorted(self.entries)

    def leaders(self) -> dict[str, int]:
        """Process groups, by name."""
        record = running.read(self.state / "run")
        parts = [] if record is None else record.parts
        return {part.name: part.process.pid for part in parts if part.process is not None}

    def processor(self) -> Processor:
        """Of all its processes."""
        return Processor(self.leaders().values())

    async def fault(self, names: list[str], fault: str) -> None:
        """Have something be wrong with these clouds, or `none`; returns when it is so."""
        await self._obeyed(control.ask(self.state, faults=dict.fromkeys(names, fault)))

    async def behave(self, *, change: float | None = None, latency: float | None = None) -> None:
        """Have them change so many percent of their servers in a minute, answer so slowly; returns when it is so."""
        await self._obeyed(control.ask(self.state, change=change, latency=latency))

    async def _obeyed(self, controls: control.Controls) -> None:
        shares = range(len(self.leaders()))
        while not control.obeyed(self.state, shares, controls.version):
            await asyncio.sleep(control.LOOK)


async def started(at: Deployment, state: Path, clouds: int, **more: Any) -> Simulation:
    """Start clouds; they are stopped with the deployment. `more`: options of the command (`processes=2`)."""
    state.mkdir(parents=True, exist_ok=True)
    made = Simulation(state)
    options = {"clouds": clouds, "port": _free_ports(clouds), "state": state, **more}
    argv = [f"--{name}={value}" for name, value in options.items() if value is not True]
    argv += [f"--{name}" for name, value in options.items() if value is True]

    async def ready() -> bool:
        record = running.read(state / "run")
        return record is not None and record.ready

    await at.start(
        [
            Program(
                name="simulate",
                argv=[sys.executable, "-m", "fractus", "simulate", *argv],
                environ=dict(os.environ),
                cwd=state,
                log=at.settings.log_dir / "simulate.log",
                ready=ready,
                ready_within=_READY_WITHIN + _READY_EACH * clouds,
                stop_within=60.0,
            )
        ]
    )
    return made


def _free_ports(number: int) -> int:
    """The port before so many that are most likely free: away from those that are given out by themselves."""
    return 10_000 + free_port() % (10_000 - number)


def metrics() -> dict[str, dict[str, int]]:
    """Settings of a deployment whose worker tells what it does on a port that no connection is given by chance."""
    return {"work": {"metrics_port": 20_000 + free_port() % 10_000}}


async def _add(at: Deployment, made: Simulation) -> None:
    parts = wiring.core(at.settings)
    try:
        for name, entry in made.entries.items():
            await cloud_rows.add(
                parts.store, parts.vault, name=name, driver="openstack", identity="own",
                settings={}, auth=entry,
            )  # fmt: skip
    finally:
        await parts.close()


class Things(NamedTuple):
    """Ids of what servers are made of."""

    flavor: str
    image: str


async def things(at: Deployment) -> Things:
    """A flavor and an image, made by the administrator for all."""
    async with Caller() as admin:
        await admin.log_in(at.keystone.url, ADMIN, at.keystone.passwords()["admin"], ADMIN)
        body: dict[str, Any] = {"name": "bench", "vcpus": 1, "ram": 64, "disk": 1}
        flavor = (await admin.call("POST", f"{at.compute}/flavors", {"flavor": body}))["flavor"]["id"]
        body = {
            "name": "bench",
            "disk_format": "raw",
            "container_format": "bare",
            "visibility": "public",
        }
        image = (await admin.call("POST", f"{at.image}/images", body))["id"]
        await admin.call("PUT", f"{at.image}/images/{image}/file", data=b"bench" * 1000)
    return Things(flavor, image)


class Stood(NamedTuple):
    """A deployment over clouds, all of it running, and a tenant who may begin."""

    at: Deployment
    tenant: Tenant
    below: Simulation
    made: Things


@contextlib.asynccontextmanager
async def over_clouds(
    directory: Path,
    progress: Progress,
    clouds: int,
    *,
    tenant: str,
    workers: int,
    api_processes: int = 1,
    **more: Any,
) -> AsyncIterator[Stood]:
    """Stand up everything in an empty directory, with empty clouds beneath; it is stopped at the end. `more`: options
    of `fractus simulate`.
    """
    async with deployed(directory, progress, api_processes=api_processes, settings=metrics()) as at:
        await at.start_keystone()
        user = await at.tenant(tenant)
        await user.log_in()
        with progress.step(f"Starting {clouds} clouds", f"{clouds} clouds run"):
            below = await started(at, directory / "clouds", clouds, **more)
            await _add(at, below)
        await at.start_api()
        made = await things(at)
        await at.start_workers(workers)
        await working(at)
        yield Stood(at, user, below, made)


async def working(at: Deployment) -> None:
    """Wait until the first worker answers: on a busy machine it takes longer to load than it is given to run."""
    async with asyncio.timeout(_WORKS_WITHIN):
        while True:
            with contextlib.suppress(aiohttp.ClientConnectionError):
                await asked(at.settings.work.metrics_port)
                return
            await asyncio.sleep(control.LOOK)


class Asked(NamedTuple):
    """What a worker has done so far."""

    calls: float
    """To its clouds."""
    sweeps: float
    looks: float


async def asked(port: int) -> Asked:
    """By its page of metrics."""
    async with aiohttp.ClientSession() as session, session.get(f"http://127.0.0.1:{port}/metrics") as answer:
        text = await answer.text()
    names = ("fractus_child_call_seconds_count", "fractus_sweeps_total", "fractus_reconcile_outcomes_total")
    totals = dict.fromkeys(names, 0.0)
    for line in text.splitlines():
        name = line.partition("{")[0]
        if name in totals:
            totals[name] += float(line.rpartition(" ")[2])
    return Asked(*(totals[name] for name in names))
