"""Networks as the machine sees them: carried to a cloud when the first port on them goes there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fractus.model.network import NETWORK, NetworkObserved, NetworkWanted
from fractus.model.resource import Resource
from fractus.reconcile.kind import Difference, Done, Item, Plan
from fractus.services.network.dialect.lifecycle import SharedLifecycle
from fractus.services.network.dialect.queries.mtu import MtuLesson, most_of
from fractus.services.network.networks.kind import KIND


class NetworkLifecycle(SharedLifecycle[NetworkWanted, NetworkObserved]):
    """The kind `network`."""

    def __init__(self) -> None:
        super().__init__(NETWORK, KIND.summarise)

    def differences(self, item: Item, observed: NetworkObserved) -> list[Difference]:
        """An external network is the cloud's own, and in each cloud as it is there: nothing is expected of it."""
        return [] if item.resource.desired.get("router:external") else super().differences(item, observed)

    def plan(self, item: Item, observed: NetworkObserved) -> Plan:
        """One of ours is kept as it is wanted."""
        return Done() if item.resource.desired.get("router:external") else super().plan(item, observed)

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
