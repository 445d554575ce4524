"""Calls to an ASGI application in this process: no socket, no server."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, MutableMapping
from typing import Any, TypeAlias
from urllib.parse import unquote, urlsplit

import msgspec
from msgspec import Struct

Message: TypeAlias = "MutableMapping[str, Any]"
App: TypeAlias = (
    "Callable[[Any, Callable[[], Awaitable[Any]], Callable[[Any], Awaitable[None]]], Awaitable[None]]"
)

HOST = "fractus.test"


class HttpReply(Struct, frozen=True):
    """What came back, whole. Names of headers are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes = b""

    @property
    def json(self) -> Any:
        """The body, decoded; None where there is none."""
        return msgspec.json.decode(self.body) if self.body else None

    def ok(self) -> Any:
        """The decoded body of a success; AssertionError with what was said instead."""
        assert 200 <= self.status < 300, f"{self.status}: {self.body[:2000].decode(errors='replace')}"
        return self.json if "json" in self.headers.get("content-type", "") else None


class _Exchange:
    """The two channels of one request."""

    def __init__(self, chunks: AsyncIterator[bytes]) -> None:
        self._chunks = chunks
        self._sent_all = False
        self.status = 0
        self.headers: dict[str, str] = {}
        self.parts: list[bytes] = []

    async def receive(self) -> Message:
        """The next piece of the body; after its end, that the client has gone."""
        if self._sent_all:
            return {"type": "http.disconnect"}
        async for chunk in self._chunks:
            return {"type": "http.request", "body": chunk, "more_body": True}
        self._sent_all = True
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(self, message: Message) -> None:
        """Take a piece of the answer."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = {
                name.decode("latin-1").lower(): value.decode("latin-1") for name, value in message["headers"]
            }
        elif message["type"] == "http.response.body":
            self.parts.append(message.get("body", b""))


async def _pieces(body: bytes) -> AsyncIterator[bytes]:
    if body:
        yield body


async def call(
    app: App,
    method: str,
    url: str,
    *,
    headers: Mapping[str, str] | None = None,
    body: bytes | AsyncIterator[bytes] = b"",
    host: str = HOST,
) -> HttpReply:
    """One request. `url` is a path with its query, or a whole URL whose host is then the one to be called."""
    parts = urlsplit(url)
    named = {name.lower(): value for name, value in (headers or {}).items()}
    named.setdefault("host", parts.netloc or host)
    if isinstance(body, bytes) and (body or method in ("POST", "PUT", "PATCH")):
        named.setdefault("content-length", str(len(body)))
    name, _, port = named["host"].partition(":")
    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": method,
        "scheme": parts.scheme or "http",
        "path": unquote(parts.path),
        "raw_path": parts.path.encode(),
        "query_string": parts.query.encode(),
        "root_path": "",
        "headers": [(key.encode("latin-1"), value.encode("latin-1")) for key, value in named.items()],
        "client": ("127.0.0.1", 40000),
        "server": (name, int(port or 80)),
    }
    exchange = _Exchange(_pieces(body) if isinstance(body, bytes) else body)
    await app(scope, exchange.receive, exchange.send)
    return HttpReply(exchange.status, exchange.headers, b"".join(exchange.parts))
