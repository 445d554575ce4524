"""Stores for tests: a SQLite file in the test's own directory, or a database on a server.

With `FRACTUS_TEST_STORE=mysql://user:password@host:port/database` (or `postgresql://...`) everything that asks here
gets an empty database on that server instead: the same tests, unaware of it. The databases are made by this
process, used again by its later tests, and dropped at its end. `tools/databases` stands up servers for this.
"""

from __future__ import annotations

import asyncio
import atexit
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, MetaData, inspect, text
from sqlalchemy.engine import URL

from fractus.base.clock import Clock
from fractus.store import ddl, opening
from fractus.store.mysql import COLLATION
from fractus.store.server import ServerStore
from fractus.store.sqlite import SqliteStore

#: The name of the variable that chooses a server.
VARIABLE = "FRACTUS_TEST_STORE"

AnyStore = SqliteStore | ServerStore


class _Databases:
    """The databases that this process made on one server."""

    def __init__(self, server: URL) -> None:
        self._server = server
        self._made: list[URL] = []
        self._free: dict[int, list[URL]] = {}

    async def take(self, metadata: MetaData | None) -> URL:
        """An empty database; with all tables of `metadata`, or those that migrations have made or will make in it."""
        free = self._free.setdefault(id(metadata), [])
        if free:
            url = free.pop()
            await _do(url, _empty)
            return url
        url = self._server.set(database=f"fractus_test_{os.getpid()}_{len(self._made)}")
        await _do(self._server, _create, url.database)
        self._made.append(url)
        if metadata is not None:
            await _do(url, _tables, metadata)
        return url

    def give(self, url: URL, metadata: MetaData | None) -> None:
        """Not needed any more."""
        self._free[id(metadata)].append(url)

    def drop(self) -> None:
        """The end of the process."""
        for url in self._made:
            asyncio.run(_do(self._server, _drop, url.database))


async def _do(url: URL, change: Any, *given: Any) -> None:
    engine = ddl.engine(url)
    plain = await engine.connect()
    try:
        connection = await plain.execution_options(isolation_level="AUTOCOMMIT")
        await connection.run_sync(change, *given)
    finally:
        await plain.close()
        await engine.dispose()


def _create(connection: Connection, name: str) -> None:
    connection.execute(text(f"CREATE DATABASE {name}"))


def _drop(connection: Connection, name: str) -> None:
    force = " WITH (FORCE)" if connection.dialect.name == "postgresql" else ""
    connection.execute(text(f"DROP DATABASE IF EXISTS {name}{force}"))


def _tables(connection: Connection, metadata: MetaData) -> None:
    if connection.dialect.name == "mariadb":
        connection.execute(text(f"ALTER DATABASE CHARACTER SET utf8mb4 COLLATE {COLLATION}"))
    metadata.create_all(connection)


def _empty(connection: Connection) -> None:
    for name in inspect(connection).get_table_names():
        if name != "alembic_version":
            connection.execute(text(f"DELETE FROM {connection.dialect.identifier_preparer.quote(name)}"))


_databases: dict[str, _Databases] = {}


def server() -> str:
    """The URL of the server that tests are run on; empty: none, SQLite."""
    return os.environ.get(VARIABLE, "")


def _on(url: str) -> _Databases:
    if url not in _databases:
        made = _databases[url] = _Databases(opening.parse(url))
        atexit.register(made.drop)
    return _databases[url]


@asynccontextmanager
async def database(
    path: Path, *, metadata: MetaData | None = None, on: str | None = None
) -> AsyncIterator[str]:
    """The URL of an empty database: the file `path`, or one on the server of the environment, or on the server `on`.

    On a server it has the tables of `metadata`, if given.
    """
    url = server() if on is None else on
    if not url:
        yield f"sqlite:///{path}"
        return
    databases = _on(url)
    taken = await databases.take(metadata)
    try:
        yield taken.render_as_string(hide_password=False)
    finally:
        databases.give(taken, metadata)


@asynccontextmanager
async def fresh(
    path: Path, clock: Clock, metadata: MetaData, *, on: str | None = None
) -> AsyncIterator[AnyStore]:
    """An open store with the tables of `metadata` and nothing in them; see `database`."""
    async with database(path, metadata=metadata, on=on) as url:
        made = opening.open_store(url, clock)
        if isinstance(made, SqliteStore):
            made.create(metadata)
        try:
            yield made
        finally:
            await made.close()
