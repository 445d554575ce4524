"""Who is answered that a route is gone."""

from __future__ import annotations

from fractus.auth.policy import RuleDefault

REMOVED = "fractus:compute:removed"

RULES = [
    RuleDefault(
        REMOVED,
        "@",
        "Be answered that a route is no longer part of the compute API (Nova has no rule for it).",
    ),
]
