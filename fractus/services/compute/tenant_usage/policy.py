"""Nova's rules about the usage of projects, with their defaults."""

from __future__ import annotations

from fractus.auth.base_rules import NOVA_ADMIN, NOVA_READER_OR_ADMIN
from fractus.auth.policy import RuleDefault

LIST = "os_compute_api:os-simple-tenant-usage:list"
SHOW = "os_compute_api:os-simple-tenant-usage:show"

RULES = [
    RuleDefault(LIST, NOVA_ADMIN, "List the usage of all projects."),
    RuleDefault(SHOW, NOVA_READER_OR_ADMIN, "Show the usage of a project."),
]
