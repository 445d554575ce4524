"""What a deployment is put over: a filled store, and clouds beneath it that run.

The clouds are those of `fractus simulate`: OpenStack's APIs over HTTP, as slow as real ones, and empty at first. The
clouds of the servers with which the store is filled are not connected, for nobody has these servers.
"""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import sqlite3
import sys
import time
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from bench import filling
from bench.deployment import Deployment, Tenant
from bench.filling import Filled
from fractus.app import wiring
from fractus.auth.calls import Caller
from fractus.cli.cloud import read_entry
from fractus.local import running
from fractus.local.keystone import ADMIN
from fractus.local.processes import port_in_use
from fractus.local.programs import inherited
from fractus.local.progress import Progress
from fractus.local.supervisor import Program
from fractus.operations import cloud_rows
from fractus.simulation import ids

#: Clouds that run.
_LIVE = 10

#: Seconds that one server gets.
_BOOTS_WITHIN = 120.0


class Children:
    """The clouds, and the store above them."""

    def __init__(
        self, filled: Filled, what: str, database: Path, leaders: Callable[[], Mapping[str, int]]
    ) -> None:
        self.filled, self.what = filled, what
        self._database, self._leaders = database, leaders

    def leaders(self) -> Mapping[str, int]:
        """Process groups of what runs here, by name."""
        return self._leaders()

    async def boots(self, at: Deployment, tenant: Tenant) -> float:
        """Have a server made; the seconds until it is ACTIVE."""
        async with Caller() as caller:
            await tenant.log_in()
            caller.token = tenant.token
            began = time.monotonic()
            flavor, image = self.filled.flavor_id, self.filled.image_id
            server = {"name": "one", "flavorRef": flavor, "imageRef": image}
            made = await caller.call("POST", f"{at.compute}/servers", {"server": server})
            shown: dict[str, Any] = {"status": "unknown"}
            while time.monotonic() - began < _BOOTS_WITHIN:
                shown = (await caller.call("GET", f"{at.compute}/servers/{made['server']['id']}"))["server"]
                if shown["status"] == "ACTIVE":
                    return time.monotonic() - began
                await asyncio.sleep(0.05)
        raise TimeoutError(f"a server is {shown['status']} after {_BOOTS_WITHIN:.0f} s")

    async def work_left(self) -> list[str]:
        """Pieces of work that are not done, a sentence for each sort."""
        with contextlib.closing(sqlite3.connect(f"file:{self._database}?mode=ro", uri=True)) as db:
            rows = db.execute(
                "SELECT kind, cloud, count(*), max(reason) FROM work GROUP BY kind, cloud ORDER BY 3 DESC LIMIT 10"
            ).fetchall()
        return [
            f"{count} {kind} in {cloud or 'no cloud yet'}: {reason}" for kind, cloud, count, reason in rows
        ]


@contextlib.asynccontextmanager
async def children(
    at: Deployment, directory: Path, kept: Path | None, plan: filling.Plan, progress: Progress
) -> AsyncIterator[Children]:
    """Fill the store of a deployment that does not run yet, and have clouds beneath it. `kept`: where the filled store
    is kept for the next time.
    """
    database = at.settings.state_dir / "fractus.db"
    with progress.step(f"Filling the store with {plan.servers:,} servers", "The store is filled"):
        filled = await _filled(directory, kept, plan)
    with contextlib.closing(sqlite3.connect(database)) as db, db:
        db.execute("DELETE FROM cloud")
    with progress.step(f"Starting {_LIVE} clouds", f"{_LIVE} clouds run"):
        what, leaders = await _add_live(at, directory / "clouds", _LIVE)
    what += f"; those {plan.clouds} of the {plan.servers:,} servers in the store are not connected"
    yield Children(filled, what, database, leaders)


@contextlib.asynccontextmanager
async def beneath(
    at: Deployment, directory: Path, number: int, progress: Progress
) -> AsyncIterator[Children]:
    """Empty clouds beneath a deployment whose API runs already, and a flavor and an image."""
    with progress.step(f"Adding {number} clouds", f"There are {number} clouds"):
        what, leaders = await _add_live(at, directory / "clouds", number)
        filled = await _things(at)
    yield Children(filled, what, at.settings.state_dir / "fractus.db", leaders)


