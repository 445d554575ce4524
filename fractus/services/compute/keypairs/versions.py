"""How keypairs changed from version to version."""

from __future__ import annotations

from fractus.web.microversion import (
    Behaviour,
    FieldAdded,
    QueryAdded,
    RequestFieldAdded,
    StatusChanged,
    Version,
    VersionTable,
)

_COMMON = (
    RequestFieldAdded(Version(2, 2), "keypair.type", on="create"),
    StatusChanged(Version(2, 2), "create", 200, 201),
    StatusChanged(Version(2, 2), "delete", 202, 204),
    RequestFieldAdded(Version(2, 10), "keypair.user_id", on="create"),
    QueryAdded(Version(2, 10), "user_id"),
    QueryAdded(Version(2, 35), "limit", on="list"),
    QueryAdded(Version(2, 35), "marker", on="list"),
    Behaviour(Version(2, 35), "paged"),
    Behaviour(Version(2, 75), "strict_query"),
    Behaviour(Version(2, 92), "imported_only"),
)

KEYPAIR = VersionTable((*_COMMON, FieldAdded(Version(2, 2), "type")))
ENTRY = VersionTable((*_COMMON, FieldAdded(Version(2, 2), "keypair.type")))
