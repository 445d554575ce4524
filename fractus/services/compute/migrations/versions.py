"""How migrations changed from version to version (nova.api.openstack.compute.migrations)."""

from __future__ import annotations

from fractus.web.microversion import Behaviour, FieldAdded, QueryAdded, Version, VersionTable

V = Version

MIGRATION = VersionTable(
    [
        FieldAdded(V(2, 23), "migration_type"),
        FieldAdded(V(2, 23), "links"),
        FieldAdded(V(2, 59), "uuid"),
        FieldAdded(V(2, 80), "user_id"),
        FieldAdded(V(2, 80), "project_id"),
    ]
)

REQUESTS = VersionTable(
    [
        Behaviour(V(2, 59), "pages"),
        QueryAdded(V(2, 59), "limit"),
        QueryAdded(V(2, 59), "marker"),
        QueryAdded(V(2, 59), "changes-since"),
        QueryAdded(V(2, 66), "changes-before"),
        QueryAdded(V(2, 80), "user_id"),
        QueryAdded(V(2, 80), "project_id"),
    ]
)
