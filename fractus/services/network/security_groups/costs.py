"""What a security group takes of its project's quota: itself, and each of its rules."""

from __future__ import annotations

from collections.abc import Mapping

from fractus.model.resource import Resource
from fractus.quota.costs import Costs
from fractus.services.network.dialect.costs import refuse


def _of(group: Resource) -> Mapping[str, int]:
    return {"security_group": 1, "security_group_rule": len(group.desired.get("rules", ()))}


COSTS = Costs(service="network", names=("security_group", "security_group_rule"), of=_of, refuse=refuse)
