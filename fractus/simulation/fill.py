"""Clouds that begin with many servers: the rows of a model, copied with other ids, names, addresses and times.

The rows of one server were written by the program itself (`model`). Here they are written again for each server of a
cloud, into files that its start then opens. All that has a name has it by the rules of `simulate_ids`.
"""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from fractus.addressing import ranges
from fractus.base.clock import SystemClock
from fractus.reconcile.kind import USERS
from fractus.services.network.security_groups.kind import default_id
from fractus.simulation import ids
from fractus.simulation.child import records_of
from fractus.simulation.identity import Identity, first_id
from fractus.simulation.model import Model, host_id
from fractus.simulation.plan import Plan
from fractus.simulation.stencil import Era, Marks, Stencil, stamp_marks, unknown_value

#: What says what happened, not what is, and what is reckoned here.
_PASSING = frozenset({"finding", "unasked", "work", "lane", "worker", "alembic_version", "number"})

#: Servers whose rows are held in memory at a time.
_AT_ONCE = 1000

#: Nothing has to outlive a crash while a file is made, and the keys are random: all of it stays at hand.
_PRAGMAS = (
    "journal_mode=OFF",
    "synchronous=OFF",
    "cache_size=-262144",
    "locking_mode=EXCLUSIVE",
)


class Filler:
    """Fills the clouds of a plan, one after the other."""

    def __init__(self, state: Path, plan: Plan, model: Model) -> None:
        """Read the model's rows."""
        self._state, self._plan, self._model = state, plan, model
        self._source = source = Path(model.directory)
        paths = (source / "fractus.db", records_of(source))
        self._files = [_File(model, path.relative_to(source)) for path in paths]

    def fill(self, cloud: int, password: str) -> None:
        """Make the directory of a cloud, whole or not at all."""
        name = ids.cloud_name(cloud)
        fresh = self._state / f"{name}.new"
        shutil.rmtree(fresh, ignore_errors=True)
        (fresh / "simulated").mkdir(parents=True)
        shutil.copyfile(self._source / "vault.key", fresh / "vault.key")
        os.chmod(fresh / "vault.key", 0o600)
        # The bits of images are written once and read: the clouds may share them.
        (fresh / "images").mkdir()
        for image in (self._source / "images").iterdir():
            os.link(image, fresh / "images" / image.name)
        numbers = list(ids.numbers_in(cloud, self._plan.clouds, self._plan.servers))
        sizes = Counter(ids.project_of(number) for number in numbers)
        values = Copied(self._plan, self._model, cloud, sizes)
        for file in self._files:
            file.copy(fresh, values, numbers)
        self._identify(fresh, name, password, sizes)
        fresh.rename(self._state / name)

    def _identify(self, directory: Path, name: str, password: str, projects: Iterable[int]) -> None:
        identity = Identity(directory / "identity.json", name, "", SystemClock())
        identity.found(password)
        admin, member = first_id(name, "user", "admin"), identity.role_named("member")
        for project in sorted(projects):
            made = identity.add_project(project_name(project), id=ids.child_project(project))
            identity.grant(admin, made.id, member)


def project_name(project: int) -> str:
    """What project `project` is called in a child: as a parent calls those that it makes."""
    return f"fractus-{ids.parent_project(project)}"


