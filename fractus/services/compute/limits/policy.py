"""Nova's rules about limits and quota sets, with their defaults."""

from __future__ import annotations

from fractus.auth.base_rules import ANY, NOVA_ADMIN, NOVA_READER_OR_ADMIN
from fractus.auth.policy import RuleDefault

LIMITS = "os_compute_api:limits"
LIMITS_OF_OTHERS = "os_compute_api:limits:other_project"
SHOW = "os_compute_api:os-quota-sets:show"
DETAIL = "os_compute_api:os-quota-sets:detail"
DEFAULTS = "os_compute_api:os-quota-sets:defaults"
UPDATE = "os_compute_api:os-quota-sets:update"
DELETE = "os_compute_api:os-quota-sets:delete"
CLASS_SHOW = "os_compute_api:os-quota-class-sets:show"
CLASS_UPDATE = "os_compute_api:os-quota-class-sets:update"

RULES = [
    RuleDefault(LIMITS, ANY, "Show the limits of the caller's project."),
    RuleDefault(LIMITS_OF_OTHERS, NOVA_ADMIN, "Show the limits of another project."),
    RuleDefault(SHOW, NOVA_READER_OR_ADMIN, "Show the quotas of a project."),
    RuleDefault(DETAIL, NOVA_READER_OR_ADMIN, "Show the quotas of a project and what is used of them."),
    RuleDefault(DEFAULTS, ANY, "Show the default quotas."),
    RuleDefault(UPDATE, NOVA_ADMIN, "Set the quotas of a project."),
    RuleDefault(DELETE, NOVA_ADMIN, "Give a project the default quotas again."),
    RuleDefault(CLASS_SHOW, NOVA_ADMIN, "Show the quotas of a class."),
    RuleDefault(CLASS_UPDATE, NOVA_ADMIN, "Set the quotas of a class."),
]
