"""A subnet of a cloud becomes one of ours, and every address in use there is held from then on."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from typing import Any

from msgspec import UNSET

from fractus.addressing.addresses import Addresses
from fractus.addressing.ranges import default_pools, number, pools_of, ranges_of
from fractus.model.network import SUBNET, SubnetObserved
from fractus.model.resource import Need, Resource
from fractus.reconcile.adopt.adoption import Adopt, AdoptionContext, Conflict, Ignore, Merge, Verdict
from fractus.services.network.dialect.adoption import CrudAdoption
from fractus.services.network.dialect.schema.outside import is_clouds_own
from fractus.services.network.subnets.queries import subnets_of
from fractus.store.resources import Resources
from fractus.store.transaction import Transaction


class SubnetAdoption(CrudAdoption[SubnetObserved]):
    """Taking over subnets."""

    after: tuple[str, ...] = ("network",)

    def __init__(self, resources: Resources, addresses: Addresses) -> None:
        """`addresses`: who holds which."""
        super().__init__(SUBNET)
        self._resources = resources
        self._addresses = addresses

    def needed(
        self, observed: SubnetObserved, listed: Mapping[str, Mapping[str, Any]]
    ) -> list[tuple[str, str]]:
        """Its network, and the ports that the cloud has in it for itself."""
        ports = listed.get("port", {}).values()
        uses = [
            port for port in ports if any(one.subnet_id == observed.remote_id for one in port.fixed_ips or ())
        ]
        # The cloud's own ports are looked at for the addresses that they have.
        own = [port for port in uses if port.device_owner and not port.device_owner.startswith("compute:")]
        return [("network", observed.network_id), *(("port", port.remote_id) for port in own)]

    async def judge(self, tx: Transaction, observed: SubnetObserved, context: AdoptionContext) -> Verdict:
        """It belongs to its network's project, as all of ours do.

        Of one that we made the cloud has its share of addresses as pools; of its own the pools are the whole plan.
        """
        network = await context.taken(tx, "network", observed.network_id)
        if network is None:
            return Ignore(f"its network {observed.network_id} is not taken over")
        id = observed.marker or observed.remote_id
        known = await context.resource(tx, "subnet", id)
        if known is not None and observed.marker and known.desired["network_id"] == network.id:
            return Merge(id, await self._share(tx, id, observed, context.cloud))
        if known is not None:
            return self.clash(known)
        net = ipaddress.ip_network(observed.cidr)
        for other in await subnets_of(tx, self._resources, network.id):
            if _may_overlap(network, other, context.cloud):
                continue
            if net.overlaps(ipaddress.ip_network(other.desired["cidr"])):
                return Conflict(
                    f"{observed.cidr} overlaps with {other.desired['cidr']} of subnet {other.id} in its network"
                )
        return await self._made(tx, id, observed, network, context)

    async def _made(
        self, tx: Transaction, id: str, observed: SubnetObserved, network: Resource, context: AdoptionContext
    ) -> Verdict:
        gateway = None if observed.gateway_ip is UNSET else observed.gateway_ip
        pools = list(observed.pools or [])
        if observed.marker:
            made = default_pools(ipaddress.ip_network(observed.cidr), number(gateway) if gateway else None)
            pools = observed.notes.get("pools", pools_of(made, observed.ip_version))
        resource = self.resource(id, network.project_id, observed, context)
        resource.desired |= {
            "network_id": network.id,
            "network_project_id": network.project_id,
            "shared": network.desired["shared"],
            "allocation_pools": pools,
        }
        resource.desired["external"] = network.desired["router:external"]
        if is_clouds_own(network):
            resource.choice = {"only": [context.cloud]}
        await self._addresses.open(tx, id, ranges_of(pools), observed.ip_version)
        memory = await self._share(tx, id, observed, context.cloud) if observed.marker else {"pools": []}
        network.desired["subnets"] = [*network.desired["subnets"], id]
        await context.save(tx, network)
        return Adopt(resource, [Need("network", network.id)], memory)

    async def _share(self, tx: Transaction, id: str, observed: SubnetObserved, cloud: str) -> dict[str, Any]:
        """The pools that the cloud has of one of ours are its share: nobody else gets an address of them."""
        pools = list(observed.pools or [])
        await self._addresses.set_aside_as_found(tx, id, cloud, ranges_of(pools), observed.ip_version)
        return {"pools": pools}


def _may_overlap(network: Resource, other: Resource, cloud: str) -> bool:
    """Subnets of an external network are each in one cloud, and of different clouds nobody has chosen the ranges."""
    return is_clouds_own(network) and cloud not in other.choice.get("only", ())
