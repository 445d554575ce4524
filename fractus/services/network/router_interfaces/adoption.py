"""An interface of a router of a cloud becomes one of ours, with the port that it is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fractus.model.resource import Resource
from fractus.model.routers import ROUTER_INTERFACE, RouterInterfaceObserved
from fractus.reconcile.adopt.adoption import Adopt, AdoptionContext, Conflict, Ignore
from fractus.services.network.dialect.adoption import CrudAdoption
from fractus.services.network.router_interfaces.kind import needs
from fractus.store.transaction import Transaction


class RouterInterfaceAdoption(CrudAdoption[RouterInterfaceObserved]):
    """Taking over interfaces of routers."""

    after: tuple[str, ...] = ("router", "subnet", "port")

    def __init__(self) -> None:
        super().__init__(ROUTER_INTERFACE)

    def needed(
        self, observed: RouterInterfaceObserved, listed: Mapping[str, Mapping[str, Any]]
    ) -> list[tuple[str, str]]:
        """Its router and its port."""
        return [("router", observed.router_id), ("port", observed.remote_id)]

    async def complete(
        self, tx: Transaction, resource: Resource, observed: RouterInterfaceObserved, context: AdoptionContext
    ) -> Adopt | Conflict | Ignore:
        """Both have been taken over before, and so have its subnets."""
        router = await context.taken(tx, "router", observed.router_id)
        port = await context.taken(tx, "port", observed.remote_id)
        if router is None or port is None:
            return Ignore(f"its {'port' if router else 'router'} is not taken over")
        subnets = [one["subnet_id"] for one in port.desired["fixed_ips"]]
        if not subnets:
            return Ignore("it has no address")
        resource.desired = {"name": "", "router_id": router.id, "port_id": port.id, "subnets": subnets}
        return Adopt(resource, needs(resource))
