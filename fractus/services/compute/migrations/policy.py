"""Nova's rules about migrations, with their defaults (nova.policies.migrations)."""

from __future__ import annotations

from fractus.auth.base_rules import NOVA_ADMIN, NOVA_MANAGER_OR_ADMIN
from fractus.auth.policy import RuleDefault

LIST = "os_compute_api:os-migrations:index"
ALL_PROJECTS = "os_compute_api:os-migrations:index:all_projects"
HOSTS = "os_compute_api:os-migrations:index:host"

RULES = [
    RuleDefault(LIST, NOVA_MANAGER_OR_ADMIN, "List migrations."),
    RuleDefault(ALL_PROJECTS, NOVA_ADMIN, "List migrations of all projects."),
    RuleDefault(HOSTS, NOVA_ADMIN, "See from which host to which servers are migrated."),
]
