"""A keypair in the clouds: carried to where a server with it is built."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from fractus.model.compute import KeypairSeen, KeypairWanted
from fractus.model.placement import carried
from fractus.model.resource import SETTLED, Need, Presence, Resource, Summary
from fractus.reconcile.kind import Demand, Difference, Done, Fail, Item, Plan, Sweeping
from fractus.services.compute.keypairs import view
from fractus.store.transaction import Transaction


class KeypairLifecycle:
    """What the machine must know of keypairs."""

    name = "keypair"
    seen_type = KeypairSeen
    traits = carried(needed_after_delete=True)
    sweeping = Sweeping(whole=60.0)

    def demand(self, resource: Resource) -> Demand:
        """Nothing: it goes where it is needed."""
        return Demand()

    async def prepare(self, tx: Transaction, resource: Resource, cloud: str) -> dict[str, Any]:
        """Nothing to remember."""
        return {}

    def wanted(self, item: Item) -> KeypairWanted:
        """The public key."""
        desired = item.resource.desired
        return KeypairWanted(
            id=item.resource.id,
            name=desired["name"],
            notes={"user_id": desired["user_id"], "name": desired["name"]},
            public_key=desired["public_key"],
            type=desired["type"],
        )

    def differences(self, item: Item, seen: KeypairSeen) -> list[Difference]:
        """None: a key that is another is no drift, but must not be used (see `plan`)."""
        return []

    def as_wanted(self, item: Item, seen: KeypairSeen, fields: Collection[str]) -> KeypairSeen:
        """As it is."""
        return seen

    def plan(self, item: Item, seen: KeypairSeen) -> Plan:
        """A key never changes. One that is not ours, whoever put it there, must not get into a server."""
        if seen.fingerprint and seen.fingerprint != item.resource.desired["fingerprint"]:
            return Fail(f"the keypair {seen.remote_id} there holds another key")
        return Done()

    def adopt(self, resource: Resource, found: Mapping[str, Any], now: float) -> list[Need] | None:
        """Nothing of a key can change."""
        return None

    def settled(self, presence: Presence, seen: KeypairSeen) -> bool:
        """A key that is there can be used once it was seen to be the right one."""
        return presence.state == SETTLED

    async def told(self, tx: Transaction, resource: Resource) -> None:
        """Nothing else shows parts of it."""

    def summarise(self, resource: Resource, presences: list[Presence]) -> Summary:
        """As users see it; where it is changes nothing."""
        return view.summarise(resource, presences)

    async def left(self, tx: Transaction, resource: Resource, presence: Presence) -> None:
        """It held nothing in that cloud."""

    async def gone(self, tx: Transaction, resource: Resource) -> None:
        """It held nothing."""
