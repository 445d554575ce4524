"""Cinder's rules about limits and quotas, with their defaults."""

from __future__ import annotations

from fractus.auth.base_rules import ANY, CINDER_ADMIN, CINDER_ADMIN_OR_READER
from fractus.auth.policy import RuleDefault

#: Cinder asks nothing of those who see the limits of their own project; a name of ours, for every route has a rule.
LIMITS = "fractus:volume:limits"
USED = "limits_extension:used_limits"
SHOW, UPDATE, DELETE = (f"volume_extension:quotas:{verb}" for verb in ("show", "update", "delete"))
CLASS_SHOW, CLASS_UPDATE = (f"volume_extension:quota_classes:{verb}" for verb in ("get", "update"))

RULES = [
    RuleDefault(LIMITS, ANY, "Show the limits of the caller's project."),
    RuleDefault(USED, CINDER_ADMIN_OR_READER, "Show what is used of the limits."),
    RuleDefault(SHOW, CINDER_ADMIN_OR_READER, "Show the quotas of a project, their use and their defaults."),
    RuleDefault(UPDATE, CINDER_ADMIN, "Set the quotas of a project."),
    RuleDefault(DELETE, CINDER_ADMIN, "Give a project the default quotas again."),
    RuleDefault(CLASS_SHOW, CINDER_ADMIN, "Show the quotas of a class."),
    RuleDefault(CLASS_UPDATE, CINDER_ADMIN, "Set the quotas of a class."),
]
