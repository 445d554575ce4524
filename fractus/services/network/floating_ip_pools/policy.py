"""Policy rules of floating IP pools (neutron.conf.policies.floatingip_pools)."""

from __future__ import annotations

from fractus.auth.base_rules import NEUTRON_ADMIN_OR_READER
from fractus.auth.policy import RuleDefault

RULES: list[RuleDefault] = [
    RuleDefault("get_floatingip_pool", NEUTRON_ADMIN_OR_READER, "List floating IP pools.")
]
