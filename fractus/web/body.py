"""Reading a request's body."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping
from typing import Any

import falcon.asgi
import msgspec

from fractus.model.errors import Invalid, TooLarge, UnsupportedMedia

#: Key of the ASGI scope that is set when the client went away.
GONE = "fractus.gone"

_decode = msgspec.json.Decoder().decode

#: How a null character is written in JSON. No text that OpenStack knows has one, and not every database keeps it.
_NULL = b"\\u0000"
#: The same where no backslash before it is one that is meant.
_NULL_ESCAPED = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")


class BrokenOff(Invalid):
    """The client went away before its body had ended."""


async def read(req: falcon.asgi.Request, limit: int) -> bytes:
    """The whole body; `TooLarge` above `limit` bytes, of which no more are read."""
    declared = req.content_length
    if declared == 0:
        return b""
    if declared is not None and declared > limit:
        raise TooLarge("Request is too large.")
    parts: list[bytes] = []
    size = 0
    async for chunk in req.stream:
        size += len(chunk)
        if size > limit:
            raise TooLarge("Request is too large.")
        parts.append(chunk)
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


async def chunks(req: falcon.asgi.Request) -> AsyncIterator[bytes]:
    """The body as it arrives; `BrokenOff` where the client went away before its end."""
    async for chunk in req.stream:
        if chunk:
            yield chunk
    if GONE in req.scope:
        raise BrokenOff("The body of the request broke off.")
