"""`python -m fractus.store.migrations [--contract]`: run what `fractus.store.migrate` found to be missing.

The URL of the database comes on standard input: arguments can be read by everybody on the machine, and a URL holds a
password.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import URL, Connection, NullPool, create_engine, event
from sqlalchemy.exc import DBAPIError

from fractus.store import ddl
from fractus.store.migrations.contracts import contract
from fractus.store.opening import parse

T = TypeVar("T")

#: How long to wait for another process that writes, perhaps the same migrations. Seconds.
_PATIENCE = 60

_HERE = Path(__file__).parent


def run(url: URL, *, contracting: bool = False) -> None:
    """Bring the database to the newest revision: a file in one transaction, PostgreSQL in one for each revision.

    `contracting`: then also take away what is not used any more.
    """
    if url.drivername == "sqlite":
        _run_on_file(url, contracting=contracting)
    else:
        asyncio.run(_run_on_server(url, contracting=contracting))


def _run_on_file(url: URL, *, contracting: bool) -> None:
    engine = create_engine(url, poolclass=NullPool, connect_args={"timeout": _PATIENCE})

    @event.listens_for(engine, "connect")
    def _plain(connection: Any, _record: object) -> None:
        # Python's driver would commit before each change of the schema.
        connection.isolation_level = None

    @event.listens_for(engine, "begin")
    def _alone(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    with engine.begin() as connection:
        _upgrade(connection, "head")
        if contracting:
            contract(connection, _HERE)


async def _run_on_server(url: URL, *, contracting: bool) -> None:
    engine = ddl.engine(url)

    async def alone(change: Callable[[Connection], T]) -> T:
        async with engine.begin() as connection:
            await connection.run_sync(ddl.prepare, _PATIENCE)
            return await connection.run_sync(change)

    if url.drivername == "postgresql":
        # One revision locks its tables until its transaction ends, and the version before runs on meanwhile: it is to
        # wait for one at a time. Whoever has the lock reads how far the database is, so others may do some of them.
        while await alone(upgrade_by_one):
            pass
    else:
        await alone(lambda connection: _upgrade(connection, "head"))
    if contracting:
        await alone(lambda connection: contract(connection, _HERE))
    await engine.dispose()


def upgrade_by_one(connection: Connection) -> bool:
    """Bring a database one revision further, and an empty one, which nobody uses, to the newest. Whether there are
    more.
    """
    at = MigrationContext.configure(connection).get_current_revision()
    if at is None:
        _upgrade(connection, "head")
        return False
    every = [
        one.revision for one in reversed(list(ScriptDirectory.from_config(_settings()).walk_revisions()))
    ]
    # One that a newer version has brought further meanwhile is left to that.
    left = every[every.index(at) + 1 :] if at in every else []
    if left:
        _upgrade(connection, left[0])
    return len(left) > 1


def _upgrade(connection: Connection, revision: str) -> None:
    settings = _settings()
    settings.attributes["connection"] = connection
    command.upgrade(settings, revision)


def _settings() -> Config:
    settings = Config()
    settings.set_main_option("script_location", str(_HERE).replace("%", "%%"))
    return settings


if __name__ == "__main__":
    try:
        run(parse(sys.stdin.read()), contracting="--contract" in sys.argv[1:])
    except DBAPIError as error:
        sys.exit(f"{error.orig}")
    except (OSError, TimeoutError) as error:
        sys.exit(f"{error}")
