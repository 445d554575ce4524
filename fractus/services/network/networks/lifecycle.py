"""Networks as the machine sees them: carried to a cloud when the first port on them goes there."""

from __future__ import annotations

from typing import Any

from fractus.model.cloud import Step
from fractus.model.network import NetworkSeen, NetworkWanted
from fractus.model.resource import Presence, Resource, Summary
from fractus.reconcile.kind import Apply, Demand, Done, Item, Plan
from fractus.services.network.dialect.lifecycle import differing
from fractus.services.network.networks.view import summarise
from fractus.store.transaction import Transaction


class NetworkLifecycle:
    """The kind `network`."""

    name = "network"
    seen_type = NetworkSeen
    chosen = False
    swept = False

    def demand(self, resource: Resource) -> Demand:
        """Nothing: no cloud is chosen for a network."""
        return Demand()

    async def prepare(self, tx: Transaction, resource: Resource, cloud: str) -> dict[str, Any]:
        """Nothing is set aside."""
        return {}

    def wanted(self, item: Item) -> NetworkWanted:
        """The network to be."""
        desired = item.resource.desired
        return NetworkWanted(
            id=item.resource.id,
            name=item.resource.name,
            admin_state_up=desired["admin_state_up"],
            mtu=desired["mtu"],
            port_security_enabled=desired["port_security_enabled"],
            shared=desired["shared"],
        )

    def plan(self, item: Item, seen: NetworkSeen) -> Plan:
        """One update with all that differs. An MTU of 0 is the cloud's own choice."""
        wanted = self.wanted(item)
        body = differing(wanted, seen, ("name", "admin_state_up", "port_security_enabled", "shared"))
        if wanted.mtu and seen.mtu and wanted.mtu != seen.mtu:
            body["mtu"] = wanted.mtu
        return Apply(Step("update", body)) if body else Done()

    def settled(self, presence: Presence, seen: NetworkSeen) -> bool:
        """As soon as it is there: Neutron's networks are born ACTIVE."""
        return True

    def summarise(self, resource: Resource, presences: list[Presence]) -> Summary:
        """How users see it."""
        return summarise(resource, presences)

    async def left(self, tx: Transaction, resource: Resource, presence: Presence) -> None:
        """Nothing was set aside."""

    async def gone(self, tx: Transaction, resource: Resource) -> None:
        """Nothing is held."""
