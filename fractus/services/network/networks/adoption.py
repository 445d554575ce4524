"""A network of a cloud becomes one of ours, by the id that it has there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fractus.model.network import NETWORK, NetworkObserved
from fractus.model.resource import Need, Resource
from fractus.reconcile.adopt.adoption import Adopt, AdoptionContext, Conflict, Ignore
from fractus.services.network.dialect.adoption import CrudAdoption
from fractus.store.transaction import Transaction


class NetworkAdoption(CrudAdoption[NetworkObserved]):
    """Taking over networks."""

    after: tuple[str, ...] = ("qos_policy",)

    def __init__(self) -> None:
        super().__init__(NETWORK)

    def needed(self, seen: NetworkObserved, listed: Mapping[str, Mapping[str, Any]]) -> list[tuple[str, str]]:
        """Its subnets: half a network is none; and its QoS policy."""
        every = listed.get("subnet", {}).values()
        policy = [("qos_policy", seen.qos_policy_id)] if seen.qos_policy_id else []
        return [("subnet", one.remote_id) for one in every if one.network_id == seen.remote_id] + policy

    async def take(
        self, tx: Transaction, resource: Resource, seen: NetworkObserved, context: AdoptionContext
    ) -> Adopt | Conflict | Ignore:
        """With its QoS policy."""
        if not seen.qos_policy_id:
            return Adopt(resource)
        policy = await context.taken(tx, "qos_policy", seen.qos_policy_id)
        if policy is None:
            return Conflict(f"its QoS policy {seen.qos_policy_id} is not taken over")
        resource.desired["qos_policy_id"] = policy.id
        return Adopt(resource, [Need("qos_policy", policy.id)])

    def owner(self, seen: NetworkObserved, context: AdoptionContext) -> str | None:
        """What everybody may use there is needed though its project is nobody's here: then it belongs to nobody."""
        project_id = context.project(seen.project_id)
        return "" if project_id is None and (seen.shared or seen.external) else project_id

    def resource(self, id: str, project_id: str, seen: NetworkObserved, context: AdoptionContext) -> Resource:
        """No other cloud can be given what an external one is made of there (a provider's segment, the way out)."""
        made = super().resource(id, project_id, seen, context)
        made.choice = {"only": [context.cloud]} if seen.external else {}
        return made

    def desired(self, seen: NetworkObserved) -> dict[str, Any]:
        """What is there, without subnets yet."""
        beside: dict[str, Any] = {
            "qos_policy_id": None,
            "availability_zone_hints": [],
            "router:external": bool(seen.external),
            "subnets": [],
        }
        return {**super().desired(seen), **beside}
