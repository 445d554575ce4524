"""Cinder's rules about limits and quotas, with their defaults."""

from __future__ import annotations

from fractus.auth.base_rules import ANY, CINDER_ADMIN, CINDER_ADMIN_OR_READER
from fractus.auth.policy import RuleDefault

#: Cinder asks nothing of those who see the limits of their own project; a name of ours, for every route has a rule.
LIMITS = "fractus:volume:limits"
USED = "limits_extension:used_limits"
SHOW = "volume_extension:quotas:show"
CLASS_SHOW = "volume_extension:quota_classes:get"

RULES = [
    RuleDefault(LIMITS, ANY, "Show the limits of the caller's project."),
    RuleDefault(USED, CINDER_ADMIN_OR_READER, "Show what is used of the limits."),
    RuleDefault(SHOW, CINDER_ADMIN_OR_READER, "Show the quotas of a project, their use and their defaults."),
    RuleDefault(CLASS_SHOW, CINDER_ADMIN, "Show the quotas of a class."),
]
