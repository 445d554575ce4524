"""A parent's store over clouds that `fractus simulate --owned` has filled: it knows every server in them as its own.

    python -m bench.owned --over STATE --keep DIRECTORY

The model of those clouds was made by a parent, over HTTP, and the rows of that parent are copied here as the clouds'
own were (`fractus.simulation.fill`): with other ids, names, addresses and times. So what the parent holds is to the
letter what it would see there now, and its first inventory of a million servers finds nothing to write.
"""

from __future__ import annotations

import argparse
import hashlib
import shutil
import sqlite3
import time
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import msgspec
import yaml

from bench.model import image_stores
from bench.stopping import Halt, in_thread, until_stopped
from fractus.addressing import ranges
from fractus.app import wiring
from fractus.base import log as logging
from fractus.notify.node import LocalNotifier
from fractus.operations import cloud_rows
from fractus.settings.loading import SettingsError, load
from fractus.simulation import ids, plan
from fractus.simulation.fill import Copied, by_text, of_each, put, rows_of, unknown_values, within
from fractus.simulation.model import REGION, Model
from fractus.simulation.plan import Plan
from fractus.simulation.prepare import MODEL
from fractus.simulation.stencil import Era, Marks, Stencil

#: Servers whose rows are held in memory at a time.
_AT_ONCE = 2000

#: Nothing has to outlive a crash while it is made, and the keys are random: as much as can be stays at hand.
_PRAGMAS = ("journal_mode=OFF", "synchronous=OFF", "locking_mode=EXCLUSIVE", "cache_size=-1000000")

#: The last address of the pool, from which clouds are given what they keep for themselves.
_LAST = ranges.number(ids.POOL["end"])


async def own(state: Path, simulated: Path) -> int:
    """Make the store in an empty state directory `state`; the clouds in `simulated` run or have run. How many servers.

    ValueError where those clouds are nobody's, or empty.
    """
    made = plan.read(simulated)
    if made is None or not (made.owned and made.servers):
        raise ValueError(f"{simulated} has no clouds that were made with --owned and --servers")
    state.mkdir(mode=0o700, parents=True, exist_ok=True)
    model = msgspec.json.decode((simulated / MODEL / "model.json").read_bytes(), type=Model)
    above = simulated / MODEL / "parent"
    shutil.copyfile(above / "vault.key", state / "vault.key")
    (state / "vault.key").chmod(0o600)
    shutil.copytree(above / "images", state / "images", dirs_exist_ok=True)
    try:
        await in_thread(lambda halt: _write(above, state, model, made, halt))
    except BaseException:
        (state / "fractus.db").unlink(missing_ok=True)
        raise
    await connect(state, simulated, made)
    return made.clouds * made.servers


async def connect(state: Path, simulated: Path, made: Plan) -> None:
    """Have the clouds in the store, with the projects that they have for ours."""
    entries = yaml.safe_load((simulated / "clouds.yaml").read_text("utf-8"))["clouds"]
    theirs = {ids.parent_project(p): ids.child_project(p) for p in range(1, ids.PROJECTS + 1)}
    parts = wiring.core(load(state, environ={}), notifier=LocalNotifier())
    try:
        for name in made.numbers():
            await cloud_rows.add(
                parts.store, parts.vault, name=name, driver="openstack", identity="own",
                settings={"projects": theirs}, auth=entries[name],
            )  # fmt: skip
    finally:
        await parts.close()


