"""A floating IP of a cloud becomes one of ours, with the address that it has and the port that it leads to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fractus.addressing.addresses import Addresses
from fractus.model.network import (
    FLOATING,
    FLOATING_IP,
    FORWARDED,
    MADE_HERE,
    FloatingIpObserved,
    PortForwarding,
)
from fractus.model.resource import Resource
from fractus.model.routers import FLOATING_IP_PORT
from fractus.reconcile.adopt.adoption import Adopt, AdoptionContext, Conflict, Ignore
from fractus.services.network.dialect.adoption import CrudAdoption
from fractus.services.network.dialect.queries.external import hold_as_found, pools_of
from fractus.services.network.dialect.queries.outside_ports import OutsidePorts
from fractus.services.network.dialect.schema.outside import is_clouds_own
from fractus.services.network.floating_ips.kind import details_of, fixed_of, holder, needs_of
from fractus.services.network.floating_ips.schema import FORWARDINGS
from fractus.store.resources import Resources
from fractus.store.transaction import Transaction


class FloatingIpAdoption(CrudAdoption[FloatingIpObserved]):
    """Taking over floating IPs."""

    after: tuple[str, ...] = ("network", "subnet", "port", "router")

    def __init__(self, resources: Resources, addresses: Addresses, outside: OutsidePorts) -> None:
        """`addresses`: who holds which. `outside`: the ports that stand for floating IPs."""
        super().__init__(FLOATING_IP)
        self._outside = outside
        self._resources, self._addresses = resources, addresses

    def needed(
        self, observed: FloatingIpObserved, listed: Mapping[str, Mapping[str, Any]]
    ) -> list[tuple[str, str]]:
        """The network with its subnets, its port, and the router between."""
        inside = [("port", one.internal_port_id) for one in observed.port_forwardings or ()]
        ends = (
            ("port", observed.port_id), ("router", observed.router_id), ("qos_policy", observed.qos_policy_id), *inside,
        )  # fmt: skip
        return [
            ("network", observed.floating_network_id),
            *((kind, id) for kind, id in ends if isinstance(id, str) and id),
        ]

    async def complete(
        self, tx: Transaction, resource: Resource, observed: FloatingIpObserved, context: AdoptionContext
    ) -> Adopt | Conflict | Ignore:
        """All that it is tied to must be taken over before."""
        network = await context.taken(tx, "network", observed.floating_network_id)
        if network is None:
            return Ignore(f"its network {observed.floating_network_id} is not taken over")
        ip, port_id = observed.floating_ip_address, observed.port_id or None
        every = await pools_of(tx, self._resources, network)
        here = [one for one in every if one.cloud in ("", context.cloud)]
        subnet_id = next((one.subnet.id for one in here if one.has(ip)), None)
        if subnet_id is None:
            return Conflict(f"no subnet of network {network.id} in {context.cloud} has its address {ip}")
        port = await context.taken(tx, "port", port_id) if port_id else None
        if port_id and port is None:
            return Conflict(f"its port {port_id} is not taken over")
        router = await context.taken(tx, "router", observed.router_id) if observed.router_id else None
        policy_id = observed.qos_policy_id or None
        policy = await context.taken(tx, "qos_policy", policy_id) if policy_id else None
        if policy_id and policy is None:
            return Conflict(f"its QoS policy {policy_id} is not taken over")
        forwarded: dict[str, Resource] = {}
        for one in observed.port_forwardings or ():
            inside = await context.taken(tx, "port", one.internal_port_id)
            if not (one.external and one.internal):
                return Conflict("it forwards ranges of ports, which no listing of its cloud tells of")
            if inside is None:
                return Conflict(f"its port {one.internal_port_id} is not taken over")
            forwarded[one.internal_port_id] = inside
        resource.desired |= {
            "floating_network_id": network.id,
            "subnet_id": subnet_id,
            MADE_HERE: not is_clouds_own(network),
            FORWARDINGS: [_forwarding(one, forwarded) for one in observed.port_forwardings or ()],
            "port_id": None if port is None else port.id,
            "port_details": None if port is None else details_of(port),
            "router_id": None if router is None else router.id,
            "qos_policy_id": None if policy is None else policy.id,
        }
        held_by = await hold_as_found(tx, self._addresses, subnet_id, ip, holder(resource.id), context.cloud)
        if held_by:
            return Conflict(f"its address {ip} is held by {held_by.replace('/', ' ')} here")
        await self._outside.stand_for(tx, FLOATING_IP_PORT, resource.id, network, [fixed_of(resource)])
        for inside in forwarded.values():
            led = {**inside.choice.get(FORWARDED, {}), resource.id: ip}
            inside.choice = {**inside.choice, FORWARDED: led, "only": [context.cloud]}
            await context.save(tx, inside)
        if port is not None:
            led = {**port.choice.get(FLOATING, {}), resource.id: ip}
            port.choice = {**port.choice, FLOATING: led, "only": [context.cloud]}
            await context.save(tx, port)
        return Adopt(resource, needs_of(resource.desired))


def _forwarding(one: PortForwarding, ports: Mapping[str, Resource]) -> dict[str, Any]:
    """As it is kept here, by the id that it has there."""
    return {
        "id": one.remote_id,
        "protocol": one.protocol,
        "internal_port_id": ports[one.internal_port_id].id,
        "internal_ip_address": one.internal_ip_address,
        "description": one.description,
        **{
            f"{side}_port_range": text
            for side, text in (("external", one.external), ("internal", one.internal))
        },
        "external_port": int(one.external.partition(":")[0]),
        "internal_port": int(one.internal.partition(":")[0]),
    }
