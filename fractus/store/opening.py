"""From a URL to a store."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from fractus.base.clock import Clock, SharedClock
from fractus.store.mysql import MysqlStore
from fractus.store.postgres import PostgresStore
from fractus.store.server import ServerStore
from fractus.store.sqlite import SqliteStore

#: Connections of one process for transactions, and as many for reads.
CONNECTIONS = 10
#: What a statement may take before the server counts as dead. Seconds.
TIMEOUT = 10.0

_SERVERS: dict[str, type[MysqlStore | PostgresStore]] = {
    "mysql": MysqlStore,
    "mariadb": MysqlStore,
    "postgresql": PostgresStore,
}


def parse(url: str) -> URL:
    """The parts of a store's URL; ValueError with a sentence where it is none. Its password is not repeated."""
    try:
        parts = make_url(url)
    except ArgumentError:
        raise ValueError(
            "store.url is no URL: sqlite:///<absolute path>, or mysql:// or postgresql:// and then "
            "user:password@host:port/database."
        ) from None
    if parts.drivername == "sqlite" and parts.database:
        return parts
    if parts.drivername not in _SERVERS:
        raise ValueError(
            f"store.url must begin with sqlite:///, mysql:// or postgresql://, not {parts.drivername}://."
        )
    if not (parts.host and parts.database and parts.username):
        raise ValueError(
            f"store.url must name user, host and database: {parts.drivername}://user:password@host:port/database."
        )
    return parts


def is_file(url: str) -> bool:
    """Whether the store is a file of this machine."""
    return parse(url).drivername == "sqlite"


def path_of(url: str) -> Path:
    """The file of a `sqlite:///` URL."""
    return Path(parse(url).database or "")


def clock_for(url: str, own: Clock) -> Clock:
    """The clock that all who use this store share: the machine's own, or that of the database's machine."""
    return own if is_file(url) else SharedClock(own)


def server(url: URL, clock: Clock, **settings: Any) -> ServerStore:
    """A store on a database server, by its parts."""
    return _SERVERS[url.drivername](url, clock, **settings)


def open_store(
    url: str, clock: Clock, *, size: int = CONNECTIONS, seconds: float = TIMEOUT, shared: bool = False
) -> SqliteStore | ServerStore:
    """The store behind a URL, whose schema is up to date. No server is connected to yet.

    `shared`: for who writes for many at a time, and little for each: transactions of theirs are put together.
    """
    parts = parse(url)
    if parts.drivername == "sqlite":
        return SqliteStore(parts.database or "", clock)
    return server(parts, clock, size=size, seconds=seconds, shared=shared)
