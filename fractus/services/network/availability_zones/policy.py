"""Policy rules of availability zones (neutron.conf.policies.availability_zone)."""

from __future__ import annotations

from fractus.auth.policy import RuleDefault

RULES: list[RuleDefault] = [RuleDefault("get_availability_zone", "role:reader", "List availability zones.")]
