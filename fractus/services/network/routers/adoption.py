"""A router of a cloud becomes one of ours, with its gateway and its routes; interfaces follow."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import UNSET, to_builtins

from fractus.addressing.addresses import Addresses
from fractus.base.ids import new_id
from fractus.model.network import MADE_HERE
from fractus.model.resource import Resource
from fractus.model.routers import GATEWAY, ROUTER, SHOWN_GATEWAY, RouterObserved
from fractus.reconcile.adopt.adoption import Adopt, AdoptionContext, Conflict, Ignore
from fractus.services.network.dialect.adoption import CrudAdoption
from fractus.services.network.dialect.queries.external import hold_as_found
from fractus.services.network.dialect.queries.outside_ports import OutsidePorts
from fractus.services.network.dialect.schema.outside import is_clouds_own
from fractus.services.network.routers.kind import by_cloud, gateway_holder, needs
from fractus.services.network.routers.schema.conntrack_helpers import HELPERS
from fractus.store.transaction import Transaction


class RouterAdoption(CrudAdoption[RouterObserved]):
    """Taking over routers."""

    after: tuple[str, ...] = ("network", "subnet")
    parts = {"router_interface": "router_id"}

    def __init__(self, addresses: Addresses, outside: OutsidePorts) -> None:
        """`addresses`: who holds which. `outside`: the ports that stand for gateways."""
        super().__init__(ROUTER)
        self._outside = outside
        self._addresses = addresses

    def needed(
        self, observed: RouterObserved, listed: Mapping[str, Mapping[str, Any]]
    ) -> list[tuple[str, str]]:
        """Where it leads, and its interfaces: without them it is another router."""
        gateway = (
            []
            if observed.gateway is UNSET or not observed.gateway
            else [("network", observed.gateway["network_id"])]
        )
        every = listed.get("router_interface", {}).values()
        own = [one for one in every if one.router_id == observed.remote_id]
        return [
            *gateway,
            *(("subnet", id) for one in own for id in one.subnets or ()),
            *super().needed(observed, listed),
        ]

    async def complete(
        self, tx: Transaction, resource: Resource, observed: RouterObserved, context: AdoptionContext
    ) -> Adopt | Conflict | Ignore:
        """What it leads to has to be taken over before."""
        subnets = []
        for one in context.listed("router_interface").values():
            for id in one.subnets or () if one.router_id == observed.remote_id else ():
                subnet = await context.taken(tx, "subnet", id)
                if subnet is None:
                    return Conflict(f"its subnet {id} is not taken over")
                subnets.append(subnet.id)
        resource.desired |= {
            "availability_zone_hints": [],
            "external_gateway_info": None,
            "routes": list(observed.routes or []),
            "subnets": sorted(subnets),
            "distributed": observed.distributed,
            "ha": observed.ha,
            HELPERS: [{"id": new_id(), **to_builtins(one)} for one in observed.conntrack_helpers or ()],
        }
        memory: dict[str, Any] = {}
        if observed.gateway is not UNSET and observed.gateway:
            network = await context.taken(tx, "network", observed.gateway["network_id"])
            if network is None:
                return Conflict(f"its external network {observed.gateway['network_id']} is not taken over")
            snat = bool(observed.gateway.get("enable_snat", True))
            ips = observed.gateway.get("external_fixed_ips", ())
            there = [(await context.taken(tx, "subnet", one["subnet_id"]), one["ip_address"]) for one in ips]
            known = [{"subnet_id": pool.id, "ip_address": ip} for pool, ip in there if pool is not None]
            for one in known:
                held_by = await hold_as_found(
                    tx,
                    self._addresses,
                    one["subnet_id"],
                    one["ip_address"],
                    gateway_holder(resource.id),
                    context.cloud,
                )
                if held_by:
                    return Conflict(
                        f"its address {one['ip_address']} is held by {held_by.replace('/', ' ')} here"
                    )
            resource.desired["external_gateway_info"] = {
                "network_id": network.id,
                "enable_snat": snat,
                **({} if is_clouds_own(network) else {MADE_HERE: True}),
                "external_fixed_ips": [{**one, "cloud": context.cloud} for one in known],
            }
            shown = by_cloud(resource.desired["external_gateway_info"])
            await self._outside.stand_for(tx, GATEWAY, resource.id, network, shown)
            memory[SHOWN_GATEWAY] = {"network_id": network.id, "external_fixed_ips": known}
        return Adopt(resource, needs(resource), memory)
