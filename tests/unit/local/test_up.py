"""`fractus up` from outside, with tiny programs in the place of API and worker (`small_up`)."""

from __future__ import annotations

import io
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from rich.console import Console

from fractus.cli.main import cli
from fractus.local import detach, running
from fractus.local.processes import Mark, alive
from fractus.local.progress import Progress
from fractus.local.running import Record
from fractus.local.supervisor import StartFailed
from fractus.settings.loading import Settings, load
from fractus.store import migrate
from tools.ports import free_port

ROOT = Path(__file__).parents[3]


def argv(state: Path, port: int) -> list[str]:
    return [sys.executable, "-m", "tests.unit.local.small_up", str(state), str(port)]


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Settings]:
    """Of a state directory in which nothing runs; what a test leaves running there is ended."""
    for name in [name for name in os.environ if name.startswith(("FRACTUS_", "OS_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    found = load(tmp_path / "state", overrides={"api": {"port": free_port()}}, environ={})
    umask = os.umask(0o022)  # `up` sets its own, for the whole of the process
    yield found
    os.umask(umask)
    running.stop(found.run_dir, within=60, say=print)


@pytest.fixture
def start(settings: Settings) -> Iterator[Callable[[], subprocess.Popen[str]]]:
    """Starts one in the foreground and waits until it is ready or has ended."""
    started: list[subprocess.Popen[str]] = []

    def run() -> subprocess.Popen[str]:
        command = argv(settings.state_dir, settings.api.port)
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
        )
        started.append(process)
        until(lambda: process.poll() is not None or is_ready(settings, process.pid))
        return process

    yield run
    for process in started:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


def until(true: Callable[[], bool], seconds: float = 120.0) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it took too long"
        time.sleep(0.02)


def is_ready(settings: Settings, pid: int) -> bool:
    found = running.read(settings.run_dir)
    return found is not None and found.ready and found.supervisor.pid == pid


def record(settings: Settings) -> Record:
    found = running.read(settings.run_dir)
    assert found is not None
    return found


def marks(settings: Settings) -> list[Mark]:
    return [part.process for part in record(settings).parts if part.process]


def fractus(settings: Settings, *arguments: str) -> Result:
    command, *rest = arguments
    return CliRunner().invoke(cli, [command, "--state", str(settings.state_dir), *rest], prog_name="fractus")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_runs_until_it_is_asked_to_stop_and_leaves_nothing(
    settings: Settings, start: Callable[[], subprocess.Popen[str]], number: int
) -> None:
    process = start()
    running_then = marks(settings)
    assert [part.name for part in record(settings).parts] == ["api", "worker"]
    assert all(alive(one) for one in running_then)
    began = time.monotonic()
    process.send_signal(number)
    said, _ = process.communicate(timeout=120)
    assert (process.returncode, time.monotonic() - began < 5) == (0, True)
    assert not any(alive(one) for one in running_then)
    assert f"fractus is at http://127.0.0.1:{settings.api.port}" in said
    assert said.splitlines()[-1].strip() == "Stopped."
    assert not running.is_running(settings.run_dir)


def test_what_it_writes_is_for_its_owner_only(
    settings: Settings, start: Callable[[], subprocess.Popen[str]]
) -> None:
    start()
    assert settings.state_dir.stat().st_mode & 0o077 == 0
    assert json.loads((settings.state_dir / "remembered.json").read_text())["api"] == {
        "port": settings.api.port
    }


#: In a process of its own: two SQLites in one process lose each other's locks.
_AS_IT_WAS = """
import sys
from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine
settings = Config()
settings.set_main_option("script_location", sys.argv[1])
with create_engine("sqlite:///" + sys.argv[2]).begin() as connection:
    settings.attributes["connection"] = connection
    command.upgrade(settings, sys.argv[3])
"""


def test_a_database_of_an_earlier_version_is_brought_up_to_date_first(
    settings: Settings, start: Callable[[], subprocess.Popen[str]]
) -> None:
    before, newest = migrate.known()[-2:]
    path = settings.state_dir / "fractus.db"
    settings.state_dir.mkdir(parents=True)
    places = Path(migrate.__file__).parent / "migrations"
    subprocess.run([sys.executable, "-c", _AS_IT_WAS, str(places), str(path), before], check=True)
    assert migrate.revision(path) == before
    process = start()
    assert migrate.revision(path) == newest, "small_up's own programs do not touch it"
    process.send_signal(signal.SIGTERM)
    said, _ = process.communicate(timeout=120)
    assert f"Bringing the database from schema {before} to {newest}" in said


def test_a_second_one_is_refused_and_the_first_goes_on(
    settings: Settings, start: Callable[[], subprocess.Popen[str]]
) -> None:
    first = start()
    for flags in ([], ["--detach"]):
        refused = fractus(settings, "up", *flags)
        assert refused.exit_code == 1
        assert f"fractus already runs in {settings.state_dir} (pid {first.pid})" in refused.output
        assert "Traceback" not in refused.output
    assert is_ready(settings, first.pid)


def test_a_program_that_dies_is_back_and_status_counts_it(
    settings: Settings, start: Callable[[], subprocess.Popen[str]]
) -> None:
    process = start()
    api = marks(settings)[0]
    os.kill(api.pid, signal.SIGKILL)
    until(
        lambda: (
            bool(marks(settings))
            and marks(settings)[0] != api
            and record(settings).parts[0].state == "running"
        )
    )
    found = json.loads(fractus(settings, "status", "--json").output)
    by_name = {one["name"]: one for one in found["processes"]}
    assert (by_name["api"]["restarts"], by_name["api"]["healthy"]) == (1, True)
    process.terminate()
    said, _ = process.communicate(timeout=120)
    assert "! api was ended by SIGKILL" in said
    assert "! api runs again." in said


def test_down_stops_it_and_status_says_so(
    settings: Settings, start: Callable[[], subprocess.Popen[str]]
) -> None:
    assert fractus(settings, "status").exit_code == 3
    process = start()
    left = marks(settings)
    down = fractus(settings, "down")
    assert (down.exit_code, down.output.strip()) == (0, "fractus is stopped.")
    assert process.wait(timeout=120) == 0
    assert not any(alive(one) for one in left)
    stopped = fractus(settings, "status")
    assert (stopped.exit_code, "does not run" in stopped.output) == (3, True)
    again = fractus(settings, "down")
    assert (again.exit_code, "does not run" in again.output) == (0, True)


def test_what_a_killed_one_left_is_seen_ended_and_does_not_stop_the_next(
    settings: Settings, start: Callable[[], subprocess.Popen[str]]
) -> None:
    killed = start()
    left = marks(settings)
    killed.kill()
    killed.wait()
    assert all(alive(one) for one in left)
    orphaned = fractus(settings, "status")
    assert (orphaned.exit_code, "was killed and left processes" in orphaned.output) == (1, True)

    second = start()
    assert not any(alive(one) for one in left)
    second.kill()
    assert "left over from a fractus up that was killed" in second.communicate()[0]

    left = marks(settings)
    assert fractus(settings, "down").exit_code == 0
    assert not any(alive(one) for one in left)


def test_detached_it_returns_when_all_is_well_and_relays_what_was_said(settings: Settings) -> None:
    console = Console(file=io.StringIO(), width=200)
    settings.state_dir.mkdir()
    child = detach.start(argv(settings.state_dir, settings.api.port), settings, Progress(console))
    supervisor = record(settings).supervisor
    assert alive(supervisor)
    assert os.getsid(supervisor.pid) == supervisor.pid
    said: Any = console.file
    assert f"fractus is at {settings.endpoint}" in said.getvalue()
    assert fractus(settings, "down").exit_code == 0
    assert not alive(supervisor)
    assert child.wait() == 0


def test_detached_it_says_why_it_could_not_start(settings: Settings) -> None:
    console = Console(file=io.StringIO(), width=200)
    settings.state_dir.mkdir()
    with pytest.raises(StartFailed, match="exit code 1"):
        detach.start(argv(settings.state_dir, 22222222), settings, Progress(console))
    said: Any = console.file
    assert "port in [api] is wrong" in said.getvalue()


def test_a_taken_port_is_said_with_a_way_out(settings: Settings) -> None:
    port = settings.api.port
    with socket.create_server(("127.0.0.1", port)):
        refused = fractus(settings, "up", "--port", str(port), "--keystone-port", str(free_port()))
    assert refused.exit_code == 1
    assert refused.output.startswith(f"Error: Port {port} of 127.0.0.1 is taken by ")
    assert f"(pid {os.getpid()})" in refused.output
    assert f"fractus up --port {port + 10}" in refused.output
    same = fractus(settings, "up", "--port", str(port), "--keystone-port", str(port))
    assert f"cannot both have port {port}" in same.output
    assert not running.is_running(settings.run_dir)


def test_a_state_directory_that_cannot_be_made_is_said_in_a_sentence(
    tmp_path: Path, settings: Settings
) -> None:
    (tmp_path / "file").touch()
    refused = CliRunner().invoke(cli, ["up", "--state", str(tmp_path / "file" / "state")])
    assert refused.exit_code == 1
    assert refused.output.endswith("cannot be used: Not a directory. Choose another with --state.\n")
