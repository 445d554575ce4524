"""A connection to one of several brokers that is made again, without end, whenever it is lost."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import re
from collections.abc import Awaitable, Callable, Sequence

import aio_pika
from aio_pika.abc import AbstractConnection
from yarl import URL

from fractus.base.log import logger
from fractus.base.retry import backoff

log = logger("notify.connection")

#: Everything asked of a broker is answered within this, or it counts as dead. Seconds. A new quorum queue on three
#: busy nodes takes half a second.
ANSWER_WITHIN = 5.0
# What it has to say of each lost connection, with its stack, is said below in a line.
logging.getLogger("aiormq").setLevel(logging.CRITICAL)
logging.getLogger("aio_pika").setLevel(logging.CRITICAL)

#: The longest pause between two rounds of all brokers. Seconds.
_LONGEST_PAUSE = 5.0


def brokers(text: str) -> list[str]:
    """The URLs in a setting: several are separated by blanks or commas. ValueError where one is no amqp URL."""
    urls = [one for one in re.split(r"[\s,]+", text) if one]
    for url in urls:
        if URL(url).scheme not in ("amqp", "amqps"):
            # The URL is not repeated: it may hold a password.
            raise ValueError("the URL of a message broker begins with amqp:// or amqps://")
    return urls


class Line:
    """Keeps a connection, and has `use` called with each new one.

    `use` works with the connection until it is lost or something is wrong with it; then it returns or raises, and the
    next broker is tried.
    """

    def __init__(
        self,
        urls: Sequence[str],
        use: Callable[[AbstractConnection, asyncio.Event], Awaitable[None]],
        *,
        heartbeat: float = 5.0,
        name: str = "fractus",
    ) -> None:
        """`heartbeat`: seconds after which a broker that cannot be heard counts as dead, and we to it. `use` also gets
        an event that is set when the connection is lost.
        """
        query = {"heartbeat": str(max(1, round(heartbeat))), "name": name}
        self._urls = [URL(url).update_query(query) for url in urls]
        # Each process begins somewhere else, so that not all hang on the first broker.
        random.shuffle(self._urls)
        self._use = use
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to connect; returns at once."""
        self._task = asyncio.get_running_loop().create_task(self._keep())

    async def close(self) -> None:
        """Release the connection."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
            self._task = None

    async def _keep(self) -> None:
        rounds = 0
        while True:
            for url in self._urls:
                if await self._try(url):
                    rounds = 0
            rounds += 1
            await asyncio.sleep(backoff(rounds, base=0.2, cap=_LONGEST_PAUSE))

    async def _try(self, url: URL) -> bool:
        """Use one broker for as long as it goes well; whether it could be used at all."""
        where = f"{url.host}:{url.port or ''}"
        try:
            async with asyncio.timeout(ANSWER_WITHIN):
                connection = await aio_pika.connect(url)
        except Exception as error:
            log.warning("broker cannot be reached", broker=where, error=f"{type(error).__name__}: {error}")
            return False
        lost = asyncio.Event()
        connection.close_callbacks.add(lambda *_: lost.set())
        log.info("broker connected", broker=where)
        why = "closed"
        try:
            await self._use(connection, lost)
        except Exception as error:
            why = f"{type(error).__name__}: {error}"
        finally:
            # One that hangs does not answer a farewell either.
            with contextlib.suppress(Exception):
                async with asyncio.timeout(1.0):
                    await connection.close()
        log.warning("broker lost", broker=where, error=why)
        return True
