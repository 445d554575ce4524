"""Links in compute's documents: as they are stored, and as a caller gets them.

Stored documents are the same for all callers, so a placeholder stands for what depends on how one came: the host, which
of the two mounts, and whether the URL had a project id. Nova repeats all three in its links.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

import msgspec

#: Where the versioned API lies below the service's URL.
MOUNT = "/v2.1"

#: Stands for the URL of the service in stored documents.
_BASE = "\u0001fractus-base\u0001"
_BASE_BYTES = msgspec.json.encode(_BASE)[1:-1]
_VERSIONED_BYTES = _BASE_BYTES + MOUNT.encode() + b"/"


class Origin(Protocol):
    """By which URL a caller came; a `fractus.web.routing.Call` is one."""

    @property
    def base_url(self) -> str:
        """The service's, without the version."""
        ...

    @property
    def mount(self) -> str:
        """`MOUNT`, or the older one."""
        ...

    @property
    def project(self) -> str:
        """The project id in the URL, or nothing."""
        ...


class Roots(NamedTuple):
    """What links begin with."""

    versioned: str
    """Links to a resource itself: `http://host/compute/v2.1`."""
    permanent: str
    """Links to a resource whatever the version (`bookmark`): `http://host/compute`."""


#: The roots of documents that are stored, or sent through `filled`.
STORED = Roots(_BASE + MOUNT, _BASE)


def roots(call: Origin) -> Roots:
    """The roots for one caller."""
    project = f"/{call.project}" if call.project else ""
    return Roots(f"{call.base_url}{call.mount}{project}", f"{call.base_url}{project}")


def links(root: Roots, collection: str, id: str) -> list[dict[str, str]]:
    """The two links of a resource: `links(STORED, "servers", id)`."""
    return [
        {"rel": "self", "href": f"{root.versioned}/{collection}/{id}"},
        {"rel": "bookmark", "href": f"{root.permanent}/{collection}/{id}"},
    ]


def filled(documents: Sequence[bytes], call: Origin) -> list[bytes]:
    """Stored documents with the caller's roots. Looking for the placeholders in each of them takes half as long as in
    all at once: Python has a quicker way for what is short.
    """
    base = call.base_url.encode()
    if call.mount == MOUNT and not call.project:
        return [document.replace(_BASE_BYTES, base) for document in documents]
    versioned, permanent = (root.encode() for root in roots(call))
    return [
        document.replace(_VERSIONED_BYTES, versioned + b"/").replace(_BASE_BYTES, permanent)
        for document in documents
    ]
