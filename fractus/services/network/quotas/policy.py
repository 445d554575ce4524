"""Policy rules of quotas (neutron.conf.policies.quotas)."""

from __future__ import annotations

from fractus.auth.base_rules import NEUTRON_ADMIN
from fractus.auth.policy import RuleDefault

RULES: list[RuleDefault] = [
    RuleDefault(
        "get_quota",
        "(rule:admin_only) or (role:manager and project_id:%(project_id)s)",
        "See the quotas of a project; one's own are seen by everybody in it.",
    ),
    RuleDefault("update_quota", NEUTRON_ADMIN, "Set the quotas of a project."),
    RuleDefault("delete_quota", NEUTRON_ADMIN, "Give a project the default quotas again."),
]
