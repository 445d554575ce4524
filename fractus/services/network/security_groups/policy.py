"""Policy rules of security groups (neutron.conf.policies.security_group)."""

from __future__ import annotations

from fractus.auth.base_rules import (
    NEUTRON_ADMIN_OR_MEMBER,
    NEUTRON_ADMIN_OR_READER,
    NEUTRON_ADMIN_OR_SG_OWNER_MEMBER,
    NEUTRON_ADMIN_OR_SG_OWNER_READER,
)
from fractus.auth.policy import RuleDefault

_READ = f"{NEUTRON_ADMIN_OR_READER} or rule:shared_security_group"

RULES: list[RuleDefault] = [
    RuleDefault("shared_security_group", "field:security_groups:shared=True", "The group is shared."),
    RuleDefault("create_security_group", NEUTRON_ADMIN_OR_MEMBER, "Create a security group."),
    RuleDefault("get_security_group", _READ, "See a security group."),
    RuleDefault("update_security_group", NEUTRON_ADMIN_OR_MEMBER, "Change a security group."),
    RuleDefault("delete_security_group", NEUTRON_ADMIN_OR_MEMBER, "Delete a security group."),
    RuleDefault("create_security_group:tags", NEUTRON_ADMIN_OR_MEMBER, "Add tags to a security group."),
    RuleDefault("get_security_group:tags", _READ, "See the tags of a security group."),
    RuleDefault(
        "update_security_group:tags", NEUTRON_ADMIN_OR_MEMBER, "Change the tags of a security group."
    ),
    RuleDefault("delete_security_group:tags", NEUTRON_ADMIN_OR_MEMBER, "Remove tags from a security group."),
    RuleDefault("create_security_group_rule", NEUTRON_ADMIN_OR_SG_OWNER_MEMBER, "Create a rule."),
    RuleDefault("get_security_group_rule", NEUTRON_ADMIN_OR_SG_OWNER_READER, "See a rule."),
    RuleDefault("delete_security_group_rule", NEUTRON_ADMIN_OR_SG_OWNER_MEMBER, "Delete a rule."),
]
