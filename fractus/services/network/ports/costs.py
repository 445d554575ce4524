"""What a port takes of its project's quota."""

from __future__ import annotations

from collections.abc import Mapping

from fractus.model.resource import Resource
from fractus.quota.costs import Costs
from fractus.services.network.dialect.costs import refuse


def _of(_port: Resource) -> Mapping[str, int]:
    return {"port": 1}


COSTS = Costs(service="network", names=("port",), of=_of, refuse=refuse)
