"""A wire between a store and its database server that a test may cut, freeze, or rob of one answer."""

from __future__ import annotations

import asyncio
from typing import Any

from sqlalchemy.engine import URL

from fractus.store import opening


class Wire:
    """Listens on a port of its own and hands everything on to the server of `url`."""

    def __init__(self, url: str) -> None:
        self._target: URL = opening.parse(url)
        self._server: asyncio.Server | None = None
        self._port = 0
        self._pairs: set[tuple[asyncio.StreamWriter, asyncio.StreamWriter]] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._flows = asyncio.Event()
        self._flows.set()
        self._robbed = b""
        self.accepted = 0

    @property
    def url(self) -> str:
        """The database, by way of this wire."""
        through = self._target.set(host="127.0.0.1", port=self._port)
        return through.render_as_string(hide_password=False)

    async def __aenter__(self) -> Wire:
        await self.up()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.down()

    async def up(self) -> None:
        """Take connections, again on the same port."""
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", self._port)
        self._port = self._server.sockets[0].getsockname()[1]

    async def down(self) -> None:
        """As if the server had been killed: every connection breaks, and nobody listens."""
        if self._server is not None:
            self._server.close()
        self._flows.set()
        self.cut()
        tasks = set(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def cut(self) -> None:
        """Every connection that there is breaks."""
        for pair in list(self._pairs):
            self._break(pair)

    def freeze(self) -> None:
        """Nothing goes through any more, and nothing breaks: SIGSTOP."""
        self._flows.clear()

    def thaw(self) -> None:
        """What was held up goes through."""
        self._flows.set()

    def lose_answer_to(self, statement: bytes) -> None:
        """The next such statement reaches the server; before its answer arrives, the connection breaks."""
        self._robbed = statement

    def _break(self, pair: tuple[asyncio.StreamWriter, asyncio.StreamWriter]) -> None:
        self._pairs.discard(pair)
        for writer in pair:
            writer.transport.abort()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        there = await asyncio.open_connection(self._target.host, self._target.port)
        pair = (writer, there[1])
        self._pairs.add(pair)
        lost = asyncio.Event()
        for source, drain, forward in ((reader, there[1], True), (there[0], writer, False)):
            task = asyncio.create_task(self._pump(source, drain, pair, lost, forward=forward))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _pump(
        self,
        source: asyncio.StreamReader,
        drain: asyncio.StreamWriter,
        pair: Any,
        lost: asyncio.Event,
        *,
        forward: bool,
    ) -> None:
        try:
            while data := await source.read(65536):
                await self._flows.wait()
                if forward and self._robbed and self._robbed in data:
                    self._robbed = b""
                    lost.set()
                if not forward and lost.is_set():
                    break
                drain.write(data)
                await drain.drain()
        except OSError:
            pass
        finally:
            self._break(pair)
