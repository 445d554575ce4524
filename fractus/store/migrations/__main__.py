"""`python -m fractus.store.migrations [--contract]`: run what `fractus.store.migrate` found to be missing.

The URL of the database comes on standard input: arguments can be read by everybody on the machine, and a URL holds a
password.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from sqlalchemy import URL, Connection, NullPool, create_engine, event
from sqlalchemy.exc import DBAPIError

from fractus.store import ddl
from fractus.store.migrations.contracts import contract
from fractus.store.opening import parse

#: How long to wait for another process that writes, perhaps the same migrations. Seconds.
_PATIENCE = 60

_HERE = Path(__file__).parent


def run(url: URL, *, contracting: bool = False) -> None:
    """Bring the database to the newest revision; in one transaction where the database can.

    `contracting`: then also take away what is not used any more.
    """

    def change(connection: Connection) -> None:
        _upgrade(connection)
        if contracting:
            contract(connection, _HERE)

    if url.drivername == "sqlite":
        _run_on_file(url, change)
    else:
        asyncio.run(_run_on_server(url, change))


def _run_on_file(url: URL, change: Callable[[Connection], None]) -> None:
    engine = create_engine(url, poolclass=NullPool, connect_args={"timeout": _PATIENCE})

    @event.listens_for(engine, "connect")
    def _plain(connection: Any, _record: object) -> None:
        # Python's driver would commit before each change of the schema.
        connection.isolation_level = None

    @event.listens_for(engine, "begin")
    def _alone(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    with engine.begin() as connection:
        change(connection)


async def _run_on_server(url: URL, change: Callable[[Connection], None]) -> None:
    engine = ddl.engine(url)
    async with engine.begin() as connection:
        await connection.run_sync(ddl.prepare, _PATIENCE)
        await connection.run_sync(change)
    await engine.dispose()


def _upgrade(connection: Connection) -> None:
    settings = Config()
    settings.set_main_option("script_location", str(_HERE).replace("%", "%%"))
    settings.attributes["connection"] = connection
    command.upgrade(settings, "head")


if __name__ == "__main__":
    try:
        run(parse(sys.stdin.read()), contracting="--contract" in sys.argv[1:])
    except DBAPIError as error:
        sys.exit(f"{error.orig}")
    except (OSError, TimeoutError) as error:
        sys.exit(f"{error}")
