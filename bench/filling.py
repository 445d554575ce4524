"""A store as it is after months: many servers in many clouds and projects, each with its port, address and presences.

A few servers are made by the program itself (`bench.model`), and their rows are copied with other ids, names, addresses
and times. Ids follow the rules of `fractus.simulation.ids`.

    python -m bench.filling --keep DIRECTORY [--servers 1000000] [--clouds 100]

fills the state directory DIRECTORY/state, unless that was done before with the same arguments. No cloud has these
servers; a store over clouds that have them is made by `bench.owned`.
"""

from __future__ import annotations

import argparse
import hashlib
import shutil
import sqlite3
import time
from collections import Counter, defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import apsw
import msgspec
from msgspec import Struct

from bench import model as models
from bench.stencil import Stencil
from bench.stopping import Halt, in_thread, until_stopped
from fractus.addressing import ranges
from fractus.base import log as logging
from fractus.simulation import ids
from fractus.store.schema import CLOUD


def server_id(number: int) -> str:
    """The id of server `number`, which is 1 or more."""
    return ids.parent_id("server", number)


def port_id(number: int) -> str:
    """The id of its port."""
    return ids.parent_id("port", number)


class Filled(NamedTuple):
    """What there is to make more servers with, in project 1."""

    flavor_id: str
    image_id: str
    network_id: str
    subnet_id: str


#: Servers of a project of the tail.
TAIL = 20


class Plan(Struct, frozen=True, kw_only=True):
    """What to fill a store with. The same plan makes the same store, times aside."""

    servers: int = 1_000_000
    clouds: int = 100
    hosts: int = 1000
    """Of each cloud."""
    days: float = 365.0
    """The first server was made so long ago, the last one just now."""
    projects: dict[int, str] = {}
    """Ids of projects by their number, where they are not those of the rules: of projects that a Keystone has."""
    alone: bool = False
    """All servers are project 1's."""
    tail: int = 0
    """So many more projects have `TAIL` servers each, beyond `servers`; no cloud that was filled has those."""

    def project_of(self, number: int) -> int:
        """The project of a server."""
        if number > self.servers:
            return ids.PROJECTS + 1 + (number - self.servers - 1) // TAIL
        return 1 if self.alone else ids.project_of(number)

    def project_id(self, project: int) -> str:
        """Its id."""
        return self.projects.get(project) or ids.parent_project(project)

    def way_of(self, number: int) -> str:
        """How a server is: in a thousand most are active, some are stopped or in error, some have metadata."""
        share = number * 2246822519 % 2**32 * 1000 >> 32
        if share < 800:
            return "plain"
        for way, below in _WAYS.items():
            if share < below:
                return way
        raise AssertionError(share)

    def host_of(self, number: int) -> int:
        """The number of a server's host in its cloud, from 1."""
        return (number - 1) // self.clouds % self.hosts + 1

    @property
    def total(self) -> int:
        """All servers."""
        return self.servers + self.tail * TAIL


_WAYS = {"dressed": 910, "stopped": 990, "error": 1000}

_POOL = ranges.number(ids.POOL["start"])

#: Servers of which the rows are held in memory at a time.
_AT_ONCE = 5000

#: Of a hundred servers, so many were changed after they were made.
_CHANGED = 15

#: While a store is filled: nothing has to outlive a crash, and the keys are random, so all of them stay at hand.
_PRAGMAS = (
    "journal_mode = OFF", "synchronous = OFF", "locking_mode = EXCLUSIVE", "cache_size = -1500000",
    "temp_store = FILE", "foreign_keys = OFF",
)  # fmt: skip


async def fill(directory: Path, servers: int, project_id: str) -> Filled:
    """Make the state directory `directory/state` with `servers` servers of one project in two clouds."""
    return await populate(directory, Plan(servers=servers, clouds=2, projects={1: project_id}, alone=True))


async def populate(directory: Path, plan: Plan) -> Filled:
    """Make the state directory `directory/state` as `plan` says. Who is cancelled meanwhile leaves no half a store."""
    model = await models.make(directory)
    database = directory / "state" / "fractus.db"

    def work(halt: Halt) -> None:
        writer = _Writer(database, model, plan, halt)
        try:
            writer.write()
        finally:
            writer.close()

    try:
        await in_thread(work)
    except BaseException:
        database.unlink()
        raise
    return filled()


def filled() -> Filled:
    """What every filled store has."""
    return Filled(*(ids.parent_id(kind, 1) for kind in ("flavor", "image", "network", "subnet")))


