"""Nova's rules about availability zones, with their defaults."""

from __future__ import annotations

from fractus.auth.base_rules import ANY, NOVA_ADMIN
from fractus.auth.policy import RuleDefault

LIST = "os_compute_api:os-availability-zone:list"
DETAIL = "os_compute_api:os-availability-zone:detail"

RULES = [
    RuleDefault(LIST, ANY, "List the availability zones."),
    RuleDefault(DETAIL, NOVA_ADMIN, "List the availability zones with what stands behind them."),
]
