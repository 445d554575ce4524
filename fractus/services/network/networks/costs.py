"""What a network takes of its project's quota."""

from __future__ import annotations

from collections.abc import Mapping

from fractus.model.resource import Resource
from fractus.quota.costs import Costs
from fractus.services.network.dialect.costs import refuse


def _of(_network: Resource) -> Mapping[str, int]:
    return {"network": 1}


COSTS = Costs(service="network", names=("network",), of=_of, refuse=refuse)
