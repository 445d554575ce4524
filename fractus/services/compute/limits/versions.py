"""How limits and quota sets changed from version to version."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fractus.web.microversion import Behaviour, FieldRemoved, Version, VersionTable

UNLIMITED = -1

# What Nova once counted and lost to Neutron: older versions still name it, and Nova with Neutron behind it has nothing
# to say there but that there is no limit and no use.
_NETWORK_LIMITS = ("maxTotalFloatingIps", "maxSecurityGroups", "maxSecurityGroupRules")
_NETWORK_USES = ("totalFloatingIpsUsed", "totalSecurityGroupsUsed")
_FILE_LIMITS = ("maxPersonality", "maxPersonalitySize")
_NETWORK_QUOTAS = ("fixed_ips", "floating_ips", "security_group_rules", "security_groups")
_FILE_QUOTAS = ("injected_files", "injected_file_content_bytes", "injected_file_path_bytes")


def _limit(_document: Any, extra: Mapping[str, Any]) -> Any:
    return extra["unlimited"]


def _unused(_document: Any, _extra: Mapping[str, Any]) -> int:
    return 0


LIMITS = VersionTable(
    (
        *(FieldRemoved(Version(2, 36), f"limits.absolute.{name}", _limit) for name in _NETWORK_LIMITS),
        *(FieldRemoved(Version(2, 36), f"limits.absolute.{name}", _unused) for name in _NETWORK_USES),
        FieldRemoved(Version(2, 39), "limits.absolute.maxImageMeta", _limit),
        *(FieldRemoved(Version(2, 57), f"limits.absolute.{name}", _limit) for name in _FILE_LIMITS),
        Behaviour(Version(2, 75), "strict_query"),
    )
)
#: `extra["unlimited"]` is -1, or how the detailed view writes it.
QUOTAS = VersionTable(
    (
        *(FieldRemoved(Version(2, 36), f"quota_set.{name}", _limit) for name in _NETWORK_QUOTAS),
        *(FieldRemoved(Version(2, 57), f"quota_set.{name}", _limit) for name in _FILE_QUOTAS),
        Behaviour(Version(2, 75), "strict_query"),
        Behaviour(Version(2, 102), "strict_defaults_query"),
    )
)
