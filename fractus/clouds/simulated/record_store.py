"""Where records lie: one SQLite table, in memory or in a file that several processes open.

Everything here is synchronous and takes microseconds; a file is journalled but not synced, for nothing that matters is
in a simulated cloud. Whoever changes something does so inside `changing()`, which other processes wait for.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import msgspec

from fractus.clouds.simulated.records import RECORDS, HostRecord, MarkRecord, Record, ServerRecord

R = TypeVar("R", bound=Record)

#: Grows with every change of the tables or of what records hold.
_FORMAT = 1

_TABLES = """
CREATE TABLE thing (
    kind TEXT NOT NULL, id TEXT NOT NULL, project_id TEXT NOT NULL, marker TEXT NOT NULL,
    changed_at REAL NOT NULL, gone INTEGER NOT NULL, next_at REAL,
    host TEXT NOT NULL, vcpus INTEGER NOT NULL, ram INTEGER NOT NULL, disk INTEGER NOT NULL,
    doc BLOB NOT NULL, PRIMARY KEY (kind, id)) WITHOUT ROWID;
CREATE INDEX thing_by_marker ON thing (kind, marker, gone);
CREATE INDEX thing_by_change ON thing (kind, changed_at);
CREATE INDEX thing_by_next ON thing (next_at) WHERE next_at IS NOT NULL;
CREATE INDEX thing_by_project ON thing (kind, gone, project_id, vcpus, ram);
CREATE INDEX thing_by_host ON thing (kind, gone, host, vcpus, ram, disk);
CREATE TABLE tie (key TEXT NOT NULL, kind TEXT NOT NULL, id TEXT NOT NULL, PRIMARY KEY (key, kind, id)) WITHOUT ROWID;
CREATE INDEX tie_by_holder ON tie (kind, id);
CREATE TABLE project (id TEXT PRIMARY KEY, name TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE number (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
"""

#: How long another process is waited for. Seconds.
_PATIENCE = 10.0

_ENCODER = msgspec.json.Encoder()
_DECODERS = {
    kind: msgspec.json.Decoder(record)
    for kind, record in {**RECORDS, MarkRecord.KIND: MarkRecord, HostRecord.KIND: HostRecord}.items()
}


class Records:
    """Records of all kinds."""

    def __init__(self, path: str = "") -> None:
        """Open or make the file at `path`; empty: in memory. ValueError where the file is another version's."""
        self.path = path
        if path:
            Path(path).parent.mkdir(parents=True, exist_ok=True)
        self._db = sqlite3.connect(
            path or ":memory:", isolation_level=None, timeout=_PATIENCE, check_same_thread=False
        )
        self._depth = 0
        if path:
            self._switch()
            self._db.execute("PRAGMA synchronous=OFF")
        self._prepare()

    def _switch(self) -> None:
        """Write ahead. Where two processes make the file at once SQLite refuses one of them without waiting."""
        limit = time.monotonic() + _PATIENCE
        while True:
            try:
                self._db.execute("PRAGMA journal_mode=WAL")
            except sqlite3.OperationalError:
                if time.monotonic() > limit:
                    raise
                time.sleep(0.01)
            else:
                return

    def _prepare(self) -> None:
        with self.changing():
            (found,) = self._db.execute("PRAGMA user_version").fetchone()
            if found == 0:
                for statement in _TABLES.split(";"):
                    self._db.execute(statement)
                self._db.execute(f"PRAGMA user_version={_FORMAT}")
        if found not in (0, _FORMAT):
            self._db.close()
            raise ValueError(f"{self.path} was written by another version of the simulated cloud; remove it")

    @contextmanager
    def changing(self) -> Iterator[None]:
        """All of it or nothing; may be nested."""
        if self._depth:
            yield
            return
        self._db.execute("BEGIN IMMEDIATE")
        self._depth = 1
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        else:
            self._db.execute("COMMIT")
        finally:
            self._depth = 0

    # ------------------------------------------------------------------ one thing

    def get(self, record: type[R], id: str) -> R | None:
        """The thing, unless it is gone or never was."""
        row = self._db.execute(
            "SELECT doc FROM thing WHERE kind=? AND id=? AND gone=0", (record.KIND, id)
        ).fetchone()
        return None if row is None else self._load(record, row[0])

    def after(self, record: type[R], id: str) -> R | None:
        """The first thing of a kind with that id or a later one, in the order of ids."""
        row = self._db.execute(
            "SELECT doc FROM thing WHERE kind=? AND id>=? AND gone=0 ORDER BY id LIMIT 1", (record.KIND, id)
        ).fetchone()
        return None if row is None else self._load(record, row[0])

    def put(self, thing: Record) -> None:
        """Write a thing, new or changed."""
        server = thing if isinstance(thing, ServerRecord) else None
        with self.changing():
            self._db.execute(
                "INSERT OR REPLACE INTO thing VALUES (?,?,?,?,?,?,?,?,?,?,?,?)",
                (
                    thing.KIND,
                    thing.id,
                    thing.project_id,
                    thing.marker,
                    thing.changed_at,
                    thing.gone,
                    thing.next_at if thing.next else None,
                    server.host if server else "",
                    server.vcpus if server else 0,
                    server.ram if server else 0,
                    server.disk if server else 0,
                    _ENCODER.encode(thing),
                ),
            )
            self._tie(thing)

    def _tie(self, thing: Record) -> None:
        wanted = thing.ties()
        held = {
            key
            for (key,) in self._db.execute(
                "SELECT key FROM tie WHERE kind=? AND id=?", (thing.KIND, thing.id)
            )
        }
        if held == wanted:
            return
        gone = [(key, thing.KIND, thing.id) for key in held - wanted]
        new = [(key, thing.KIND, thing.id) for key in wanted - held]
        self._db.executemany("DELETE FROM tie WHERE key=? AND kind=? AND id=?", gone)
        self._db.executemany("INSERT INTO tie VALUES (?,?,?)", new)

    def drop(self, thing: Record) -> None:
        """Forget a thing, as services do that keep no record of what was deleted."""
        with self.changing():
            self._db.execute("DELETE FROM thing WHERE kind=? AND id=?", (thing.KIND, thing.id))
            self._db.execute("DELETE FROM tie WHERE kind=? AND id=?", (thing.KIND, thing.id))

    # ------------------------------------------------------------------ many things

    def every(self, record: type[R], *, since: float | None = None, gone: bool = False) -> list[R]:
        """All things of a kind by their last change; `since` a stamp of the cloud; `gone`: deleted ones too."""
        text = "SELECT doc FROM thing WHERE kind=? AND gone<=? AND changed_at>=? ORDER BY changed_at, id"
        rows = self._db.execute(text, (record.KIND, gone, float("-inf") if since is None else since))
        return [self._load(record, doc) for (doc,) in rows]

    def gone_before(self, record: type[R], moment: float, limit: int) -> list[R]:
        """Some things of a kind that are gone since before that moment, a stamp of the cloud."""
        text = (
            "SELECT doc FROM thing INDEXED BY thing_by_host WHERE kind=? AND gone=1 AND changed_at<? LIMIT ?"
        )
        return [self._load(record, doc) for (doc,) in self._db.execute(text, (record.KIND, moment, limit))]

    def marked(self, record: type[R], marker: str) -> list[R]:
        """All things of a kind that carry a marker and are not gone, oldest first."""
        rows = self._db.execute(
            "SELECT doc FROM thing WHERE kind=? AND marker=? AND gone=0", (record.KIND, marker)
        )
        found = [self._load(record, doc) for (doc,) in rows]
        return sorted(found, key=lambda thing: (thing.created_at, thing.id))

    def tied(self, key: str) -> list[tuple[str, str]]:
        """(kind, id) of everything that holds on to `key`."""
        rows = self._db.execute("SELECT kind, id FROM tie WHERE key=? ORDER BY kind, id", (key,))
        return [(kind, id) for kind, id in rows]

    def holding(self, record: type[R], key: str) -> list[R]:
        """Things of a kind that hold on to `key`, in the order of their ids."""
        text = "SELECT doc FROM tie JOIN thing USING (kind, id) WHERE key=? AND kind=? AND gone=0 ORDER BY id"
        return [self._load(record, doc) for (doc,) in self._db.execute(text, (key, record.KIND))]

    def due(self, now: float) -> Record | None:
        """The thing to which something happens next by itself, if its moment has come."""
        row = self._db.execute(
            "SELECT kind, doc FROM thing WHERE next_at<=? ORDER BY next_at, kind, id LIMIT 1", (now,)
        ).fetchone()
        return None if row is None else self._load(RECORDS[row[0]], row[1])

    def next_at(self) -> float | None:
        """When something happens next by itself, in the cloud's time."""
        (found,) = self._db.execute("SELECT min(next_at) FROM thing WHERE next_at IS NOT NULL").fetchone()
        return None if found is None else float(found)

    @staticmethod
    def _load(record: type[R], doc: bytes) -> R:
        thing = _DECODERS[record.KIND].decode(doc)
        assert isinstance(thing, record)
        return thing

    # ------------------------------------------------------------------ sums

    def count(self, record: type[Record]) -> int:
        """How many things of a kind there are."""
        text = "SELECT count(*) FROM thing WHERE kind=? AND gone=0"
        return int(self._db.execute(text, (record.KIND,)).fetchone()[0])

    def used_by_project(self, kind: str, project_id: str) -> tuple[int, int, int]:
        """How many things of a kind a project has, and their vCPUs and MiB."""
        text = "SELECT count(*), sum(vcpus), sum(ram) FROM thing WHERE kind=? AND gone=0 AND project_id=?"
        number, vcpus, ram = self._db.execute(text, (kind, project_id)).fetchone()
        return number, vcpus or 0, ram or 0

    def used_by_host(self) -> dict[str, tuple[int, int, int]]:
        """vCPUs, MiB and GiB in use on each host."""
        text = (
            "SELECT host, sum(vcpus), sum(ram), sum(disk) FROM thing"
            " WHERE kind='server' AND gone=0 AND host<>'' GROUP BY host"
        )
        return {host: (vcpus, ram, disk) for host, vcpus, ram, disk in self._db.execute(text)}

    def number(self, name: str) -> int:
        """1, 2, 3 ... for each `name`."""
        with self.changing():
            text = "INSERT INTO number VALUES (?, 1) ON CONFLICT DO UPDATE SET value=value+1 RETURNING value"
            (value,) = self._db.execute(text, (name,)).fetchone()
        return int(value)

    # ------------------------------------------------------------------ projects

    def add_project(self, id: str, name: str) -> None:
        """A project is there from its first use on; an empty name is no news of one that is known."""
        if not name and self._db.execute("SELECT 1 FROM project WHERE id=?", (id,)).fetchone() is not None:
            return
        if self._db.execute("SELECT 1 FROM project WHERE id=? AND name=?", (id, name)).fetchone() is None:
            self._db.execute("INSERT OR REPLACE INTO project VALUES (?,?)", (id, name))

    def projects(self) -> dict[str, str]:
        """Names of all projects by id."""
        return dict(self._db.execute("SELECT id, name FROM project ORDER BY id"))

    # ------------------------------------------------------------------ whole

    def save_to(self, path: Path | str) -> None:
        """Write all of it into a file that `Records(path)` opens."""
        with sqlite3.connect(path) as target:
            self._db.backup(target)
        target.close()

    def close(self) -> None:
        """Release the file."""
        self._db.close()
