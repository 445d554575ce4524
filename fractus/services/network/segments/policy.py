"""Policy rules of segments (neutron.conf.policies.segment)."""

from __future__ import annotations

from fractus.auth.base_rules import NEUTRON_ADMIN
from fractus.auth.policy import RuleDefault

RULES: list[RuleDefault] = [
    RuleDefault("create_segment", NEUTRON_ADMIN, "Make a segment."),
    RuleDefault("get_segment", NEUTRON_ADMIN, "See segments."),
    RuleDefault("update_segment", NEUTRON_ADMIN, "Change a segment."),
    RuleDefault("delete_segment", NEUTRON_ADMIN, "Delete a segment."),
]
