"""Keeps a few programs running: starts them until they are ready, restarts what dies, stops them in reverse order.

Each program leads a process group of its own, so a Ctrl-C in the terminal reaches only the supervisor, which then
stops the programs in an order that lets each finish: the API before the Keystone that it asks. A program that ends
before it was ever ready has failed to start, and that is the caller's to hear; one that ends later is started again
after a backoff, without limit, and each time it is said.

Nothing that goes wrong in keeping books about them ends the supervisor, for then nobody would start them again: a full
disk, a log that cannot be written, no descriptors, no room for one more process. It waits and tries again.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import shutil
import signal
from asyncio.subprocess import DEVNULL, Process
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self

from msgspec import Struct

from fractus.base.clock import Clock, SystemClock
from fractus.base.retry import backoff
from fractus.local.processes import Mark, end_group, mark
from fractus.local.running import Part

#: Seconds between two looks at whether a program is ready: a tenth of what a person notices.
_POLL = 0.05
#: A program that lived this long (seconds) was well; the next restart begins with the shortest wait again.
_WELL_AFTER = 60.0
#: Logs are looked at this often (seconds) and cut when they are larger (bytes), keeping one older file.
_LOG_LOOK, _LOG_MOST = 60.0, 32 * 1024 * 1024
#: Seconds after which a change that could not be noted (`changed`) is noted again.
_NOTE_AGAIN = 5.0
_TAIL_LINES = 12


class Program(Struct, frozen=True, kw_only=True):
    """What to run, and how to know that it is ready."""

    name: str
    argv: list[str]
    environ: Mapping[str, str]
    cwd: Path
    log: Path
    ready: Callable[[], Awaitable[bool]]
    """Asked again and again until it says yes; it must not raise."""
    ready_within: float = 60.0
    """Seconds to become ready; a cold start on a loaded machine takes ten."""
    stop_within: float = 10.0
    """Seconds to end after SIGTERM before it is killed."""


class StartFailed(Exception):
    """A program did not become ready. The message has the end of its log."""


class Child:
    """One program as it runs."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.state = "starting"
        self.restarts = 0
        self.process: Process | None = None
        self.launched_at = 0.0
        self._mark: Mark | None = None

    def launched(self, process: Process, at: float) -> None:
        """It runs as `process` since `at` (monotonic)."""
        self.process, self.launched_at = process, at
        self._mark = mark(process.pid)

    def part(self) -> Part:
        """This child as others see it."""
        runs = self.process is not None and self.process.returncode is None
        if runs and self._mark is None and self.process is not None:
            # There was no descriptor left to look with when it was started.
            self._mark = mark(self.process.pid)
        return Part(
            name=self.program.name,
            state=self.state,
            process=self._mark if runs else None,
            restarts=self.restarts,
            log=str(self.program.log),
        )


