"""Who makes a million rows hears when it shall end, and leaves nothing half done."""

from __future__ import annotations

import asyncio
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bench.stopping import Halt, in_thread

ROOT = Path(__file__).parents[3]

#: More than can be made before a test is given up.
ENDLESS = 50_000_000


def _grows(database: Path) -> bool:
    return database.exists() and database.stat().st_size > 5_000_000


def test_the_command_ends_at_sigterm(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "bench.filling", "--keep", str(tmp_path), "--servers", str(ENDLESS)]
    with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE) as process:
        assert process.stderr is not None
        while not _grows(tmp_path / "state" / "fractus.db"):
            assert process.poll() is None, process.stderr.read()
            time.sleep(0.05)
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate()
    assert process.returncode == 128 + signal.SIGTERM
    assert said == b""
    assert not list((tmp_path / "state").glob("fractus.db*"))
    assert not (tmp_path / "plan.json").exists()


async def test_one_long_statement_is_broken_off() -> None:
    begun = asyncio.Event()
    loop = asyncio.get_running_loop()
    ended = []

    def work(halt: Halt) -> None:
        db = sqlite3.connect(":memory:")
        halt.interrupt = db.interrupt
        loop.call_soon_threadsafe(begun.set)
        try:
            db.execute(
                "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"
            )
        finally:
            db.close()
            ended.append(True)

    working = asyncio.create_task(in_thread(work))
    await begun.wait()
    working.cancel()
    with pytest.raises(asyncio.CancelledError):
        await working
    assert ended


async def test_what_goes_wrong_is_reported_and_what_goes_well_is_done() -> None:
    done = []
    await in_thread(lambda halt: done.append(halt))
    assert len(done) == 1

    def breaks(halt: Halt) -> None:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        await in_thread(breaks)
