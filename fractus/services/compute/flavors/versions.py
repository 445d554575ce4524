"""How flavors changed from version to version."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fractus.web.microversion import (
    Behaviour,
    Document,
    FieldAdded,
    FieldRemoved,
    QueryAdded,
    RequestFieldAdded,
    RequestFieldRemoved,
    Reshaped,
    RouteAdded,
    Version,
    VersionTable,
)

UPDATE_SINCE = Version(2, 55)


def _no_swap(document: Document, _extra: Mapping[str, Any]) -> Document:
    """Before 2.75 no swap was an empty text. A list without detail does not tell it at all."""
    if "swap" in document:
        document["swap"] = document["swap"] or ""
    return document


def _of(name: str) -> Any:
    return lambda _document, extra: extra[name]


_BODY = (
    Behaviour(Version(2, 7), "public_access_refused"),
    FieldAdded(Version(2, 55), "description"),
    RequestFieldAdded(Version(2, 55), "flavor.description", on="create"),
    RouteAdded(Version(2, 55), "PUT", "/flavors/{flavor_id}"),
    FieldAdded(Version(2, 61), "extra_specs"),
    Reshaped(Version(2, 75), down=_no_swap),
    Behaviour(Version(2, 75), "strict_list_query"),
    Behaviour(Version(2, 86), "known_specs_checked"),
    QueryAdded(Version(2, 102), "name", on="list"),
    RequestFieldRemoved(Version(2, 102), "flavor.rxtx_factor", on="create"),
    Behaviour(Version(2, 102), "strict_query"),
)

#: Lists without detail never told the two fields that 2.102 took away.
BRIEF = VersionTable(_BODY)
DETAIL = VersionTable(
    (
        *_BODY,
        FieldRemoved(Version(2, 102), "OS-FLV-DISABLED:disabled", _of("OS-FLV-DISABLED:disabled")),
        FieldRemoved(Version(2, 102), "rxtx_factor", _of("rxtx_factor")),
    )
)
