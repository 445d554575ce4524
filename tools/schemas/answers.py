"""Writes what fractus answers to compute's routes, a line of JSON each, for `judge.py`.

    python -m tools.schemas.answers FILE [OLDEST NEWEST]

A furnished project in simulated clouds is asked: every GET route at every microversion, by its owner and by an
administrator, and every other route at the versions in which answers to writes changed, in a project of its own each
time. Refusals are left out: they are no business of these schemas.
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import IO, Any

from fractus.base import log
from fractus.services.compute import VERSIONS
from fractus.testing.user import User
from fractus.testing.world import World
from fractus.web.microversion import Version
from tests.api.bodies import body_of
from tests.api.house import House, Served, furnish, served

#: The minor versions at which writes are asked: the first, the last, and those that changed answers to writes.
_WRITES = (1, 2, 9, 13, 19, 26, 37, 41, 45, 47, 50, 54, 55, 57, 63, 64, 71, 73, 75, 90, 96, 98, 100, 101, 104)

#: What makes things comes before what changes them, and that before what ends them.
_ORDER = {"POST": 1, "PUT": 2, "PATCH": 2, "DELETE": 4}


#: What collections are asked that tell nothing otherwise.
_QUERIES = {"os-simple-tenant-usage": {"start": "2001-01-01T00:00:00", "detailed": "1"}}


def _order(one: Served) -> tuple[int, str]:
    action = one.route.action
    rank = 3 if action and action not in ("createImage", "os-getConsoleOutput") else _ORDER[one.route.method]
    return rank, str(one)


async def _routes(world: World) -> list[Served]:
    return [one for one in await served(world) if one.service.type == "compute" and not one.gone]


def _is_there(one: Served, version: Version) -> bool:
    low, high = one.route.min_version, one.route.max_version
    return (low is None or version >= low) and (high is None or version <= high)


async def _ask(house: House, one: Served, user: User, version: Version) -> dict[str, Any] | None:
    """One answer; None where it is a refusal."""
    body = body_of(one, house)
    query = _QUERIES.get(one.route.path.split("/")[1])
    reply = await user.call(one.route.method, house.path(one), body, version=str(version), query=query)
    if not 200 <= reply.status < 300:
        return None
    return {
        "method": one.route.method,
        "path": one.route.path,
        "action": one.route.action,
        "version": str(version),
        "status": reply.status,
        "body": json.loads(reply.body) if reply.body else None,
    }


async def _reads(versions: list[Version]) -> AsyncIterator[dict[str, Any] | None]:
    with tempfile.TemporaryDirectory() as directory:
        async with World(tmp_path=Path(directory)) as world:
            house = await furnish(world, world.user("ann"))
            routes = [one for one in await _routes(world) if one.route.method == "GET"]
            for version in versions:
                for one in routes:
                    for user in (house.owner, world.admin):
                        if _is_there(one, version):
                            yield await _ask(house, one, user, version)


async def _writes(version: Version) -> AsyncIterator[dict[str, Any] | None]:
    with tempfile.TemporaryDirectory() as directory:
        async with World(tmp_path=Path(directory)) as world:
            house = await furnish(world, world.user("ann"))
            for one in sorted((one for one in await _routes(world) if one.route.method != "GET"), key=_order):
                if _is_there(one, version):
                    answer = await _ask(house, one, house.owner, version)
                    yield answer or await _ask(house, one, world.admin, version)
                    if one.route.action:
                        await world.settle()


async def _write(to: IO[str], oldest: int, newest: int) -> int:
    versions = [version for version, _ in VERSIONS if oldest <= version.minor <= newest]
    number = 0
    sources = [_reads(versions)] + [_writes(one) for one in versions if one.minor in _WRITES]
    for source in sources:
        async for answer in source:
            if answer is not None:
                to.write(json.dumps(answer) + "\n")
                number += 1
    return number


def main() -> None:
    """Write them."""
    oldest, newest = (int(text) for text in sys.argv[2:4]) if len(sys.argv) > 2 else (1, len(VERSIONS))
    log.configure("critical")
    with Path(sys.argv[1]).open("w") as to:
        print(f"{asyncio.run(_write(to, oldest, newest))} answers")


if __name__ == "__main__":
    main()
