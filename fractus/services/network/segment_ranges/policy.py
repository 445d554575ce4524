"""Policy rules of ranges of segment numbers (neutron.conf.policies.network_segment_range)."""

from __future__ import annotations

from fractus.auth.base_rules import NEUTRON_ADMIN
from fractus.auth.policy import RuleDefault

RULES: list[RuleDefault] = [
    RuleDefault("create_network_segment_range", NEUTRON_ADMIN, "Make a range of segment numbers."),
    RuleDefault("get_network_segment_range", NEUTRON_ADMIN, "See ranges of segment numbers."),
    RuleDefault("update_network_segment_range", NEUTRON_ADMIN, "Change a range of segment numbers."),
    RuleDefault("delete_network_segment_range", NEUTRON_ADMIN, "Delete a range of segment numbers."),
]
