"""PostgreSQL. Transactions run SERIALIZABLE (serialisable snapshot isolation): nobody waits for who reads, and of
transactions that could not have run one after the other one is rolled back.
"""

from __future__ import annotations

import ssl
from typing import Any

import asyncpg
from sqlalchemy import types
from sqlalchemy.dialects.postgresql.asyncpg import PGDialect_asyncpg
from sqlalchemy.engine import URL, Dialect

from fractus.base.clock import Clock
from fractus.store.server import ServerStore
from fractus.store.statement_queue import Meaning
from fractus.store.transaction import Compiled, Row

#: Statements that a connection keeps prepared: more than there are in the program.
_KEPT = 2000

#: Serialisation failure, deadlock, a lock waited for too long, a key that another one has inserted since we looked.
_CONFLICTS = frozenset({"40000", "40001", "40P01", "55P03", "23505"})

#: The disk is full; no memory.
_FULL = frozenset({"53100", "53200"})

#: By the first two letters: connection exceptions; no resources; the operator intervened (it shuts down, or starts, or
#: the statement took too long); a system error; and of the transaction's state: idle too long, or read-only.
_LOST_CLASSES = frozenset({"08", "53", "57", "58"})
_LOST = frozenset({"25P03", "25P04", "25006", "XX000"})


class _Integer(types.Integer):
    """Numbers are sent as 64 bits wide: one that a user asks for may be too large for a column, and just not there."""

    __visit_name__ = "BIGINT"
    render_bind_cast = True


def _dialect() -> Dialect:
    dialect: Any = PGDialect_asyncpg()  # type: ignore[no-untyped-call]
    dialect.colspecs = {**dialect.colspecs, types.Integer: _Integer}
    # A backslash is a letter like others in a text, as has been the default for long.
    dialect._backslash_escapes = False
    made: Dialect = dialect
    return made


class _Wire:
    """One connection."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self._in_turn = False

    async def rows(self, compiled: Compiled, values: tuple[Any, ...]) -> list[Row]:
        return [tuple(record) for record in await self._connection.fetch(compiled.text, *values)]

    async def execute(self, compiled: Compiled, values: tuple[Any, ...]) -> int:
        # The answer is `UPDATE 3`, or `INSERT 0 1`.
        return int((await self._connection.execute(compiled.text, *values)).rpartition(" ")[2])

    async def many(self, compiled: Compiled, rows: list[tuple[Any, ...]]) -> None:
        # One prepared statement, all rows on their way before the first is answered.
        await self._connection.executemany(compiled.text, rows)

    async def savepoint(self) -> None:
        await self._connection.execute("SAVEPOINT part")

    async def back(self) -> None:
        await self._connection.execute("ROLLBACK TO SAVEPOINT part")

    async def begin(self) -> None:
        await self._connection.execute("BEGIN ISOLATION LEVEL SERIALIZABLE")

    async def commit(self) -> None:
        # A transaction that had failed is rolled back by this, and the answer says so.
        if await self._connection.execute("COMMIT") != "COMMIT":
            raise asyncpg.exceptions.TransactionRollbackError("the transaction had failed")

    async def rollback(self) -> None:
        await self._connection.execute("ROLLBACK")

    async def time(self) -> float:
        return float(await self._connection.fetchval("SELECT extract(epoch FROM clock_timestamp())::float8"))

    async def lock_for_write(self, seconds: float) -> bool:
        # Before the transaction, whose view of the rows is that of its beginning. `lock_timeout` holds here too.
        try:
            await self._connection.execute("SELECT pg_advisory_lock(hashtext('fractus.turn'))")
        except asyncpg.exceptions.LockNotAvailableError:
            return False
        self._in_turn = True
        return True

    async def end_turn(self) -> None:
        if self._in_turn:
            self._in_turn = False
            await self._connection.execute("SELECT pg_advisory_unlock(hashtext('fractus.turn'))")

    async def close(self) -> None:
        await self._connection.close()

    def cut(self) -> None:
        self._connection.terminate()


class _PostgreSQL:
    """The driver."""

    def __init__(self, url: URL, *, seconds: float, idle: float) -> None:
        self.dialect = _dialect()
        self.url = url.render_as_string(hide_password=False)
        self.where = f"PostgreSQL at {url.host}:{url.port or 5432}"
        trusted = url.query.get("ca")
        self._arguments: dict[str, Any] = {
            "host": url.host,
            "port": url.port or 5432,
            "user": url.username,
            "password": url.password,
            "database": url.database,
            "timeout": seconds,
            "statement_cache_size": _KEPT,
            "max_cached_statement_lifetime": 0,
            "ssl": ssl.create_default_context(cafile=str(trusted)) if trusted else False,
        }
        self._settings = {
            "application_name": "fractus",
            "lock_timeout": f"{int(seconds * 500)}ms",
            "statement_timeout": f"{int(seconds * 1000)}ms",
            "idle_in_transaction_session_timeout": f"{int(idle * 1000)}ms",
            # Statements of a millisecond are not worth compiling.
            "jit": "off",
        }

    async def connect(self, *, writing: bool) -> _Wire:
        settings = dict(self._settings)
        if writing:
            # Who reads a small table from its first row to its last has read all of it, and gets in everybody's way.
            settings["enable_seqscan"] = "off"
        return _Wire(await asyncpg.connect(**self._arguments, server_settings=settings))

    def meaning(self, error: BaseException) -> Meaning:
        if isinstance(error, OSError):
            return Meaning.LOST
        if isinstance(error, asyncpg.PostgresError):
            state = getattr(error, "sqlstate", None) or ""
            if state in _CONFLICTS:
                return Meaning.CONFLICT
            if state in _FULL:
                return Meaning.FULL
            return Meaning.LOST if state in _LOST or state[:2] in _LOST_CLASSES else Meaning.OURS
        # What the client itself refuses to send (`DataError`) is ours; all else of it is about the connection.
        if isinstance(error, asyncpg.InterfaceError | asyncpg.InternalClientError):
            return Meaning.OURS if isinstance(error, ValueError | TypeError) else Meaning.LOST
        return Meaning.OURS


class PostgresStore(ServerStore):
    """A PostgreSQL database."""

    def __init__(
        self,
        url: URL,
        clock: Clock,
        *,
        size: int = 10,
        seconds: float = 10.0,
        idle: float = 30.0,
        shared: bool = False,
    ) -> None:
        """`idle`: seconds after which the server ends a transaction whose client says nothing any more."""
        super().__init__(
            _PostgreSQL(url, seconds=seconds, idle=idle), clock, size=size, seconds=seconds, shared=shared
        )
