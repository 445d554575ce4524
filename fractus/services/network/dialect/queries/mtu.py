"""How large packets clouds carry, as their networks show it."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping
from operator import itemgetter
from typing import Any

from fractus.model.network import NetworkObserved
from fractus.model.resource import Resource
from fractus.services.network.dialect.schema.errors import invalid_input
from fractus.store import clouds, presences
from fractus.store.resources import Resources
from fractus.store.transaction import Reader


async def check_carried(reader: Reader, mtu: int, network: Resource | None = None) -> None:
    """Refuse an MTU that no cloud carries; of a network that is in clouds already, one that any of those does not.

    What a cloud carries its own networks have shown; where one has not yet, nothing is refused for its sake.
    """
    if not mtu:
        return
    known = {name: most_of(one) for name, one in (await clouds.learnt(reader, "network")).items()}
    there = [] if network is None else await presences.of_resource(reader, "network", network.id)
    held = [known.get(one.cloud, 0) for one in there if one.wanted]
    bounds = [most for most in held if most] if held else list(known.values())
    if not bounds or not all(bounds):
        return
    most = min(bounds) if held else max(bounds)
    if mtu > most:
        raise invalid_input(f"Requested MTU is too big, maximum is {most}")


#: Among so many networks of ours one is looked for that asked for no MTU.
_ENOUGH = 20


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

    def learn(self, observed: Iterable[NetworkObserved]) -> None:
        """Look at some networks."""
        for one in observed:
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
            if network is not None and not network.desired["mtu"] and not network.choice.get("only"):
                return {"mtu": mtu if whole else max(mtu, most_of(before))}
        return {"mtu": self._largest} if whole and self._largest else {}


class LearnsMtu:
    """Part of the lifecycle of networks: clouds that carry less than a network asks for cannot have it."""

    def lesson(self) -> MtuLesson:
        """What a listing says of how large packets the cloud carries."""
        return MtuLesson()

    def asks(self, resource: Resource) -> bool:
        """For an MTU of its own."""
        return bool(resource.desired["mtu"])

    def unfit(self, resource: Resource, learnt: Mapping[str, Any]) -> str:
        """A cloud whose networks carry less than this one asks for cannot have it."""
        asked, most = int(resource.desired["mtu"]), most_of(learnt)
        if not most or asked <= most:
            return ""
        return f"carries an MTU of {most} at most, and network {resource.id} has {asked}"


def most_of(learnt: Mapping[str, Any]) -> int:
    """The largest MTU that a cloud carries; 0 where it has not shown it."""
    return int(learnt.get("mtu", 0))