class Copied:
    """What stands in the place of each mark, in one cloud."""

    def __init__(self, plan: Plan, model: Model, cloud: int, sizes: Counter[int]) -> None:
        name = ids.cloud_name(cloud)
        self.sizes = sizes
        self._plan, self._model, self._cloud = plan, model, cloud
        home = first_id(name, "project", "admin")
        self.cloud = {"admin": first_id(name, "user", "admin"), "home": home, "home group": default_id(home)}
        self.projects = {project: self._project(project) for project in sizes}

    def _project(self, project: int) -> dict[str, Any]:
        values: dict[str, Any] = {**self.cloud}
        for kind in ("network", "subnet", "security_group"):
            values |= self._ids(kind, project)
        there, above = ids.child_project(project), ids.parent_project(project)
        return values | {
            "project": there,
            "default group": default_id(there),
            "default group inside": unknown_value(
                ids.child_id("security_group", 0, 0), "inside", str(self._cloud), str(project)
            ),
            "project above": above,
            "user above": ids.parent_user(project),
            "user above, as a tag": ids.parent_user(project).encode().hex(),
            "security_group above": default_id(above),
        }

    def _ids(self, kind: str, number: int) -> dict[str, str]:
        return {
            kind: ids.child_id(kind, self._cloud, number),
            f"{kind} above": ids.parent_id(kind, number),
            f"{kind} inside": ids.child_id(f"{kind} inside", self._cloud, number),
        }

    def server(self, number: int) -> dict[str, Any]:
        """Of one server and its port."""
        project = ids.project_of(number)
        host, ip = ids.host(number, self._plan.clouds, self._plan.hosts), ids.ip(number)
        above = ids.parent_id("server", number)
        counted = (number - 1) // self._plan.clouds + 1
        return {
            **self.projects[project],
            **self._ids("server", number),
            **self._ids("port", number),
            "server above, as a tag": above.encode().hex(),
            "ip": ip,
            "address": ranges.key(ranges.number(ip), 4),
            "mac": ids.mac(number),
            "name": ids.server_name(number),
            "host": host,
            "host id": host_id(self.projects[project]["project"], host),
            "reservation": f"r-{number:08x}",
            "number": f'"number":{counted},',
            "instance": f"instance-{counted:08x}",
        }


class _File:
    """One of the files of a cloud."""

    def __init__(self, model: Model, path: Path) -> None:
        self._model, self._path = model, path
        era = Era(model.began, model.ended, model.made_at)
        shared = by_text({**model.project, **model.cloud}, ("user above",))
        own = {**shared, **by_text(model.server, ("server above",))}
        self._cloud: list[Stencil] = []
        self._project: list[Stencil] = []
        self._server: list[Stencil] = []
        with sqlite3.connect(Path(model.directory) / path) as db:
            self._schema = [
                row[0] for row in db.execute("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL")
            ]
            (self._version,) = db.execute("PRAGMA user_version").fetchone()
            self._counts = _has(db, "number")
            self._usage = _has(db, "quota_usage")
            self._revision = db.execute("SELECT * FROM alembic_version").fetchall() if self._usage else []
            for table, columns, row in rows_of(db):
                if table == "quota_usage" and model.project["project"] in row:
                    continue
                if any(within(id, cell) for id in model.other for cell in row):
                    continue
                if any(within(model.server[name], cell) for name in _OF_SERVER for cell in row):
                    self._server.append(Stencil(table, columns, row, Marks(own, era)))
                elif any(within(text, cell) for text in model.project.values() for cell in row):
                    self._project.append(Stencil(table, columns, row, Marks(shared, era)))
                else:
                    self._cloud.append(Stencil(table, columns, row, Marks(by_text(model.cloud, ()), era)))
        db.close()

    def copy(self, directory: Path, values: Copied, numbers: list[int]) -> None:
        """Write the file of a cloud."""
        path = directory / self._path
        with sqlite3.connect(path, isolation_level=None) as db:
            # Records of the cloud below lie within the index: where two fill a page, none of them spills.
            page = 8192 if self._counts else 4096
            for pragma in (f"page_size={page}", *_PRAGMAS, f"user_version={self._version}"):
                db.execute(f"PRAGMA {pragma}")
            # Indexes are made when all is in place: that is quicker, and packs them.
            indexes = [statement for statement in self._schema if " INDEX " in statement.partition("(")[0]]
            for statement in self._schema:
                if statement not in indexes:
                    db.execute(statement)
            db.execute("BEGIN")
            shared = ids.made_at(0)
            put(db, self._cloud, iter([values.cloud]), shared, lambda _: shared)
            projects = list(values.projects.items())
            # Ids that nobody names are a project's own.
            for project, known in projects:
                known |= unknown_values(self._project, directory.name, str(project))
            put(db, self._project, iter(known for _, known in projects), shared, lambda _: shared)
            for begin in range(0, len(numbers), _AT_ONCE):
                some = numbers[begin : begin + _AT_ONCE]
                copies = [values.server(number) for number in some]
                at = dict(zip(map(id, copies), map(ids.made_at, some), strict=True))
                put(db, self._server, iter(copies), shared, of_each(at))
            self._put_sums(db, values, len(numbers))
            for statement in indexes:
                db.execute(statement)
            db.execute("COMMIT")
        db.close()

    def _put_sums(self, db: sqlite3.Connection, values: Copied, servers: int) -> None:
        model = self._model
        if self._counts:
            db.execute("INSERT INTO number VALUES ('instance', ?)", (servers,))
        if not self._usage:
            return
        db.executemany("INSERT INTO alembic_version VALUES (?)", self._revision)
        used = {
            (ids.child_project(project), name): base + size * model.costs.get(name, 0)
            for project, size in values.sizes.items()
            for name, base in {**dict.fromkeys(model.costs, 0), **model.usage}.items()
        }
        db.executemany(
            "INSERT INTO quota_usage (scope, owner, name, used) VALUES ('project', ?, ?, ?)",
            [(owner, name, amount) for (owner, name), amount in used.items()],
        )


