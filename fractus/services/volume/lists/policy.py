"""Cinder's rules about what is listed and shown, with their defaults."""

from __future__ import annotations

from fractus.auth.base_rules import ANY, CINDER_ADMIN_OR_READER
from fractus.auth.policy import RuleDefault

#: Cinder asks nothing of those who list zones; a name of ours, for every route has a rule.
ZONES = "fractus:volume:availability_zones"

_READERS = (
    ("group:get_all", "List groups of volumes."),
    ("group:get", "Show a group of volumes."),
    ("group:get_all_group_snapshots", "List snapshots of groups."),
    ("group:get_group_snapshot", "Show a snapshot of a group."),
)
RULES = [
    RuleDefault(ZONES, ANY, "List the availability zones of block storage."),
    *(RuleDefault(name, CINDER_ADMIN_OR_READER, sentence) for name, sentence in _READERS),
]
