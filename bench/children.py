"""What a deployment is put over: a filled store, and clouds beneath it that run.

Where this version of fractus has `fractus simulate`, the clouds are OpenStack clouds over HTTP that hold the very
servers of the store, and change by themselves. Else they are simulated drivers inside the workers; then the clouds of
the filled servers are not connected, for they would be found empty.
"""

from __future__ import annotations

import contextlib
import importlib.util
import sqlite3
import time
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

from bench import filling
from bench.deployment import Deployment
from bench.filling import Filled
from fractus.app import cloud_rows, wiring
from fractus.app.progress import Progress

#: Clouds with simulated drivers, in the place of OpenStack clouds.
_LIVE = 10

#: A driver that there is not: nothing is asked, nothing is swept.
_NO_DRIVER = "none"

_DAY = 86400.0


class Children:
    """The clouds, and the store above them."""

    def __init__(self, filled: Filled, what: str, database: Path, leaders: Mapping[str, int]) -> None:
        self.filled, self.what = filled, what
        self._database, self._leaders = database, leaders

    def leaders(self) -> Mapping[str, int]:
        """Process groups of what runs here, by name."""
        return self._leaders

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
    await _add_live(at)
    what = f"{_LIVE} simulated clouds; those of the {servers:,} servers in the store are not swept"
    yield Children(filled, what, database, {})


async def _filled(directory: Path, servers: int, clouds: int, projects: Mapping[int, str]) -> Filled:
    return await filling.fill(directory, servers, projects[1])


async def _add_live(at: Deployment) -> None:
    directory = at.settings.state_dir / "simulated"
    directory.mkdir(exist_ok=True)
    parts = wiring.core(at.settings)
    try:
        for number in range(_LIVE):
            name = f"live-{number:02d}"
            await cloud_rows.add(
                parts.store, parts.vault, name=name, driver="simulated", identity="shared",
                settings={"path": str(directory / f"{name}.sqlite"), "hosts": 10, "vcpus_per_host": 1000}, auth={},
            )  # fmt: skip
    finally:
        await parts.close()
