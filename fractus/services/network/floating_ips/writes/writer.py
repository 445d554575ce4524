"""How floating IPs are written, also for the kinds that they are made of."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from typing import Any

from fractus.model.network import FLOATING, FORWARDED
from fractus.model.resource import Need, Resource
from fractus.model.routers import FLOATING_IP_PORT
from fractus.services.network.dialect.queries import rows
from fractus.services.network.dialect.queries.outside_ports import OutsidePorts
from fractus.services.network.dialect.schema.errors import bad_request, conflict
from fractus.services.network.dialect.writes.neighbours import Ports, Routers
from fractus.services.network.dialect.writes.writer import Writer
from fractus.services.network.floating_ips.kind import KIND, details_of, fixed_of, needs_of
from fractus.services.network.floating_ips.schema import FORWARDINGS
from fractus.services.network.floating_ips.writes.associations import Associations
from fractus.services.network.floating_ips.writes.forwardings import Forwardings
from fractus.store.ledger import Ledger
from fractus.store.listing import Filter
from fractus.store.transaction import Reader, Transaction


class FloatingIpWrites(Writer):
    """Writes floating IPs, also for the kinds that they are made of."""

    def __init__(self, ledger: Ledger, outside: OutsidePorts, ports: Ports, routers: Routers) -> None:
        """`outside`: the ports that stand for them. `ports`, `routers`: of those that they lead to and through."""
        super().__init__(ledger, KIND.name, KIND.summarise, follows=True)
        self._outside = outside
        self.associations = Associations(ledger.resources, ports, routers)
        self.forwardings = Forwardings(ledger.resources, ports, self.associations)

    async def create(
        self, tx: Transaction, resource: Resource, needs: Sequence[Need] = (), *, limited: bool = True
    ) -> Resource:
        """With the port that stands for it."""
        made = await super().create(tx, resource, needs, limited=limited)
        network = await self.ledger.resources.fetch(tx, "network", resource.desired["floating_network_id"])
        await self._outside.stand_for(tx, FLOATING_IP_PORT, resource.id, network, [fixed_of(resource)])
        return made

    async def remove(self, tx: Transaction, resource: Resource) -> None:
        """Its port goes at once."""
        await self._outside.stand_for(tx, FLOATING_IP_PORT, resource.id)
        await super().remove(tx, resource)

    async def update(
        self,
        tx: Transaction,
        resource: Resource,
        values: dict[str, object],
        needs: Sequence[Need] | None = None,
    ) -> None:
        """As any kind's; it needs the port that it leads to."""
        after = {**resource.desired, **values}
        changed = after["port_id"] != resource.desired["port_id"]
        await super().update(tx, resource, values, needs_of(after) if changed else needs)

    async def change(
        self,
        tx: Transaction,
        resource: Resource,
        needs: Sequence[Need] | None = None,
        *,
        limited: bool = True,
    ) -> None:
        """It needs the ports that it forwards to."""
        if needs is None:
            wanted = needs_of(resource.desired)
            known = await self.ledger.resources.needs(tx, KIND.name, resource.id)
            is_known = {(one.kind, one.id) for one in known} == {(one.kind, one.id) for one in wanted}
            needs = None if is_known else wanted
        await super().change(tx, resource, needs, limited=limited)

    async def leave_network(self, tx: Transaction, network_id: str) -> None:
        """Remove those of an external network that lead nowhere. Of the others their ports are left there."""
        for one in await self._having(tx, Filter("floating_network_id", "eq", network_id)):
            if not one.desired["port_id"]:
                await self.remove(tx, one)

    async def of_subnet(self, reader: Reader, subnet_id: str) -> bool:
        """Whether one has an address of this subnet."""
        users = await self.ledger.resources.needed_by(reader, "subnet", subnet_id)
        return any(kind == KIND.name for kind, _ in users)

    # --- what routers ask ------------------------------------------------------------------------

    async def check_gateway(self, reader: Reader, router_id: str, network_id: str) -> None:
        """`Conflict` where one leads through the gateway that a router has on this network."""
        if await self._through(reader, router_id):
            raise conflict(
                f"Gateway cannot be updated for router {router_id}, since a gateway to external network {network_id} is"
                " required by one or more floating IPs.",
                "RouterExternalGatewayInUseByFloatingIp",
            )

    async def check_interface(self, reader: Reader, router_id: str, subnet: Resource) -> None:
        """`Conflict` where one leads through the interface that a router has in this subnet."""
        net = ipaddress.ip_network(subnet.desired["cidr"])
        for one in await self._through(reader, router_id):
            if any(ipaddress.ip_address(ip) in net for ip in _inside(one)):
                raise conflict(
                    f"Router interface for subnet {subnet.id} on router {router_id} cannot be deleted, as it is"
                    " required by one or more floating IPs.",
                    "RouterInterfaceInUseByFloatingIP",
                )

    async def _through(self, reader: Reader, router_id: str) -> Sequence[Resource]:
        return await self._having(reader, Filter("router_id", "eq", router_id))

    # --- what ports ask (`PortUser`) -------------------------------------------------------------

    async def check_update(self, tx: Transaction, port: Resource, values: Mapping[str, Any]) -> None:
        """The address that a floating IP leads to stays."""
        if "fixed_ips" not in values or not port.choice.get(FLOATING):
            return
        left = {one.get("ip_address") for one in values["fixed_ips"] or ()}
        for one in await self.leading_to(tx, port.id):
            if one.desired["fixed_ip_address"] not in left:
                raise bad_request(
                    "port",
                    f"Cannot update the fixed_ips of the port {port.id}, because its original fixed_ip has been"
                    " associated to a floating ip",
                )

    async def check_delete(self, tx: Transaction, port: Resource) -> None:
        """A port may be deleted: floating IPs lead nowhere then. That of a floating IP goes with it alone."""
        if port.desired["device_owner"] != FLOATING_IP_PORT:
            return
        own = await self.ledger.resources.fetch(tx, KIND.name, port.desired["device_id"])
        if own is not None and own.wanted:
            raise conflict(
                f"Port {port.id} cannot be deleted directly via the port API: has device owner {FLOATING_IP_PORT}.",
                "ServicePortInUse",
            )

    async def port_updated(self, tx: Transaction, port: Resource, before: Mapping[str, Any]) -> None:
        """They show it as it is; forwardings to an address that it has no more end."""
        if port.desired["fixed_ips"] != before["fixed_ips"]:
            await self._end_forwardings(tx, port, {one["ip_address"] for one in port.desired["fixed_ips"]})
        for one in await self.leading_to(tx, port.id) if port.choice.get(FLOATING) else ():
            if one.desired.get("port_details") != details_of(port):
                one.desired["port_details"] = details_of(port)
                await self.touch(tx, one)

    async def port_removed(self, tx: Transaction, port: Resource) -> None:
        """They lead nowhere."""
        for one in await self.leading_to(tx, port.id) if port.choice.get(FLOATING) else ():
            one.desired["router_id"] = None
            await self.update(tx, one, {"port_id": None, "fixed_ip_address": None})
        await self._end_forwardings(tx, port, set())

    async def _end_forwardings(self, tx: Transaction, port: Resource, left: set[str]) -> None:
        """Those to a port end, but for those to the addresses that are `left`."""
        for one in await self.forwardings.to(tx, port.id) if port.choice.get(FORWARDED) else ():
            gone = [
                part
                for part in one.desired[FORWARDINGS]
                if part["internal_port_id"] == port.id and part["internal_ip_address"] not in left
            ]
            for part in gone:
                await self.forwardings.let_go(tx, one, part)
                one.desired[FORWARDINGS] = [
                    rest for rest in one.desired[FORWARDINGS] if rest["id"] != part["id"]
                ]
            if gone:
                await self.change(tx, one)

    async def leading_to(self, reader: Reader, port_id: str) -> Sequence[Resource]:
        """Those that lead to a port."""
        return await self.associations.leading_to(reader, port_id)

    async def _having(self, reader: Reader, condition: Filter) -> Sequence[Resource]:
        return await rows.every(reader, self.ledger.resources, KIND.name, condition)


def _inside(floating_ip: Resource) -> list[str]:
    """The addresses of ports that it leads or forwards to."""
    desired = floating_ip.desired
    own = [desired["fixed_ip_address"]] if desired["fixed_ip_address"] else []
    return [*own, *(one["internal_ip_address"] for one in desired.get(FORWARDINGS, ()))]
