"""Networks as the machine sees them: carried to a cloud when the first port on them goes there."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from fractus.model.cloud import Step
from fractus.model.network import NetworkSeen, NetworkWanted
from fractus.model.placement import carried
from fractus.model.resource import Need, Presence, Resource, Summary
from fractus.reconcile.kind import (
    Apply,
    Demand,
    Difference,
    Done,
    Item,
    Plan,
    Sweeping,
    adopt_fields,
    with_wanted,
)
from fractus.services.network.dialect.lifecycle import differences, differing
from fractus.services.network.networks.queries import MtuLesson, most_of
from fractus.services.network.networks.view import summarise
from fractus.store.transaction import Transaction

_FIELDS = ("name", "admin_state_up", "port_security_enabled", "shared")


class NetworkLifecycle:
    """The kind `network`."""

    name = "network"
    seen_type = NetworkSeen
    traits = carried()
    sweeping = Sweeping()

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
            name=item.resource.desired["name"],
            admin_state_up=desired["admin_state_up"],
            mtu=desired["mtu"],
            port_security_enabled=desired["port_security_enabled"],
            shared=desired["shared"],
        )

    def differences(self, item: Item, seen: NetworkSeen) -> list[Difference]:
        """What `plan` would change."""
        wanted = self.wanted(item)
        found = differences(wanted, seen, _FIELDS)
        if wanted.mtu and seen.mtu and wanted.mtu != seen.mtu:
            found.append(Difference("mtu", wanted.mtu, seen.mtu))
        return found

    def as_wanted(self, item: Item, seen: NetworkSeen, fields: Collection[str]) -> NetworkSeen:
        """Names are the same on both sides."""
        told: NetworkSeen = with_wanted(self.wanted(item), seen, fields)
        return told

    def plan(self, item: Item, seen: NetworkSeen) -> Plan:
        """One update with all that differs. An MTU of 0 is the cloud's own choice."""
        wanted = self.wanted(item)
        body = differing(wanted, seen, _FIELDS)
        if wanted.mtu and seen.mtu and wanted.mtu != seen.mtu:
            body["mtu"] = wanted.mtu
        return Apply(Step("update", body)) if body else Done()

    def adopt(self, resource: Resource, found: Mapping[str, Any], now: float) -> list[Need] | None:
        """Fields have the same names in the wish."""
        adopt_fields(resource, found)
        return None

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

    def settled(self, presence: Presence, seen: NetworkSeen) -> bool:
        """As soon as it is there: Neutron's networks are born ACTIVE."""
        return True

    async def told(self, tx: Transaction, resource: Resource) -> None:
        """Nothing else shows parts of it."""

    def summarise(self, resource: Resource, presences: list[Presence]) -> Summary:
        """How users see it."""
        return summarise(resource, presences)

    async def left(self, tx: Transaction, resource: Resource, presence: Presence) -> None:
        """Nothing was set aside."""

    async def gone(self, tx: Transaction, resource: Resource) -> None:
        """Nothing is held."""
