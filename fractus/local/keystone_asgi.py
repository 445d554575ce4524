"""Keystone's application for an ASGI server: `fractus.local.keystone_asgi:application`.

Keystone is a WSGI application, which reads a request's body by itself: a thread of its few would wait for a body that
does not come, and four such logins would keep everybody out. Here a request gets a thread when its body is whole.
"""

from __future__ import annotations

import asyncio
import io
import json
import os
import sys
from collections.abc import Awaitable, Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from typing import Any, TypeAlias

Scope: TypeAlias = "dict[str, Any]"
Receive: TypeAlias = "Callable[[], Awaitable[dict[str, Any]]]"
Send: TypeAlias = "Callable[[dict[str, Any]], Awaitable[None]]"
Wsgi: TypeAlias = "Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]"

#: The environment variable that says how many threads there are.
THREADS = "KEYSTONE_THREADS"

#: Bytes of the largest body that Keystone takes (oslo.middleware's max_request_body_size), and seconds that one may
#: take.
MOST, WITHIN = 114_688, 30.0


class _Late(Exception):
    """The body did not arrive in time."""


class _TooLarge(Exception):
    """The body is larger than allowed."""


class _Gone(Exception):
    """The client went away."""


class Threaded:
    """A WSGI application as an ASGI application, of small bodies and answers."""

    def __init__(self, app: Wsgi, *, threads: int, most: int = MOST, within: float = WITHIN) -> None:
        """`most`: bytes of a body; `within`: seconds that it may take."""
        self._app = app
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="wsgi")
        self._most = most
        self._within = within

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI, of requests only."""
        try:
            body = await self._body(scope, receive)
        except _Gone:
            return
        except _Late:
            await _refuse(send, HTTPStatus.REQUEST_TIMEOUT, "The request was not complete in time.")
            return
        except _TooLarge:
            await _refuse(send, HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "Request is too large.")
            return
        environ = environ_of(scope, body)
        loop = asyncio.get_running_loop()
        status, headers, data = await loop.run_in_executor(self._threads, _run, self._app, environ)
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": data})

    async def _body(self, scope: Scope, receive: Receive) -> bytes:
        declared = dict(scope["headers"]).get(b"content-length", b"")
        if declared.isdigit() and int(declared) > self._most:
            raise _TooLarge
        parts: list[bytes] = []
        size = 0
        try:
            async with asyncio.timeout(self._within):
                while True:
                    event = await receive()
                    if event["type"] == "http.disconnect":
                        raise _Gone
                    parts.append(event.get("body", b""))
                    size += len(parts[-1])
                    if size > self._most:
                        raise _TooLarge
                    if not event.get("more_body"):
                        return b"".join(parts)
        except TimeoutError:
            raise _Late from None


def environ_of(scope: Scope, body: bytes) -> dict[str, Any]:
    """A request as WSGI has it (PEP 3333): texts hold bytes as Latin-1."""
    server, client = scope.get("server") or ("", 0), scope.get("client") or ("", 0)
    environ: dict[str, Any] = {
        "REQUEST_METHOD": scope["method"],
        "SCRIPT_NAME": "",
        "PATH_INFO": scope["path"].encode().decode("latin-1"),
        "QUERY_STRING": scope["query_string"].decode("latin-1"),
        "SERVER_NAME": server[0],
        "SERVER_PORT": str(server[1]),
        "SERVER_PROTOCOL": f"HTTP/{scope.get('http_version', '1.1')}",
        "REMOTE_ADDR": client[0],
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scope.get("scheme", "http"),
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
        # The body is whole: no more of it can be waited for.
        "wsgi.input_terminated": True,
    }
    for raw, value in scope["headers"]:
        name = raw.decode("latin-1").upper().replace("-", "_")
        key = name if name == "CONTENT_TYPE" else f"HTTP_{name}"
        if name not in ("CONTENT_LENGTH", "TRANSFER_ENCODING"):
            text = value.decode("latin-1")
            environ[key] = f"{environ[key]},{text}" if key in environ else text
    environ["CONTENT_LENGTH"] = str(len(body))
    return environ


def _run(app: Wsgi, environ: dict[str, Any]) -> tuple[int, list[tuple[bytes, bytes]], bytes]:
    """Have the application answer, in a thread."""
    said: list[Any] = []

    def start_response(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
        said[:] = [int(status.split(" ", 1)[0]), headers]

    answer = app(environ, start_response)
    try:
        data = b"".join(answer)
    finally:
        close = getattr(answer, "close", None)
        if close is not None:
            close()
    status, headers = said
    return status, [(name.lower().encode("latin-1"), text.encode("latin-1")) for name, text in headers], data


async def _refuse(send: Send, status: HTTPStatus, message: str) -> None:
    error = {"code": status.value, "title": status.phrase, "message": message}
    body = json.dumps({"error": error}).encode()
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        (b"connection", b"close"),
    ]
    await send({"type": "http.response.start", "status": status.value, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def application() -> Threaded:
    """Keystone; made once in each of the server's processes."""
    from fractus.local import keystone_wsgi

    return Threaded(keystone_wsgi.application, threads=int(os.environ.get(THREADS, "4")))
