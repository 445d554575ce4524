"""Who may use an external network: policies with `access_as_external`, and what the network has of them.

As in Neutron one that is made external is so to everybody, by a policy; a network is external as long as it has one.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Protocol

from fractus.base.ids import new_id
from fractus.model.network import EXTERNAL_TO, MADE_HERE
from fractus.model.resource import Resource
from fractus.services.network.dialect.schema.outside import may_be_made_here
from fractus.services.network.dialect.writes.writer import Writer
from fractus.services.network.rbac_policies.kind import EVERYBODY, EXTERNAL, KIND
from fractus.store.ledger import Ledger
from fractus.store.listing import Filter, page
from fractus.store.transaction import Reader, Transaction

_ALL = 1 << 31


class Subnets(Protocol):
    """Writes subnets."""

    async def network_changed(self, tx: Transaction, network: Resource) -> None:
        """Their network is shared or external now, or no longer."""
        ...


class PolicyWrites(Writer):
    """Writes RBAC policies."""

    def __init__(self, ledger: Ledger, networks: Writer, subnets: Subnets) -> None:
        super().__init__(ledger, KIND.name, KIND.summarise, local=True)
        self._networks, self._subnets = networks, subnets

    async def opened(self, tx: Transaction, network: Resource) -> None:
        """A network that is external, to all where nothing else was said, has the policy that says so."""
        is_open = network.desired["router:external"] and network.desired.get(EXTERNAL_TO) is None
        if not is_open or await self.targets(tx, network.id):
            return
        desired = {
            "object_type": network.kind,
            "object_id": network.id,
            "target_tenant": EVERYBODY,
            "action": EXTERNAL,
        }
        policy = Resource(kind=KIND.name, id=new_id(), project_id=network.project_id, desired=desired)
        await self.create(tx, policy, limited=False)

    async def closed(self, tx: Transaction, network: Resource) -> None:
        """It leads outside no longer: nobody has access by that."""
        await self.forget_policies(tx, network.id, action=EXTERNAL)

    async def targets(self, reader: Reader, network_id: str) -> set[str]:
        """The projects to which policies make a network external; `*`: all."""
        of_it = [Filter("object_id", "eq", network_id), Filter("action", "eq", EXTERNAL)]
        return {
            row[0] for row in await page(reader, KIND.table, of_it, columns=("target_tenant",), limit=_ALL)
        }

    async def reach(self, tx: Transaction, network_id: str, targets: Collection[str]) -> None:
        """A network is external to just these from now on; with none of them it is not external."""
        network = await self.ledger.resources.fetch(tx, "network", network_id)
        if network is None or network.deleted_at is not None:
            return
        desired = network.desired
        if bool(targets) != desired["router:external"]:
            desired["router:external"] = bool(targets)
            desired[MADE_HERE] = bool(targets) and may_be_made_here(network)
        some = None if EVERYBODY in targets or not targets else sorted(targets)
        desired[EXTERNAL_TO] = some
        await self._networks.change(tx, network)
        await self._subnets.network_changed(tx, network)
