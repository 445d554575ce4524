"""SQLite, one node's store: apsw (its own, fixed SQLite), write-ahead log, group commit.

Reads run on a connection of their own on the event loop: 10-200 us each, cheaper than handing them to a thread. Heavy
ones, which may take a thousand times as long, run one after the other in a thread with a third connection.
Writers of one process take turns. A turn is a savepoint; turns that queue up behind one another share one commit, which
alone touches the disk and runs in a thread. A transaction's block ends only when its commit is durable. Other processes
are kept out by SQLite's own write lock, waited for without blocking the loop.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import apsw
from sqlalchemy import MetaData
from sqlalchemy.dialects.sqlite.base import SQLiteCompiler, SQLiteDialect
from sqlalchemy.schema import CreateIndex, CreateTable

from fractus.base.clock import Clock
from fractus.store.session import Session
from fractus.store.sqlite_errors import is_shortage, raise_as, unread, unwritten
from fractus.store.statement_queue import Part
from fractus.store.transaction import Compiled, Query, Row, Transaction


class _Compiler(SQLiteCompiler):
    """SQLAlchemy passes over hints for SQLite, which does have `INDEXED BY`; and would have it make small letters of
    both sides of a LIKE, which does not tell them from capitals anyway.
    """

    def get_from_hint_text(self, table: Any, text: str | None) -> str | None:
        return text

    def visit_ilike_op_binary(self, binary: Any, operator: Any, **kw: Any) -> str:
        return str(self.visit_like_op_binary(binary, operator, **kw))  # type: ignore[no-untyped-call]

    def visit_not_ilike_op_binary(self, binary: Any, operator: Any, **kw: Any) -> str:
        return str(self.visit_not_like_op_binary(binary, operator, **kw))  # type: ignore[no-untyped-call]


class _Dialect(SQLiteDialect):
    statement_compiler = _Compiler
    supports_statement_cache = True


_DIALECT = _Dialect(paramstyle="qmark")

#: Turns that may share one commit: beyond this the wait of the first one outgrows the gain.
_GROUP = 64

#: How long what cannot be done without blocking waits for another process. Milliseconds.
_PATIENCE = 10_000

#: KiB of pages that a connection keeps at hand: most of what lists of a million servers go through for the one that
#: reads, little for those that write or go through everything once. All are released as another connection commits.
_READ_CACHE, _CACHE = 65_536, 16_384

#: Statements that a connection keeps prepared: more than a process has, for one that is not costs ten times as much.
_STATEMENTS = 400


def _open(path: str, cache: int = _CACHE) -> apsw.Connection:
    connection = apsw.Connection(path, statementcachesize=_STATEMENTS)
    connection.set_busy_timeout(0)
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", f"cache_size=-{cache}"):
        _patiently(connection, f"PRAGMA {pragma}")
    return connection


def _patiently(connection: apsw.Connection, text: str) -> None:
    connection.set_busy_timeout(_PATIENCE)
    connection.execute(text)
    connection.set_busy_timeout(0)


class _Runner:
    """Runs compiled queries on one connection."""

    def __init__(self, connection: apsw.Connection) -> None:
        self.connection = connection

    async def rows(self, query: Query, **values: Any) -> list[Row]:
        compiled = query.compiled(_DIALECT)
        return _read(self.connection, compiled.text, compiled.values(values))

    async def row(self, query: Query, **values: Any) -> Row | None:
        compiled = query.compiled(_DIALECT)
        given = compiled.values(values)
        found: Row | None
        try:
            found = self.connection.execute(compiled.text, given).fetchone()
        except apsw.Error:
            found = next(iter(_read(self.connection, compiled.text, given)), None)
        return found


def _read(connection: apsw.Connection, text: str, values: tuple[Any, ...]) -> list[Row]:
    """All rows. Where the disk has no room to sort them on, that is done in memory from then on."""
    try:
        return connection.execute(text, values).fetchall()
    except apsw.Error as error:
        if not is_shortage(error):
            raise
    try:
        connection.execute("PRAGMA temp_store=MEMORY")
        return connection.execute(text, values).fetchall()
    except apsw.Error as error:
        raise unread(error) from error


class _Raw:
    """The statements of a group's transactions, as they come."""

    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = connection

    async def rows(self, compiled: Compiled, values: tuple[Any, ...]) -> list[Row]:
        return self._connection.execute(compiled.text, values).fetchall()

    async def execute(self, compiled: Compiled, values: tuple[Any, ...]) -> int:
        self._connection.execute(compiled.text, values).fetchall()
        return self._connection.changes()

    async def many(self, compiled: Compiled, rows: list[tuple[Any, ...]]) -> None:
        self._connection.executemany(compiled.text, rows).fetchall()

    async def savepoint(self) -> None:
        """Each turn is one."""

    async def back(self) -> None:
        """Turns are undone by the store."""


