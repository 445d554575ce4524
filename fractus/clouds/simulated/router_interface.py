"""Interfaces of routers in a simulated cloud: each is a port that a router has, and goes with it."""

from __future__ import annotations

import msgspec

from fractus.clouds.simulated.neutron import NeutronSimulated
from fractus.clouds.simulated.port import inside
from fractus.clouds.simulated.records import PortRecord, RouterInterfaceRecord, RouterRecord, SubnetRecord
from fractus.model.cloud import Scope, Step
from fractus.model.errors import Missing, Refused
from fractus.model.network import FixedIp
from fractus.model.routers import INTERFACE, RouterInterfaceObserved, RouterInterfaceWanted


class RouterInterfaces(
    NeutronSimulated[RouterInterfaceRecord, RouterInterfaceWanted, RouterInterfaceObserved]
):
    """The actuator of router interfaces."""

    def make(self, project_id: str, wanted: RouterInterfaceWanted) -> RouterInterfaceRecord:
        """A port comes to a router, also to another project's, unless something has it."""
        router, port = (
            self.records.get(RouterRecord, wanted.router_id),
            self.records.get(PortRecord, wanted.port_id),
        )
        if router is None:
            raise Missing(f"Router {wanted.router_id} could not be found")
        if port is None or port.project_id != project_id:
            raise Missing(f"Port {wanted.port_id} could not be found.")
        if port.device_id:
            raise Refused(
                f"Unable to complete operation on port {port.id} for network {port.network_id}. Port already has"
                f" an attached device {port.device_id}.",
                status=409,
            )
        return RouterInterfaceRecord(
            id=port.id,
            project_id=project_id,
            router_id=router.id,
            port_id=port.id,
            subnets=[one.subnet_id for one in port.fixed_ips],
            network_id=port.network_id,
            device_owner=INTERFACE,
        )

    def begin(self, thing: RouterInterfaceRecord) -> None:
        """Write it; its port says whose it is."""
        super().begin(thing)
        self._mark(thing, device_id=thing.router_id, device_owner=INTERFACE, status="ACTIVE")

    def change(self, thing: RouterInterfaceRecord, step: Step) -> None:
        """Verbs: add_subnet, remove_subnet."""
        port = self.records.get(PortRecord, thing.port_id)
        if port is None or step.verb not in ("add_subnet", "remove_subnet"):
            raise Refused(f"{self.kind} has no verb {step.verb!r}", status=400)
        subnet = self.records.get(SubnetRecord, step.body["subnet_id"])
        if subnet is None:
            raise Missing(f"Subnet {step.body['subnet_id']} could not be found.")
        fixed = [one for one in port.fixed_ips if one.subnet_id != subnet.id]
        if step.verb == "add_subnet":
            fixed.append(FixedIp(subnet.id, subnet.gateway_ip or ""))
        self._mark(thing, fixed_ips=fixed)
        thing.subnets = [one.subnet_id for one in fixed]
        return self.touch(thing)

    async def delete(self, scope: Scope, remote_id: str) -> None:
        """As the driver of real clouds: routes that keep it there end with it."""
        try:
            await super().delete(scope, remote_id)
        except Refused:
            thing = self.records.get(RouterInterfaceRecord, remote_id)
            if thing is not None:
                await self.injector.call(
                    "router", "apply update", thing.router_id, lambda: self._end_routes(thing), change=True
                )
            raise

    def _end_routes(self, thing: RouterInterfaceRecord) -> None:
        router = self.records.get(RouterRecord, thing.router_id)
        nets = [one for id in thing.subnets if (one := self.records.get(SubnetRecord, id)) is not None]
        if router is not None:
            router.routes = [
                one for one in router.routes if not any(inside(one["nexthop"], net.cidr) for net in nets)
            ]
            router.changed_at = self.now()
            self.records.put(router)

    def end(self, thing: RouterInterfaceRecord) -> None:
        """It goes with its port, unless a route of its router needs it."""
        router, port = (
            self.records.get(RouterRecord, thing.router_id),
            self.records.get(PortRecord, thing.port_id),
        )
        nets = [one for id in thing.subnets if (one := self.records.get(SubnetRecord, id)) is not None]
        for route in router.routes if router is not None else ():
            for subnet in nets:
                if inside(route["nexthop"], subnet.cidr):
                    raise Refused(
                        f"Router interface for subnet {subnet.id} on router {thing.router_id} cannot be deleted, as"
                        " it is required by one or more routes.",
                        status=409,
                    )
        self.records.drop(thing)
        if port is not None:
            self.records.drop(port)

    def missing(self, id: str) -> str:
        """Neutron's sentence."""
        return f"Router does not have an interface with id {id}"

    def _mark(self, thing: RouterInterfaceRecord, **changes: object) -> None:
        port = self.records.get(PortRecord, thing.port_id)
        if port is not None:
            self.records.put(msgspec.structs.replace(port, changed_at=self.now(), **changes))
