"""How limits and quota sets changed from version to version."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from fractus.web.microversion import (
    Behaviour,
    FieldAdded,
    FieldRemoved,
    RequestFieldRemoved,
    Version,
    VersionTable,
)

# What Nova once counted and lost to Neutron: older versions still name it, and Nova with Neutron behind it has nothing
# to say there but that there is no limit and no use. Each limit with the quota that it is.
_NETWORK_LIMITS = {
    "maxTotalFloatingIps": "floating_ips",
    "maxSecurityGroups": "security_groups",
    "maxSecurityGroupRules": "security_group_rules",
}
_NETWORK_USES = ("totalFloatingIpsUsed", "totalSecurityGroupsUsed")
_FILE_LIMITS = {
    "maxPersonality": "injected_files",
    "maxPersonalitySize": "injected_file_content_bytes",
}
_NETWORK_QUOTAS = ("fixed_ips", "floating_ips", "security_group_rules", "security_groups")
_FILE_QUOTAS = ("injected_files", "injected_file_content_bytes", "injected_file_path_bytes")


def _limit(quota: str) -> Callable[[Any, Mapping[str, Any]], Any]:
    """What an older version names is the limit of `quota`."""

    def shown(_document: Any, extra: Mapping[str, Any]) -> Any:
        return extra["limit"](quota)

    return shown


def _unused(_document: Any, _extra: Mapping[str, Any]) -> int:
    return 0


LIMITS = VersionTable(
    (
        *(
            FieldRemoved(Version(2, 36), f"limits.absolute.{name}", _limit(quota))
            for name, quota in _NETWORK_LIMITS.items()
        ),
        *(FieldRemoved(Version(2, 36), f"limits.absolute.{name}", _unused) for name in _NETWORK_USES),
        FieldRemoved(Version(2, 39), "limits.absolute.maxImageMeta", _limit("metadata_items")),
        *(
            FieldRemoved(Version(2, 57), f"limits.absolute.{name}", _limit(quota))
            for name, quota in _FILE_LIMITS.items()
        ),
        Behaviour(Version(2, 75), "strict_query"),
    )
)
#: `extra["limit"]` says how a quota's limit is written: as its number, or as the detailed view does.
QUOTAS = VersionTable(
    (
        *(FieldRemoved(Version(2, 36), f"quota_set.{name}", _limit(name)) for name in _NETWORK_QUOTAS),
        *(FieldRemoved(Version(2, 57), f"quota_set.{name}", _limit(name)) for name in _FILE_QUOTAS),
        *(RequestFieldRemoved(Version(2, 36), f"quota_set.{name}") for name in _NETWORK_QUOTAS),
        *(RequestFieldRemoved(Version(2, 57), f"quota_set.{name}") for name in _FILE_QUOTAS),
        Behaviour(Version(2, 75), "strict_query"),
        Behaviour(Version(2, 102), "strict_defaults_query"),
    )
)
CLASSES = VersionTable(
    (
        *(FieldRemoved(Version(2, 50), f"quota_class_set.{name}", _limit(name)) for name in _NETWORK_QUOTAS),
        *(FieldRemoved(Version(2, 57), f"quota_class_set.{name}", _limit(name)) for name in _FILE_QUOTAS),
        *(
            FieldAdded(Version(2, 50), f"quota_class_set.{name}")
            for name in ("server_groups", "server_group_members")
        ),
        *(RequestFieldRemoved(Version(2, 50), f"quota_class_set.{name}") for name in _NETWORK_QUOTAS),
        *(RequestFieldRemoved(Version(2, 57), f"quota_class_set.{name}") for name in _FILE_QUOTAS),
        Behaviour(Version(2, 102), "strict_query"),
    )
)
