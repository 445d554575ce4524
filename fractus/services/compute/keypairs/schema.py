"""What may be said of a keypair, and Nova's sentences about what may not."""

from __future__ import annotations

import base64
import hashlib
import re
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization

from fractus.model.errors import Invalid
from fractus.services.compute import check_name, only
from fractus.web.schema import complaint

_OLD_NAME = r"^[_\- a-zA-Z0-9]+$"
_NAME = r"^[_\-\@\. a-zA-Z0-9]+$"
_FIELDS = ("name", "type", "public_key", "user_id")


def _refuse(field: str, value: Any, why: str) -> Invalid:
    return Invalid(complaint(field, value, why))


def _text(field: str, value: Any) -> None:
    if not isinstance(value, str):
        raise _refuse(field, value, f"{value!r} is not of type 'string'")


def create(body: Any, *, imported_only: bool) -> dict[str, Any]:
    """The keypair of a POST. `imported_only`: a public key is required, and names may have more characters (2.92)."""
    if not isinstance(body, dict):
        raise _refuse("", body, f"{body!r} is not of type 'object'")
    only(body, ("keypair",))
    if "keypair" not in body:
        raise Invalid("'keypair' is a required property")
    keypair: Any = body["keypair"]
    if not isinstance(keypair, dict):
        raise _refuse("keypair", keypair, f"{keypair!r} is not of type 'object'")
    only(keypair, _FIELDS, "keypair", keypair)
    for field in ("name", "public_key") if imported_only else ("name",):
        if field not in keypair:
            raise _refuse("keypair", keypair, f"{field!r} is a required property")
    name, pattern = keypair["name"], _NAME if imported_only else _OLD_NAME
    check_name(name)
    if not re.fullmatch(pattern, name):
        raise _refuse("name", name, f"{name!r} does not match {pattern!r}")
    for field in ("public_key", "user_id"):
        if field in keypair:
            _text(field, keypair[field])
    if keypair.get("type", "ssh") not in ("ssh", "x509"):
        kind = keypair["type"]
        raise _refuse("type", kind, f"{kind!r} is not one of ['ssh', 'x509']")
    return keypair


def _colons(digest: bytes) -> str:
    return ":".join(f"{octet:02x}" for octet in digest)


def ssh_fingerprint(public_key: str) -> str:
    """The MD5 of the key's blob, in hexadecimal with colons; `Invalid` where the text is no SSH public key."""
    try:
        serialization.load_ssh_public_key(public_key.encode())
        blob = base64.b64decode(public_key.split(" ")[1])
    except Exception:
        # Whatever the library makes of a text that is no key, Nova says this one sentence.
        raise Invalid("Keypair data is invalid: failed to generate fingerprint") from None
    return _colons(hashlib.md5(blob, usedforsecurity=False).digest())


def x509_fingerprint(certificate: str) -> str:
    """The SHA-1 of a certificate, in hexadecimal with colons; `Invalid` where the text is none."""
    try:
        digest = x509.load_pem_x509_certificate(certificate.encode()).fingerprint(hashes.SHA1())
    except (ValueError, TypeError) as error:
        raise Invalid(
            f"Keypair data is invalid: failed to generate X509 fingerprint. Error message: {error}"
        ) from None
    return _colons(digest)
