"""What is said of security groups alone (neutron.extensions.securitygroup, neutron.db.securitygroups_db). Pure."""

from __future__ import annotations

from typing import Any

from fractus.model.errors import ApiError, Conflict
from fractus.services.network.dialect.schema import values
from fractus.services.network.dialect.schema.errors import conflict


def group_name(value: Any) -> str | None:
    """The check of a group's name."""
    wrong = values.string(values.NAME_SIZE)(value)
    if not wrong and value.lower() == "default":
        raise already_default()
    return wrong


def already_default() -> Conflict:
    """There is one `default` in every project, and it is made by itself."""
    return conflict("Default security group already exists.", "SecurityGroupDefaultAlreadyExists")


def exists(rule_id: str) -> ApiError:
    """There is such a rule."""
    return conflict(f"Security group rule already exists. Rule id is {rule_id}.", "SecurityGroupRuleExists")


def in_use(group_id: str) -> ApiError:
    """Ports have the group."""
    return conflict(f"Security Group {group_id} in use.", "SecurityGroupInUse")
