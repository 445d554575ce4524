"""Cinder asks nothing of those who ask for filters."""

from __future__ import annotations

from fractus.auth.base_rules import ANY
from fractus.auth.policy import RuleDefault

SEE = "fractus:volume:resource_filters"

RULES = [RuleDefault(SEE, ANY, "Ask by what lists may be filtered.")]
