"""A subnet of a cloud becomes one of ours, and every address in use there is held from then on."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from typing import Any

from fractus.addressing.addresses import Addresses
from fractus.addressing.ranges import default_pools, number, pools_of, ranges_of
from fractus.model.network import SUBNET, SubnetObserved
from fractus.model.resource import Resource
from fractus.reconcile.adopt.adoption import Adopt, AdoptionContext, Conflict, Ignore, Merge
from fractus.services.network.dialect.adoption import CrudAdoption
from fractus.services.network.dialect.schema.outside import is_clouds_own
from fractus.services.network.subnets.writes import of_network, subnets_of
from fractus.store.resources import Resources
from fractus.store.transaction import Transaction


class SubnetAdoption(CrudAdoption[SubnetObserved]):
    """Taking over subnets. Each belongs to its network's project, as all of ours do."""

    def __init__(self, resources: Resources, addresses: Addresses) -> None:
        """`addresses`: who holds which."""
        super().__init__(SUBNET)
        self._resources = resources
        self._addresses = addresses

    def needed(
        self, observed: SubnetObserved, listed: Mapping[str, Mapping[str, Any]]
    ) -> list[tuple[str, str]]:
        """Also the ports that the cloud has in it for itself, which are looked at for their addresses."""
        own = [
            ("port", port.remote_id)
            for port in listed.get("port", {}).values()
            if port.device_owner and not port.device_owner.startswith("compute:")
            if any(one.subnet_id == observed.remote_id for one in port.fixed_ips or ())
        ]
        return super().needed(observed, listed) + own

    async def owner(
        self, tx: Transaction, observed: SubnetObserved, context: AdoptionContext
    ) -> str | Ignore:
        """Its network's project."""
        network = await context.taken(tx, "network", observed.network_id)
        if network is None:
            return Ignore(f"its network {observed.network_id} is not taken over")
        return network.project_id

    async def join(
        self, tx: Transaction, known: Resource, observed: SubnetObserved, context: AdoptionContext
    ) -> Merge | Conflict:
        """Of one of ours the cloud has its share of addresses as pools."""
        network = await context.taken(tx, "network", observed.network_id)
        if network is None or known.desired["network_id"] != network.id:
            return self.clash(known)
        return Merge(known.id, await self._share(tx, known.id, observed, context.cloud))

    async def complete(
        self, tx: Transaction, resource: Resource, observed: SubnetObserved, context: AdoptionContext
    ) -> Adopt | Conflict | Ignore:
        """It overlaps with no other of its network. Of the cloud's own the pools are the whole plan."""
        verdict = await super().complete(tx, resource, observed, context)
        network = await context.taken(tx, "network", observed.network_id)
        if network is None or not isinstance(verdict, Adopt):
            return verdict
        net = ipaddress.ip_network(observed.cidr)
        for other in await subnets_of(tx, self._resources, network.id):
            beside = other.desired["cidr"]
            if net.overlaps(ipaddress.ip_network(beside)) and not _may_overlap(network, other, context.cloud):
                return Conflict(f"{observed.cidr} overlaps with {beside} of subnet {other.id} in its network")
        id, pools = resource.id, list(observed.pools or [])
        if observed.marker:
            gateway = number(observed.gateway_ip) if observed.gateway_ip else None
            pools = observed.notes.get("pools", pools_of(default_pools(net, gateway), observed.ip_version))
        resource.desired |= {**of_network(network), "allocation_pools": pools}
        if is_clouds_own(network):
            resource.choice = {"only": [context.cloud]}
        await self._addresses.open(tx, id, ranges_of(pools), observed.ip_version)
        memory = await self._share(tx, id, observed, context.cloud) if observed.marker else {"pools": []}
        network.desired["subnets"] = [*network.desired["subnets"], id]
        await context.save(tx, network)
        return Adopt(resource, verdict.needs, memory)

    async def _share(self, tx: Transaction, id: str, observed: SubnetObserved, cloud: str) -> dict[str, Any]:
        """The pools that the cloud has of one of ours are its share: nobody else gets an address of them."""
        pools = list(observed.pools or [])
        await self._addresses.set_aside_as_found(tx, id, cloud, ranges_of(pools), observed.ip_version)
        return {"pools": pools}


def _may_overlap(network: Resource, other: Resource, cloud: str) -> bool:
    """Subnets of an external network are each in one cloud, and of different clouds nobody has chosen the ranges."""
    return is_clouds_own(network) and cloud not in other.choice.get("only", ())
