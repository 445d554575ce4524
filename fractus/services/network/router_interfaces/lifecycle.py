"""Interfaces of routers as the machine sees them: they follow a router and a subnet, and take their port along."""

from __future__ import annotations

from fractus.model.cloud import Step
from fractus.model.placement import follows
from fractus.model.routers import ROUTER_INTERFACE, RouterInterfaceObserved, RouterInterfaceWanted
from fractus.reconcile.kind import Apply, Difference, Done, Item, Plan, Wait
from fractus.services.network.dialect.lifecycle import CrudLifecycle
from fractus.services.network.router_interfaces.kind import summarise


class RouterInterfaceLifecycle(CrudLifecycle[RouterInterfaceWanted, RouterInterfaceObserved]):
    """The kind `router_interface`."""

    traits = follows("router", "subnet")

    def __init__(self) -> None:
        super().__init__(ROUTER_INTERFACE, summarise)

    def wanted(self, item: Item) -> RouterInterfaceWanted:
        """In the cloud's own ids."""
        desired, remote = item.resource.desired, item.remote
        return RouterInterfaceWanted(
            id=item.resource.id,
            router_id=remote.get(("router", desired["router_id"]), ""),
            port_id=remote.get(("port", desired["port_id"]), ""),
            subnets=[remote.get(("subnet", id), "") for id in desired["subnets"]],
        )

    def differences(self, item: Item, observed: RouterInterfaceObserved) -> list[Difference]:
        """In which subnets it has addresses, and whose it is."""
        wanted = self.wanted(item)
        found = []
        if observed.router_id and wanted.router_id and observed.router_id != wanted.router_id:
            found.append(
                Difference("router_id", wanted.router_id, observed.router_id, mends=False, adopts=False)
            )
        if (
            observed.subnets is not None
            and "" not in wanted.subnets
            and set(observed.subnets) != set(wanted.subnets)
        ):
            found.append(Difference("subnets", wanted.subnets, observed.subnets, adopts=False))
        return found

    def plan(self, item: Item, observed: RouterInterfaceObserved) -> Plan:
        """One subnet after the other: a port of a router cannot be given addresses otherwise."""
        wanted = self.wanted(item)
        if observed.subnets is None:
            return Done()
        for id in wanted.subnets:
            if id and id not in observed.subnets:
                return Apply(Step("add_subnet", {"subnet_id": id}))
        if "" in wanted.subnets:
            absent = item.resource.desired["subnets"][wanted.subnets.index("")]
            return Wait(2.0, f"waits for subnet {absent}", on=f"subnet/{absent}")
        for id in observed.subnets:
            if id not in wanted.subnets:
                return Apply(Step("remove_subnet", {"subnet_id": id}))
        return Done()
