"""Nova's rules about flavors, with their defaults."""

from __future__ import annotations

from fractus.auth.base_rules import ANY, NOVA_ADMIN, NOVA_READER_OR_ADMIN
from fractus.auth.policy import RuleDefault

#: Nova asks nothing of those who list or show flavors; a name of ours, for every route has a rule.
SEE = "fractus:compute:flavors"
CREATE = "os_compute_api:os-flavor-manage:create"
UPDATE = "os_compute_api:os-flavor-manage:update"
DELETE = "os_compute_api:os-flavor-manage:delete"
SPECS_INDEX = "os_compute_api:os-flavor-extra-specs:index"
SPECS_SHOW = "os_compute_api:os-flavor-extra-specs:show"
SPECS_CREATE = "os_compute_api:os-flavor-extra-specs:create"
SPECS_UPDATE = "os_compute_api:os-flavor-extra-specs:update"
SPECS_DELETE = "os_compute_api:os-flavor-extra-specs:delete"
ACCESS = "os_compute_api:os-flavor-access"
ACCESS_ADD = "os_compute_api:os-flavor-access:add_tenant_access"
ACCESS_REMOVE = "os_compute_api:os-flavor-access:remove_tenant_access"

RULES = [
    RuleDefault(SEE, ANY, "List and show flavors."),
    RuleDefault(CREATE, NOVA_ADMIN, "Create a flavor."),
    RuleDefault(UPDATE, NOVA_ADMIN, "Change the description of a flavor."),
    RuleDefault(DELETE, NOVA_ADMIN, "Delete a flavor."),
    RuleDefault(SPECS_INDEX, NOVA_READER_OR_ADMIN, "List extra specs; since 2.61 also see them in flavors."),
    RuleDefault(SPECS_SHOW, NOVA_READER_OR_ADMIN, "Show an extra spec of a flavor."),
    RuleDefault(SPECS_CREATE, NOVA_ADMIN, "Add extra specs to a flavor."),
    RuleDefault(SPECS_UPDATE, NOVA_ADMIN, "Change an extra spec of a flavor."),
    RuleDefault(SPECS_DELETE, NOVA_ADMIN, "Remove an extra spec of a flavor."),
    RuleDefault(ACCESS, NOVA_ADMIN, "List the projects that may use a private flavor."),
    RuleDefault(ACCESS_ADD, NOVA_ADMIN, "Let a project use a private flavor."),
    RuleDefault(ACCESS_REMOVE, NOVA_ADMIN, "Let a project no longer use a private flavor."),
]
