"""The outside of tokens: what a Keystone cannot have issued is known without asking it.

Keystone issues Fernet tokens, or JSON Web Signatures ([token] provider). Only the outside is looked at: version,
lengths, alphabet. Whether a token is genuine is Keystone's to say.
"""

from __future__ import annotations

import base64
import binascii
import re
from typing import Literal, TypeAlias

import msgspec

Form: TypeAlias = Literal["fernet", "jws"]

_BASE64URL = re.compile(r"[A-Za-z0-9_-]+={0,2}", re.ASCII)
_JWS = re.compile(r"([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)", re.ASCII)

#: A Fernet token: version (1 byte), seconds since the epoch (8), initialization vector (16), ciphertext (blocks of
#: 16), signature (32).
_VERSION = 0x80
_AROUND = 1 + 8 + 16 + 32
_BLOCK = 16
#: The format is from 2013, and its seconds fit into 32 bits. They are not compared with our own clock, which may be
#: wrong.
_EARLIEST, _LATEST = 1_378_000_000, 1 << 32


def form_of(token: str) -> Form | None:
    """The form of a token; None where it is of neither."""
    if _is_fernet(token):
        return "fernet"
    if _is_jws(token):
        return "jws"
    return None


def _is_fernet(token: str) -> bool:
    # Keystone strips the padding; a client may have put it back.
    if _BASE64URL.fullmatch(token) is None:
        return False
    raw = _decoded(token.rstrip("="))
    if raw is None or raw[0] != _VERSION or len(raw) <= _AROUND or (len(raw) - _AROUND) % _BLOCK:
        return False
    return _EARLIEST <= int.from_bytes(raw[1:9], "big") < _LATEST


def _is_jws(token: str) -> bool:
    found = _JWS.fullmatch(token)
    if found is None:
        return False
    head = _object(found[1])
    return head is not None and isinstance(head.get("alg"), str) and _object(found[2]) is not None


def _object(part: str) -> dict[str, object] | None:
    raw = _decoded(part)
    if raw is None:
        return None
    try:
        document = msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return document if isinstance(document, dict) else None


def _decoded(text: str) -> bytes | None:
    try:
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (binascii.Error, ValueError):
        return None
