"""`python -m fractus.store.migrations FILE`: run what `fractus.store.migrate` found to be missing."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from sqlalchemy import URL, Connection, NullPool, create_engine, event
from sqlalchemy.exc import DBAPIError

#: How long to wait for another process that writes, perhaps the same migrations. Seconds.
_PATIENCE = 60


def run(path: str) -> None:
    """Bring the file to the newest revision, in one transaction."""
    engine = create_engine(
        URL.create("sqlite", database=path), poolclass=NullPool, connect_args={"timeout": _PATIENCE}
    )

    @event.listens_for(engine, "connect")
    def _plain(connection: Any, _record: object) -> None:
        # Python's driver would commit before each change of the schema.
        connection.isolation_level = None

    @event.listens_for(engine, "begin")
    def _alone(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    with engine.begin() as connection:
        settings = Config()
        settings.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
        settings.attributes["connection"] = connection
        command.upgrade(settings, "head")


if __name__ == "__main__":
    try:
        run(sys.argv[1])
    except DBAPIError as error:
        sys.exit(f"{error.orig}")
