"""Real workers, processes of their own, over a real RabbitMQ: killed, suspended, and left without a broker."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from collections.abc import AsyncIterator
from math import ceil
from pathlib import Path

import apsw
import pytest

from tools.broker.rabbit import Broker
from tools.rolling.stand import Stand

CLOUDS = 8
pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


class Lanes:
    """Who holds which lane, read from the store; and what that was like over time."""

    def __init__(self, stand: Stand) -> None:
        self._path = stand.directory / "fractus.db"

    def _rows(self, statement: str) -> list[tuple[object, ...]]:
        connection = apsw.Connection(str(self._path))
        try:
            connection.set_busy_timeout(5000)
            return connection.execute(statement).fetchall()
        finally:
            connection.close()

    def of(self) -> dict[int, set[str]]:
        """Pid -> lanes whose leases are good."""
        found: dict[int, set[str]] = {}
        for cloud, holder in self._rows(f"SELECT cloud, holder FROM lane WHERE until > {time.time()}"):
            if holder:
                found.setdefault(int(str(holder).split(":")[1]), set()).add(str(cloud))
        return found

    def reported(self) -> set[str]:
        return {str(row[0]) for row in self._rows("SELECT cloud FROM lane WHERE told")}

    def swept(self) -> dict[str, float]:
        return {str(name): float(str(at or 0)) for name, at in self._rows("SELECT name, seen_at FROM cloud")}


async def until(condition: object, seconds: float = 240.0) -> float:
    began = time.monotonic()
    async with asyncio.timeout(seconds):
        while not condition():  # type: ignore[operator]
            await asyncio.sleep(0.02)
    return time.monotonic() - began


@pytest.fixture
async def stand(tmp_path: Path, broker: Broker) -> AsyncIterator[Stand]:
    settings = {
        "FRACTUS_WAKE_URL": broker.url,
        "FRACTUS_WAKE_HEARTBEAT": "5",
        "FRACTUS_WORK_SWEEP_INTERVAL": "1",
    }
    made = Stand(tmp_path / "state", apis=0, workers=3, clouds=CLOUDS, settings=settings, balancer=False)
    async with made:
        yield made


async def test_lanes_move_when_workers_die_hang_and_lose_the_broker(stand: Stand, broker: Broker) -> None:
    lanes = Lanes(stand)
    every = {"", *stand.clouds}
    pids = [worker.process.pid for worker in stand.workers if worker.process is not None]

    def shared_by(*living: int) -> bool:
        held = lanes.of()
        sizes = [len(held.get(pid, ())) for pid in living]
        return (
            set().union(*held.values()) == every
            and sum(sizes) == len(every) == sum(map(len, held.values()))
            and (max(sizes) <= ceil(len(every) / len(living)))
        )

    await until(lambda: shared_by(*pids) and lanes.reported() == every)
    figures = {}

    # kill -9: the broker hands on what it held, at once and to the others.
    lost = lanes.of()[pids[0]]
    stand.workers[0].kill()
    figures["killed"] = await until(lambda: not lost & lanes.of().get(pids[0], set()))
    await until(lambda: shared_by(*pids[1:]))

    # SIGSTOP: noticed by its heartbeats.
    hung = stand.workers[1].process
    assert hung is not None
    hung.send_signal(19)
    figures["suspended"] = await until(lambda: lanes.of().get(pids[2]) == every)
    hung.send_signal(18)
    await until(lambda: shared_by(*pids[1:]))

    # No broker at all: leases in the store go on by themselves, and everything is swept.
    broker.kill()
    await until(lambda: not lanes.reported())
    stand.workers[1].kill()
    figures["killed without a broker"] = await until(lambda: lanes.of().get(pids[2]) == every)
    since = time.time()
    await until(lambda: all(at > since for at in lanes.swept().values()))
    await stand.workers[0].start()
    third = stand.workers[0].process
    assert third is not None
    await until(lambda: shared_by(third.pid, pids[2]))

    # And back.
    await asyncio.to_thread(broker.start)
    await until(lambda: lanes.reported() == every)
    await until(lambda: shared_by(third.pid, pids[2]))
    assert Counter(len(part) for part in lanes.of().values()).total() == 2
    print(json.dumps({what: round(seconds, 2) for what, seconds in figures.items()}))