def put(
    db: sqlite3.Connection,
    stencils: list[Stencil],
    copies: Iterator[dict[str, Any]],
    shared: float,
    at: Callable[[dict[str, Any]], float],
) -> None:
    """Write rows of these stencils for each of `copies`. `shared`: when all else was made, `at`: when a copy was."""
    marks = sorted({mark for stencil in stencils for mark in stencil.stamps})
    unknown = {text for stencil in stencils for text in stencil.unknown}
    filled = list(copies)
    for values in filled:
        stamp_marks(values, at(values), shared, marks)
        for text in unknown:
            values.setdefault(f"unknown {text}", text)
    for stencil in stencils:
        db.executemany(stencil.statement, (stencil.fill(values) for values in filled))


def of_each(at: dict[int, float]) -> Callable[[dict[str, Any]], float]:
    """When each of some copies was made: `at`, by its identity."""
    return lambda values: at[id(values)]


#: A row with one of these is a server's, or its port's.
_OF_SERVER = ("server", "server inside", "port", "port inside")


def by_text(texts: dict[str, str], tagged: tuple[str, ...]) -> dict[str, str]:
    """Marks by text. Tags are kept in hexadecimal beside themselves, so that lists can be asked for them."""
    found = {text: name for name, text in texts.items()}
    return found | {texts[name].encode().hex(): f"{name}, as a tag" for name in tagged if name in texts}


def unknown_values(stencils: list[Stencil], *owner: str) -> dict[str, str]:
    """Ids that no mark names are an owner's own in each copy."""
    texts = {text for stencil in stencils for text in stencil.unknown}
    return {f"unknown {text}": unknown_value(text, *owner) for text in texts}


def _has(db: sqlite3.Connection, table: str) -> bool:
    return db.execute("SELECT 1 FROM sqlite_master WHERE name = ?", (table,)).fetchone() is not None


def rows_of(db: sqlite3.Connection) -> Iterator[tuple[str, tuple[str, ...], tuple[Any, ...]]]:
    """All rows that say what is: table, columns, row."""
    tables = db.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name").fetchall()
    for (table,) in tables:
        if table in _PASSING:
            continue
        columns = tuple(row[1] for row in db.execute(f"PRAGMA table_info({table})"))
        for row in db.execute(f"SELECT * FROM {table}").fetchall():
            yield table, columns, of_all(columns, row) if table == "presence" else row


def of_all(columns: Sequence[str], row: tuple[Any, ...]) -> tuple[Any, ...]:
    """A presence without the projects that have used it there: an image or a flavor is no project's own, and open to
    all of them.
    """
    at = columns.index("memory")
    memory = json.loads(row[at])
    if memory.pop(USERS, None) is None:
        return row
    return *row[:at], json.dumps(memory, separators=(",", ":")), *row[at + 1 :]


def within(text: str, cell: Any) -> bool:
    """Whether a cell holds a text somewhere."""
    return text.encode() in cell if isinstance(cell, bytes) else isinstance(cell, str) and text in cell
