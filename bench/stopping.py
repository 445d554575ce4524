"""Long work in a thread that ends as soon as its caller is cancelled: by SIGTERM, by Ctrl-C."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import threading
from collections.abc import Callable, Coroutine
from typing import Any


class Stopped(Exception):
    """The work was asked to end."""


class Halt:
    """What tells it."""

    def __init__(self) -> None:
        """Nobody has asked yet."""
        self._asked = threading.Event()
        self.interrupt: Callable[[], None] = lambda: None
        """Breaks off what takes long in one piece, such as a statement of a database; called from another thread."""

    def ask(self) -> None:
        """Have it end."""
        self._asked.set()
        self.interrupt()

    def check(self) -> None:
        """Between two pieces: `Stopped` where it shall end."""
        if self._asked.is_set():
            raise Stopped


#: Between two pieces nothing hears an interruption: it is said again. Seconds.
_AGAIN = 0.1


async def in_thread(work: Callable[[Halt], None]) -> None:
    """Run `work`; where the caller is cancelled it is asked to end, and has ended when this returns."""
    halt = Halt()
    working = asyncio.ensure_future(asyncio.to_thread(work, halt))
    try:
        await asyncio.shield(working)
    except asyncio.CancelledError:
        while not working.done():
            halt.ask()
            await asyncio.wait([working], timeout=_AGAIN)
        with contextlib.suppress(Exception):
            working.result()
        raise


def until_stopped(main: Coroutine[Any, Any, None]) -> None:
    """Run a command's coroutine. SIGTERM cancels it, as Ctrl-C does; SystemExit with 143 then."""

    async def heard() -> None:
        task = asyncio.current_task()
        assert task is not None
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
        await main

    try:
        asyncio.run(heard())
    except asyncio.CancelledError:
        raise SystemExit(128 + signal.SIGTERM) from None
