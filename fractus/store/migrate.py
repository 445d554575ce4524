"""Bring a database file to the schema of this version.

Looking whether anything is to be done costs a millisecond and is done at every start. Doing it takes a process of its
own, which ends with it: Alembic works through Python's own SQLite, and two SQLites in one process that have the same
file open lose each other's locks.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import uuid
from functools import lru_cache
from pathlib import Path

import apsw

_VERSIONS = Path(__file__).parent / "migrations" / "versions"

#: How long to wait for another process that makes or migrates the same file. Milliseconds.
_PATIENCE = 60_000


class MigrationFailed(Exception):
    """The database is as it was; the message says why."""


def known() -> list[str]:
    """All revisions, oldest first: the numbers in the names of the files."""
    return sorted(path.name.split("_")[0] for path in _VERSIONS.glob("[0-9]*.py"))


def revision(path: Path) -> str | None:
    """The revision of a database file, or None where it has none (it is empty, not there, or of something else)."""
    if not path.exists():
        return None
    connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READWRITE)
    try:
        connection.set_busy_timeout(_PATIENCE)
        row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    except apsw.SQLError:
        return None
    except apsw.NotADBError as error:
        raise MigrationFailed(f"{path} is no database.") from error
    finally:
        connection.close()
    return None if row is None else str(row[0])


def upgrade(store: Path | str) -> str:
    """Make or migrate the database at a path or `sqlite:///` URL, if need be; the revision that it has now.

    To be called before the file is opened. Any number of processes may call it at once. `MigrationFailed` where it was
    written by a newer version, or not by us; then nothing was changed.
    """
    path = Path(str(store).removeprefix("sqlite:///"))
    revisions = known()
    if not path.exists():
        _make(path)
    at = revision(path)
    if at == revisions[-1]:
        return at
    if at is not None and at not in revisions:
        raise MigrationFailed(
            f"{path} has schema {at}, and this version of fractus knows no later one than {revisions[-1]}:"
            " it was written by a newer version."
        )
    _run(path)
    return revisions[-1]


def _make(path: Path) -> None:
    """A new file, whole or not at all, whoever else makes it at the same time."""
    draft = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    try:
        with draft.open("xb") as file:
            file.write(_newest())
            os.fsync(file.fileno())
        # Unlike a renamed file, a linked one never takes the place of one that is there by now.
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink(missing_ok=True)


@lru_cache(maxsize=1)
def _newest() -> bytes:
    """A database with nothing in it, at the newest revision; made once, for tests make many."""
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "new.db"
        _run(path)
        return path.read_bytes()


def _run(path: Path) -> None:
    here = str(Path(__file__).parents[2])
    places = os.pathsep.join(filter(None, [here, os.environ.get("PYTHONPATH", "")]))
    done = subprocess.run(
        [sys.executable, "-m", "fractus.store.migrations", str(path)],
        env={**os.environ, "PYTHONPATH": places},
        capture_output=True,
        text=True,
    )
    if done.returncode:
        reason = done.stderr.strip().rpartition("\n")[2] or f"exit status {done.returncode}"
        raise MigrationFailed(f"{path} could not be brought to schema {known()[-1]}: {reason}")
