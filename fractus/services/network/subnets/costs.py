"""What a subnet takes of its project's quota."""

from __future__ import annotations

from collections.abc import Mapping

from fractus.model.resource import Resource
from fractus.quota.costs import Costs
from fractus.services.network.dialect.costs import refuse


def _of(_subnet: Resource) -> Mapping[str, int]:
    return {"subnet": 1}


COSTS = Costs(service="network", names=("subnet",), of=_of, refuse=refuse)
