"""What Nova says of the fields of server groups (nova.api.openstack.compute.schemas.server_groups). Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fractus.model.errors import Invalid
from fractus.services.compute.dialect.schema.values import integer, only, refuse
from fractus.services.field import Check

POLICIES = ("anti-affinity", "affinity", "soft-anti-affinity", "soft-affinity")

#: Those from before 2.15.
HARD = POLICIES[:2]

#: The one rule that there is.
MOST = "max_server_per_host"


def _one_policy(known: tuple[str, ...]) -> Check:
    def check(value: Any) -> str | None:
        if not isinstance(value, list):
            return f"{value!r} is not of type 'array'"
        if not value:
            return "[] should be non-empty"
        if not isinstance(value[0], str):
            raise refuse("0", value[0], f"{value[0]!r} is not of type 'string'")
        if value[0] not in known:
            raise refuse("0", value[0], f"{value[0]!r} is not one of {list(known)}")
        if len(value) == 1:
            return None
        return f"{value!r} has non-unique elements" if value[1:] == value[:1] else f"{value!r} is too long"

    return check


check_hard_policies, check_policies = _one_policy(HARD), _one_policy(POLICIES)


def check_rules(value: Any) -> str | None:
    """Only servers on one host are limited, and to one at least."""
    if not isinstance(value, dict):
        return f"{value!r} is not of type 'object'"
    only(value, (MOST,), "rules", value)
    why = integer(1)(value[MOST]) if MOST in value else None
    if why is not None:
        raise refuse(MOST, value[MOST], why)
    return None


def rules_of(value: Mapping[str, Any]) -> dict[str, int]:
    """As they are kept: Nova takes digits too."""
    return {name: int(most) for name, most in value.items()}


def check_rules_apply(policy: str, rules: Mapping[str, Any]) -> None:
    """Refuse rules of a policy that has none."""
    if rules and policy != "anti-affinity":
        raise Invalid("Only anti-affinity policy supports rules.")
