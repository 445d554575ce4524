"""Who is told that a route is gone."""

from __future__ import annotations

from fractus.auth.policy import RuleDefault

TOLD = "fractus:compute:removed"

RULES = [
    RuleDefault(
        TOLD, "@", "Be told that a route is no longer part of the compute API (Nova has no rule for it)."
    ),
]
