"""How interfaces of routers are written, by the routers that have them."""

from __future__ import annotations

from collections.abc import Sequence

from fractus.model.resource import Resource
from fractus.services.network.dialect.writes.writer import Writer
from fractus.services.network.router_interfaces.kind import needs, summarise
from fractus.store.ledger import Ledger
from fractus.store.transaction import Transaction


class InterfaceWrites(Writer):
    """Writes interfaces."""

    def __init__(self, ledger: Ledger) -> None:
        super().__init__(ledger, "router_interface", summarise, follows=True)

    async def add(self, tx: Transaction, router: Resource, port: Resource, subnets: Sequence[str]) -> None:
        """A port is an interface of a router from now on, in these subnets."""
        interface = Resource(
            kind="router_interface",
            id=port.id,
            project_id=port.project_id,
            desired={"name": "", "router_id": router.id, "port_id": port.id, "subnets": list(subnets)},
            request_id=router.request_id,
        )
        await self.create(tx, interface, needs(interface))

    async def reach(self, tx: Transaction, port_id: str, subnets: Sequence[str]) -> None:
        """An interface is in these subnets from now on."""
        interface = await self.ledger.resources.fetch(tx, "router_interface", port_id)
        if interface is not None and interface.wanted:
            interface.desired["subnets"] = list(subnets)
            await self.change(tx, interface, needs(interface))

    async def end(self, tx: Transaction, port_id: str) -> None:
        """A port is no interface any more."""
        interface = await self.ledger.resources.fetch(tx, "router_interface", port_id)
        if interface is not None and interface.wanted:
            await self.remove(tx, interface)
