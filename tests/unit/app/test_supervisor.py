from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from fractus.app.processes import group
from fractus.app.supervisor import StartFailed, Supervisor, tail, trim
from tests.unit.app.programs import BROKEN, DEAF, PARENT, program


async def until(true: Callable[[], bool], seconds: float = 20.0) -> None:
    async with asyncio.timeout(seconds):
        while not true():
            await asyncio.sleep(0.02)


def starts(directory: Path, name: str) -> int:
    path = directory / f"{name}.starts"
    return len(path.read_text()) if path.exists() else 0


def pids(supervisor: Supervisor) -> list[int]:
    return [part.process.pid for part in supervisor.parts() if part.process]


async def test_programs_start_in_order_and_stop_in_reverse_order(tmp_path: Path) -> None:
    changes: list[list[str]] = []
    supervisor = Supervisor(say=print, changed=lambda: changes.append([p.state for p in supervisor.parts()]))
    async with supervisor:
        await supervisor.start([program(tmp_path, "first")])
        assert (tmp_path / "first.up").exists()
        await supervisor.start([program(tmp_path, "second"), program(tmp_path, "third")])
        running = pids(supervisor)
        assert [part.state for part in supervisor.parts()] == ["running"] * 3
        assert tail(tmp_path / "log" / "second.log") == "  I am second"
    assert (tmp_path / "journal").read_text().split() == ["third", "second", "first"]
    assert [part.process for part in supervisor.parts()] == [None] * 3
    assert [group(pid) for pid in running] == [[], [], []]
    assert changes[-1] == ["stopped"] * 3


async def test_a_program_that_dies_is_started_again_and_it_is_said(tmp_path: Path) -> None:
    said: list[str] = []
    async with Supervisor(say=said.append) as supervisor:
        await supervisor.start([program(tmp_path, "one"), program(tmp_path, "two")])
        one, two = pids(supervisor)
        (tmp_path / "one.up").unlink()
        os.kill(one, signal.SIGKILL)
        await until(lambda: len(said) == 2)
        assert "one was ended by SIGKILL" in said[0]
        assert "starting it again in 0." in said[0]
        assert said[1] == "one runs again."
        part = supervisor.parts()[0]
        assert (part.state, part.restarts, starts(tmp_path, "one")) == ("running", 1, 2)
        assert pids(supervisor)[0] != one
        assert (pids(supervisor)[1], starts(tmp_path, "two")) == (two, 1)
    assert (tmp_path / "journal").read_text().split() == ["two", "one"]


async def test_what_a_dead_program_left_running_is_ended_before_it_starts_again(tmp_path: Path) -> None:
    async with Supervisor(say=print) as supervisor:
        await supervisor.start([program(tmp_path, "parent", PARENT)])
        leader, grandchild = pids(supervisor)[0], int((tmp_path / "grandchild").read_text())
        assert set(group(leader)) == {leader, grandchild}
        os.kill(leader, signal.SIGKILL)
        await until(lambda: starts(tmp_path, "parent") == 2)
        # A killed process stays in the table until the kernel has torn it down.
        await until(lambda: group(leader) == [])
        leader = pids(supervisor)[0]
    await until(lambda: group(leader) == [])


async def test_a_program_that_cannot_start_is_said_with_the_end_of_its_log_and_all_stop(
    tmp_path: Path,
) -> None:
    running: list[int] = []

    async def run() -> None:
        async with Supervisor(say=print) as supervisor:
            await supervisor.start([program(tmp_path, "fine")])
            running.extend(pids(supervisor))
            await supervisor.start([program(tmp_path, "broken", BROKEN)])

    with pytest.raises(StartFailed) as caught:
        await run()
    assert str(caught.value).startswith("broken ended with exit code 3.")
    assert "I cannot" in str(caught.value)
    assert [group(pid) for pid in running] == [[]]
    assert (tmp_path / "journal").read_text().split() == ["fine"]


async def test_a_program_that_is_never_ready_has_failed(tmp_path: Path) -> None:
    async def never() -> bool:
        return False

    with pytest.raises(StartFailed, match=r"slow was not ready after 0\.3 s"):
        async with Supervisor(say=print) as supervisor:
            await supervisor.start([program(tmp_path, "slow", ready=never, ready_within=0.3)])
    assert pids(supervisor) == []


async def test_a_program_that_does_not_listen_is_killed(tmp_path: Path) -> None:
    said: list[str] = []
    async with Supervisor(say=said.append) as supervisor:
        await supervisor.start([program(tmp_path, "deaf", DEAF, stop_within=0.3)])
        deaf = pids(supervisor)[0]
    assert group(deaf) == []
    assert said == ["deaf did not stop within 0.3 s: killed."]


async def test_cancelling_while_a_program_starts_leaves_nothing(tmp_path: Path) -> None:
    async def never() -> bool:
        return False

    supervisor = Supervisor(say=print)

    async def run() -> None:
        async with supervisor:
            await supervisor.start([program(tmp_path, "first")])
            await supervisor.start([program(tmp_path, "slow", ready=never)])

    task = asyncio.create_task(run())
    await until(lambda: (tmp_path / "slow.up").exists())
    running = pids(supervisor)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert len(running) == 2
    assert [group(pid) for pid in running] == [[], []]
    assert (tmp_path / "journal").read_text().split() == ["slow", "first"]


async def test_stopping_while_a_program_waits_for_its_restart_leaves_nothing(tmp_path: Path) -> None:
    async with Supervisor(say=print) as supervisor:
        await supervisor.start([program(tmp_path, "one")])
        os.kill(pids(supervisor)[0], signal.SIGKILL)
        await until(lambda: supervisor.parts()[0].state == "restarting")
    assert supervisor.parts()[0].process is None
    assert starts(tmp_path, "one") == 1


def test_a_log_is_cut_when_it_is_too_long(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    with open(log, "ab") as writer:
        writer.write(b"x" * 100)
        writer.flush()
        trim(log, 100)
        assert log.stat().st_size == 100
        trim(log, 99)
        writer.write(b"new\n")
    assert log.read_bytes() == b"new\n"
    assert (tmp_path / "a.log.1").read_bytes() == b"x" * 100
    trim(tmp_path / "none.log", 1)
