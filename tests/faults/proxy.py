"""What stands between fractus and one child: a proxy that loses, delays, doubles, cuts and forges answers.

It speaks plain HTTP/1.1, one exchange a connection, and knows nothing of OpenStack. What it does to a request is chosen
by a generator seeded with the cloud's name, from the *weather* in force: (sort of fault, how likely). All that it did
is counted, and kept for the stories of what went wrong.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
import struct
import time
from collections import Counter
from typing import Any, NamedTuple

#: Sorts of weather. Those that deliver: the child does what is asked, whatever the caller hears.
LOST_REQUEST = "request lost"
LOST_ANSWER = "answer lost"
LATE_ANSWER = "answer delayed"
LATE_REQUEST = "request delivered late"
DOUBLED = "request delivered twice"
CUT = "answer cut off"
THROTTLED = "answered 429"
BROKEN = "answered 500"
AWAY = "answered 503"
LYING = "done and answered 502"
GARBAGE = "garbage"
HANGING = "hangs"
GONE = "gone"

WEATHERS = (
    LOST_REQUEST, LOST_ANSWER, LATE_ANSWER, LATE_REQUEST, DOUBLED, CUT, THROTTLED, BROKEN, AWAY, LYING, GARBAGE,
    HANGING, GONE,
)  # fmt: skip

_HEAD = 64 * 1024
#: What is remembered of the traffic.
_REMEMBER = 200_000


class Exchange(NamedTuple):
    """One request as it passed."""

    at: float
    method: str
    path: str
    did: str
    status: int


class _Request(NamedTuple):
    head: bytes
    body: bytes

    @property
    def line(self) -> list[str]:
        return self.head.split(b"\r\n", 1)[0].decode("latin-1").split(" ")

    @property
    def changes(self) -> bool:
        return self.line[0] not in ("GET", "HEAD")


class Proxy:
    """The way to one child."""

    def __init__(self, cloud: str, seed: int, *, patience: float, host: str = "127.0.0.1") -> None:
        """`patience`: seconds after which callers give up; what is delivered late comes after that. `host`: the address
        that it listens on.
        """
        self._host = host
        self.cloud = cloud
        self.port = 0
        self.upstream = 0
        self.weather: dict[str, float] = {}
        self.counts: Counter[str] = Counter()
        self.doubled: Counter[str] = Counter()
        """Collection -> how many creates in it were delivered twice."""
        self.log: list[Exchange] = []
        self._random = random.Random(f"{seed}/{cloud}")
        self._patience = patience
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[Any]] = set()

    async def start(self, port: int, upstream: int) -> None:
        """Listen on `port`, and hand on to `upstream`."""
        self.port, self.upstream = port, upstream
        await self._listen()

    async def _listen(self) -> None:
        if self._server is None:
            self._server = await asyncio.start_server(self._serve, self._host, self.port, limit=_HEAD)

    async def close(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def set_weather(self, sort: str, chance: float) -> None:
        """How likely this is to befall a request; 0: not at all. `GONE` is for all or none."""
        if chance:
            self.weather[sort] = chance
        else:
            self.weather.pop(sort, None)
        if sort != GONE:
            return
        if chance and self._server is not None:
            self.counts[GONE] += 1
            self._server.close()
            self._server = None
        elif not chance:
            await self._listen()

    async def clear(self) -> None:
        """Nothing but sunshine from now on. What is on its way stays on its way."""
        for sort in list(self.weather):
            await self.set_weather(sort, 0.0)

    # ------------------------------------------------------------------ one exchange

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            request = await _read_request(reader)
            if request is not None:
                await self._pass(request, writer)
        except (OSError, EOFError, ValueError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass
        except asyncio.CancelledError:
            pass  # the suite is over
        finally:
            self._tasks.discard(task)
            writer.close()

    def _choose(self, request: _Request) -> str:
        for sort, chance in list(self.weather.items()):
            if self._random.random() < chance and (request.changes or sort not in (DOUBLED, LATE_REQUEST)):
                return sort
        return ""

    async def _pass(self, request: _Request, writer: asyncio.StreamWriter) -> None:
        sort = self._choose(request)
        if sort:
            self.counts[sort] += 1
        number = self._note(request, sort or "passed")
        match sort:
            case "request lost":
                return _reset(writer)
            case "answered 429":
                return await _send(writer, _page(429, "Too Many Requests", "Retry-After: 1\r\n"))
            case "answered 503":
                return await _send(writer, _page(503, "Service Unavailable"))
            case "answered 500":
                return await _send(writer, _page(500, "Internal Server Error"))
            case "hangs":
                await asyncio.sleep(self._patience * 1.5)
                return _reset(writer)
            case "request delivered late":
                return await self._late(request, writer)
            case "request delivered twice":
                if request.line[0] == "POST":
                    self.doubled[request.line[1].partition("?")[0].rpartition("/")[2]] += 1
                twin = asyncio.create_task(self._deliver(request))
                self._tasks.add(twin)
                twin.add_done_callback(self._tasks.discard)
        answer = await self._deliver(request)
        if not answer:
            return _reset(writer)
        self.log[number] = self.log[number]._replace(status=_status(answer))
        await self._answer(sort, answer, writer)
        return None

    async def _late(self, request: _Request, writer: asyncio.StreamWriter) -> None:
        """Held up on the way until nobody waits for it any more, and then done all the same."""
        await asyncio.sleep(self._patience + self._random.random() * 2)
        await self._deliver(request)
        _reset(writer)

    async def _answer(self, sort: str, answer: bytes, writer: asyncio.StreamWriter) -> None:
        match sort:
            case "answer lost":
                _reset(writer)
            case "answer delayed":
                await asyncio.sleep(self._random.random() * self._patience * 1.4)
                await _send(writer, answer)
            case "answer cut off":
                await _send(writer, answer[: self._random.randrange(1, len(answer))])
            case "done and answered 502":
                await _send(writer, _page(502, "Bad Gateway"))
            case "garbage":
                await _send(writer, _page(200, "<html><h1>It works!</h1></html>"))
            case _:
                await _send(writer, answer)

    def _note(self, request: _Request, did: str) -> int:
        method, path, *_ = [*request.line, "", ""]
        if len(self.log) >= _REMEMBER:
            del self.log[: _REMEMBER // 2]
        self.log.append(Exchange(time.time(), method, path, did, 0))
        return len(self.log) - 1

    async def _deliver(self, request: _Request) -> bytes:
        """Send it on and read the whole answer; empty where there is none."""
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", self.upstream)
        except OSError:
            return b""
        try:
            writer.write(request.head + request.body)
            await writer.drain()
            return await asyncio.wait_for(reader.read(-1), 120.0)
        except (OSError, TimeoutError):
            return b""
        finally:
            writer.close()


async def _read_request(reader: asyncio.StreamReader) -> _Request | None:
    """The whole request, made to close its connection after the answer."""
    head = await reader.readuntil(b"\r\n\r\n")
    lines = head[:-4].split(b"\r\n")
    names = [line.split(b":", 1)[0].strip().lower() for line in lines]
    length, kept = 0, [lines[0]]
    chunked = False
    for line, name in zip(lines[1:], names[1:], strict=True):
        if name == b"content-length":
            length = int(line.split(b":", 1)[1])
        chunked = chunked or (name == b"transfer-encoding" and b"chunked" in line.lower())
        if name not in (b"connection", b"keep-alive", b"expect"):
            kept.append(line)
    body = await _chunks(reader) if chunked else await reader.readexactly(length)
    return _Request(b"\r\n".join([*kept, b"Connection: close", b"", b""]), body)


async def _chunks(reader: asyncio.StreamReader) -> bytes:
    """A chunked body as it came, to be handed on as it is."""
    parts = []
    while True:
        size = await reader.readuntil(b"\r\n")
        rest = await reader.readexactly(int(size.split(b";")[0], 16) + 2)
        parts += [size, rest]
        if rest == b"\r\n":
            return b"".join(parts)


def _status(answer: bytes) -> int:
    try:
        return int(answer.split(b" ", 2)[1])
    except (IndexError, ValueError):
        return 0


def _page(status: int, text: str, more: str = "") -> bytes:
    body = text.encode()
    head = f"HTTP/1.1 {status} {text.split('<')[0] or 'OK'}\r\nContent-Type: text/html\r\n{more}"
    return f"{head}Content-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode() + body


async def _send(writer: asyncio.StreamWriter, answer: bytes) -> None:
    with contextlib.suppress(OSError):
        writer.write(answer)
        await writer.drain()


def _reset(writer: asyncio.StreamWriter) -> None:
    """Close with RST: the caller hears at once that the connection broke."""
    sock = writer.get_extra_info("socket")
    if sock is not None:
        with contextlib.suppress(OSError):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport = writer.transport
    transport.abort()
