"""A WSGI application behind an ASGI server: what it is given, and what bodies that do not come cost it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Iterable
from typing import Any
from wsgiref.validate import validator

import pytest

from fractus.local.keystone_asgi import Threaded
from fractus.testing import asgi


class Echo:
    """Says what it was given."""

    def __init__(self) -> None:
        self.environ: dict[str, Any] = {}
        self.body = b""
        self.closed = 0
        self.proceed: threading.Event | None = None

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        self.environ = environ
        self.body = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
        if self.proceed is not None:
            self.proceed.wait(30)
        if environ["PATH_INFO"] == "/raises":
            raise RuntimeError("no")
        start_response("201 Created", [("Content-Type", "text/plain"), ("X-Two", "a"), ("X-Two", "b")])
        return self

    def __iter__(self) -> Any:
        return iter([b"one ", b"two"])

    def close(self) -> None:
        self.closed += 1


async def silent(*first: bytes) -> AsyncIterator[bytes]:
    for piece in first:
        yield piece
    await asyncio.Event().wait()


async def pieces(*all_: bytes) -> AsyncIterator[bytes]:
    for piece in all_:
        yield piece


async def test_a_request_is_what_pep_3333_says() -> None:
    echo = Echo()
    app = Threaded(validator(echo), threads=1)
    answer = await asgi.call(
        app,  # type: ignore[arg-type]
        "POST",
        "/v3/%C3%BC?a=1&b",
        headers={"Content-Type": "application/json", "X-Auth-Token": "t"},
        body=b"{}",
        host="k:5000",
    )
    assert (answer.status, answer.body, answer.headers["content-type"]) == (201, b"one two", "text/plain")
    environ = echo.environ
    assert environ["PATH_INFO"].encode("latin-1").decode() == "/v3/ü"
    assert (environ["QUERY_STRING"], environ["CONTENT_LENGTH"], environ["CONTENT_TYPE"]) == (
        "a=1&b",
        "2",
        "application/json",
    )
    assert (environ["HTTP_X_AUTH_TOKEN"], environ["HTTP_HOST"]) == ("t", "k:5000")
    assert (environ["REMOTE_ADDR"], environ["SERVER_NAME"], environ["SERVER_PORT"]) == (
        "127.0.0.1",
        "k",
        "5000",
    )
    assert echo.closed == 1


async def test_a_body_in_pieces_is_whole() -> None:
    echo = Echo()
    app: Any = Threaded(echo, threads=1)
    await asgi.call(app, "POST", "/", headers={"Transfer-Encoding": "chunked"}, body=pieces(b"ab", b"c"))
    assert (echo.body, echo.environ["CONTENT_LENGTH"]) == (b"abc", "3")
    assert "HTTP_TRANSFER_ENCODING" not in echo.environ
    await asgi.call(app, "GET", "/")
    assert (echo.body, echo.environ["CONTENT_LENGTH"]) == (b"", "0")


async def test_what_the_application_raises_is_raised() -> None:
    app: Any = Threaded(Echo(), threads=1)
    with pytest.raises(RuntimeError, match="no"):
        await asgi.call(app, "GET", "/raises")


async def test_bodies_that_do_not_come_hold_no_thread() -> None:
    echo = Echo()
    app: Any = Threaded(echo, threads=1, within=1.0)
    waiting = [
        asyncio.create_task(asgi.call(app, "POST", "/", headers={"Content-Length": "9"}, body=silent(b"{")))
        for _ in range(20)
    ]
    await asyncio.sleep(0)
    assert (await asgi.call(app, "GET", "/")).status == 201
    for answer in await asyncio.gather(*waiting):
        assert (answer.status, answer.headers["connection"]) == (408, "close")
        assert answer.json["error"]["code"] == 408
    assert echo.body == b"", "it has seen none of them"


async def test_a_body_that_is_too_large_is_not_read() -> None:
    echo = Echo()
    app: Any = Threaded(echo, threads=1, most=10)
    declared = await asgi.call(app, "POST", "/", headers={"Content-Length": "11"}, body=silent())
    found = await asgi.call(
        app, "POST", "/", headers={"Transfer-Encoding": "chunked"}, body=pieces(b"x" * 6, b"y" * 6)
    )
    assert (declared.status, found.status) == (413, 413)
    assert (await asgi.call(app, "POST", "/", body=b"x" * 10)).status == 201


async def test_a_client_that_goes_away_costs_nothing() -> None:
    echo = Echo()
    app: Any = Threaded(echo, threads=1)
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.disconnect"}

    async def send(event: Any) -> None:
        sent.append(event)

    scope = {"type": "http", "method": "POST", "path": "/", "query_string": b"", "headers": []}
    await app(scope, receive, send)
    assert (sent, echo.environ) == ([], {})
