"""Interfaces of routers in a child's Neutron: ports that a router has.

An interface has no document of its own. It is seen in its port's, made and removed by two actions of its router, and
it takes its port with it when it goes.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, ClassVar

from msgspec import Struct, structs

from fractus.clouds.openstack.neutron import Document, NeutronKind
from fractus.clouds.openstack.services import Ask, segment
from fractus.model.cloud import HOME, Scope, Step
from fractus.model.errors import Missing, Refused
from fractus.model.network import FixedIp
from fractus.model.routers import INTERFACES, RouterInterfaceObserved, RouterInterfaceWanted


class _Subnet(Struct):
    cidr: str


class _Router(Struct):
    routes: list[dict[str, str]] = []


def _apart(address: str, net: ipaddress.IPv4Network | ipaddress.IPv6Network) -> bool:
    ip = ipaddress.ip_address(address)
    return ip.version != net.version or ip not in net


class RouterInterfaces(NeutronKind[RouterInterfaceWanted, RouterInterfaceObserved]):
    """The actuator of router interfaces."""

    printed: Mapping[str, Any] = {"subnets": list[FixedIp]}
    selections: ClassVar[Sequence[Mapping[str, str]]] = tuple({"device_owner": one} for one in INTERFACES)
    observed_as_admin = True

    def fields(self, document: Document) -> dict[str, Any]:
        """The subnets of its addresses."""
        found = super().fields(document)
        return {**found, "subnets": [one.subnet_id for one in found.get("subnets") or ()]}

    def listed(self, document: Document) -> bool:
        """Not a port that says whose it is, and that no router has: it may be about to become one."""
        return super().fields(document).get("router_id") != ""

    def observed(self, document: Document) -> RouterInterfaceObserved:
        """As its port says; the names of ports are the port's affair."""
        return structs.replace(super().observed(document), name="", description=None, tags=[])

    async def _observe(self, scope: Scope, remote_id: str) -> RouterInterfaceObserved:
        ask = Ask(service="network", path=self.item_path(remote_id))
        observed = self.observed(await self._child.item(scope, ask, "port", self._documents.type))
        if observed.device_owner not in INTERFACES or not observed.router_id:
            raise Missing(f"Port {remote_id} is no interface of a router")
        return observed

    async def find(self, scope: Scope, wanted: RouterInterfaceWanted) -> RouterInterfaceObserved | None:
        """Its port, where the router has it. A port that was taken over has no marker, and is ours all the same: which
        one it is, is known.
        """
        try:
            observed = await self._observe(scope, wanted.port_id)
        except Missing:
            return None
        if observed.router_id != wanted.router_id or observed.marker not in ("", wanted.id):
            return None
        return structs.replace(observed, marker=wanted.id)

    async def create(self, scope: Scope, wanted: RouterInterfaceWanted) -> RouterInterfaceObserved:
        """Give the port to the router. `Refused` (409) where something has it."""
        await self._act(scope, wanted.router_id, "add_router_interface", {"port_id": wanted.port_id})
        return RouterInterfaceObserved(
            remote_id=wanted.port_id, marker=wanted.id, router_id=wanted.router_id, device_owner=INTERFACES[0]
        )

    async def apply(self, scope: Scope, remote_id: str, step: Step) -> None:
        """Verbs: add_subnet, remove_subnet. A prefix of IPv6 comes to an interface, and leaves it, by its router."""
        match step.verb:
            case "add_subnet":
                action = "add_router_interface"
            case "remove_subnet":
                action = "remove_router_interface"
            case verb:
                raise Refused(f"a router interface of {self._child.name} has no verb {verb}")
        there = await self.observe(scope, remote_id)
        await self._act(scope, there.router_id, action, {"subnet_id": step.body["subnet_id"]})

    async def delete(self, scope: Scope, remote_id: str) -> None:
        """Take the port from its router, and out of the cloud with it.

        `Refused` (409) while routes of the router lead by it. Those end with it: they are taken away, so that the next
        time it may go; a router that is to leave too takes no other step before its interfaces have left.
        """
        there = await self.observe(scope, remote_id)
        try:
            await self._act(scope, there.router_id, "remove_router_interface", {"port_id": remote_id})
        except Refused as refusal:
            if refusal.status == 409:
                await _as_who_may(scope, lambda who: self._end_routes(who, there))
            raise

    async def _end_routes(self, scope: Scope, there: RouterInterfaceObserved) -> None:
        """The router has no routes any more whose next hop is on a subnet of this interface."""
        nets = []
        for id in there.subnets or ():
            ask = Ask(service="network", path=f"/subnets/{segment(id)}")
            found = await self._child.item(scope, ask, "subnet", _Subnet)
            nets.append(ipaddress.ip_network(found.cidr))
        path = f"/routers/{segment(there.router_id)}"
        router = await self._child.item(scope, Ask(service="network", path=path), "router", _Router)
        left = [one for one in router.routes if all(_apart(one["nexthop"], net) for net in nets)]
        if left != router.routes:
            body = {"router": {"routes": left}}
            await self._child.send(scope, Ask(service="network", method="PUT", path=path, body=body))

    async def _act(self, scope: Scope, router_id: str, action: str, body: dict[str, str]) -> None:
        path = f"/routers/{segment(router_id)}/{action}"
        ask = Ask(service="network", method="PUT", path=path, body=body, repeat=False)
        await _as_who_may(scope, lambda who: self._child.send(who, ask))


async def _as_who_may(scope: Scope, deed: Callable[[Scope], Awaitable[object]]) -> None:
    """As the project of the port. Where the router is another project's, that does not see it: then with the
    credential's own rights. Who may give the port to the router was decided by the parent.
    """
    try:
        await deed(scope)
    except Missing:
        if not scope.project_id:
            raise
        await deed(HOME)
