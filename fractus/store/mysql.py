"""MariaDB, alone or as a Galera cluster behind one address that leads to one writer at a time.

Every session is SERIALIZABLE: InnoDB then turns each read of a transaction into one that locks what it read, and a
transaction whose locks cannot be had is rolled back. A read outside a transaction locks nothing. The locks are the
node's own, which is why all writers must go to one node; should two nodes be written to for a moment (a failover), what
was written by both is still found out when it is replicated.
"""

from __future__ import annotations

import re
import ssl
from typing import Any

import asyncmy
from asyncmy.constants.CLIENT import FOUND_ROWS
from asyncmy.errors import Error, InterfaceError
from sqlalchemy.dialects.mysql.mariadb import MariaDBDialect
from sqlalchemy.engine import URL, Dialect

from fractus.base.clock import Clock
from fractus.store.server import ServerStore
from fractus.store.statement_queue import Meaning
from fractus.store.transaction import Compiled, Row

#: What tables and comparisons use: bytes, and blanks at the end count, as in SQLite.
COLLATION = "utf8mb4_nopad_bin"

#: Assignments see the row as it was, as the standard has it; nothing is cut off to fit.
_SQL_MODE = "STRICT_ALL_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION,SIMULTANEOUS_ASSIGNMENT"

#: Lock wait timeout; deadlock, and a conflict found by Galera; a row changed since it was read; a key that another one
#: has inserted since we looked.
_CONFLICTS = frozenset({1205, 1213, 1020, 1062})

#: The disk is full; an error while a file was written; an error of the storage engine; a table is full.
_FULL = frozenset({1021, 1026, 1030, 1114})

#: Too many connections, cannot start a thread, shutting down, killed; network; not a primary node of its cluster; error
#: during COMMIT or ROLLBACK; read-only; a statement that took too long; no connection; all of the client's own (2000+).
_LOST = frozenset(
    {
        1040,
        1041,
        1042,
        1043,
        1047,
        1053,
        1077,
        1079,
        1080,
        1135,
        1152,
        1153,
        1154,
        1155,
        1156,
        1157,
        1158,
        1159,
    }
    | {1160, 1161, 1180, 1181, 1184, 1203, 1218, 1290, 1317, 1792, 1836, 1927, 1969, 3024, 4031}
    | {2000, 2001, 2002, 2003, 2004, 2005, 2006, 2012, 2013, 2014, 2026, 2027, 2055}
)


#: An INSERT of one row that can be one of many: no parameter stands behind its values.
_VALUES = re.compile(r"(INSERT .*? VALUES )(\([^()]*\))([^%]*)", re.DOTALL)


class _Wire:
    """One connection."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self._in_turn = False

    async def rows(self, compiled: Compiled, values: tuple[Any, ...]) -> list[Row]:
        async with self._connection.cursor() as cursor:
            await cursor.execute(compiled.text, values)
            return list(await cursor.fetchall())

    async def execute(self, compiled: Compiled, values: tuple[Any, ...]) -> int:
        # A cursor would ask for the warnings that `INSERT IGNORE` leaves.
        text = self._connection.cursor().mogrify(compiled.text, values)
        return int(await self._connection.query(text))

    async def many(self, compiled: Compiled, rows: list[tuple[Any, ...]]) -> None:
        cursor = self._connection.cursor()
        found = _VALUES.fullmatch(compiled.text)
        if found is None:
            for values in rows:
                await self._connection.query(cursor.mogrify(compiled.text, values))
            return
        head, one, tail = found.groups()
        text = f"{head}{', '.join([one] * len(rows))}{tail}"
        await self._connection.query(cursor.mogrify(text, tuple(cell for values in rows for cell in values)))

    async def savepoint(self) -> None:
        await self._connection.query("SAVEPOINT part")

    async def back(self) -> None:
        await self._connection.query("ROLLBACK TO SAVEPOINT part")

    async def begin(self) -> None:
        await self._connection.query("START TRANSACTION")

    async def commit(self) -> None:
        await self._connection.query("COMMIT")

    async def rollback(self) -> None:
        await self._connection.query("ROLLBACK")

    async def time(self) -> float:
        async with self._connection.cursor() as cursor:
            await cursor.execute("SELECT UNIX_TIMESTAMP(SYSDATE(6))")
            return float((await cursor.fetchall())[0][0])

    async def lock_for_write(self, seconds: float) -> bool:
        async with self._connection.cursor() as cursor:
            await cursor.execute("SELECT GET_LOCK(CONCAT('fractus.turn.', DATABASE()), %s)", (seconds,))
            self._in_turn = (await cursor.fetchall())[0][0] == 1
        return self._in_turn

    async def end_turn(self) -> None:
        if self._in_turn:
            self._in_turn = False
            await self._connection.query("DO RELEASE_LOCK(CONCAT('fractus.turn.', DATABASE()))")

    async def close(self) -> None:
        await self._connection.ensure_closed()

    def cut(self) -> None:
        self._connection.close()


class _MariaDB:
    """The driver."""

    def __init__(self, url: URL, *, seconds: float, idle: float) -> None:
        self.dialect: Dialect = MariaDBDialect(paramstyle="format")
        self.url = url.render_as_string(hide_password=False)
        self.where = f"MariaDB at {url.host}:{url.port or 3306}"
        self._seconds = seconds
        trusted = url.query.get("ca")
        context = ssl.create_default_context(cafile=str(trusted)) if trusted else None
        self._arguments: dict[str, Any] = {
            "host": url.host,
            "port": url.port or 3306,
            "user": url.username,
            "password": url.password or "",
            "database": url.database,
            "charset": "utf8mb4",
            "autocommit": True,
            "client_flag": FOUND_ROWS,
            "connect_timeout": max(1, int(seconds / 2)),
            "ssl": context,
        }
        self._settings = (
            f"SET NAMES utf8mb4 COLLATE {COLLATION}",
            f"SET SESSION sql_mode = '{_SQL_MODE}', innodb_lock_wait_timeout = {max(1, int(seconds / 2))}, "
            f"idle_transaction_timeout = {max(1, int(idle))}, max_statement_time = {seconds:g}, "
            # Right after a failover the new node must have applied what the old one had confirmed as written.
            "wsrep_sync_wait = 1",
            "SET SESSION TRANSACTION ISOLATION LEVEL SERIALIZABLE",
        )

    async def connect(self, *, writing: bool) -> _Wire:
        connection: Any = await asyncmy.connect(**self._arguments)
        try:
            for text in self._settings:
                await connection.query(text)
        except BaseException:
            connection.close()
            raise
        return _Wire(connection)

    def meaning(self, error: BaseException) -> Meaning:
        if isinstance(error, OSError | InterfaceError):
            return Meaning.LOST
        code = error.args[0] if isinstance(error, Error) and error.args else None
        if code in _CONFLICTS:
            return Meaning.CONFLICT
        if code in _FULL:
            return Meaning.FULL
        return Meaning.LOST if code in _LOST else Meaning.OURS


class MysqlStore(ServerStore):
    """A MariaDB database."""

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
            _MariaDB(url, seconds=seconds, idle=idle), clock, size=size, seconds=seconds, shared=shared
        )
