"""Limits, quota sets and quota classes: what a project may have, and what it has."""

from __future__ import annotations

#: What quota sets name.
QUOTAS = (
    "instances",
    "cores",
    "ram",
    "metadata_items",
    "key_pairs",
    "server_groups",
    "server_group_members",
)

#: What they named in older versions besides.
OLD_QUOTAS = (
    "injected_files",
    "injected_file_content_bytes",
    "injected_file_path_bytes",
    "fixed_ips",
    "floating_ips",
    "security_groups",
    "security_group_rules",
)
