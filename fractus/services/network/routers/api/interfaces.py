"""Interfaces as requests ask for them: which port they get, and what stands in their way, in Neutron's words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from fractus.model.errors import Invalid, NotFound
from fractus.model.network import SHARED_WITH
from fractus.model.resource import Resource
from fractus.model.routers import INTERFACE
from fractus.services.network.dialect.api.neighbours import FloatingIps, RouterPorts
from fractus.services.network.dialect.kind import target
from fractus.services.network.dialect.schema.errors import conflict, not_found
from fractus.services.network.dialect.writes.neighbours import RouterInterfaces
from fractus.services.network.routers import schema
from fractus.services.network.routers.queries import interfaces_of
from fractus.services.network.routers.schema import Net
from fractus.services.network.routers.writes import RouterWrites
from fractus.store.transaction import Transaction
from fractus.web.routing import Call


class Interfaces:
    """Gives ports to routers, and takes them away again. Answers with the port, and the subnets that it is about."""

    def __init__(
        self,
        writes: RouterWrites,
        interfaces: RouterInterfaces,
        ports: RouterPorts,
        floating_ips: FloatingIps,
    ) -> None:
        self._writes, self._interfaces, self._ports = writes, interfaces, ports
        self._floating_ips = floating_ips
        self._resources = writes.ledger.resources

    # --- what the caller may know of ---------------------------------------------------------------

    async def network(self, tx: Transaction, call: Call, id: str) -> Resource:
        """A network that the caller may see."""
        return await self._visible(tx, call, "network", id)

    async def _visible(self, tx: Transaction, call: Call, kind: str, id: str) -> Resource:
        found = await self._resources.fetch(tx, kind, id)
        if found is None or found.deleted_at is not None:
            raise not_found(kind, id)
        owner = found.desired.get("network_project_id", found.project_id)
        about = {**found.desired, **target(found), "network:project_id": owner}
        if not call.allows(f"get_{kind}", about):
            raise not_found(kind, id)
        return found

    # --- add -------------------------------------------------------------------------------------

    async def add_subnet(
        self, tx: Transaction, call: Call, router: Resource, id: str
    ) -> tuple[Resource, list[str]]:
        """A new port with the address of the subnet's gateway; one of IPv6 joins the port that its network has."""
        subnet = await self._visible(tx, call, "subnet", id)
        desired = subnet.desired
        if not desired["gateway_ip"]:
            raise schema.refused("Subnet for router interface must have a gateway IP")
        network = await self._network(tx, desired["network_id"])
        mine = call.principal.is_admin or subnet.project_id == call.principal.project_id
        if not mine and call.principal.project_id not in network.desired.get(SHARED_WITH, ()):
            raise schema.refused(
                f"Cannot add interface to router because subnet {id} is not owned by project making the request"
            )
        schema.check_mode(desired, id)
        await self._check_apart(tx, router, [subnet])
        fixed = {"subnet_id": id, "ip_address": desired["gateway_ip"]}
        port = await self._port_of_ipv6(tx, router, network.id) if desired["ip_version"] == 6 else None
        if port is not None:
            asked = [*port.desired["fixed_ips"], fixed]
            await self._readdress(tx, port, asked)
            return port, [id]
        values = {
            "project_id": router.project_id,
            "fixed_ips": [fixed],
            "device_id": router.id,
            "device_owner": INTERFACE,
            "name": "", "description": "", "tags": [], "admin_state_up": True,
        }  # fmt: skip
        made = await self._ports.add(
            tx, network, values, user_id=call.principal.user_id, request_id=call.request_id, limited=False
        )
        await self._interfaces.add(tx, router, made, [id])
        return made, [id]

    async def add_port(
        self, tx: Transaction, call: Call, router: Resource, id: str
    ) -> tuple[Resource, list[str]]:
        """A port that nothing has."""
        port = await self._visible(tx, call, "port", id)
        desired = port.desired
        if desired["device_id"]:
            raise _in_use(port, desired["device_id"])
        interface = await self._resources.fetch(tx, "router_interface", id)
        if interface is not None and interface.desired["router_id"] != router.id:
            # Its device was changed by hand; it is an interface of that router nevertheless.
            raise _in_use(port, interface.desired["router_id"])
        if not desired["fixed_ips"]:
            raise schema.refused("Router port must have at least one fixed IP")
        subnets = await self._subnets(tx, [one["subnet_id"] for one in desired["fixed_ips"]])
        for one in subnets:
            schema.check_mode(one.desired, one.id)
        await self._check_one_of_ipv6(tx, router, port)
        await self._check_apart(tx, router, subnets)
        if sum(one.desired["ip_version"] == 4 for one in subnets) > 1:
            raise schema.refused("Cannot have multiple IPv4 subnets on router port")
        self._check_in_range(call, port, subnets)
        await self._ports.update(tx, port, {"device_id": router.id, "device_owner": INTERFACE})
        ids = [one.id for one in subnets]
        await self._interfaces.add(tx, router, port, ids)
        return port, ids

    async def _check_apart(self, tx: Transaction, router: Resource, new: Iterable[Resource]) -> None:
        there = await self._writes.nets(tx, router)
        schema.check_apart(there, [Net(one.id, one.desired["cidr"]) for one in new])

    async def _port_of_ipv6(self, tx: Transaction, router: Resource, network_id: str) -> Resource | None:
        """The port that a router has on a network for IPv6: there is one at most."""
        for interface in await interfaces_of(tx, self._resources, router.id):
            port = await self._resources.fetch(tx, "port", interface.id)
            if port is not None and port.desired["network_id"] == network_id and _has_ipv6(port):
                return port
        return None

    async def _check_one_of_ipv6(self, tx: Transaction, router: Resource, port: Resource) -> None:
        network_id = port.desired["network_id"]
        other = await self._port_of_ipv6(tx, router, network_id) if _has_ipv6(port) else None
        if other is not None:
            raise schema.refused(
                f"Router already contains IPv6 port {other.id} belonging to network id {network_id}. Only one IPv6 "
                "port from the same network subnet can be connected to a router."
            )

    @staticmethod
    def _check_in_range(call: Call, port: Resource, subnets: Iterable[Resource]) -> None:
        """In others' subnets a router gets an address of the pools only."""
        if call.principal.is_admin:
            return
        by_id = {one.id: one for one in subnets}
        for fixed in port.desired["fixed_ips"]:
            subnet = by_id[fixed["subnet_id"]]
            inside = schema.in_pools(fixed["ip_address"], subnet.desired["allocation_pools"])
            if not inside and subnet.project_id != call.principal.project_id:
                raise schema.refused(
                    f"Cannot add interface to router because specified port {port.id} has an IP address out of the "
                    f"allocation pool of subnet {subnet.id}, which is not owned by the project making the request"
                )

    # --- remove ----------------------------------------------------------------------------------

    async def remove_port(
        self, tx: Transaction, router: Resource, id: str, subnet_id: str
    ) -> tuple[Resource, list[str]]:
        """By its port; a subnet that is named has to be one of its own."""
        port = await self._of_router(tx, router, id)
        if port is None:
            raise NotFound(
                f"Router {router.id} does not have an interface with id {id}",
                kind="router", type="RouterInterfaceNotFound",
            )  # fmt: skip
        ids = [one["subnet_id"] for one in port.desired["fixed_ips"]]
        if subnet_id and subnet_id not in ids:
            raise Invalid(
                f"Subnet on port {id} does not match the requested subnet {subnet_id}.",
                type="SubnetMismatchForPort",
            )
        for subnet in await self._subnets(tx, ids):
            await self._check_unused(tx, router, subnet)
        await self._end(tx, port)
        return port, ids

    async def remove_subnet(
        self, tx: Transaction, call: Call, router: Resource, id: str
    ) -> tuple[Resource, list[str]]:
        """By a subnet; a port that has others too keeps those."""
        subnet = await self._visible(tx, call, "subnet", id)
        for interface in await interfaces_of(tx, self._resources, router.id):
            port = await self._resources.fetch(tx, "port", interface.id)
            if port is None or port.desired["network_id"] != subnet.desired["network_id"]:
                continue
            await self._check_unused(tx, router, subnet)
            fixed = port.desired["fixed_ips"]
            left = [one for one in fixed if one["subnet_id"] != id]
            if left == fixed:
                continue
            if left:
                await self._readdress(tx, port, left)
            else:
                await self._end(tx, port)
            return port, [id]
        raise NotFound(
            f"Router {router.id} has no interface on subnet {id}",
            kind="router", type="RouterInterfaceNotFoundForSubnet",
        )  # fmt: skip

    async def _of_router(self, tx: Transaction, router: Resource, port_id: str) -> Resource | None:
        interface = await self._resources.fetch(tx, "router_interface", port_id)
        if interface is None or not interface.wanted or interface.desired["router_id"] != router.id:
            return None
        return await self._resources.fetch(tx, "port", port_id)

    async def _check_unused(self, tx: Transaction, router: Resource, subnet: Resource) -> None:
        """No floating IP and no route of the router leads by it."""
        await self._floating_ips.check_interface(tx, router.id, subnet)
        if any(schema.within(one["nexthop"], subnet.desired["cidr"]) for one in router.desired["routes"]):
            raise conflict(
                f"Router interface for subnet {subnet.id} on router {router.id} cannot be deleted, as it is required "
                "by one or more routes.",
                "RouterInterfaceInUseByRoute",
            )

    async def _end(self, tx: Transaction, port: Resource) -> None:
        await self._interfaces.end(tx, port.id)
        await self._ports.remove(tx, port)

    # --- both ------------------------------------------------------------------------------------

    async def _readdress(self, tx: Transaction, port: Resource, fixed: list[Mapping[str, Any]]) -> None:
        values = await self._ports.readdress(tx, port, fixed, port.desired["mac_address"], INTERFACE)
        await self._ports.update(tx, port, values)
        await self._interfaces.reach(tx, port.id, [one["subnet_id"] for one in port.desired["fixed_ips"]])

    async def _network(self, tx: Transaction, id: str) -> Resource:
        network = await self._resources.fetch(tx, "network", id)
        if network is None:
            raise not_found("network", id)
        return network

    async def _subnets(self, tx: Transaction, ids: Iterable[str]) -> list[Resource]:
        found = [await self._resources.fetch(tx, "subnet", id) for id in ids]
        return [one for one in found if one is not None]


def _in_use(port: Resource, device_id: str) -> Exception:
    return conflict(
        f"Unable to complete operation on port {port.id} for network {port.desired['network_id']}. Port already has an "
        f"attached device {device_id}.",
        "PortInUse",
    )


def _has_ipv6(port: Resource) -> bool:
    return any(":" in one["ip_address"] for one in port.desired["fixed_ips"])
