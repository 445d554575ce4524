"""Policy rules of agents (neutron.conf.policies.agent)."""

from __future__ import annotations

from fractus.auth.base_rules import NEUTRON_ADMIN
from fractus.auth.policy import RuleDefault

RULES: list[RuleDefault] = [RuleDefault("get_agent", NEUTRON_ADMIN, "List agents.")]
