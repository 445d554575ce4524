"""Bring a database to the schema of this version.

Looking whether anything is to be done costs a millisecond and is done at every start. Doing it takes a process of its
own, which ends with it: Alembic works through Python's own SQLite, and two SQLites in one process that have the same
file open lose each other's locks.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tempfile
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from pathlib import Path

import apsw
from sqlalchemy import column, select, table
from sqlalchemy.engine import URL

from fractus.base.clock import SystemClock
from fractus.base.files import sync_directory
from fractus.base.log import logger
from fractus.model.errors import Unfit
from fractus.store import opening
from fractus.store.schema import CONTRACTED
from fractus.store.transaction import Away, Query, Row

log = logger("store")

_VERSIONS = Path(__file__).parent / "migrations" / "versions"

#: How long to wait for another process that makes or migrates the same file. Milliseconds.
_PATIENCE = 60_000

#: How long a process that starts waits for a database server to answer at all. Seconds.
_WAIT_FOR_SERVER = 60.0

_least_on_server = Query(
    select(CONTRACTED.c.revision, CONTRACTED.c.version).order_by(CONTRACTED.c.revision.desc())
)

_on_server = Query(select(column("version_num")).select_from(table("alembic_version")))


class MigrationFailed(Unfit):
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


def revision_on_server(url: URL) -> str | None:
    """The revision of a database on a server, or None where it has none. `Away` where the server does not answer."""
    try:
        row = _row_on_server(url, _on_server)
    except Away:
        raise
    except Exception:
        # There is no such table; what else may be wrong, the migrations will say.
        return None
    return None if row is None else str(row[0])


def _row_on_server(url: URL, query: Query) -> Row | None:
    async def ask() -> Row | None:
        store = opening.server(url, SystemClock(), size=1, seconds=opening.TIMEOUT)
        try:
            return await store.row(query)
        finally:
            await store.close()

    # Some who start a process have an event loop running, and are about to open the store.
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, ask()).result()


def upgrade(store: Path | str, *, migrate: bool = True, contract: bool = False) -> str:
    """Make or migrate the database at a path or URL, if need be; the revision that it has now.

    To be called before the store is opened. Any number of processes, of any number of machines, may call it at once.
    `migrate`: False leaves a database that is behind as it is; one that is empty is filled. `contract`: also take away
    what no version uses any more that knows this schema.

    `MigrationFailed` where it is behind and may not be migrated, where this version is too old for it, where it is none
    of ours (then nothing was changed), or where a server does not answer for a minute.

    A database that is ahead is used as it is: later schemas only add, until something is taken away (`contracted`).
    """
    url = opening.parse(store) if isinstance(store, str) and "://" in store else None
    if url is not None and url.drivername != "sqlite":
        return _upgrade(url, _once_it_answers(url), migrate=migrate, contract=contract)
    path = Path(store) if url is None else Path(url.database or "")
    if not path.exists():
        _make(path)
    at = revision(path)
    return _upgrade(URL.create("sqlite", database=str(path)), at, migrate=migrate, contract=contract)


def _upgrade(url: URL, at: str | None, *, migrate: bool, contract: bool) -> str:
    newest = known()[-1]
    if at is not None and at not in known():
        _check_newer(url, at, newest)
        return at
    if at is not None and at != newest and not migrate:
        raise MigrationFailed(
            f"{_name(url)} has schema {at}, and this version of fractus needs {newest}. `fractus upgrade` changes it, "
            "once for all nodes; processes of the version before run on."
        )
    if at != newest or contract:
        _run(url, contract=contract)
    return newest


def _check_newer(url: URL, at: str, newest: str) -> None:
    """MigrationFailed where this version may not run on a schema that it does not know."""
    needs = ""
    if at.isdigit() and len(at) == len(newest) and at > newest:
        least = _least(url)
        if least is None or "" < least[0] <= newest:
            log.warning(
                "the database is newer than this version, and still fit for it", schema=at, known=newest
            )
            return
        needs = f"; it needs fractus {least[1]} or newer" if least[1] else ""
    raise MigrationFailed(
        f"{_name(url)} has schema {at}, and this version of fractus knows no later one than {newest}:"
        f" it was written by a newer version{needs}."
    )


def _least(url: URL) -> tuple[str, str] | None:
    """The last revision that took something away, and the version that it is for; None where there was none yet.

    ("", "") where the database does not say, so that it is none that this version's successors made.
    """
    if url.drivername == "sqlite":
        connection = apsw.Connection(str(url.database), flags=apsw.SQLITE_OPEN_READWRITE)
        try:
            connection.set_busy_timeout(_PATIENCE)
            row = connection.execute(
                "SELECT revision, version FROM contracted ORDER BY revision DESC"
            ).fetchone()
        except apsw.SQLError:
            return "", ""
        finally:
            connection.close()
    else:
        try:
            row = _row_on_server(url, _least_on_server)
        except Away:
            raise
        except Exception:
            return "", ""
    return None if row is None else (str(row[0]), str(row[1]))


def _name(url: URL) -> str:
    """How it is called in messages: without its password."""
    return str(url.database) if url.drivername == "sqlite" else url.render_as_string(hide_password=True)


def _once_it_answers(url: URL) -> str | None:
    end = time.monotonic() + _WAIT_FOR_SERVER
    while True:
        try:
            return revision_on_server(url)
        except Away as error:
            if time.monotonic() > end:
                raise MigrationFailed(f"{_name(url)} cannot be used: {error}") from error
            log.warning("waiting for the database", why=str(error))
            time.sleep(1.0)


def _make(path: Path) -> None:
    """A new file, whole or not at all, whoever else makes it at the same time."""
    draft = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    try:
        # It will hold credentials: nobody else may read it, from its first moment.
        with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(_newest())
            os.fsync(file.fileno())
        # Unlike a renamed file, a linked one never takes the place of one that is there by now.
        os.link(draft, path)
        sync_directory(path.parent)
    except FileExistsError:
        pass
    finally:
        draft.unlink(missing_ok=True)


@lru_cache(maxsize=1)
def _newest() -> bytes:
    """A database with nothing in it, at the newest revision; made once, for tests make many."""
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "new.db"
        _run(URL.create("sqlite", database=str(path)))
        return path.read_bytes()


def _run(url: URL, *, contract: bool = False) -> None:
    here = str(Path(__file__).parents[2])
    places = os.pathsep.join(filter(None, [here, os.environ.get("PYTHONPATH", "")]))
    done = subprocess.run(
        [sys.executable, "-m", "fractus.store.migrations", *(["--contract"] if contract else [])],
        input=url.render_as_string(hide_password=False),
        env={**os.environ, "PYTHONPATH": places},
        capture_output=True,
        text=True,
    )
    if done.returncode:
        reason = done.stderr.strip().rpartition("\n")[2] or f"exit status {done.returncode}"
        raise MigrationFailed(f"{_name(url)} could not be brought to schema {known()[-1]}: {reason}")
