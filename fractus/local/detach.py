"""`fractus up --detach`: the same `fractus up` in a session of its own, watched until it is healthy."""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from fractus.local import running
from fractus.local.processes import Mark, end, mark
from fractus.local.programs import inherited
from fractus.local.progress import Progress
from fractus.local.supervisor import StartFailed
from fractus.settings.loading import Settings

_POLL = 0.1
#: Seconds to give up after: each program has 60 of its own, and says more precisely what is wrong.
_READY_WITHIN = 240.0
_STOP_WITHIN = 35.0


def start(argv: Sequence[str], settings: Settings, progress: Progress) -> subprocess.Popen[bytes]:
    """Start `argv`, a `fractus up` in the foreground, and return it when it is ready.

    `StartFailed` where it ends before; a Ctrl-C stops it again. Blocks.
    """
    log = _log(settings, progress)
    with open(log, "ab") as out:
        began = out.tell()
        child = subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            cwd=settings.state_dir,
            env=inherited(),
            start_new_session=True,
        )
    lines = _Follower(log, began)
    try:
        _watch(settings, child, lines, progress)
    except KeyboardInterrupt:
        process = mark(child.pid)
        if process:
            end(process, within=_STOP_WITHIN)
        raise
    return child


def _log(settings: Settings, progress: Progress) -> Path:
    """Where it writes what it says: in the state directory, or elsewhere where that log cannot be written."""
    log = settings.log_dir / "up.log"
    try:
        log.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        log.open("ab").close()
    except OSError as error:
        number, name = tempfile.mkstemp(prefix="fractus-up-", suffix=".log")
        os.close(number)
        progress.warn(f"{log} cannot be written ({error.strerror}): what is said is in {name}.")
        return Path(name)
    return log


def _watch(settings: Settings, child: subprocess.Popen[bytes], lines: _Follower, progress: Progress) -> None:
    deadline = time.monotonic() + _READY_WITHIN
    while True:
        code = child.poll()
        ready = code is None and _is_ready(settings, child)
        for line in lines.fresh():
            progress.line(line)
        if ready:
            return
        if code is not None:
            raise StartFailed(f"fractus could not be started (exit code {code}); what it said is above.")
        if time.monotonic() > deadline:
            end(Mark(child.pid, _started(child)), within=_STOP_WITHIN)
            raise StartFailed(f"fractus was not ready after {_READY_WITHIN:g} s and was stopped.")
        time.sleep(_POLL)


def _is_ready(settings: Settings, child: subprocess.Popen[bytes]) -> bool:
    record = running.read(settings.run_dir)
    return record is not None and record.ready and record.supervisor == mark(child.pid)


def _started(child: subprocess.Popen[bytes]) -> int:
    process = mark(child.pid)
    return process.started if process else -1


class _Follower:
    """Whole lines of a growing file, from an offset on."""

    def __init__(self, path: Path, offset: int) -> None:
        self._path = path
        self._offset = offset

    def fresh(self) -> Iterator[str]:
        """The lines that were completed since the last call."""
        with open(self._path, "rb") as log:
            log.seek(self._offset)
            text = log.read()
        whole = text[: text.rfind(b"\n") + 1]
        self._offset += len(whole)
        yield from whole.decode("utf-8", errors="replace").splitlines()
