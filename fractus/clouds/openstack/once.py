"""One of a kind at a time: those who ask meanwhile share the answer."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Once(Generic[K, V]):
    """Single flight: per key, one computation is under way; its result or its failure goes to all who wait for it.

    It runs in the task of the first caller. When that one is cancelled, the next in line begins anew.
    """

    def __init__(self) -> None:
        self._running: dict[K, asyncio.Future[V]] = {}

    async def run(self, key: K, make: Callable[[], Awaitable[V]]) -> V:
        """The value of `make()`, or of the call for `key` that is already under way."""
        while (running := self._running.get(key)) is not None:
            await asyncio.wait([running])
            if not running.cancelled():
                return running.result()
        future: asyncio.Future[V] = asyncio.get_running_loop().create_future()
        self._running[key] = future
        try:
            value = await make()
        except asyncio.CancelledError:
            future.cancel()
            raise
        except BaseException as error:
            future.set_exception(error)
            future.exception()  # it is raised here too; without this line a lonely caller's loop would complain
            raise
        else:
            future.set_result(value)
            return value
        finally:
            del self._running[key]
