"""Nova's rules about keypairs, with their defaults."""

from __future__ import annotations

from fractus.auth.base_rules import NOVA_ADMIN
from fractus.auth.policy import RuleDefault

INDEX = "os_compute_api:os-keypairs:index"
CREATE = "os_compute_api:os-keypairs:create"
DELETE = "os_compute_api:os-keypairs:delete"
SHOW = "os_compute_api:os-keypairs:show"

_OWN = f"({NOVA_ADMIN}) or user_id:%(user_id)s"

RULES = [
    RuleDefault(INDEX, _OWN, "List the keypairs of a user."),
    RuleDefault(CREATE, _OWN, "Create a keypair for a user."),
    RuleDefault(DELETE, _OWN, "Delete a keypair of a user."),
    RuleDefault(SHOW, _OWN, "Show a keypair of a user."),
]
