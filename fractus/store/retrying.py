"""Run a transaction again that lost against another one.

What is run again begins from nothing: it reads all it needs inside its transaction, and changes nothing outside it that
a second run could not change again.
"""

from __future__ import annotations

import asyncio
import functools
import random
from collections.abc import Awaitable, Callable
from contextvars import Token
from typing import ParamSpec, TypeVar

from fractus.base.log import logger
from fractus.store.transaction import (
    Away,
    CommitUnknown,
    Conflict,
    LostTogether,
    StoreTrouble,
    Unwritable,
    lost_before,
)

log = logger("store")

T = TypeVar("T")
P = ParamSpec("P")

#: How long who runs a transaction again goes on. Longer than a database needs to put another writer in the place of
#: one that died; shorter than a client, or the holder of a lease, has patience for. Seconds.
PATIENCE = 10.0
#: The same for who writes down what was done outside, which nobody else knows. Shorter than a lease. Seconds.
STUBBORN = 40.0
#: Between two tries: at first about as long as a transaction takes. Seconds.
_FIRST, _MOST = 0.005, 0.5
#: Who only lost tries so often in any case.
_TRIES = 4
#: How often those who lost together try together again, before each tries by itself.
_TOGETHER = 2


class Counter:
    """How often this process had to run something again, for tests and figures."""

    def __init__(self) -> None:
        self.conflicts = 0
        """Transactions that lost and were run again."""
        self.away = 0
        """Tries that found no database, or one that could not write."""


counted = Counter()


async def again(
    call: Callable[[], Awaitable[T]],
    *,
    patience: float = PATIENCE,
    repeatable: bool = False,
    for_room: bool = False,
) -> T:
    """What `call` comes to, run again after `Conflict` and `Away` for up to `patience` seconds.

    `repeatable`: it is also run again where the answer of a commit was lost, because a second run of it after a first
    that was written changes nothing more. Otherwise `CommitUnknown` is the caller's to judge. `for_room`: after
    `Unwritable` too, which may last for hours, so nobody who has a user waiting should.
    """
    loop = asyncio.get_running_loop()
    end = loop.time() + patience
    pause = _FIRST
    mark: Token[bool] | None = None
    trouble: StoreTrouble
    tries, together = 0, 0
    try:
        while True:
            try:
                return await call()
            except (Conflict, Away, CommitUnknown, Unwritable) as error:
                trouble = error
                if isinstance(trouble, CommitUnknown) and not repeatable:
                    raise
                if isinstance(trouble, Unwritable) and not for_room:
                    raise
                # Twice to half as long as it says: those who met would else meet again.
                wait = pause * random.uniform(0.5, 2.0)
                tries += 1
                # In a crowd most of the time may have gone by before it was anybody's turn.
                if loop.time() + wait > end and (isinstance(trouble, Away | Unwritable) or tries > _TRIES):
                    raise
                if isinstance(trouble, Away | Unwritable):
                    counted.away += 1
                else:
                    counted.conflicts += 1
                log.debug("a transaction is run again", why=str(trouble))
            await asyncio.sleep(wait)
            pause = min(pause * 2, _MOST)
            if isinstance(trouble, LostTogether) and together < _TOGETHER:
                # Most of those who lost together did so by the fault of one.
                together += 1
            else:
                mark = mark or lost_before.set(True)
    finally:
        if mark is not None:
            lost_before.reset(mark)


def rerun(call: Callable[P, Awaitable[T]]) -> Callable[P, Awaitable[T]]:
    """Decorator of an asynchronous function that is one transaction, and may be run again whatever became of it.

    So are all writes of the machine: they begin with the fence of their lease and write values, not differences.
    """

    @functools.wraps(call)
    async def run(*args: P.args, **kwargs: P.kwargs) -> T:
        return await again(lambda: call(*args, **kwargs), patience=STUBBORN, repeatable=True, for_room=True)

    return run


def rerun_now(call: Callable[P, Awaitable[T]]) -> Callable[P, Awaitable[T]]:
    """The same for one that a user waits for."""

    @functools.wraps(call)
    async def run(*args: P.args, **kwargs: P.kwargs) -> T:
        return await again(lambda: call(*args, **kwargs), repeatable=True)

    return run


def rerun_unless_written(call: Callable[P, Awaitable[T]]) -> Callable[P, Awaitable[T]]:
    """The same for one that would say something else the second time ("there is one already"): an operator's."""

    @functools.wraps(call)
    async def run(*args: P.args, **kwargs: P.kwargs) -> T:
        return await again(lambda: call(*args, **kwargs))

    return run
