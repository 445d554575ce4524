"""How Placement changed from version to version (placement.rest_api_version_history)."""

from __future__ import annotations

from fractus.web.microversion import Behaviour, FieldAdded, QueryAdded, Version, VersionTable

V = Version

#: The first versions that have aggregates, resource classes, traits, usages of projects and candidates.
AGGREGATES, CLASSES, TRAITS, TOTALS, CANDIDATES = V(1, 1), V(1, 2), V(1, 6), V(1, 9), V(1, 10)

PROVIDER = VersionTable(
    [FieldAdded(V(1, 14), "parent_provider_uuid"), FieldAdded(V(1, 14), "root_provider_uuid")]
)

REQUESTS = VersionTable(
    [
        Behaviour(AGGREGATES, "link_aggregates"),
        Behaviour(TRAITS, "link_traits"),
        Behaviour(V(1, 11), "link_allocations"),
        Behaviour(V(1, 12), "owners_of_allocations"),
        Behaviour(V(1, 15), "last_modified"),
        Behaviour(V(1, 38), "consumer_types"),
        QueryAdded(V(1, 3), "member_of", on="providers"),
        QueryAdded(V(1, 4), "resources", on="providers"),
        QueryAdded(V(1, 14), "in_tree", on="providers"),
        QueryAdded(V(1, 18), "required", on="providers"),
        QueryAdded(V(1, 38), "consumer_type", on="usages"),
    ]
)
