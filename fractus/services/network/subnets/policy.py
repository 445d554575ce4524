"""Policy rules of subnets (neutron.conf.policies.subnet)."""

from __future__ import annotations

from fractus.auth.base_rules import NEUTRON_ADMIN_OR_NET_OWNER_MEMBER, NEUTRON_ADMIN_OR_NET_OWNER_READER
from fractus.auth.policy import RuleDefault

_MEMBER = f"role:member and project_id:%(project_id)s or {NEUTRON_ADMIN_OR_NET_OWNER_MEMBER}"
_READER = (
    "role:reader and project_id:%(project_id)s or rule:shared or rule:external_network"
    f" or {NEUTRON_ADMIN_OR_NET_OWNER_READER}"
)

RULES: list[RuleDefault] = [
    RuleDefault("external_network", "field:subnets:router:external=True", "The subnet leads outside."),
    RuleDefault("create_subnet", NEUTRON_ADMIN_OR_NET_OWNER_MEMBER, "Create a subnet."),
    RuleDefault("get_subnet", f"{_READER} or rule:service_api", "See a subnet."),
    RuleDefault("update_subnet", _MEMBER, "Change a subnet."),
    RuleDefault("delete_subnet", _MEMBER, "Delete a subnet."),
    RuleDefault("create_subnet:tags", _MEMBER, "Add tags to a subnet."),
    RuleDefault("get_subnet:tags", _READER, "See the tags of a subnet."),
    RuleDefault("update_subnet:tags", _MEMBER, "Change the tags of a subnet."),
    RuleDefault("delete_subnet:tags", _MEMBER, "Remove tags from a subnet."),
]
