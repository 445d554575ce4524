"""`python -m fractus.store.migrations`: run what `fractus.store.migrate` found to be missing.

The URL of the database comes on standard input: arguments can be read by everybody on the machine, and a URL holds a
password.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from sqlalchemy import URL, Connection, NullPool, create_engine, event
from sqlalchemy.exc import DBAPIError

from fractus.store import ddl
from fractus.store.opening import parse

#: How long to wait for another process that writes, perhaps the same migrations. Seconds.
_PATIENCE = 60


def run(url: URL) -> None:
    """Bring the database to the newest revision; in one transaction where the database can."""
    if url.drivername == "sqlite":
        _run_on_file(url)
    else:
        asyncio.run(_run_on_server(url))


def _run_on_file(url: URL) -> None:
    engine = create_engine(url, poolclass=NullPool, connect_args={"timeout": _PATIENCE})

    @event.listens_for(engine, "connect")
    def _plain(connection: Any, _record: object) -> None:
        # Python's driver would commit before each change of the schema.
        connection.isolation_level = None

    @event.listens_for(engine, "begin")
    def _alone(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    with engine.begin() as connection:
        _upgrade(connection)


async def _run_on_server(url: URL) -> None:
    engine = ddl.engine(url)
    async with engine.begin() as connection:
        await connection.run_sync(ddl.prepare, _PATIENCE)
        await connection.run_sync(_upgrade)
    await engine.dispose()


def _upgrade(connection: Connection) -> None:
    settings = Config()
    settings.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    settings.attributes["connection"] = connection
    command.upgrade(settings, "head")


if __name__ == "__main__":
    try:
        run(parse(sys.stdin.read()))
    except DBAPIError as error:
        sys.exit(f"{error.orig}")
    except (OSError, TimeoutError) as error:
        sys.exit(f"{error}")
