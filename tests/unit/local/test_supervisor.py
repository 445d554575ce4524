from __future__ import annotations

import asyncio
import errno
import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fractus.local import supervisor as supervisor_module
from fractus.local.processes import group
from fractus.local.supervisor import StartFailed, Supervisor, tail, trim
from tests.unit.local.programs import BROKEN, DEAF, PARENT, program


async def until(true: Callable[[], bool], seconds: float = 120.0) -> None:
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


def full(*_: Any, **__: Any) -> Any:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


async def kill_and_see_it_back(supervisor: Supervisor, directory: Path) -> None:
    number = starts(directory, "one")
    os.kill(pids(supervisor)[0], signal.SIGKILL)
    await until(lambda: starts(directory, "one") > number and supervisor.parts()[0].state == "running")


def wrong(*_: Any, **__: Any) -> Any:
    raise AssertionError("what nobody thought of")


@pytest.mark.parametrize("full", [full, wrong])
async def test_without_room_for_its_own_list_and_words_it_starts_again_what_dies(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, full: Callable[..., Any]
) -> None:
    monkeypatch.setattr(supervisor_module, "_NOTE_AGAIN", 0.05)
    monkeypatch.setattr(supervisor_module, "_LOG_LOOK", 0.01)
    monkeypatch.setattr(supervisor_module, "trim", full)
    noted: list[int] = []
    room = asyncio.Event()

    def note() -> None:
        if not room.is_set():
            full()
        noted.extend(part.restarts for part in supervisor.parts())

    supervisor = Supervisor(say=full, changed=note)
    async with supervisor:
        await supervisor.start([program(tmp_path, "one")])
        await kill_and_see_it_back(supervisor, tmp_path)
        await kill_and_see_it_back(supervisor, tmp_path)
        assert noted == []
        room.set()
        await until(lambda: noted == [2])
        room.clear()
        await supervisor.start([program(tmp_path, "two")])
        running = pids(supervisor)
    # Also where nothing can be noted all of them are stopped.
    assert [group(pid) for pid in running] == [[], []]


@pytest.mark.parametrize("error", [OSError(errno.EMFILE, "Too many open files"), RuntimeError("no thread")])
async def test_a_program_that_cannot_be_started_for_a_while_is_started_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    monkeypatch.setattr(supervisor_module, "backoff", lambda *_, **__: 0.01)
    said: list[str] = []
    failures = [error] * 3
    really = asyncio.create_subprocess_exec

    async def start(*argv: Any, **more: Any) -> Any:
        if failures:
            raise failures.pop()
        return await really(*argv, **more)

    async with Supervisor(say=said.append) as supervisor:
        monkeypatch.setattr(asyncio, "create_subprocess_exec", really)
        await supervisor.start([program(tmp_path, "one")])
        monkeypatch.setattr(asyncio, "create_subprocess_exec", start)
        await kill_and_see_it_back(supervisor, tmp_path)
    assert failures == []
    assert [f"one cannot be started now: {error}." in said, "one runs again." in said] == [True, True]


async def test_a_program_whose_log_cannot_be_written_runs_without_one(tmp_path: Path) -> None:
    (tmp_path / "log").write_text("no directory")
    said: list[str] = []
    async with Supervisor(say=said.append) as supervisor:
        await supervisor.start([program(tmp_path, "one")])
        assert supervisor.parts()[0].state == "running"
    assert said == [f"one runs without a log: {tmp_path}/log/one.log cannot be written (File exists)."]


def test_a_log_is_cut_also_where_there_is_no_room_for_what_it_held(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = tmp_path / "a.log"
    log.write_bytes(b"x" * 100)
    log.with_name("a.log.1").write_bytes(b"y")
    monkeypatch.setattr(shutil, "copyfile", full)
    trim(log, 50)
    assert log.read_bytes() == b""
    assert not log.with_name("a.log.1").exists()
