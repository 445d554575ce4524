"""How routers are written, and what they do for others: interfaces, and the ports that users may not touch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import structs

from fractus.model.resource import Need, Resource
from fractus.model.routers import FLOATING_IP_PORT, GATEWAY, INTERFACES
from fractus.services.network.dialect.queries.outside_ports import OutsidePorts
from fractus.services.network.dialect.queries.rows import every, ids
from fractus.services.network.dialect.schema.errors import bad_request, conflict, not_carried
from fractus.services.network.dialect.writes.neighbours import RouterInterfaces, RouterLabels
from fractus.services.network.dialect.writes.writer import Writer
from fractus.services.network.routers.kind import GATEWAY_INFO, KIND, by_cloud
from fractus.services.network.routers.kind import needs as needs_of
from fractus.services.network.routers.queries import interfaces_of
from fractus.services.network.routers.schema import Net
from fractus.store import presences
from fractus.store.ledger import Ledger
from fractus.store.listing import Filter
from fractus.store.transaction import Reader, Transaction

NOWHERE = "-"
"""The external network of a router without a gateway."""


class RouterWrites(Writer):
    """Writes routers."""

    def __init__(
        self, ledger: Ledger, interfaces: RouterInterfaces, outside: OutsidePorts, labels: RouterLabels
    ) -> None:
        """`interfaces`: writes those of routers. `outside`: the ports that stand for their gateways. `labels`: count
        their packets.
        """
        super().__init__(ledger, KIND.name, KIND.summarise, follows=True)
        self._interfaces, self._outside, self._labels = interfaces, outside, labels

    async def create(
        self, tx: Transaction, resource: Resource, needs: Sequence[Need] = (), *, limited: bool = True
    ) -> Resource:
        """With the ports of its gateway."""
        made = await super().create(tx, resource, needs, limited=limited)
        await self._show_gateway(tx, resource)
        await self._labels.routers_changed(tx, resource.project_id)
        return made

    async def remove(self, tx: Transaction, resource: Resource) -> None:
        """Its gateway goes at once."""
        await self._outside.stand_for(tx, GATEWAY, resource.id)
        await super().remove(tx, resource)
        await self._labels.routers_changed(tx, resource.project_id)

    async def _show_gateway(self, tx: Transaction, router: Resource) -> None:
        gateway = router.desired[GATEWAY_INFO]
        network = await self.ledger.resources.fetch(tx, "network", gateway["network_id"]) if gateway else None
        await self._outside.stand_for(tx, GATEWAY, router.id, network, by_cloud(gateway))

    async def update(
        self,
        tx: Transaction,
        resource: Resource,
        values: dict[str, object],
        needs: Sequence[Need] | None = None,
    ) -> None:
        """As any kind's; where it is follows from its subnets, and what leads outside from its gateway."""
        after = structs.replace(resource, desired={**resource.desired, **values})
        if needs is None and needs_of(after) != needs_of(resource):
            needs = needs_of(after)
        await super().update(tx, resource, values, needs)
        if GATEWAY_INFO in values:
            await self._show_gateway(tx, resource)

    # --- what others ask -------------------------------------------------------------------------

    async def nets(self, reader: Reader, router: Resource, *, outside: str = "") -> list[Net]:
        """What a router is connected to: the subnets of its interfaces, and those of its external network (`outside`:
        of this one instead).
        """
        resources = self.ledger.resources
        found = []
        for interface in await interfaces_of(reader, resources, router.id):
            port = await resources.fetch(reader, "port", interface.id)
            fixed = () if port is None else port.desired["fixed_ips"]
            found += [(one["subnet_id"], one["ip_address"]) for one in fixed]
        gateway = router.desired["external_gateway_info"]
        network_id = outside or (gateway["network_id"] if gateway else "")
        network = await resources.fetch(reader, "network", network_id) if network_id else None
        found += [(id, "") for id in network.desired["subnets"]] if network is not None else []
        return [
            Net(id, subnet.desired["cidr"], address)
            for id, address in found
            if (subnet := await resources.fetch(reader, "subnet", id)) is not None
        ]

    async def between(self, reader: Reader, subnet_id: str, network_id: str) -> list[tuple[str, str]]:
        """The routers with an interface in a subnet and a gateway on an external network, oldest first: ids, and the
        addresses of their interfaces there.
        """
        resources = self.ledger.resources
        ids = await resources.needed_by_kind(reader, "subnet", subnet_id, KIND.name)
        routers = [await resources.fetch(reader, KIND.name, id) for id in ids]
        leading = [
            one
            for one in routers
            if one is not None
            and one.wanted
            and (gateway := one.desired["external_gateway_info"])
            and gateway["network_id"] == network_id
        ]
        return [
            (router.id, net.address)
            for router in sorted(leading, key=lambda one: (one.created_at, one.id))
            for net in await self.nets(reader, router, outside=NOWHERE)
            if net.id == subnet_id
        ]

    async def leading_out(self, reader: Reader, network_id: str) -> Sequence[Resource]:
        """The routers with a gateway on an external network, oldest first."""
        return await every(
            reader, self.ledger.resources, KIND.name, Filter("gateway_network_id", "eq", network_id)
        )

    async def lead_out_of(self, reader: Reader, network_id: str, subnet_id: str) -> bool:
        """Whether a gateway on an external network has an address of this subnet of it."""
        for router in await self.leading_out(reader, network_id):
            gateway = router.desired["external_gateway_info"] or {}
            if any(one.get("subnet_id") == subnet_id for one in gateway.get("external_fixed_ips", ())):
                return True
        return False

    async def reached_from(self, reader: Reader, project_id: str, network_id: str) -> list[str]:
        """The clouds in which routers of a project with a gateway on an external network have subnets."""
        own = Filter("project_id", "eq", project_id), Filter("gateway_network_id", "eq", network_id)
        found: dict[str, None] = {}
        for id in await ids(reader, self.ledger.resources, KIND.name, *own):
            router = await self.ledger.resources.fetch(reader, KIND.name, id)
            # It comes to wherever its subnets are: whether it is there already is a matter of moments.
            for subnet_id in router.desired["subnets"] if router is not None else ():
                there = await presences.of_resource(reader, "subnet", subnet_id)
                found |= {one.cloud: None for one in there if one.wanted}
        return list(found)

    async def check_update(self, tx: Transaction, port: Resource, values: Mapping[str, Any]) -> None:
        """The addresses of a router's port are changed by its router alone."""
        desired = port.desired
        if desired["device_owner"] in (GATEWAY, FLOATING_IP_PORT):
            for name in ("fixed_ips", "device_id", "device_owner", "mac_address"):
                if name in values and values[name] != desired[name]:
                    raise not_carried(name, "each cloud has a port of its own for what leads outside")
        if desired["device_owner"] not in INTERFACES or "fixed_ips" not in values:
            return
        if _moved(desired["fixed_ips"], values["fixed_ips"]) and await self._is_there(
            tx, desired["device_id"]
        ):
            raise bad_request("ports", f"IP updates for port {port.id} are not allowed")

    async def check_delete(self, tx: Transaction, port: Resource) -> None:
        """A router's port leaves with its interface, and not otherwise."""
        owner = port.desired["device_owner"]
        if owner not in (*INTERFACES, GATEWAY) or not await self._is_there(tx, port.desired["device_id"]):
            return
        raise conflict(
            f"Port {port.id} cannot be deleted directly via the port API: has device owner {owner}.",
            "ServicePortInUse",
        )

    async def port_updated(self, tx: Transaction, port: Resource, before: Mapping[str, Any]) -> None:
        """Nothing follows: no document of a router shows a port."""

    async def port_removed(self, tx: Transaction, port: Resource) -> None:
        """Its interface ends with it. Neutron lets users delete a port of a router whose owner they have changed."""
        if port.desired.get("owned_by_server"):
            return  # made for a server: no router ever had it
        interface = await self.ledger.resources.fetch(tx, "router_interface", port.id)
        if interface is None or not interface.wanted:
            return
        await self._interfaces.end(tx, port.id)
        router = await self.ledger.resources.fetch(tx, KIND.name, interface.desired["router_id"])
        if router is not None and router.deleted_at is None:
            left = [id for id in router.desired["subnets"] if id not in interface.desired["subnets"]]
            await self.update(tx, router, {"subnets": left})

    async def _is_there(self, tx: Transaction, id: str) -> bool:
        router = await self.ledger.resources.fetch(tx, KIND.name, id)
        return router is not None and router.deleted_at is None


def _moved(now: Sequence[Mapping[str, str]], asked: Sequence[Mapping[str, str]]) -> bool:
    """Whether these are other addresses. One that is asked for by its subnet alone is the one that is there."""
    left = list(now)
    for one in asked:
        at = next((ip for ip in left if all(ip.get(name) == value for name, value in one.items())), None)
        if at is None:
            return True
        left.remove(at)
    return bool(left)
