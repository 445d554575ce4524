"""A database gets the schema of this version, once, whole, and whoever asks."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import apsw
import pytest
from alembic.migration import MigrationContext
from alembic.operations import Operations
from sqlalchemy import create_engine, event
from structlog.testing import capture_logs

from fractus.store import migrate
from fractus.store.migrate import MigrationFailed, known, revision, upgrade

ROOT = Path(migrate.__file__).parents[2]

#: Every table in the code, in a process of its own: tests define tables too.
CREATE_ALL = """
import asyncio, sys
from fractus.addressing import tables
from fractus.app import registry
from fractus.base.clock import SystemClock
from fractus.store.schema import METADATA
from fractus.store.sqlite import SqliteStore

store = SqliteStore(sys.argv[1], SystemClock())
store.create(METADATA)
asyncio.run(store.close())
"""


def schema(path: Path) -> dict[str, Any]:
    """Tables, columns and indexes, as SQLite itself tells them."""
    connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
    try:
        names = connection.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'alembic%' ORDER BY name"
        ).fetchall()
        found = {}
        for (name,) in names:
            columns = connection.execute(f"PRAGMA table_xinfo({name})").fetchall()
            listed = connection.execute(f"PRAGMA index_list({name})").fetchall()
            indexes = {
                (row[1], row[2:], tuple(connection.execute(f"PRAGMA index_xinfo({row[1]})").fetchall()))
                for row in listed
            }
            found[name] = ([row[1:] for row in columns], indexes)
        return found
    finally:
        connection.close()


def run(script: str, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", script, *arguments], cwd=ROOT, capture_output=True, text=True, timeout=200
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


# --- the schema ---------------------------------------------------------------------------------


def test_the_migrations_make_exactly_the_tables_that_the_code_names(tmp_path: Path) -> None:
    """A table, column or index without its migration fails here: `python tools/new_migration.py "what changes"`."""
    run(CREATE_ALL, str(tmp_path / "code.db"))
    upgrade(tmp_path / "migrated.db")
    named, made = schema(tmp_path / "code.db"), schema(tmp_path / "migrated.db")
    assert made.keys() == named.keys()
    for table in named:
        assert made[table] == named[table], table
    assert {"server", "presence", "work", "address"} <= named.keys()


def test_migrations_are_numbered_and_follow_one_another() -> None:
    before = None
    for number, name in enumerate(known(), 1):
        assert name == f"{number:04}"
        (path,) = (Path(migrate.__file__).parent / "migrations" / "versions").glob(f"{name}_*.py")
        spec = importlib.util.spec_from_file_location(f"migration_{name}", path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        assert (module.revision, module.down_revision) == (name, before)
        before = name


# --- making and migrating -----------------------------------------------------------------------


def test_a_database_that_is_not_there_is_made(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    assert revision(path) is None
    assert upgrade(path) == known()[-1]
    assert revision(path) == known()[-1]
    assert list(tmp_path.iterdir()) == [path], "no draft is left"


def test_it_may_be_named_by_its_url(tmp_path: Path) -> None:
    upgrade(f"sqlite:///{tmp_path / 'store.db'}")
    assert revision(tmp_path / "store.db") == known()[-1]


def test_an_empty_file_is_filled(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    path.touch()
    assert upgrade(path) == known()[-1]
    assert "server" in schema(path)


def test_what_is_up_to_date_is_left_alone_and_quickly(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    upgrade(path)
    apsw.Connection(str(path)).execute("INSERT INTO mac VALUES ('n', 'm', 'h')")
    times = []
    for _ in range(5):
        began = time.process_time()
        upgrade(path)
        times.append(time.process_time() - began)
    assert min(times) < 0.05
    assert apsw.Connection(str(path)).execute("SELECT * FROM mac").fetchall() == [("n", "m", "h")]


def test_alembic_and_a_second_sqlite_stay_out_of_the_process(tmp_path: Path) -> None:
    script = (
        "import sys; from fractus.store.migrate import upgrade; upgrade(sys.argv[1]); print(*sys.modules)"
    )
    loaded = run(script, str(tmp_path / "store.db")).split()
    assert "apsw" in loaded
    assert "alembic" not in loaded
    assert "sqlite3" not in loaded


def test_many_at_once_make_one(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(upgrade, [path] * 8)) == {known()[-1]}
    assert list(tmp_path.iterdir()) == [path]


def test_two_processes_migrate_once_and_both_are_content(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    path.touch()
    with ThreadPoolExecutor(2) as pool:
        assert set(pool.map(upgrade, [path] * 2)) == {known()[-1]}
    rows = apsw.Connection(str(path)).execute("SELECT version_num FROM alembic_version").fetchall()
    assert rows == [(known()[-1],)]


# --- what is not ours ---------------------------------------------------------------------------


def _made(path: Path, revision: str, *contracted: tuple[str, str]) -> bytes:
    """A database that some later version left."""
    upgrade(path)
    connection = apsw.Connection(str(path))
    connection.execute("UPDATE alembic_version SET version_num = ?", (revision,))
    for one in contracted:
        connection.execute("INSERT INTO contracted VALUES (?, ?, 0.0)", one)
    connection.close()
    return path.read_bytes()


def test_a_database_that_only_grew_since_is_used_as_it_is_and_said(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    before = _made(path, "9000", ("0001", "0.1"))
    with capture_logs() as logs:
        assert upgrade(path) == "9000"
    assert [entry["log_level"] for entry in logs] == ["warning"]
    assert path.read_bytes() == before


def test_one_that_lost_what_this_version_needs_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    before = _made(path, "9000", ("0001", "0.1"), ("8000", "7.5"))
    with pytest.raises(MigrationFailed, match=r"9000.*newer version; it needs fractus 7\.5 or newer"):
        upgrade(path)
    assert path.read_bytes() == before


@pytest.mark.parametrize("revision", ["abcdef012345", "90000", "zzzz"])
def test_a_revision_that_is_none_of_ours_is_refused_and_left_alone(tmp_path: Path, revision: str) -> None:
    path = tmp_path / "store.db"
    before = _made(path, revision)
    with pytest.raises(MigrationFailed, match=rf"{revision}.*newer version"):
        upgrade(path)
    assert path.read_bytes() == before


def test_one_that_is_behind_is_left_alone_where_it_may_not_be_migrated(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    before = _made(path, known()[-2])
    with pytest.raises(MigrationFailed, match=rf"{known()[-2]}.*needs {known()[-1]}.*`fractus upgrade`"):
        upgrade(path, migrate=False)
    assert path.read_bytes() == before
    assert upgrade(tmp_path / "new.db", migrate=False) == known()[-1], "an empty one is filled"


# --- what is taken away -------------------------------------------------------------------------

CONTRACTING = """
import sys
from pathlib import Path
from sqlalchemy import create_engine
from fractus.store.migrations.contracts import contract

