"""Policy rules of quotas (neutron.conf.policies.quotas)."""

from __future__ import annotations

from fractus.auth.policy import RuleDefault

RULES: list[RuleDefault] = [
    RuleDefault(
        "get_quota",
        "(rule:admin_only) or (role:manager and project_id:%(project_id)s)",
        "See the quotas of a project; one's own are seen by everybody in it.",
    ),
]
