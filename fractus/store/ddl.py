"""Making tables on a database server, so that they compare and keep values as SQLite does.

Tables and migrations name plain types. What those become on a server is decided here, once, for all of them:

- MariaDB: texts are utf8mb4 and compared byte by byte, blanks at their end included (the database's own default, which
  is set before the first table); `Text` and `LargeBinary` are LONGTEXT and LONGBLOB, not 64 KiB; every float has eight
  bytes.
- PostgreSQL: texts are compared byte by byte (collation "C"), whatever the database's own order is.
"""

from __future__ import annotations

import re
import ssl
from typing import Any

from sqlalchemy import Connection, NullPool, event, text
from sqlalchemy.dialects.mysql.base import MySQLTypeCompiler
from sqlalchemy.dialects.postgresql.base import PGTypeCompiler
from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from fractus.store.mysql import COLLATION


class _MariaDBTypes(MySQLTypeCompiler):
    def visit_TEXT(self, type_: Any, **kw: Any) -> str:  # noqa: N802
        return "LONGTEXT"

    def visit_large_binary(self, type_: Any, **kw: Any) -> str:
        return "LONGBLOB"

    def visit_FLOAT(self, type_: Any, **kw: Any) -> str:  # noqa: N802
        return "DOUBLE"


class _PostgreSQLTypes(PGTypeCompiler):
    def visit_VARCHAR(self, type_: Any, **kw: Any) -> str:  # noqa: N802
        return f'{super().visit_VARCHAR(type_, **kw)} COLLATE "C"'

    def visit_TEXT(self, type_: Any, **kw: Any) -> str:  # noqa: N802
        return f'{super().visit_TEXT(type_, **kw)} COLLATE "C"'


#: MariaDB commits each change of a schema at once. A migration that died half-way is run again from its beginning, and
#: what it had done is left as it is.
_UNLESS_DONE = (
    (re.compile(r"^(\s*CREATE TABLE )(?!IF )"), r"\1IF NOT EXISTS "),
    (re.compile(r"^(\s*CREATE (?:UNIQUE )?INDEX )(?!IF )"), r"\1IF NOT EXISTS "),
    (re.compile(r"^(\s*ALTER TABLE \S+ ADD COLUMN )(?!IF )"), r"\1IF NOT EXISTS "),
    (re.compile(r"^(\s*DROP (?:TABLE|INDEX) )(?!IF )"), r"\1IF EXISTS "),
    (re.compile(r"^(\s*ALTER TABLE \S+ DROP COLUMN )(?!IF )"), r"\1IF EXISTS "),
)


def unless_done(statement: str) -> str:
    """A change of the schema that does nothing where it was made before (MariaDB's own words for it)."""
    for pattern, replacement in _UNLESS_DONE:
        statement = pattern.sub(replacement, statement)
    return statement


def engine(url: URL) -> AsyncEngine:
    """For changes of the schema only; rows go through a store."""
    maria = url.drivername != "postgresql"
    trusted = url.query.get("ca")
    arguments: dict[str, Any] = {}
    if trusted:
        arguments["ssl"] = ssl.create_default_context(cafile=str(trusted))
    made = create_async_engine(
        url.set(drivername="mariadb+asyncmy" if maria else "postgresql+asyncpg", query={}),
        poolclass=NullPool,
        connect_args=arguments,
        isolation_level="AUTOCOMMIT" if maria else "READ COMMITTED",
    )
    types = _MariaDBTypes if maria else _PostgreSQLTypes
    made.dialect.type_compiler_instance = types(made.dialect)
    if maria:

        @event.listens_for(made.sync_engine, "before_cursor_execute", retval=True)
        def _repeatable(
            _connection: Any, _cursor: Any, statement: str, parameters: Any, _context: Any, _many: bool
        ) -> tuple[str, Any]:
            return unless_done(statement), parameters

    return made


def prepare(connection: Connection, patience: int) -> None:
    """Be the only one who changes this schema, for up to `patience` seconds of waiting; and set what tables inherit."""
    if connection.dialect.name == "postgresql":
        connection.execute(text(f"SET LOCAL lock_timeout = '{patience}s'"))
        connection.execute(text("SELECT pg_advisory_xact_lock(hashtext('fractus.schema'))"))
        return
    if not connection.scalar(text(f"SELECT GET_LOCK(CONCAT('fractus.schema.', DATABASE()), {patience})")):
        raise TimeoutError(f"another process has been changing the schema for {patience} seconds")
    if connection.scalar(text("SELECT @@collation_database")) != COLLATION:
        connection.execute(text(f"ALTER DATABASE CHARACTER SET utf8mb4 COLLATE {COLLATION}"))
