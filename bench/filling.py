"""A store with many servers, as they are after months: each ACTIVE, with its port, its addresses and its presences.

One server is made by the program itself, in a `World`, through API and worker. Its rows are then copied with other ids,
names and addresses, so that what is measured later has the shape that the program writes today.
"""

from __future__ import annotations

import hashlib
import sqlite3
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from fractus.addressing import ranges
from fractus.testing.world import World

CLOUDS = ("left", "east")
"""Names of the two clouds; of one length, so that copies may change sides."""

#: Copies have addresses of the subnet outside its pool: what is created later takes from the pool.
_CIDR, _POOL = "10.64.0.0/12", {"start": "10.79.0.2", "end": "10.79.255.254"}
_FIRST_COPY = ranges.number("10.64.0.10")

_NAME = "bench-000000"
#: How far apart copies were made, in seconds: lists are sorted by it.
_APART = 7.0


def server_id(number: int) -> str:
    """The id of copy `number`, which is 1 or more."""
    return _id("server", number)


def port_id(number: int) -> str:
    """The id of its port."""
    return _id("port", number)


class Filled(NamedTuple):
    """What there is to make more servers with."""

    flavor_id: str
    image_id: str
    network_id: str


async def fill(directory: Path, servers: int, project_id: str) -> Filled:
    """Make the state directory `directory/state` with `servers` servers of one project."""
    async with World(CLOUDS, tmp_path=directory) as world:
        user = world.user("bench", project_id=project_id)
        flavor, image = await world.default_flavor(), await world.default_image()
        net = await user.makes_network(cidr=_CIDR, subnet={"allocation_pools": [_POOL]})
        server = await user.boots_server(_NAME, flavor=flavor, image=image, network=net, zone=CLOUDS[0])
        await world.settle()
        shown = await user.server(server)
        port = (await user.listed("/network/v2.0/ports", device_id=server))[0]
    assert shown["status"] == "ACTIVE", shown
    copier = _Copier(directory / "state" / "fractus.db", server, port)
    copier.copy(servers - 1)
    copier.close()
    return Filled(flavor, image, net.id)


class _Copier:
    """Copies all rows that belong to one server and its port."""

    def __init__(self, database: Path, server_id: str, port: Mapping[str, Any]) -> None:
        self._db = sqlite3.connect(database)
        self._server_id, self._port = server_id, port
        self._ip = port["fixed_ips"][0]["ip_address"]
        self._rows = [
            (table, columns, row)
            for table, columns in self._tables()
            for row in self._db.execute(f"SELECT * FROM {table}").fetchall()
            if any(_within(part, cell) for part in (server_id, port["id"]) for cell in row)
        ]
        self._remote_ids = [
            row[columns.index("remote_id")] for name, columns, row in self._rows if name == "presence"
        ]

    def _tables(self) -> list[tuple[str, tuple[str, ...]]]:
        """Every table of the file, and its columns."""
        names = self._db.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name"
        ).fetchall()
        return [
            (name, tuple(row[1] for row in self._db.execute(f"PRAGMA table_info({name})")))
            for (name,) in names
        ]

    def copy(self, count: int) -> None:
        """Make `count` copies, in one transaction."""
        now = time.time()
        others = [self._others(number) for number in range(count + 1)]
        self._db.execute("PRAGMA cache_size = -262144")  # the keys are random: all indexes stay at hand
        with self._db:
            # No sweep runs here that would say it: the clouds have answered, and will have for a day.
            self._db.execute("UPDATE cloud SET seen_at = ?", (now + 86400.0,))
            for name, columns, row in self._rows:
                marks = ", ".join("?" for _ in columns)
                statement = f"INSERT INTO {name} ({', '.join(columns)}) VALUES ({marks})"
                self._db.executemany(statement, self._copies(columns, row, others, now))

    def _copies(
        self, columns: tuple[str, ...], row: tuple[Any, ...], others: Sequence[dict[str, str]], now: float
    ) -> Iterator[list[Any]]:
        """One row, again and again with other contents."""
        told = [(at, old) for old in others[0] for at, cell in enumerate(row) if _within(old, cell)]
        stamps = [at for at, name in enumerate(columns) if name in ("created_at", "updated_at")]
        for number, new_of in enumerate(others[1:], 1):
            copy = list(row)
            for at, old in told:
                new = new_of[old]
                copy[at] = (
                    copy[at].replace(old.encode(), new.encode())
                    if isinstance(copy[at], bytes)
                    else (copy[at].replace(old, new))
                )
            for at in stamps:
                copy[at] = now - number * _APART
            yield copy

    def _others(self, number: int) -> dict[str, str]:
        """What stands in copy `number` in the place of what is the original's own."""
        ip = _FIRST_COPY + number
        found = {
            _NAME: f"bench-{number:06d}",
            self._server_id: server_id(number),
            self._port["id"]: port_id(number),
            self._port[
                "mac_address"
            ]: f"fa:16:3e:{number >> 16:02x}:{number >> 8 & 255:02x}:{number & 255:02x}",
            self._ip: ranges.text(ip, 4),
            ranges.key(ranges.number(self._ip), 4): ranges.key(ip, 4),
            CLOUDS[0]: CLOUDS[number % 2],
        }
        return found | {id: _id(f"remote {at}", number) for at, id in enumerate(self._remote_ids)}

    def close(self) -> None:
        """Let go of the file."""
        self._db.close()


def _within(text: str, cell: Any) -> bool:
    return text.encode() in cell if isinstance(cell, bytes) else isinstance(cell, str) and text in cell


def _id(what: str, number: int) -> str:
    return str(uuid.UUID(bytes=hashlib.md5(f"{what} {number}".encode(), usedforsecurity=False).digest()))
