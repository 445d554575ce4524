"""What a deployment is put over: a filled store, and clouds beneath it that run.

Where this version of fractus has `fractus simulate`, the clouds are OpenStack clouds over HTTP that hold the very
servers of the store, and change by themselves. Else they are simulated drivers inside the workers; then the clouds of
the filled servers are not connected, for they would be found empty.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import sqlite3
import time
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

from bench import filling
from bench.deployment import Deployment, Tenant
from bench.filling import Filled
from fractus.app import cloud_rows, wiring
from fractus.app.calls import Caller
from fractus.app.keystone import ADMIN
from fractus.app.progress import Progress

#: Clouds with simulated drivers, in the place of OpenStack clouds.
_LIVE = 10

#: A driver that there is not: nothing is asked, nothing is swept.
_NO_DRIVER = "none"

_DAY = 86400.0

#: Seconds that one server gets.
_BOOTS_WITHIN = 120.0


class Children:
    """The clouds, and the store above them."""

    def __init__(self, filled: Filled, what: str, database: Path, leaders: Mapping[str, int]) -> None:
        self.filled, self.what = filled, what
        self._database, self._leaders = database, leaders

    def leaders(self) -> Mapping[str, int]:
        """Process groups of what runs here, by name."""
        return self._leaders

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


def has_simulate() -> bool:
    """Whether there are OpenStack clouds to be simulated."""
    return importlib.util.find_spec("fractus.app.simulate") is not None


@contextlib.asynccontextmanager
async def children(
    at: Deployment,
    directory: Path,
    servers: int,
    clouds: int,
    projects: Mapping[int, str],
    progress: Progress,
) -> AsyncIterator[Children]:
    """Fill the store of a deployment that does not run yet, and have clouds beneath it."""
    database = at.settings.state_dir / "fractus.db"
    with progress.step(f"Filling the store with {servers:,} servers", "The store is filled"):
        filled = await _filled(directory, servers, clouds, projects)
    with contextlib.closing(sqlite3.connect(database)) as db, db:
        db.execute("UPDATE cloud SET seen_at = ?, driver = ?, enabled = 0", (time.time() + _DAY, _NO_DRIVER))
    await _add_live(at, _LIVE)
    what = f"{_LIVE} simulated clouds; those of the {servers:,} servers in the store are not swept"
    yield Children(filled, what, database, {})


@contextlib.asynccontextmanager
async def beneath(
    at: Deployment, directory: Path, number: int, progress: Progress
) -> AsyncIterator[Children]:
    """Empty clouds beneath a deployment whose API runs already, and a flavor and an image."""
    with progress.step(f"Adding {number} clouds", f"There are {number} clouds"):
        await _add_live(at, number)
        filled = await _things(at)
    yield Children(filled, f"{number} simulated clouds", at.settings.state_dir / "fractus.db", {})


async def _things(at: Deployment) -> Filled:
    """What an administrator makes for all."""
    async with Caller() as admin:
        await admin.log_in(at.keystone.url, ADMIN, at.keystone.passwords()["admin"], ADMIN)
        flavor = {"name": "m1.bench", "vcpus": 1, "ram": 64, "disk": 1}
        made = await admin.call("POST", f"{at.compute}/flavors", {"flavor": flavor})
        body = {"name": "bench", "disk_format": "raw", "container_format": "bare", "visibility": "public"}
        image = await admin.call("POST", f"{at.image}/images", body)
        await admin.call("PUT", f"{at.image}/images/{image['id']}/file", data=b"bench" * 1000)
    return Filled(made["flavor"]["id"], image["id"], "")


async def _filled(directory: Path, servers: int, clouds: int, projects: Mapping[int, str]) -> Filled:
    plan = filling.Plan(servers=servers, clouds=clouds, mixed=False, projects=dict(projects))
    return await filling.populate(directory, plan)


async def _add_live(at: Deployment, number: int) -> None:
    directory = at.settings.state_dir / "simulated"
    directory.mkdir(exist_ok=True)
    parts = wiring.core(at.settings)
    try:
        for cloud in range(number):
            name = f"live-{cloud:03d}"
            await cloud_rows.add(
                parts.store, parts.vault, name=name, driver="simulated", identity="shared",
                settings={"path": str(directory / f"{name}.sqlite"), "hosts": 10, "vcpus_per_host": 1000}, auth={},
            )  # fmt: skip
    finally:
        await parts.close()
