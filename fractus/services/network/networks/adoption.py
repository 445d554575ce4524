"""A network of a cloud becomes one of ours, by the id that it has there.

External networks of one name are one network: whoever says `public` means outside, in whatever cloud.
"""

from __future__ import annotations

from typing import Any

from fractus.model.network import MADE_HERE, NETWORK, NetworkObserved
from fractus.reconcile.adopt.adoption import Adopt, AdoptionContext, Merge, Verdict
from fractus.services.network.dialect.adoption import CrudAdoption
from fractus.services.network.dialect.queries.external import external_named
from fractus.services.network.dialect.writes.neighbours import ExternalAccess
from fractus.services.network.networks.kind import KIND
from fractus.store import presences
from fractus.store.resources import Resources
from fractus.store.transaction import Transaction


class NetworkAdoption(CrudAdoption[NetworkObserved]):
    """Taking over networks."""

    parts = {"subnet": "network_id"}

    def __init__(self, resources: Resources, access: ExternalAccess) -> None:
        """`access`: writes who may use external ones."""
        super().__init__(NETWORK, KIND)
        self._resources, self._access = resources, access

    async def judge(self, tx: Transaction, observed: NetworkObserved, context: AdoptionContext) -> Verdict:
        """An external one joins the one of its name that other clouds have, in the first of them that is not here."""
        known = await context.resource(tx, "network", observed.remote_id)
        if observed.external and not observed.marker and known is None:
            for same in await external_named(tx, self._resources, observed.name):
                if await presences.fetch(tx, "network", same.id, context.cloud) is None:
                    same.choice = {**same.choice, "only": [*same.choice.get("only", ()), context.cloud]}
                    await context.save(tx, same)
                    return Merge(same.id)
        verdict = await super().judge(tx, observed, context)
        if isinstance(verdict, Adopt) and observed.external:
            await self._access.opened(tx, verdict.resource)
        return verdict

    def is_everybodys(self, observed: NetworkObserved) -> bool:
        """Also an external one."""
        return bool(observed.shared or observed.external)

    def desired(self, observed: NetworkObserved) -> dict[str, Any]:
        """What is there, without subnets yet."""
        desired = super().desired(observed)
        return {**desired, MADE_HERE: bool(observed.external and observed.marker), "subnets": []}