class _Writer:
    """Writes the rows of a plan."""

    def __init__(self, database: Path, model: models.Model, plan: Plan, halt: Halt) -> None:
        self._model, self._plan, self._halt = model, plan, halt
        # SQLite as the program has it, with the page size and all.
        self._db = apsw.Connection(str(database))
        halt.interrupt = self._db.interrupt
        for pragma in _PRAGMAS:
            self._db.execute(f"PRAGMA {pragma}")
        self._now = time.time()
        self._here: dict[tuple[int, int], dict[str, Any]] = {}
        self._clouds_of: defaultdict[int, set[int]] = defaultdict(set)
        self._servers_of: Counter[int] = Counter()

    def close(self) -> None:
        """Release the file."""
        self._db.close()

    def write(self) -> None:
        """All of it. Indexes are made at the end: sorted once instead of mended a million times."""
        indexes = self._db.execute(
            "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL"
        ).fetchall()
        for name, _ in indexes:
            self._db.execute(f"DROP INDEX {name}")
        with self._db:
            names = [ids.cloud_name(cloud + 1) for cloud in range(self._plan.clouds)]
            self._put(self._model.once, [self._base({"stores": models.image_stores(names)})])
            self._put(self._model.cloud, [self._base({"cloud": name}) for name in names])
        for first in range(1, self._plan.total + 1, _AT_ONCE):
            with self._db:
                self._put_servers(range(first, min(first + _AT_ONCE, self._plan.total + 1)))
        with self._db:
            self._put(self._model.project_cloud, list(self._here.values()))
            self._put(self._model.project, [self._project(p) for p in sorted(self._servers_of)])
            self._put_usage()
            # No worker has run that would have said it: all clouds have answered, and will have for a day.
            self._db.execute(f"UPDATE {CLOUD.name} SET seen_at = ?", (self._now + 86400.0,))
        for _, statement in indexes:
            self._halt.check()
            self._db.execute(str(statement))
        self._db.execute("PRAGMA journal_mode = WAL")

    def _put(self, stencils: list[Stencil], values: list[dict[str, Any]]) -> None:
        for stencil in stencils:
            self._halt.check()
            self._db.executemany(stencil.statement, (stencil.fill(one) for one in values))

    def _put_servers(self, numbers: range) -> None:
        by_way: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
        for number in numbers:
            way = self._plan.way_of(number)
            by_way[way].append(self._server(number, way))
        for way, values in by_way.items():
            self._put(self._model.servers[way], values)

    def _put_usage(self) -> None:
        model = self._model
        for project, servers in self._servers_of.items():
            names = {**dict.fromkeys(model.costs, 0), **model.usage}
            used = {name: base + servers * model.costs.get(name, 0) for name, base in names.items()}
            self._db.executemany(
                "INSERT INTO quota_usage (scope, owner, name, used) VALUES ('project', ?, ?, ?)",
                [(self._plan.project_id(project), name, amount) for name, amount in used.items() if amount],
            )

    # --- values ----------------------------------------------------------------------------------

    def _base(self, more: Mapping[str, Any]) -> dict[str, Any]:
        """What everything has that is no server: it is as old as the first one."""
        began = self._now - self._plan.days * 86400.0 - 3600.0
        values = {"created": began, "updated": began, "observed": self._now}
        return {**values, **_stamps(self._model.stamps[""], began), **more}

    def _project(self, project: int) -> dict[str, Any]:
        plan = self._plan
        zones = [ids.cloud_name(cloud) for cloud in sorted(self._clouds_of[project])]
        return self._base(
            {
                "project": plan.project_id(project),
                "user": hashlib.md5(f"user {project}".encode(), usedforsecurity=False).hexdigest(),
                "network": ids.parent_id("network", project),
                "subnet": ids.parent_id("subnet", project),
                "group": ids.parent_id("security_group", project),
                **{
                    f"rule {at}": ids.parent_id("security_group_rule", project * self._model.rules + at)
                    for at in range(self._model.rules)
                },
                "free": ranges.key(_POOL + plan.clouds * self._model.keeps, 4),
                "zones": '"availability_zones":' + msgspec.json.encode(zones).decode(),
            }
        )

    def _project_there(self, project: int, cloud: int) -> dict[str, Any]:
        """Of a project in a cloud; made when its first server is there."""
        known = self._here.get((project, cloud))
        if known is None:
            self._clouds_of[project].add(cloud)
            known = self._here[project, cloud] = {
                **self._project(project),
                "cloud": ids.cloud_name(cloud),
                "project@": ids.child_project(project),
                "network@": ids.child_id("network", cloud, project),
                "subnet@": ids.child_id("subnet", cloud, project),
                "group@": ids.child_id("security_group", cloud, project),
                **{
                    f"kept {at}": ranges.key(_POOL + (cloud - 1) * self._model.keeps + at, 4)
                    for at in range(self._model.keeps)
                },
            }
        return known

    def _server(self, number: int, way: str) -> dict[str, Any]:
        plan = self._plan
        project, cloud = plan.project_of(number), ids.cloud_of(number, plan.clouds)
        self._servers_of[project] += 1
        there = self._project_there(project, cloud)
        # Evenly through all the time; the order in which they were made is that of their numbers.
        created = float(int(self._now - plan.days * 86400.0 * (1.0 - number / plan.total)))
        age = self._now - created
        dice = number * 3266489917 % 2**32
        changed = created + age * (dice % 65536) / 65536 if dice % 100 < _CHANGED else created + 3.0
        changed = float(int(min(changed, self._now)))
        host = f"host-{plan.host_of(number)}"
        ip = ids.ip(number)
        return {
            **there,
            "server": ids.parent_id("server", number),
            "port": ids.parent_id("port", number),
            "server@": ids.child_id("server", cloud, number),
            "port@": ids.child_id("port", cloud, number),
            "name": ids.server_name(number),
            "ip": ip,
            "address": ranges.key(ranges.number(ip), 4),
            "mac": ids.mac(number),
            "host": host,
            "host_id": hashlib.sha224(f"{there['project']}{there['cloud']}:{host}".encode()).hexdigest(),
            "reservation": f"r-{number:08x}",
            "created": created,
            "updated": changed,
            "changed": time.strftime('"updated":"%Y-%m-%dT%H:%M:%SZ"', time.gmtime(changed)),
            **_stamps(self._model.stamps[way], created),
        }


