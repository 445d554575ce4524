"""Cinder's rules about what is listed and shown, with their defaults."""

from __future__ import annotations

from fractus.auth.base_rules import ANY
from fractus.auth.policy import RuleDefault

#: Cinder asks nothing of those who list zones; a name of ours, for every route has a rule.
ZONES = "fractus:volume:availability_zones"

RULES = [RuleDefault(ZONES, ANY, "List the availability zones of block storage.")]
