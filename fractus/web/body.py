"""Reading a request's body, which must arrive in time: one that falls silent holds a connection, and a file where it is
that of an image.
"""

from __future__ import annotations

import asyncio
import dataclasses
import re
from collections.abc import AsyncIterator, Mapping
from typing import Any

import falcon.asgi
import msgspec

from fractus.model.errors import BodyTimeout, Invalid, TooLarge, UnsupportedMedia

#: Key of the ASGI scope that is set when the client went away.
GONE = "fractus.gone"

_decode = msgspec.json.Decoder().decode

#: How a null character is written in JSON. No text that OpenStack knows has one, and not every database keeps it.
_NULL = b"\\u0000"
#: The same where no backslash before it is one that is meant.
_NULL_ESCAPED = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")


#: So many bytes, or the end of the body, must arrive within the idle timeout: one byte a minute is silence, too.
LEAST = 4096

#: WebOb's sentence.
_TOO_LATE = "The server has waited too long for the request to be sent by the client."


class BrokenOff(Invalid):
    """The client went away before its body had ended."""


@dataclasses.dataclass(frozen=True, slots=True)
class Timeouts:
    """How long bodies may take, in seconds."""

    idle: float = 60.0
    """Of any body: the longest time in which fewer than `LEAST` bytes arrive, and not its end."""
    total: float = 60.0
    """Of a body that is read as a whole (JSON)."""


async def read(req: falcon.asgi.Request, limit: int, timeouts: Timeouts) -> bytes:
    """The whole body; `TooLarge` above `limit` bytes, of which no more are read; `BodyTimeout`."""
    declared = req.content_length
    if declared == 0:
        return b""
    if declared is not None and declared > limit:
        raise TooLarge("Request is too large.")
    now = asyncio.get_running_loop().time
    end = now() + timeouts.total
    parts: list[bytes] = []
    size = counted = 0
    try:
        async with asyncio.timeout(min(timeouts.idle, timeouts.total)) as timeout:
            async for chunk in req.stream:
                size += len(chunk)
                if size > limit:
                    raise TooLarge("Request is too large.")
                parts.append(chunk)
                if size - counted >= LEAST:
                    counted = size
                    timeout.reschedule(min(now() + timeouts.idle, end))
    except TimeoutError:
        raise BodyTimeout(_TOO_LATE) from None
    if GONE in req.scope:
        raise BrokenOff("The body of the request broke off.")
    return b"".join(parts)


def check_type(headers: Mapping[str, str], accepted: frozenset[str] | None) -> None:
    """`UnsupportedMedia` where the body says to be of another type. Nova takes no type, and text/plain, for JSON."""
    if accepted is None:
        return
    given = headers.get("content-type", "").partition(";")[0].strip().lower()
    if given and given != "text/plain" and given not in accepted:
        raise UnsupportedMedia("Unsupported Content-Type")


def decode(raw: bytes, malformed: str) -> Any:
    """The JSON document, None for an empty body; `Invalid` with the sentence `malformed` where it is none.

    Texts with null characters are refused too.
    """
    if not raw:
        return None
    try:
        document = _decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Invalid(malformed) from None
    if _NULL in raw and _NULL_ESCAPED.search(raw):
        raise Invalid("Null characters are not allowed in the body of the request.")
    return document


async def chunks(req: falcon.asgi.Request, timeouts: Timeouts) -> AsyncIterator[bytes]:
    """The body as it arrives; `BodyTimeout`, and `BrokenOff` where the client went away before its end."""
    now = asyncio.get_running_loop().time
    stream = aiter(req.stream)
    left, got = timeouts.idle, 0
    while True:
        # What is done with the bits (a slow disk) is none of the client's time.
        began = now()
        try:
            async with asyncio.timeout(left):
                chunk = await anext(stream, None)
        except TimeoutError:
            raise BodyTimeout(_TOO_LATE) from None
        if chunk is None:
            break
        got += len(chunk)
        if got >= LEAST:
            left, got = timeouts.idle, 0
        else:
            left -= now() - began
        if chunk:
            yield chunk
    if GONE in req.scope:
        raise BrokenOff("The body of the request broke off.")