def _write(above: Path, state: Path, model: Model, made: Plan, halt: Halt) -> None:
    path = state / "fractus.db"
    with sqlite3.connect(above / "fractus.db") as source, sqlite3.connect(path) as target:
        source.backup(target)
    source.close()
    target.close()
    db = sqlite3.connect(path, isolation_level=None)
    halt.interrupt = db.interrupt
    try:
        for pragma in _PRAGMAS:
            db.execute(f"PRAGMA {pragma}")
        rows = _Rows(db, model, str(above / "images"))
        indexes = db.execute(
            "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL"
        ).fetchall()
        for name, _ in indexes:
            db.execute(f"DROP INDEX {name}")
        for (table,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
            if table != "alembic_version":
                db.execute(f"DELETE FROM {table}")
        db.execute("BEGIN")
        _Writer(db, rows, model, made, str(state / "images"), halt).write()
        db.execute("COMMIT")
        # Sorted once, instead of mended a million times.
        for _, statement in indexes:
            halt.check()
            db.execute(statement)
        db.execute("PRAGMA locking_mode=NORMAL")
        db.execute("PRAGMA journal_mode=WAL")
    finally:
        db.close()


class _Rows:
    """The rows of the model's parent as stencils, by what there is one of for each."""

    def __init__(self, db: sqlite3.Connection, model: Model, images: str) -> None:
        project = model.project["project above"]
        others = self._others(db)
        self.usage = dict(
            db.execute(
                "SELECT name, used FROM quota_usage WHERE scope = 'project' AND owner = ?", (project,)
            ).fetchall()
        )
        for name, cost in model.costs.items():
            self.usage[name] = self.usage.get(name, 0) - cost * (1 + len(others["server"]))
        rules = sorted(id for (id,) in db.execute("SELECT id FROM security_group_rule").fetchall())
        held = db.execute("SELECT position FROM address WHERE holder = ?", (f"cloud/{REGION}",)).fetchall()
        kept = sorted((position for (position,) in held), reverse=True)
        ((free,),) = db.execute("SELECT last FROM free_range").fetchall()
        server = model.server["server above"]
        ((reservation,),) = db.execute("SELECT reservation_id FROM server WHERE id = ?", (server,)).fetchall()
        self.keeps, self.rules = len(kept), len(rules)
        shared = {
            **by_text({**model.project, **model.cloud}, ()),
            REGION: "cloud", images: "images", free: "free",
            f'"availability_zones":["{REGION}"]': "zones", image_stores([REGION]): "stores",
            **{rule: f"rule {at}" for at, rule in enumerate(rules)},
            **{position: f"kept {at}" for at, position in enumerate(kept)},
        }  # fmt: skip
        own = {
            **shared,
            **by_text(model.server, ()),
            reservation: "reservation",
            host_id(project, REGION, model.server["host"]): "host id above",
        }
        era = Era(model.began, model.ended, model.made_at)
        self.groups: defaultdict[str, list[Stencil]] = defaultdict(list)
        names = {id for some in others.values() for id in some}
        for table, columns, row in rows_of(db):
            if table == "cloud" or any(within(id, cell) for id in names for cell in row):
                continue
            if table == "quota_usage" and project in row:
                continue
            group = _group(model, row)
            texts = own if group == "server" else shared
            self.groups[group].append(Stencil(table, columns, row, Marks(texts, era)))

    @staticmethod
    def _others(db: sqlite3.Connection) -> dict[str, list[str]]:
        """The server that was made to have all else in place, and its port."""
        servers = [id for (id,) in db.execute("SELECT id FROM server WHERE name = 'other'").fetchall()]
        ports = [
            id
            for server in servers
            for (id,) in db.execute("SELECT id FROM port WHERE device_id = ?", (server,))
        ]
        return {"server": servers, "port": ports}


def _group(model: Model, row: tuple[Any, ...]) -> str:
    if any(within(model.server[name], cell) for name in ("server above", "port above") for cell in row):
        return "server"
    ours = any(within(text, cell) for text in model.project.values() for cell in row)
    there = any(cell in (REGION, f"cloud/{REGION}") for cell in row)
    return "project there" if ours and there else "project" if ours else "cloud" if there else "once"


def host_id(project: str, cloud: str, host: str) -> str:
    """What a parent shows as `hostId` of a server on a host of a simulated cloud."""
    return hashlib.sha224(f"{project}{cloud}:{host}".encode()).hexdigest()


class _Writer:
    """Writes the copies."""

    def __init__(
        self, db: sqlite3.Connection, rows: _Rows, model: Model, made: Plan, images: str, halt: Halt
    ) -> None:
        self._db, self._rows, self._model, self._plan, self._halt = db, rows, model, made, halt
        free = ranges.key(_LAST - made.clouds * rows.keeps, 4)
        stores = image_stores(made.numbers())
        self._common = {"images": images, "free": free, "cloud": "", "zones": "", "stores": stores}

    def write(self) -> None:
        """All of it."""
        zones: defaultdict[int, list[str]] = defaultdict(list)
        sizes: Counter[int] = Counter()
        first: dict[int, dict[str, Any]] = {}
        self._put("once", [dict(self._common)])
        for name, cloud in self._plan.numbers().items():
            numbers = list(ids.numbers_in(cloud, self._plan.clouds, self._plan.servers))
            here = Counter(ids.project_of(number) for number in numbers)
            copied = Copied(self._plan, self._model, cloud, here)
            sizes += here
            there = {**self._common, "cloud": name}
            there |= {
                f"kept {at}": ranges.key(_LAST - (cloud - 1) * self._rows.keeps - at, 4)
                for at in range(self._rows.keeps)
            }
            self._put("cloud", [{**copied.cloud, **there}])
            for project, known in copied.projects.items():
                zones[project].append(name)
                known |= there | self._ruled(project)
                first.setdefault(project, dict(known))
                # Ids there that nobody names (of rules of groups) were made of the directory that was filled.
                known |= unknown_values(self._rows.groups["project there"], f"{name}.new", str(project))
            self._put("project there", [dict(known) for known in copied.projects.values()])
            self._put_servers(copied, name, numbers)
        for project, known in first.items():
            known["zones"] = f'"availability_zones":{msgspec.json.encode(zones[project]).decode()}'
        self._put("project", list(first.values()))
        self._put_usage(sizes)

    def _ruled(self, project: int) -> dict[str, str]:
        return {
            f"rule {at}": ids.parent_id("security_group_rule", project * self._rows.rules + at)
            for at in range(self._rows.rules)
        }

    def _put(self, group: str, copies: list[dict[str, Any]]) -> None:
        shared = ids.made_at(0)
        put(self._db, self._rows.groups[group], iter(copies), shared, lambda _: shared)

    def _put_servers(self, copied: Copied, cloud: str, numbers: list[int]) -> None:
        for begin in range(0, len(numbers), _AT_ONCE):
            self._halt.check()
            copies, at = [], {}
            for number in numbers[begin : begin + _AT_ONCE]:
                values = copied.server(number)
                above, host = values["project above"], values["host"]
                values["host id above"] = host_id(above, cloud, host)
                copies.append(values)
                at[id(values)] = ids.made_at(number)
            put(self._db, self._rows.groups["server"], iter(copies), ids.made_at(0), of_each(at))

    def _put_usage(self, sizes: Counter[int]) -> None:
        costs = self._model.costs
        self._db.executemany(
            "INSERT INTO quota_usage (scope, owner, name, used) VALUES ('project', ?, ?, ?)",
            [
                (ids.parent_project(project), name, base + size * costs.get(name, 0))
                for project, size in sizes.items()
                for name, base in self._rows.usage.items()
            ],
        )


async def _owned(state: Path, simulated: Path) -> None:
    print(f"{await own(state, simulated):,} servers")


def main() -> None:
    """Make one and say how large it is."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument(
        "--over", type=Path, required=True, help="state directory of `fractus simulate --owned`"
    )
    parser.add_argument("--keep", type=Path, required=True, help="directory in which `state` is made")
    args = parser.parse_args()
    logging.configure("warning")
    began = time.monotonic()
    try:
        until_stopped(_owned(args.keep / "state", args.over.absolute()))
    except (ValueError, SettingsError) as error:
        raise SystemExit(str(error)) from error
    size = (args.keep / "state" / "fractus.db").stat().st_size
    print(f"{time.monotonic() - began:.0f} s; {size / 1e9:.2f} GB")


if __name__ == "__main__":
    main()