class Supervisor:
    """Runs programs while its `async with` block runs; leaving the block stops them, last started first.

    `say` gets a sentence for each thing a person should know; `changed` is called when a child's state changes, and
    again some seconds later where it raised an error. Neither of them ends anything.
    """

    def __init__(
        self,
        *,
        say: Callable[[str], None],
        changed: Callable[[], None] = lambda: None,
        clock: Clock | None = None,
    ) -> None:
        self._say = say
        self._changed = changed
        self._clock = clock or SystemClock()
        self._children: list[Child] = []
        self._unnoted = False
        self._keepers = asyncio.TaskGroup()
        self._tasks: list[asyncio.Task[None]] = []

    def parts(self) -> list[Part]:
        """All children, in the order of their start."""
        return [child.part() for child in self._children]

    async def __aenter__(self) -> Self:
        await self._keepers.__aenter__()
        self._tasks.append(self._keepers.create_task(self._trim_logs()))
        self._tasks.append(self._keepers.create_task(self._note_again()))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # Whatever ended the block, the programs are stopped in order; a second Ctrl-C must not cut that short.
        await self._stop()
        await self._keepers.__aexit__(None, None, None)

    async def start(self, programs: Sequence[Program]) -> None:
        """Start programs side by side and wait until all are ready; `StartFailed` where one is not."""
        fresh = [Child(program) for program in programs]
        try:
            async with asyncio.TaskGroup() as group:
                for child in fresh:
                    try:
                        await self._launch(child)
                    except OSError as error:
                        raise StartFailed(f"{child.program.name} cannot be started: {error}.") from error
                    self._children.append(child)
                    group.create_task(self._until_ready(child))
        except ExceptionGroup as several:
            failed, _ = several.split(StartFailed)
            raise (failed.exceptions[0] if failed else several) from None
        for child in fresh:
            self._tasks.append(self._keepers.create_task(self._keep(child)))

    async def _launch(self, child: Child) -> None:
        program = child.program
        child.state = "starting"
        at = self._clock.monotonic()
        with self._opened(program) as log:
            process = await asyncio.create_subprocess_exec(
                *program.argv,
                stdin=DEVNULL,
                stdout=log,
                stderr=log,
                cwd=program.cwd,
                env=dict(program.environ),
                start_new_session=True,
                umask=0o077,
            )
        child.launched(process, at)
        self.note()

    @contextlib.contextmanager
    def _opened(self, program: Program) -> Iterator[BinaryIO | int]:
        """A program's log, or nowhere, where that cannot be written: it had better run without one than not at all."""
        with contextlib.ExitStack() as stack:
            log: BinaryIO | int = DEVNULL
            try:
                program.log.parent.mkdir(parents=True, exist_ok=True)
                log = stack.enter_context(open(program.log, "ab"))
            except OSError as error:
                why = f"{program.log} cannot be written ({error.strerror})"
                self._report(f"{program.name} runs without a log: {why}.")
            yield log

    def _report(self, sentence: str) -> None:
        """Say it, if there is anybody to hear it."""
        with contextlib.suppress(Exception):
            self._say(sentence)

    def note(self) -> None:
        """Have it noted that something changed (`changed`); where that fails, later."""
        try:
            self._changed()
        except Exception as error:
            if not self._unnoted:
                self._report(f"The list of processes could not be written ({error}); it will be.")
            self._unnoted = True
        else:
            self._unnoted = False

    async def _note_again(self) -> None:
        while True:
            await self._clock.sleep(_NOTE_AGAIN)
            if self._unnoted:
                self.note()

    async def _until_ready(self, child: Child) -> None:
        program = child.program
        assert child.process is not None
        try:
            async with asyncio.timeout(program.ready_within):
                while child.process.returncode is None:
                    if await program.ready():
                        child.state = "running"
                        self.note()
                        return
                    await self._clock.sleep(_POLL)
        except TimeoutError:
            why = f"was not ready after {program.ready_within:g} s"
        else:
            why = _how_it_ended(child.process.returncode)
        child.state = "stopped"
        raise StartFailed(f"{program.name} {why}. The end of {program.log}:\n{tail(program.log)}")

    async def _keep(self, child: Child) -> None:
        """Start a child again whenever it ends; runs until it is cancelled."""
        attempt = 0
        while True:
            process = child.process
            assert process is not None
            code = await process.wait()
            end_group(process.pid)  # its own children, if it left any
            lived = self._clock.monotonic() - child.launched_at
            attempt = 1 if lived > _WELL_AFTER else attempt + 1
            why = f"{_how_it_ended(code)} (log: {child.program.log})"
            while not await self._start_again(child, attempt, why):
                attempt += 1
                why = "could not be started"

    async def _start_again(self, child: Child, attempt: int, why: str) -> bool:
        """Launch a child that does not run, after a while; whether there is a process. `why`: half a sentence."""
        delay = backoff(attempt, base=0.5, cap=30.0)
        child.state = "restarting"
        child.restarts += 1
        self.note()
        name = child.program.name
        self._report(f"{name} {why}; starting it again in {delay:.1f} s.")
        await self._clock.sleep(delay)
        try:
            await self._launch(child)
        except Exception as error:
            # No descriptors, memory or threads for one more process, and what that comes to elsewhere.
            self._report(f"{name} cannot be started now: {error}.")
            return False
        try:
            await self._until_ready(child)
        except Exception:
            # Not ready in time, or nobody could ask: it is ended, and the next round waits longer.
            await self._end(child)
        else:
            self._report(f"{name} runs again.")
        return True

    async def _stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)
        failed: list[Exception] = []
        for child in reversed(self._children):
            try:
                await self._end(child)
            except Exception as error:
                # The others are to be stopped all the same.
                failed.append(error)
            child.state = "stopped"
            self.note()
        if failed:
            raise failed[0]

    async def _end(self, child: Child) -> None:
        process = child.process
        if process is None:
            return
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(signal.SIGTERM)
            try:
                async with asyncio.timeout(child.program.stop_within):
                    await process.wait()
            except TimeoutError:
                self._report(
                    f"{child.program.name} did not stop within {child.program.stop_within:g} s: killed."
                )
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                await process.wait()
        end_group(process.pid)

    async def _trim_logs(self) -> None:
        """Programs hold their log open and append, so a log is copied and cut, not renamed."""
        while True:
            await self._clock.sleep(_LOG_LOOK)
            for child in self._children:
                try:
                    trim(child.program.log, _LOG_MOST)
                except Exception as error:
                    self._report(f"{child.program.log} could not be cut ({error}); it will be tried again.")


def trim(log: Path, most: int) -> None:
    """Keep `log` from growing past `most` bytes: what it holds moves to `<log>.1`.

    Without room for that it is cut all the same: a log that goes on growing would take what room there will be.
    """
    older = log.with_name(log.name + ".1")
    with contextlib.suppress(FileNotFoundError):
        if log.stat().st_size > most:
            try:
                shutil.copyfile(log, older)
            except OSError as error:
                if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                    raise
                older.unlink(missing_ok=True)
            os.truncate(log, 0)


def tail(log: Path, lines: int = _TAIL_LINES) -> str:
    """The last lines of a log, indented."""
    try:
        text = log.read_text("utf-8", errors="replace")
    except OSError:
        return "  (no log)"
    return "\n".join("  " + line for line in text.splitlines()[-lines:]) or "  (empty)"


def _how_it_ended(code: int | None) -> str:
    if code is not None and code < 0:
        try:
            return f"was ended by {signal.Signals(-code).name}"
        except ValueError:
            return f"was ended by signal {-code}"
    return f"ended with exit code {code}"


async def unless(stop: asyncio.Event, work: Coroutine[Any, Any, None]) -> None:
    """Do `work` to its end, or until `stop` is set."""
    doing = asyncio.create_task(work)
    stopping = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait([doing, stopping], return_when=asyncio.FIRST_COMPLETED)
    finally:
        stopping.cancel()
        if not doing.done():
            doing.cancel()
        await asyncio.wait([doing, stopping])
    if not doing.cancelled():
        doing.result()
