"""The limit of a create: as many rows as one writes, as large as they are, in one transaction, by the bare driver."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import time
import uuid
from typing import Any

import asyncmy
import asyncpg
from sqlalchemy.engine import URL, make_url

#: Bytes of each row that the create of a plain server writes: the server, its port, seven needs, its address and MAC,
#: three numbers of its project, and work.
ROWS = (5000, 2000, *(120,) * 7, 100, 100, 60, 60, 60, 150)

#: Connections at once; who has one waits for its own commit.
_CONNECTIONS = 16


def _rows() -> list[tuple[str, str]]:
    return [(str(uuid.uuid4()), "x" * size) for size in ROWS]


async def bare(url: str, seconds: float) -> dict[str, Any]:
    """Transactions in a second, each of one statement and durable. The processor time is the client's."""
    parts = make_url(url)
    before, began = time.process_time(), time.perf_counter()
    if parts.drivername == "sqlite":
        done = _sqlite(f"{parts.database}-bare", seconds)
    elif parts.drivername == "postgresql":
        done = await _postgresql(parts, seconds)
    else:
        done = await _mariadb(parts, seconds)
    spent = time.perf_counter() - began
    return {
        "callers": 1 if parts.drivername == "sqlite" else _CONNECTIONS,
        "rate": done / spent,
        "cpu_ms": (time.process_time() - before) * 1000 / done,
        "load": os.getloadavg()[0],
    }


def _sqlite(path: str, seconds: float) -> int:
    db = sqlite3.connect(path, isolation_level=None)
    db.execute("PRAGMA journal_mode=WAL")
    db.execute("PRAGMA synchronous=FULL")
    db.execute("CREATE TABLE bare (id VARCHAR(36) PRIMARY KEY, body TEXT)")
    done, end = 0, time.perf_counter() + seconds
    while time.perf_counter() < end:
        db.execute("BEGIN IMMEDIATE")
        db.executemany("INSERT INTO bare VALUES (?, ?)", _rows())
        db.execute("COMMIT")
        done += 1
    db.close()
    return done


async def _postgresql(url: URL, seconds: float) -> int:
    async def connect() -> Any:
        return await asyncpg.connect(
            host=url.host, port=url.port, user=url.username, password=url.password, database=url.database
        )

    first = await connect()
    await first.execute("CREATE TABLE bare (id VARCHAR(36) PRIMARY KEY, body TEXT)")
    text = "INSERT INTO bare VALUES " + ", ".join(f"(${2 * n + 1}, ${2 * n + 2})" for n in range(len(ROWS)))

    async def one() -> int:
        connection, done, end = await connect(), 0, time.perf_counter() + seconds
        while time.perf_counter() < end:
            await connection.execute(text, *[cell for row in _rows() for cell in row])
            done += 1
        await connection.close()
        return done

    found = sum(await asyncio.gather(*(one() for _ in range(_CONNECTIONS))))
    await first.execute("DROP TABLE bare")
    await first.close()
    return found


async def _mariadb(url: URL, seconds: float) -> int:
    async def connect() -> Any:
        return await asyncmy.connect(
            host=url.host, port=url.port, user=url.username, password=url.password, database=url.database,
            autocommit=True,
        )  # fmt: skip

    first = await connect()
    await first.query("CREATE TABLE bare (id VARCHAR(36) PRIMARY KEY, body TEXT)")
    text = "INSERT INTO bare VALUES " + ", ".join("(%s, %s)" for _ in ROWS)

    async def one() -> int:
        connection, done, end = await connect(), 0, time.perf_counter() + seconds
        while time.perf_counter() < end:
            cells = [cell for row in _rows() for cell in row]
            await connection.query(connection.cursor().mogrify(text, cells))
            done += 1
        await connection.ensure_closed()
        return done

    found = sum(await asyncio.gather(*(one() for _ in range(_CONNECTIONS))))
    await first.query("DROP TABLE bare")
    await first.ensure_closed()
    return found
