"""Names that fractus owns: resource ids, request ids, MAC addresses."""

from __future__ import annotations

import re
import secrets
import uuid

_REQUEST_ID = re.compile("req-[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")

_NAMESPACE = uuid.UUID("5f0a6a1e-3c4e-4f7e-9a55-66726163ff75")


def new_id() -> str:
    """A random UUID in its usual form."""
    return str(uuid.uuid4())


def derived_id(*parts: str) -> str:
    """The same UUID for the same parts, always: a name that needs no memory."""
    return str(uuid.uuid5(_NAMESPACE, "\x1f".join(parts)))


def new_request_id() -> str:
    """A request id of the form all OpenStack services use: `req-<uuid>`."""
    return f"req-{uuid.uuid4()}"


def is_request_id(text: str) -> bool:
    """Whether a caller's `X-Openstack-Request-Id` may be taken over (oslo.middleware takes only this form)."""
    return _REQUEST_ID.fullmatch(text) is not None


def is_uuid(text: str) -> bool:
    """Whether `text` is a UUID, hyphens or not (what oslo's `is_uuid_like` accepts)."""
    try:
        return uuid.UUID(text).hex == text.replace("-", "").lower()
    except (ValueError, AttributeError, TypeError):
        return False


def new_mac(prefix: str = "fa:16:3e") -> str:
    """A random MAC address under `prefix` (three octets; the default is OpenStack's own)."""
    return ":".join([prefix, *(f"{octet:02x}" for octet in secrets.token_bytes(3))])
