"""Policy rules of service providers (neutron.conf.policies.service_type)."""

from __future__ import annotations

from fractus.auth.policy import RuleDefault

RULES: list[RuleDefault] = [RuleDefault("get_service_provider", "role:reader", "See service providers.")]
