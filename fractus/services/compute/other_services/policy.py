"""Nova's rules, with their defaults (nova.policies)."""

from __future__ import annotations

from fractus.auth.base_rules import NOVA_ADMIN
from fractus.auth.policy import RuleDefault

_SERVICE = "rule:service_api"

EVENTS = "os_compute_api:os-server-external-events:create"
TOKENS = "os_compute_api:os-console-auth-tokens"
SNAPSHOT_CREATE = "os_compute_api:os-assisted-volume-snapshots:create"
SNAPSHOT_DELETE = "os_compute_api:os-assisted-volume-snapshots:delete"

RULES = [
    RuleDefault(EVENTS, _SERVICE, "Tell that something of a server changed in another service."),
    RuleDefault(TOKENS, NOVA_ADMIN, "See what a console's token opens."),
    RuleDefault(SNAPSHOT_CREATE, _SERVICE, "Have compute make a snapshot of a volume that is in use."),
    RuleDefault(SNAPSHOT_DELETE, _SERVICE, "Have compute delete such a snapshot."),
]
