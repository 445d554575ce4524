"""A network of a cloud becomes one of ours, by the id that it has there.

External networks of one name are one network: whoever says `public` means outside, in whatever cloud.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fractus.model.network import NETWORK, NetworkObserved
from fractus.model.resource import Need, Resource
from fractus.reconcile.adopt.adoption import Adopt, AdoptionContext, Conflict, Ignore, Merge, Verdict
from fractus.services.network.dialect.adoption import CrudAdoption
from fractus.services.network.dialect.queries.external import external_named
from fractus.store import presences
from fractus.store.resources import Resources
from fractus.store.transaction import Transaction


class NetworkAdoption(CrudAdoption[NetworkObserved]):
    """Taking over networks."""

    after: tuple[str, ...] = ("qos_policy",)

    def __init__(self, resources: Resources) -> None:
        super().__init__(NETWORK)
        self._resources = resources

    def needed(
        self, observed: NetworkObserved, listed: Mapping[str, Mapping[str, Any]]
    ) -> list[tuple[str, str]]:
        """Its subnets: half a network is none; and its QoS policy."""
        every = listed.get("subnet", {}).values()
        policy = [("qos_policy", observed.qos_policy_id)] if observed.qos_policy_id else []
        return [("subnet", one.remote_id) for one in every if one.network_id == observed.remote_id] + policy

    async def complete(
        self, tx: Transaction, resource: Resource, observed: NetworkObserved, context: AdoptionContext
    ) -> Adopt | Conflict | Ignore:
        """With its QoS policy."""
        if not observed.qos_policy_id:
            return Adopt(resource)
        policy = await context.taken(tx, "qos_policy", observed.qos_policy_id)
        if policy is None:
            return Conflict(f"its QoS policy {observed.qos_policy_id} is not taken over")
        resource.desired["qos_policy_id"] = policy.id
        return Adopt(resource, [Need("qos_policy", policy.id)])

    async def judge(self, tx: Transaction, observed: NetworkObserved, context: AdoptionContext) -> Verdict:
        """An external one joins the one of its name that other clouds have, in the first of them that is not here."""
        if (
            observed.external
            and not observed.marker
            and await context.resource(tx, "network", observed.remote_id) is None
        ):
            for known in await external_named(tx, self._resources, observed.name):
                if await presences.fetch(tx, "network", known.id, context.cloud) is None:
                    known.choice = {**known.choice, "only": [*known.choice.get("only", ()), context.cloud]}
                    await context.save(tx, known)
                    return Merge(known.id)
        return await super().judge(tx, observed, context)

    def owner(self, observed: NetworkObserved, context: AdoptionContext) -> str | None:
        """What everybody may use there is needed though its project is nobody's here: then it belongs to nobody."""
        project_id = context.project(observed.project_id)
        return "" if project_id is None and (observed.shared or observed.external) else project_id

    def resource(
        self, id: str, project_id: str, observed: NetworkObserved, context: AdoptionContext
    ) -> Resource:
        """No other cloud can be given what an external one is made of there (a provider's segment, the way out)."""
        made = super().resource(id, project_id, observed, context)
        made.choice = {"only": [context.cloud]} if observed.external else {}
        return made

    def desired(self, observed: NetworkObserved) -> dict[str, Any]:
        """What is there, without subnets yet."""
        beside: dict[str, Any] = {
            "qos_policy_id": None,
            "availability_zone_hints": [],
            "router:external": bool(observed.external),
            "subnets": [],
        }
        return {**super().desired(observed), **beside}
