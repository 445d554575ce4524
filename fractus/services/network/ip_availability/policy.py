"""Policy rules of the availability of addresses (neutron.conf.policies.network_ip_availability)."""

from __future__ import annotations

from fractus.auth.base_rules import NEUTRON_ADMIN_OR_SERVICE
from fractus.auth.policy import RuleDefault

RULES: list[RuleDefault] = [
    RuleDefault(
        "get_network_ip_availability",
        NEUTRON_ADMIN_OR_SERVICE,
        "See how many addresses of a network are left.",
    )
]
