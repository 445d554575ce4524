"""Links in compute's documents: as they are stored, and as a caller gets them.

Stored documents are the same for all callers, so a placeholder stands for what depends on how one came: the host, which
of the two mounts, and whether the URL had a project id. Nova repeats all three in its links.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol

import msgspec

from fractus.base.clock import iso_micro

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


def soft_deleted(created_at: float) -> dict[str, Any]:
    """The stamps of a kind whose rows Nova keeps when they are deleted, and never shows then; in whole seconds."""
    return {
        "created_at": iso_micro(created_at // 1),
        "deleted": False,
        "deleted_at": None,
        "updated_at": None,
    }


def part_of(names: Sequence[str], within: str = "") -> Callable[[bytes], bytes]:
    """Cuts stored documents down to a few of their fields, in this order, without looking at what they hold.

    `within`: the name under which the part stands in an object of its own; empty: it stands alone.
    """
    rename = {f"field_{number}": name for number, name in enumerate(names)}
    part = msgspec.defstruct("Part", [(name, msgspec.Raw) for name in rename], rename=rename, gc=False)
    whole = (
        part
        if not within
        else msgspec.defstruct("Whole", [("part", part)], rename={"part": within}, gc=False)
    )
    decode, encode = msgspec.json.Decoder(part).decode, msgspec.json.encode
    if not within:
        return lambda document: encode(decode(document))
    return lambda document: encode(whole(decode(document)))
