"""Logs: one event a line, with the request's id, and without secrets."""

from __future__ import annotations

import errno
import io
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog

from fractus.base import log


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    made = io.StringIO()
    log.configure("info", json=True, stream=made)
    yield made
    structlog.reset_defaults()


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_line_says_what_where_and_for_which_request(stream: io.StringIO) -> None:
    token = log.request_id.set("req-1")
    log.logger("reconcile.loop").info("look failed", kind="server")
    log.request_id.reset(token)
    log.logger("app").warning("no request here")
    first, second = lines(stream)
    assert first | {"timestamp": ""} == {
        "event": "look failed",
        "kind": "server",
        "level": "info",
        "part": "reconcile.loop",
        "request_id": "req-1",
        "timestamp": "",
    }
    assert "request_id" not in second


def test_secrets_are_not_printed(stream: io.StringIO) -> None:
    log.logger("x").info(
        "logged in", password="p1", admin_password="p2", Token="t", credentials="c", name="ann"
    )
    (line,) = lines(stream)
    for hidden in ("password", "admin_password", "Token", "credentials"):
        assert line[hidden] == "***"
    assert line["name"] == "ann"
    assert "p1" not in stream.getvalue()


def test_below_the_level_nothing_is_printed(stream: io.StringIO) -> None:
    log.logger("x").debug("details")
    assert stream.getvalue() == ""


def test_an_exception_is_one_line_with_its_stack(stream: io.StringIO) -> None:
    try:
        raise ZeroDivisionError("on purpose")
    except ZeroDivisionError:
        log.logger("x").exception("failed")
    (line,) = lines(stream)
    assert "ZeroDivisionError: on purpose" in line["exception"]


def test_for_people_it_is_in_columns() -> None:
    made = io.StringIO()
    log.configure("debug", stream=made)
    try:
        log.logger("x").debug("hello", n=1)
    finally:
        structlog.reset_defaults()
    assert "hello" in made.getvalue()
    assert "n=1" in made.getvalue()


@pytest.mark.parametrize("as_json", [True, False])
def test_a_frequent_event_is_written_as_any_other(as_json: bool) -> None:
    stream = io.StringIO()
    log.configure("info", json=as_json, stream=stream)
    fields = {
        "path": "/a b",
        "status": 200,
        "ms": 1.5,
        "project": "",
        "note": "it's = \x1b",
        "plain": "x-1/2",
    }
    try:
        log.logger("web.access").info("request", **fields)
        log.Frequent("web.access", "request").write(**fields)
        first, second = stream.getvalue().splitlines()
        if as_json:
            assert json.loads(first) | {"timestamp": ""} == json.loads(second) | {"timestamp": ""}
            first, second = json.loads(first)["timestamp"], json.loads(second)["timestamp"]
        else:
            assert first.partition(" ")[2] == second.partition(" ")[2]
        assert len(first.partition(" ")[0]) == len(second.partition(" ")[0])
        with structlog.testing.capture_logs() as caught:
            log.Frequent("web.access", "request").write(status=404)
        assert caught == [{"part": "web.access", "event": "request", "status": 404, "log_level": "info"}]
        log.configure("warning", json=as_json, stream=stream)
        log.Frequent("web.access", "request").write(status=404)
        assert len(stream.getvalue().splitlines()) == 2
    finally:
        structlog.reset_defaults()


#: Says on standard output what became of it, with nowhere to write its log.
_TALKS = """
from fractus.base import log
log.configure("info", json={as_json})
log.logger("x").info("one")
log.Frequent("x", "two").write(a=1)
try:
    1 / 0
except ZeroDivisionError:
    log.logger("x").exception("three")
print("alive", log._set_up.sink.lost)
"""


@pytest.mark.parametrize("as_json", [True, False])
@pytest.mark.parametrize("gone", ["full", "closed pipe"])
def test_a_log_that_cannot_be_written_ends_nothing(as_json: bool, gone: str) -> None:
    with open("/dev/full", "wb") as full:
        process = subprocess.Popen(
            [sys.executable, "-c", _TALKS.format(as_json=as_json)],
            stdout=subprocess.PIPE,
            stderr=full if gone == "full" else subprocess.PIPE,
        )
    if process.stderr is not None:
        process.stderr.close()
    assert process.stdout is not None
    assert process.stdout.read() == b"alive 3\n"
    process.stdout.close()
    assert process.wait() == 0


class _Full(io.StringIO):
    room = True

    def write(self, text: str) -> int:
        if not self.room:
            raise OSError(errno.ENOSPC, "No space left on device")
        return super().write(text)


@pytest.mark.parametrize("as_json", [True, False])
def test_how_many_lines_were_lost_is_said_when_there_is_room_again(as_json: bool) -> None:
    stream = _Full()
    log.configure("info", json=as_json, stream=stream)
    try:
        stream.room = False
        for number in range(5):
            log.logger("x").info("lost", number=number)
        stream.room = True
        log.Frequent("x", "kept").write(a=1)
        log.Frequent("x", "kept").write(a=2)
    finally:
        structlog.reset_defaults()
    first, *rest = stream.getvalue().splitlines()
    assert "lines of this log could not be written" in first
    assert ('"number":5' if as_json else "number=5") in first
    assert ["kept" in one for one in rest] == [True, True]


def test_a_process_that_was_started_without_standard_error_goes_on(tmp_path: Path) -> None:
    """Descriptor 2 is another file's then, and gets no lines."""
    other = tmp_path / "other"
    code = (
        "import sys\n"
        "from fractus.base import log\n"
        "other = open(sys.argv[1], 'w')\n"
        "log.configure()\n"
        "log.logger('x').info('hello')\n"
        "log.Frequent('x', 'often').write(number=1)\n"
        "print('done')\n"
    )
    command = ["sh", "-c", 'exec "$@" 2>&-', "sh", sys.executable, "-c", code, str(other)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (0, "done\n")
    assert other.read_text() == ""