class _Group:
    """What shares one commit: the future says when that is durable, or why it never will be."""

    def __init__(self, connection: apsw.Connection) -> None:
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        # What one turn has read need not be read again by the next: nobody else writes meanwhile.
        self.session = Session(_Raw(connection), _DIALECT)


def _confirm_if_durable(part: Part, group: asyncio.Future[None]) -> None:
    if group.exception() is None:
        part.confirm()


class SqliteStore(_Runner):
    """A database file."""

    def __init__(self, path: Path | str, clock: Clock) -> None:
        """Open or make the file at `path`."""
        self._path = str(path)
        self._clock = clock
        super().__init__(_open(self._path, _READ_CACHE))
        # Readers never wait in WAL mode, but for the moment in which another process mends what a killed one left.
        self.connection.set_busy_timeout(_PATIENCE)
        self._writer = _open(self._path)
        self._turn = asyncio.Lock()
        self._holder: asyncio.Task[object] | None = None
        self._waiting = 0
        self._group: _Group | None = None
        self._size = 0
        self._flush: asyncio.Task[None] | None = None
        self._disk = ThreadPoolExecutor(1, thread_name_prefix="fractus-commit")
        self._aside = ThreadPoolExecutor(1, thread_name_prefix="fractus-heavy")
        self._heavy: apsw.Connection | None = None
        self._at_once = False
        """A commit waits for no disk, so it is not worth a thread."""

    async def rows(self, query: Query, **values: Any) -> list[Row]:
        """All rows."""
        if not query.heavy:
            return await super().rows(query, **values)
        compiled = query.compiled(_DIALECT)
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(
                self._aside, self._look_far, compiled.text, compiled.values(values)
            )
        except apsw.Error:
            if self._heavy is not None:
                raise
            # It could not be opened, for want of descriptors: better late for all than not at all.
            return await super().rows(query, **values)

    def _look_far(self, text: str, values: tuple[Any, ...]) -> list[Row]:
        """In the thread."""
        if self._heavy is None:
            self._heavy = _open(self._path)
            self._heavy.set_busy_timeout(_PATIENCE)
        return _read(self._heavy, text, values)

    def create(self, metadata: MetaData) -> None:
        """Make all tables at once, as tests do; a real set-up runs the migrations."""
        with self._writer:
            for table in metadata.sorted_tables:
                self._writer.execute(str(CreateTable(table, if_not_exists=True).compile(dialect=_DIALECT)))
                for index in table.indexes:
                    self._writer.execute(
                        str(CreateIndex(index, if_not_exists=True).compile(dialect=_DIALECT))
                    )

    def relax(self, cache: int) -> None:
        """Keep only what outlives this process, not what outlives a crash of the machine, with `cache` KiB of pages for
        each connection: for what is simulated, a hundred stores at once. Commits then wait for no disk, and are done
        where they are asked for: handing one to a thread and back costs more than it.
        """
        for connection in (self.connection, self._writer):
            connection.execute(f"PRAGMA synchronous=OFF; PRAGMA cache_size=-{cache}")
        self._at_once = True

    def transaction(self) -> AbstractAsyncContextManager[Transaction]:
        """Take a turn; leaving the block returns when the commit is on disk.

        One task has one transaction at a time: a second one inside would wait for itself, so it is refused.
        """
        return self._transaction()

    @asynccontextmanager
    async def _transaction(self) -> AsyncIterator[Transaction]:
        await self._wait_for_turn()
        try:
            group = await self._join()
        except BaseException as error:
            self._end_turn()
            raise_as(unwritten(error), error)
        session = group.session
        part = Part(session, self._clock.now())
        session.begin(follows=False)
        # The first of a group is undone with the group, which is nobody else's yet.
        alone = self._size == 1
        try:
            if not alone:
                self._writer.execute("SAVEPOINT turn")
            yield part
            await session.write_down(part)
            if not alone:
                self._writer.execute("RELEASE turn")
        except BaseException as error:
            meaning = unwritten(error)
            self._undo(group, meaning, alone=alone)
            raise_as(meaning, error)
        self._leave(group)
        try:
            await asyncio.shield(group.done)
        except asyncio.CancelledError:
            # Who asked does not wait any more, but it may well become durable, and others want to know.
            group.done.add_done_callback(functools.partial(_confirm_if_durable, part))
            raise
        part.confirm()

    async def _wait_for_turn(self) -> None:
        if self._holder is not None and self._holder is asyncio.current_task():
            raise RuntimeError("this task has a transaction open already; use that one")
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
        self._holder = asyncio.current_task()

    def _end_turn(self) -> None:
        self._holder = None
        self._turn.release()

    async def _commit_left_over(self) -> None:
        await self._turn.acquire()
        if self._group is None:
            self._end_turn()
        else:
            self._leave(self._group)

    async def _join(self) -> _Group:
        if self._group is None:
            while True:
                try:
                    if self._writer.in_transaction:
                        # What a failing disk did not let us undo.
                        self._writer.execute("ROLLBACK")
                    self._writer.execute("BEGIN IMMEDIATE")
                    break
                except apsw.BusyError:
                    # Another process writes; its turn lasts well under a millisecond.
                    await asyncio.sleep(0.001)
            self._group = _Group(self._writer)
            self._size = 0
        self._size += 1
        return self._group

    def _undo(self, group: _Group, error: BaseException, *, alone: bool) -> None:
        """Take one turn back and go on with the group; or end the group, where it is all that there was, or SQLite has
        undone all of it.
        """
        if self._writer.in_transaction and not alone:
            try:
                self._writer.execute("ROLLBACK TO turn; RELEASE turn")
                group.session.clear()
            except apsw.Error as worse:
                error = unwritten(worse)
            else:
                self._leave(group)
                return
        # A full disk, a failing one or no memory: SQLite rolls back everything since BEGIN by itself.
        self._give_up(group, error)
        self._end_turn()

    def _leave(self, group: _Group) -> None:
        """End the turn: leave the commit to whoever waits to join the group, or have it done now.

        A turn that commits ends with its commit, and nobody can cancel that: neither the disk's work nor those who wait
        for it depend on the task that happened to be the last of its group.
        """
        if self._waiting and self._size < _GROUP:
            self._end_turn()
            return
        self._group, self._holder = None, None
        if self._at_once:
            self._commit(group)
            return
        loop = asyncio.get_running_loop()
        work = loop.run_in_executor(self._disk, self._writer.execute, "COMMIT")
        work.add_done_callback(lambda done: self._committed(group, done.exception()))

    def _commit(self, group: _Group) -> None:
        try:
            self._writer.execute("COMMIT")
        except apsw.Error as error:
            self._committed(group, error)
        else:
            self._committed(group, None)

    def _committed(self, group: _Group, error: BaseException | None) -> None:
        if error is None:
            group.done.set_result(None)
        else:
            self._give_up(group, unwritten(error, commit=True))
        self._end_turn()

    def _give_up(self, group: _Group, error: BaseException) -> None:
        """Nothing of the group was written: all who took part get that error."""
        self._group = None
        if self._writer.in_transaction:
            # Where even that fails the next transaction does it.
            with contextlib.suppress(apsw.Error):
                self._writer.execute("ROLLBACK")
        if isinstance(error, asyncio.CancelledError):
            error = apsw.AbortError("the transaction that shared this commit was cancelled")
        group.done.set_exception(error)
        group.done.exception()

    async def close(self) -> None:
        """Close both connections, once what was left to a common commit is on disk."""
        await self._turn.acquire()
        while self._group is not None:
            group = self._group
            self._leave(group)
            await asyncio.wait([group.done])
            await self._turn.acquire()
        self._disk.shutdown()
        self._aside.shutdown()
        if self._heavy is not None:
            self._heavy.close()
        self._writer.close()
        self.connection.close()
        self._end_turn()