async def _things(at: Deployment) -> Filled:
    """What an administrator makes for all."""
    async with Caller() as admin:
        await admin.log_in(at.keystone.url, ADMIN, at.keystone.passwords()["admin"], ADMIN)
        flavor = {"name": "m1.bench", "vcpus": 1, "ram": 64, "disk": 1}
        made = await admin.call("POST", f"{at.compute}/flavors", {"flavor": flavor})
        body = {"name": "bench", "disk_format": "raw", "container_format": "bare", "visibility": "public"}
        image = await admin.call("POST", f"{at.image}/images", body)
        await admin.call("PUT", f"{at.image}/images/{image['id']}/file", data=b"bench" * 1000)
    return Filled(made["flavor"]["id"], image["id"], "", "")


async def _filled(directory: Path, kept: Path | None, plan: filling.Plan) -> Filled:
    """A store as planned in `directory/state`: a copy of the one that is kept, or a new one that is then kept."""
    if kept is None:
        return await filling.populate(directory, plan)
    if not _fits(kept, plan):
        await filling.populate(directory, plan)
        shutil.rmtree(kept / "state", ignore_errors=True)
        await asyncio.to_thread(shutil.copytree, directory / "state", kept / "state", ignore=_RUNNING)
        (kept / "plan.json").write_bytes(msgspec.json.encode(plan))
    else:
        for name in ("fractus.db", "vault.key"):
            await asyncio.to_thread(shutil.copy2, kept / "state" / name, directory / "state" / name)
        shutil.copytree(kept / "state" / "images", directory / "state" / "images", dirs_exist_ok=True)
    return filling.filled()


def _fits(kept: Path, plan: filling.Plan) -> bool:
    """Whether a store that is kept will do: as many servers, and the first tenant has the first project's."""
    try:
        known = msgspec.json.decode((kept / "plan.json").read_bytes(), type=filling.Plan)
    except (OSError, msgspec.DecodeError):
        return False
    return (known.servers, known.projects.get(1)) == (plan.servers, plan.projects.get(1))


#: What belongs to a run.
_RUNNING = shutil.ignore_patterns("run", "log", "*.sock", "*.pid")


def prepared(directory: Path, kept: Path | None) -> None:
    """Make a state directory; with the Keystone of the store that is kept, whose projects the store knows."""
    state = directory / "state"
    state.mkdir(mode=0o700)
    if kept is not None and (kept / "state" / "keystone").exists():
        shutil.copytree(kept / "state" / "keystone", state / "keystone")


async def _add_live(at: Deployment, state: Path, number: int) -> tuple[str, Callable[[], Mapping[str, int]]]:
    """`fractus simulate`, with the latencies of a real cloud."""
    state.mkdir()
    words = ["--clouds", str(number), "--hosts", "100", "--port", str(_ports(number)), "--state", str(state)]

    async def ready() -> bool:
        record = running.read(state / "run")
        return record is not None and record.ready

    program = Program(
        name="simulate", argv=[sys.executable, "-m", "fractus", "simulate", *words], environ=inherited(), cwd=state,
        log=state / "simulate.log", ready=ready, ready_within=60.0 + 2.0 * number, stop_within=40.0,
    )  # fmt: skip
    await at.start([program])
    file = str(state / "clouds.yaml")
    entries = {f"live-{cloud:03d}": read_entry(ids.cloud_name(cloud), file) for cloud in range(1, number + 1)}
    await _add_rows(at, entries)

    def leaders() -> Mapping[str, int]:
        record = running.read(state / "run")
        parts = record.parts if record is not None else []
        return {part.name: part.process.pid for part in parts if part.process is not None}

    return f"{number} simulated OpenStack clouds over HTTP, with the latencies of real ones", leaders


def _ports(number: int) -> int:
    """A port after which so many are free."""
    for first in range(22000, 60000, 1000):
        if not any(port_in_use("127.0.0.1", first + cloud) for cloud in range(1, number + 1)):
            return first
    raise OSError(f"no {number} free ports in a row")


async def _add_rows(at: Deployment, entries: Mapping[str, Mapping[str, Any]]) -> None:
    parts = wiring.core(at.settings)
    try:
        for name, auth in entries.items():
            await cloud_rows.add(
                parts.store,
                parts.vault,
                name=name,
                driver="openstack",
                identity="own",
                settings={},
                auth=auth,
            )
    finally:
        await parts.close()
