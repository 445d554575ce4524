"""Which networks somebody may see or use, and what those of a cloud show of it."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping
from operator import itemgetter
from typing import Any

from fractus.model.network import NetworkSeen
from fractus.model.resource import Resource
from fractus.services.network.networks.table import NETWORK
from fractus.store.listing import Filter, Filters, Sort, page
from fractus.store.resources import Resources
from fractus.store.transaction import Reader

#: Among so many networks of ours one is looked for that asked for no MTU.
_ENOUGH = 20


def network_scope(project_id: str) -> Filters:
    """What a project sees: its own networks, and those shared with all."""
    return [
        [
            Filter("project_id", "eq", project_id),
            Filter("shared", "eq", True),
            Filter("external", "eq", True),
        ]
    ]


async def network_usable(reader: Reader, resources: Resources, project_id: str) -> list[Resource]:
    """Networks for a server that names none: the project's own, then shared ones (Nova's order)."""
    conditions: list[Filters] = [
        [Filter("project_id", "eq", project_id), Filter("shared", "eq", False)],
        [Filter("shared", "eq", True)],
    ]
    found = []
    for own in conditions:
        alive = [Filter("deleted_at", "null"), *own]
        for (id,) in await page(reader, NETWORK, alive, columns=("id",), sorts=[Sort("created_at")]):
            network = await resources.fetch(reader, "network", id)
            if network is not None:
                found.append(network)
    return found


class MtuLesson:
    """How large packets a cloud's tenant networks carry, from one listing of its networks.

    A network without an MTU of its own gets the largest that its sort of network carries there, which is what Neutron
    refuses more than. So a network of ours that asked for none says it exactly: the largest of them, for one keeps what
    it was born with when its cloud carries more by now. Before there is one, the largest is taken of others' networks
    that are not external, which may be more than a tenant's network carries.
    """

    def __init__(self) -> None:
        self._ours: dict[str, int] = {}
        self._largest = 0

    def take(self, seen: Iterable[NetworkSeen]) -> None:
        """Look at some networks."""
        for one in seen:
            if one.gone or one.unread or one.external or not one.mtu:
                continue
            if one.marker:
                self._ours[one.marker] = one.mtu
            else:
                self._largest = max(self._largest, one.mtu)

    async def learnt(
        self, reader: Reader, resources: Resources, *, whole: bool, before: Mapping[str, Any]
    ) -> dict[str, Any]:
        """`{"mtu": N}`, or nothing."""
        for id, mtu in heapq.nlargest(_ENOUGH, self._ours.items(), key=itemgetter(1)):
            network = await resources.fetch(reader, "network", id)
            if network is not None and not network.desired["mtu"]:
                return {"mtu": mtu if whole else max(mtu, most_of(before))}
        return {"mtu": self._largest} if whole and self._largest else {}


def most_of(learnt: Mapping[str, Any]) -> int:
    """The largest MTU that a cloud carries; 0 where it has not shown it."""
    return int(learnt.get("mtu", 0))
