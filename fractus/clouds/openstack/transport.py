"""The thin HTTP interface behind which aiohttp stands: one request, one answer, no retries, no redirects.

What it raises is a `CloudError` already: only here is it known whether the request had left when it went wrong.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import pathlib
import ssl
from collections.abc import AsyncIterator, Mapping
from typing import Any, BinaryIO, Protocol

import aiohttp
import msgspec
from msgspec import Struct

from fractus.clouds.openstack import faults
from fractus.clouds.openstack.pace import Limits
from fractus.model.errors import CloudError, Refused, Unreachable

#: Doing these twice is the same as doing them once (RFC 9110, 9.2.2).
_REPEATABLE = frozenset({"GET", "HEAD", "PUT", "DELETE"})

#: Apache, which many children stand behind, closes idle connections after 5 seconds; one that is closed while we write
#: on it would cost an unknown outcome, so ours close first.
_IDLE_SECONDS = 4.0

#: An answer larger than this is not one of ours: the largest listings (200 servers, 500 ports) are below 2 MiB.
_LARGEST_ANSWER = 64 * 1024 * 1024

_CHUNK = 256 * 1024


class Upload(Struct, frozen=True):
    """Bits to be streamed from a file of this node. `size` in bytes is sent before them."""

    path: str
    size: int


class Call(Struct, frozen=True, kw_only=True):
    """One request to a child. Its `repr` shows no headers: the token is among them."""

    service: str
    method: str
    url: str
    headers: dict[str, str] = {}
    body: Any = None
    """Sent as JSON, unless None."""
    upload: Upload | None = None
    repeat: bool | None = None
    """Whether doing it twice is the same as doing it once; None: as usual for the method."""
    lane: str = "work"

    @property
    def repeatable(self) -> bool:
        """Whether doing it twice is the same as doing it once."""
        return self.method in _REPEATABLE if self.repeat is None else self.repeat

    def __repr__(self) -> str:
        return f"Call({self.method} {self.url})"


class Answer(Struct, frozen=True):
    """What came back, whole. Names of headers are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes = b""

    def __repr__(self) -> str:
        return f"Answer({self.status}, {len(self.body)} bytes)"


class Transport(Protocol):
    """Carries a call to a child and its answer back."""

    async def exchange(self, call: Call) -> Answer:
        """The answer, whatever its status; `Unreachable` or `OutcomeUnknown` where none came."""
        ...

    async def close(self) -> None:
        """Release connections."""
        ...


class AiohttpTransport:
    """Over the network, with one connection pool of its own."""

    def __init__(self, tls: ssl.SSLContext | bool, limits: Limits) -> None:
        self._tls = tls
        self._limits = limits
        self._session: aiohttp.ClientSession | None = None

    def _opened(self) -> aiohttp.ClientSession:
        """The session, made at first use: it belongs to the loop that uses it."""
        if self._session is None:
            tracing = aiohttp.TraceConfig()
            tracing.on_request_headers_sent.append(_mark_sent)
            limit = self._limits.max_calls + self._limits.max_live_calls + self._limits.max_uploads
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(
                    limit=limit, ssl=self._tls, keepalive_timeout=_IDLE_SECONDS, ttl_dns_cache=60
                ),
                cookie_jar=aiohttp.DummyCookieJar(),
                trace_configs=[tracing],
            )
        return self._session

    async def exchange(self, call: Call) -> Answer:
        """The answer, whatever its status; `Unreachable` or `OutcomeUnknown` where none came."""
        if call.upload is None:
            if call.body is None:
                return await self._send(call, call.headers, None)
            headers = {"Content-Type": "application/json", **call.headers}
            return await self._send(call, headers, msgspec.json.encode(call.body))
        headers = {**call.headers, "Content-Length": str(call.upload.size)}
        async with _bits(call.upload) as bits:
            return await self._send(call, headers, bits)

    async def _send(
        self, call: Call, headers: dict[str, str], data: AsyncIterator[bytes] | bytes | None
    ) -> Answer:
        sent: list[bool] = []
        size = call.upload.size if call.upload is not None else 0
        timeout = aiohttp.ClientTimeout(
            total=self._limits.call_timeout + size / self._limits.upload_rate,
            sock_connect=self._limits.connect_timeout,
            sock_read=self._limits.call_timeout,
        )
        try:
            async with self._opened().request(
                call.method,
                call.url,
                headers=headers,
                data=data,
                allow_redirects=False,
                timeout=timeout,
                trace_request_ctx=sent,
            ) as response:
                body = await _read(response)
                named = {name.lower(): value for name, value in response.headers.items()}
                return Answer(response.status, named, body)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise _accident(call, error, bool(sent)) from error

    async def close(self) -> None:
        """Release connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None


async def _mark_sent(_session: aiohttp.ClientSession, context: Any, _params: Any) -> None:
    context.trace_request_ctx.append(True)


async def _read(response: aiohttp.ClientResponse) -> bytes:
    """The whole body; `ClientPayloadError` where it breaks off or does not end."""
    parts: list[bytes] = []
    length = 0
    async for part in response.content.iter_any():
        length += len(part)
        if length > _LARGEST_ANSWER:
            response.close()
            raise aiohttp.ClientPayloadError("the answer does not end")
        parts.append(part)
    return b"".join(parts)


def _accident(call: Call, error: Exception, sent: bool) -> CloudError:
    """What an accident on the wire means for this call."""
    where = f"{call.service} at {_origin(call.url)}"
    if isinstance(error, aiohttp.ClientConnectorError | aiohttp.ConnectionTimeoutError) or not sent:
        return Unreachable(f"no connection to {where}: {_words(error)}")
    if isinstance(error, TimeoutError):
        return faults.unknown(call.repeatable, f"no answer in time from {where}")
    return faults.unknown(call.repeatable, f"the answer of {where} broke off: {_words(error)}")


def _words(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "timed out"
    if isinstance(error, aiohttp.ClientConnectorError):
        return str(error.os_error) or type(error.os_error).__name__
    return str(error) or type(error).__name__


def _origin(url: str) -> str:
    """Scheme, host and port: paths carry ids, and queries may carry anything."""
    return "/".join(url.split("/", 3)[:3])


@contextlib.asynccontextmanager
async def _bits(upload: Upload) -> AsyncIterator[AsyncIterator[bytes]]:
    """The bits of an upload, read in threads. The file is closed at the end, however much of it was asked for."""
    try:
        file = await asyncio.to_thread(pathlib.Path(upload.path).open, "rb")
    except OSError as error:
        raise Refused(f"the bits are not on this node: {error.strerror or error}") from error
    try:
        # Looked at before the length is announced: a body that ends early would keep the child waiting.
        there = await asyncio.to_thread(file.seek, 0, os.SEEK_END)
        if there != upload.size:
            raise Refused(f"the bits on this node are {there} bytes, not {upload.size}")
        await asyncio.to_thread(file.seek, 0)
        yield _chunks(file)
    finally:
        await asyncio.to_thread(file.close)


async def _chunks(file: BinaryIO) -> AsyncIterator[bytes]:
    while chunk := await asyncio.to_thread(file.read, _CHUNK):
        yield chunk
