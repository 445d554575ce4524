"""A network of a cloud becomes one of ours, by the id that it has there.

External networks of one name are one network: whoever says `public` means outside, in whatever cloud.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fractus.model.network import MADE_HERE, NETWORK, NetworkObserved
from fractus.reconcile.adopt.adoption import AdoptionContext, Merge, Verdict
from fractus.services.network.dialect.adoption import CrudAdoption
from fractus.services.network.dialect.queries.external import external_named
from fractus.services.network.networks.kind import KIND
from fractus.store import presences
from fractus.store.resources import Resources
from fractus.store.transaction import Transaction


class NetworkAdoption(CrudAdoption[NetworkObserved]):
    """Taking over networks."""

    def __init__(self, resources: Resources) -> None:
        super().__init__(NETWORK, KIND)
        self._resources = resources

    def needed(
        self, observed: NetworkObserved, listed: Mapping[str, Mapping[str, Any]]
    ) -> list[tuple[str, str]]:
        """With its subnets: half a network is none."""
        every = listed.get("subnet", {}).values()
        own = [("subnet", one.remote_id) for one in every if one.network_id == observed.remote_id]
        return super().needed(observed, listed) + own

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

    def is_everybodys(self, observed: NetworkObserved) -> bool:
        """Also an external one."""
        return bool(observed.shared or observed.external)

    def desired(self, observed: NetworkObserved) -> dict[str, Any]:
        """What is there, without subnets yet."""
        desired = super().desired(observed)
        external = bool(desired.pop("external"))
        made_here = external and bool(observed.marker)
        return {**desired, "router:external": external, MADE_HERE: made_here, "subnets": []}
