"""How networks are written, by their own handlers and by subnets that come and go."""

from __future__ import annotations

from fractus.model.resource import Resource
from fractus.services.network.dialect.api.writing import Writer
from fractus.services.network.networks.queries import network_usable
from fractus.services.network.networks.view import summarise
from fractus.store.ledger import Ledger
from fractus.store.transaction import Reader, Transaction


class NetworkWrites(Writer):
    """Writes networks."""

    def __init__(self, ledger: Ledger) -> None:
        super().__init__(ledger, summarise)

    async def subnet_added(self, tx: Transaction, network_id: str, subnet_id: str) -> None:
        """The network's document names one more subnet."""
        network = await self.ledger.resources.fetch(tx, "network", network_id)
        if network is not None:
            network.desired["subnets"] = [*network.desired["subnets"], subnet_id]
            await self.touch(tx, network)

    async def subnet_removed(self, tx: Transaction, network_id: str, subnet_id: str) -> None:
        """The network's document names one subnet less."""
        network = await self.ledger.resources.fetch(tx, "network", network_id)
        if network is not None and network.deleted_at is None:
            network.desired["subnets"] = [one for one in network.desired["subnets"] if one != subnet_id]
            await self.touch(tx, network)

    async def usable(self, reader: Reader, project_id: str) -> list[Resource]:
        """Networks for a server that names none: the project's own, then shared ones."""
        return await network_usable(reader, self.ledger.resources, project_id)