with create_engine("sqlite:///" + sys.argv[1]).begin() as connection:
    print(*contract(connection, Path(sys.argv[2])))
"""

REVISION = """
from alembic import op

revision, down_revision = "{revision}", {before!r}
contracts = "7.5"

def upgrade():
    pass

def contract():
    op.drop_table("{table}")
"""


def test_what_is_taken_away_is_taken_away_once_and_written_down(tmp_path: Path) -> None:
    path, versions = tmp_path / "store.db", tmp_path / "scripts" / "versions"
    upgrade(path)
    versions.mkdir(parents=True)
    (versions / "8000_a.py").write_text(REVISION.format(revision="8000", before=None, table="mac"))
    assert run(CONTRACTING, str(path), str(versions.parent)).split() == ["8000"]
    assert "mac" not in schema(path)
    assert run(CONTRACTING, str(path), str(versions.parent)).split() == [], (
        "the second time there is nothing to do"
    )
    (versions / "8001_b.py").write_text(REVISION.format(revision="8001", before="8000", table="address"))
    assert run(CONTRACTING, str(path), str(versions.parent)).split() == ["8001"]
    apsw.Connection(str(path)).execute("UPDATE alembic_version SET version_num = '9000'")
    with pytest.raises(MigrationFailed, match=r"needs fractus 7\.5"):
        upgrade(path)


def test_taking_away_is_asked_for_by_name(tmp_path: Path) -> None:
    """No revision takes anything away yet; the way there is walked all the same."""
    path = tmp_path / "store.db"
    assert upgrade(path, contract=True) == known()[-1]
    assert apsw.Connection(str(path)).execute("SELECT count(*) FROM contracted").fetchall() == [(0,)]


def test_a_database_of_something_else_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    connection = apsw.Connection(str(path))
    connection.execute("CREATE TABLE work (id INTEGER); INSERT INTO work VALUES (7)")
    with pytest.raises(
        MigrationFailed, match=r"could not be brought to schema .*: table work already exists"
    ):
        upgrade(path)
    assert schema(path).keys() == {"work"}, "all steps or none"
    assert connection.execute("SELECT * FROM work").fetchall() == [(7,)]


def test_what_is_no_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    path.write_text("This is a letter, and long enough not to be taken for an empty file." * 10)
    with pytest.raises(MigrationFailed, match=r"store\.db is no database"):
        upgrade(path)
    assert path.read_text().startswith("This is a letter")


def test_what_old_code_writes_while_documents_are_brought_up_to_date_stays() -> None:
    """A database server lets it write in between."""
    (path,) = (Path(migrate.__file__).parent / "migrations" / "versions").glob("0016_*.py")
    spec = importlib.util.spec_from_file_location("scopes", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module._PAGE = 2
    engine = create_engine("sqlite://")
    reported: dict[str, Any] = {}
    with engine.connect() as connection:
        connection.exec_driver_sql("CREATE TABLE network (id TEXT PRIMARY KEY, summary BLOB)")
        for id in "abcde":
            connection.exec_driver_sql("INSERT INTO network VALUES (?, ?)", (id, b'{"name":"old"}'))

        @event.listens_for(engine, "before_cursor_execute")
        def renamed(_c: Any, cursor: Any, statement: str, *_rest: Any) -> None:
            if statement.startswith("UPDATE") and not reported:
                reported["by"] = "old code"
                cursor.connection.execute(
                    "UPDATE network SET summary = ? WHERE id = 'd'", (b'{"name":"new"}',)
                )

        with Operations.context(MigrationContext.configure(connection)):
            module._name_scopes()
        rows = connection.exec_driver_sql("SELECT id, summary FROM network").all()
    reported = {id: json.loads(summary) for id, summary in rows}
    assert reported.pop("d")["name"] == "new"
    scopes = {"ipv4_address_scope": None, "ipv6_address_scope": None}
    assert reported == {id: {"name": "old", **scopes} for id in "abce"}


def test_the_first_default_rules_are_written_once_where_a_migration_is_run_again(monkeypatch: Any) -> None:
    """MariaDB writes each statement at once: one that died half-way has some of them, or all."""
    (path,) = (Path(migrate.__file__).parent / "migrations" / "versions").glob("0021_*.py")
    spec = importlib.util.spec_from_file_location("default_rules", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    made: list[Any] = []
    insert = module._insert

    def noted(table: Any) -> None:
        made.append(table)
        insert(table)

    monkeypatch.setattr(module, "_insert", noted)
    engine = create_engine("sqlite://")
    with engine.connect() as connection:
        connection.exec_driver_sql("CREATE TABLE security_group_rule (id TEXT PRIMARY KEY)")
        with Operations.context(MigrationContext.configure(connection)):
            module.upgrade()
            rows = "SELECT direction, ethertype FROM default_security_group_rule ORDER BY 1, 2"
            first = connection.exec_driver_sql(rows).all()
            connection.exec_driver_sql("DELETE FROM default_security_group_rule WHERE ethertype = 'IPv6'")
            insert(*made)
        assert connection.exec_driver_sql(rows).all() == first
    assert first == [(one, two) for one in ("egress", "ingress") for two in ("IPv4", "IPv6")]