def _stamps(stamps: list[models.Stamp], base: float) -> dict[str, str]:
    """The moments of the model, as long after `base` as they were after its beginning."""
    return {
        one.mark: time.strftime(one.form, time.gmtime(base + one.after))
        if one.form
        else f"{base + one.after:.0f}"
        for one in stamps
    }


# --- what is kept ---------------------------------------------------------------------------------


def kept(directory: Path, plan: Plan) -> bool:
    """Whether a directory holds the store of a plan."""
    try:
        return msgspec.json.decode((directory / "plan.json").read_bytes(), type=Plan) == plan
    except (OSError, msgspec.DecodeError):
        return False


async def keep(directory: Path, plan: Plan) -> Filled:
    """The store of a plan in `directory/state`: found there, else made anew. What else lies in `state` stays."""
    if not kept(directory, plan):
        (directory / "plan.json").unlink(missing_ok=True)
        for old in (directory / "state").glob("fractus.db*"):
            old.unlink()
        shutil.rmtree(directory / "state" / "images", ignore_errors=True)
        await populate(directory, plan)
        (directory / "plan.json").write_bytes(msgspec.json.encode(plan))
    return filled()


def seen_until(database: Path, moment: float) -> None:
    """Have all clouds count as heard of until then, where no worker runs that would hear of them."""
    with sqlite3.connect(database) as db:
        db.execute(f"UPDATE {CLOUD.name} SET seen_at = ?", (moment,))
    db.close()


async def _kept(directory: Path, plan: Plan) -> None:
    await keep(directory, plan)


def main() -> None:
    """Fill a store and say how large it is."""
    parser = argparse.ArgumentParser(description="A store with many servers.")
    parser.add_argument("--keep", type=Path, required=True, help="directory that it is made in, or found")
    parser.add_argument("--servers", type=int, default=1_000_000)
    parser.add_argument("--clouds", type=int, default=100)
    parser.add_argument("--hosts", type=int, default=1000, help="of each cloud")
    parser.add_argument("--tail", type=int, default=0, help=f"further projects with {TAIL} servers each")
    parser.add_argument("--project", default="", help="the id of project 1, of a Keystone")
    args = parser.parse_args()
    logging.configure("warning")
    plan = Plan(
        servers=args.servers, clouds=args.clouds, hosts=args.hosts, tail=args.tail,
        projects={1: args.project} if args.project else {},
    )  # fmt: skip
    began = time.monotonic()
    until_stopped(_kept(args.keep, plan))
    size = (args.keep / "state" / "fractus.db").stat().st_size
    print(
        f"{plan.total} servers in {time.monotonic() - began:.0f} s;"
        f" {size / 1e9:.2f} GB, {size / plan.total:.0f} bytes for a server and all that is its own"
    )


if __name__ == "__main__":
    main()
