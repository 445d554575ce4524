from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from fractus.local import processes, running
from fractus.local.processes import Mark, alive, boot_id, mark, port_in_use
from fractus.local.running import AlreadyRunning, Part, Record

SLEEPER = [sys.executable, "-c", "import time; print(flush=True); time.sleep(600)"]

#: Holds the lock of the directory in argv[1] until it is asked to stop, or for ever if argv[2] is "deaf".
HOLDER = """
import os, signal, sys, time
from pathlib import Path
from fractus.local import running
from fractus.local.processes import boot_id, mark
if sys.argv[2] == "deaf":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
with running.locked(Path(sys.argv[1])):
    running.write(Path(sys.argv[1]), running.Record(
        boot=boot_id(), supervisor=mark(os.getpid()), endpoint="e", keystone_url="k", since=0.0))
    print(flush=True)
    time.sleep(600)
"""


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(SLEEPER, stdout=subprocess.PIPE, start_new_session=True)
    assert process.stdout is not None
    process.stdout.readline()
    yield process
    process.kill()
    process.wait()
    process.stdout.close()


#: Beyond the largest pid there can be.
NOBODY = Mark(2**22 + 1, 0)


def record(parts: list[Part], boot: str | None = None) -> Record:
    return Record(
        boot=boot_id() if boot is None else boot,
        supervisor=NOBODY,
        endpoint="http://127.0.0.1:1",
        keystone_url="http://127.0.0.1:2/v3",
        since=1.0,
        parts=parts,
    )


def test_a_mark_names_one_process_and_not_the_next_with_its_pid(sleeper: subprocess.Popen[bytes]) -> None:
    found = mark(sleeper.pid)
    assert found is not None
    assert alive(found)
    assert not alive(Mark(found.pid, found.started - 1))
    sleeper.kill()
    sleeper.wait()
    assert not alive(found)
    assert mark(sleeper.pid) is None


def test_a_zombie_has_ended() -> None:
    process = subprocess.Popen([sys.executable, "-c", ""])
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    assert mark(process.pid) is None
    process.wait()


def test_memory_and_members_of_a_group(sleeper: subprocess.Popen[bytes]) -> None:
    assert processes.group(sleeper.pid) == [sleeper.pid]
    assert 1_000_000 < processes.memory([sleeper.pid, NOBODY.pid]) < 100_000_000
    assert processes.memory([]) == 0


def test_a_taken_port_is_said_with_who_has_it() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        said = port_in_use("127.0.0.1", port)
        assert said.startswith("is taken by ")
        assert said.endswith(f"(pid {os.getpid()})")
    assert port_in_use("127.0.0.1", port) == ""


def test_only_one_can_hold_a_directory(tmp_path: Path) -> None:
    assert not running.is_running(tmp_path)
    with running.locked(tmp_path):
        assert running.is_running(tmp_path)
        with pytest.raises(AlreadyRunning), running.locked(tmp_path):
            pass
    assert not running.is_running(tmp_path)


def test_a_record_of_before_the_last_boot_means_nothing(tmp_path: Path) -> None:
    assert running.read(tmp_path) is None
    running.write(tmp_path, record([Part(name="a", state="running", process=Mark(1, 2), restarts=3)]))
    found = running.read(tmp_path)
    assert found == record([Part(name="a", state="running", process=Mark(1, 2), restarts=3)])
    running.write(tmp_path, record([], boot="another"))
    assert running.read(tmp_path) is None
    running.record_path(tmp_path).write_text("{half")
    assert running.read(tmp_path) is None


def test_stop_ends_what_a_killed_run_left_and_no_one_elses_process(
    tmp_path: Path, sleeper: subprocess.Popen[bytes]
) -> None:
    said: list[str] = []
    present = mark(sleeper.pid)
    assert present is not None
    recycled = Part(name="old", state="running", process=Mark(present.pid, present.started - 1))
    running.write(tmp_path, record([recycled]))
    assert running.stop(tmp_path, within=60, say=said.append) is False
    assert alive(present)

    running.write(tmp_path, record([Part(name="api", state="running", process=present)]))
    assert running.stop(tmp_path, within=60, say=said.append) is True
    assert sleeper.wait() == -signal.SIGTERM
    assert said == [f"Stopped api (pid {present.pid}), left over from a fractus up that was killed."]
    assert running.stop(tmp_path, within=1, say=said.append) is False


@pytest.mark.parametrize(("manner", "code"), [("polite", -signal.SIGTERM), ("deaf", -signal.SIGKILL)])
def test_stop_ends_a_running_one_and_kills_it_only_when_it_does_not_listen(
    tmp_path: Path, manner: str, code: int
) -> None:
    said: list[str] = []
    holder = subprocess.Popen([sys.executable, "-c", HOLDER, str(tmp_path), manner], stdout=subprocess.PIPE)
    assert holder.stdout is not None
    holder.stdout.readline()
    assert running.is_running(tmp_path)
    began = time.monotonic()
    within = 0.5 if manner == "deaf" else 120.0
    assert running.stop(tmp_path, within=within, say=said.append) is True
    assert time.monotonic() - began < 60, "the polite one is not waited for, the deaf one for half a second"
    assert holder.wait() == code
    holder.stdout.close()
    assert bool(said) == (manner == "deaf")
    assert not running.is_running(tmp_path)
