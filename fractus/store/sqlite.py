"""SQLite, one node's store: apsw (its own, fixed SQLite), write-ahead log, group commit.

Reads run on a connection of their own on the event loop: 10-200 us each, cheaper than handing them to a thread.
Writers of one process take turns. A turn is a savepoint; turns that queue up behind one another share one commit, which
alone touches the disk and runs in a thread. A transaction's block ends only when its commit is durable. Other processes
are kept out by SQLite's own write lock, waited for without blocking the loop.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

import apsw
from sqlalchemy import MetaData
from sqlalchemy.dialects.sqlite.base import SQLiteDialect
from sqlalchemy.schema import CreateIndex, CreateTable

from fractus.base.clock import Clock
from fractus.store.transaction import Query, Row, Transaction

_DIALECT = SQLiteDialect(paramstyle="qmark")

#: Turns that may share one commit: beyond this the wait of the first one outgrows the gain.
_GROUP = 64


@lru_cache(maxsize=256)
def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(text, re.IGNORECASE)


def _regexp(*given: Any) -> bool:
    pattern, value = given
    try:
        return value is not None and _pattern(pattern).search(value) is not None
    except re.error:
        return False


def _open(path: str) -> apsw.Connection:
    connection = apsw.Connection(path)
    connection.set_busy_timeout(0)
    connection.create_scalar_function("regexp", _regexp, 2, deterministic=True)
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "cache_size=-65536"):
        _patiently(connection, f"PRAGMA {pragma}")
    return connection


def _patiently(connection: apsw.Connection, text: str) -> None:
    connection.set_busy_timeout(10_000)
    connection.execute(text)
    connection.set_busy_timeout(0)


class _Runner:
    """Runs compiled queries on one connection."""

    def __init__(self, connection: apsw.Connection) -> None:
        self.connection = connection

    async def rows(self, query: Query, **values: Any) -> list[Row]:
        compiled = query.compiled(_DIALECT)
        return self.connection.execute(compiled.text, compiled.values(values)).fetchall()

    async def row(self, query: Query, **values: Any) -> Row | None:
        compiled = query.compiled(_DIALECT)
        found: Row | None = self.connection.execute(compiled.text, compiled.values(values)).fetchone()
        return found


class _Turn(_Runner):
    """One transaction: a savepoint in the group that will be committed together."""

    def __init__(self, connection: apsw.Connection, now: float) -> None:
        super().__init__(connection)
        self._now = now
        self.calls: list[Callable[[], None]] = []

    async def execute(self, query: Query, **values: Any) -> int:
        compiled = query.compiled(_DIALECT)
        self.connection.execute(compiled.text, compiled.values(values)).fetchall()
        return self.connection.changes()

    def now(self) -> float:
        return self._now

    def after_commit(self, call: Callable[[], None]) -> None:
        self.calls.append(call)


class SqliteStore(_Runner):
    """A database file."""

    def __init__(self, path: Path | str, clock: Clock) -> None:
        """Open or make the file at `path`."""
        self._path = str(path)
        self._clock = clock
        super().__init__(_open(self._path))
        self._writer = _open(self._path)
        self._turn = asyncio.Lock()
        self._waiting = 0
        self._group: asyncio.Future[None] | None = None
        self._size = 0
        self._flush: asyncio.Task[None] | None = None
        self._disk = ThreadPoolExecutor(1, thread_name_prefix="fractus-commit")

    def create(self, metadata: MetaData) -> None:
        """Make all tables at once, as tests do; a real set-up runs the migrations."""
        with self._writer:
            for table in metadata.sorted_tables:
                self._writer.execute(str(CreateTable(table, if_not_exists=True).compile(dialect=_DIALECT)))
                for index in table.indexes:
                    self._writer.execute(
                        str(CreateIndex(index, if_not_exists=True).compile(dialect=_DIALECT))
                    )

    def transaction(self) -> AbstractAsyncContextManager[Transaction]:
        """Take a turn; leaving the block returns when the commit is on disk."""
        return self._transaction()

    @asynccontextmanager
    async def _transaction(self) -> AsyncIterator[Transaction]:
        await self._wait_for_turn()
        try:
            group = await self._join()
            turn = _Turn(self._writer, self._clock.now())
            self._writer.execute("SAVEPOINT turn")
            try:
                yield turn
            except BaseException:
                self._writer.execute("ROLLBACK TO turn; RELEASE turn")
                await self._leave(group)
                raise
            self._writer.execute("RELEASE turn")
            await self._leave(group)
        finally:
            self._turn.release()
        await asyncio.shield(group)
        for call in turn.calls:
            call()

    async def _wait_for_turn(self) -> None:
        self._waiting += 1
        try:
            await self._turn.acquire()
        except asyncio.CancelledError:
            if self._waiting == 1 and self._group is not None:
                # The others left the commit to us.
                self._flush = asyncio.get_running_loop().create_task(self._commit_left_over())
            raise
        finally:
            self._waiting -= 1

    async def _commit_left_over(self) -> None:
        async with self._turn:
            if self._group is not None:
                await self._leave(self._group)

    async def _join(self) -> asyncio.Future[None]:
        if self._group is None:
            while True:
                try:
                    self._writer.execute("BEGIN IMMEDIATE")
                    break
                except apsw.BusyError:
                    # Another process writes; its turn lasts well under a millisecond.
                    await asyncio.sleep(0.001)
            self._group = asyncio.get_running_loop().create_future()
            self._size = 0
        self._size += 1
        return self._group

    async def _leave(self, group: asyncio.Future[None]) -> None:
        """Commit the group unless somebody is already waiting to join it."""
        if self._waiting and self._size < _GROUP:
            return
        self._group = None
        work = asyncio.get_running_loop().run_in_executor(self._disk, self._writer.execute, "COMMIT")
        try:
            await asyncio.shield(work)
        except asyncio.CancelledError:
            # The turn must not end while the disk is busy with its commit.
            await asyncio.wait([work])
            self._resolve(group, work.exception())
            raise
        except apsw.Error as error:
            if self._writer.in_transaction:
                self._writer.execute("ROLLBACK")
            self._resolve(group, error)
            return
        self._resolve(group, None)

    @staticmethod
    def _resolve(group: asyncio.Future[None], error: BaseException | None) -> None:
        if error is None:
            group.set_result(None)
        else:
            group.set_exception(error)
            group.exception()

    async def close(self) -> None:
        """Close both connections."""
        async with self._turn:
            self._disk.shutdown()
            self._writer.close()
            self.connection.close()
