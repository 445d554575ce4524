"""Port forwardings: which port a floating IP may forward to, and what changes of both by that
(neutron.services.portforwarding.pf_plugin).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fractus.model.errors import NotFound
from fractus.model.network import FORWARDED
from fractus.model.resource import Resource
from fractus.services.network.dialect.schema.errors import conflict, not_found
from fractus.services.network.dialect.writes.neighbours import Ports
from fractus.services.network.floating_ips.kind import KIND
from fractus.services.network.floating_ips.schema import FORWARDINGS, check_apart, refused, with_ranges
from fractus.services.network.floating_ips.writes.associations import Associations
from fractus.store.resources import Resources
from fractus.store.transaction import Reader, Transaction

Part = dict[str, Any]


class Forwardings:
    """Judges and writes them. The caller writes the floating IP."""

    def __init__(self, resources: Resources, ports: Ports, associations: Associations) -> None:
        self._resources, self._ports, self._associations = resources, ports, associations

    async def complete(
        self, tx: Transaction, floating_ip: Resource, part: Part, given: Mapping[str, Any]
    ) -> Part:
        """A forwarding that is new or changed, judged; its port is held in the cloud of the floating IP from now on.

        `given`: what the request says of it.
        """
        before = next((one for one in _of(floating_ip) if one["id"] == part["id"]), None)
        new = with_ranges(part, given)
        inside = new["internal_port_id"], new["internal_ip_address"], new["protocol"]
        others = [one for each in await self.to(tx, inside[0]) for one in _of(each)]
        same = [one for one in others if _inside(one) == inside]
        check_apart(same, new, "internal_port_range")
        outside = [one for one in _of(floating_ip) if one["protocol"] == new["protocol"]]
        check_apart(outside, new, "external_port_range")
        await self._check_free(tx, floating_ip, new)
        port = await self._port(tx, floating_ip, inside[0])
        fixed = _address(port, new, given, anew=before is None)
        new["internal_ip_address"] = fixed["ip_address"]
        await self._check_router(tx, floating_ip, port, fixed["subnet_id"])
        if before is not None and before["internal_port_id"] != port.id:
            await self.let_go(tx, floating_ip, before)
        await self._hold(tx, floating_ip, port)
        return new

    async def let_go(self, tx: Transaction, floating_ip: Resource, part: Mapping[str, Any]) -> None:
        """A forwarding is no more: its port may be anywhere, unless another holds it; with the last there is no router
        between.
        """
        left = [one for one in _of(floating_ip) if one["id"] != part["id"]]
        if not left:
            floating_ip.desired["router_id"] = None
        if any(one["internal_port_id"] == part["internal_port_id"] for one in left):
            return
        port = await self._resources.fetch(tx, "port", part["internal_port_id"])
        if port is not None and port.deleted_at is None:
            led: dict[str, str] = port.choice.get(FORWARDED, {})
            rest = {id: ip for id, ip in led.items() if id != floating_ip.id}
            await self._ports.lead_to(tx, port, rest, key=FORWARDED)

    async def to(self, reader: Reader, port_id: str) -> Sequence[Resource]:
        """The floating IPs that forward to a port."""
        ids = await self._resources.needed_by_kind(reader, "port", port_id, KIND.name)
        found = [await self._resources.fetch(reader, KIND.name, id) for id in ids]
        return [
            one
            for one in found
            if one is not None and any(part["internal_port_id"] == port_id for part in _of(one))
        ]

    async def _check_free(self, tx: Transaction, floating_ip: Resource, new: Part) -> None:
        """Neither is the port led to by a floating IP, nor does this one lead to a port."""
        for other in await self._associations.leading_to(tx, new["internal_port_id"]):
            raise conflict(
                f"Cannot create port forwarding to floating IP {other.desired['floating_ip_address']} ({other.id}) with"
                f" port {new['internal_port_id']} using fixed IP {new['internal_ip_address']}, as that port already has"
                " a binding floating IP.",
                "PortHasBindingFloatingIP",
            )
        if floating_ip.desired["port_id"]:
            raise self._associations.taken(floating_ip, new["internal_port_id"], new["internal_ip_address"])

    async def _port(self, tx: Transaction, floating_ip: Resource, id: str) -> Resource:
        port = await self._resources.fetch(tx, "port", id)
        if port is None or port.deleted_at is not None or port.project_id != floating_ip.project_id:
            raise not_found("port", id)
        return port

    async def _check_router(
        self, tx: Transaction, floating_ip: Resource, port: Resource, subnet_id: str
    ) -> None:
        """The router between is known from now on; it is one for all."""
        desired = floating_ip.desired
        network_id = desired["floating_network_id"]
        try:
            router_id = await self._associations.router(tx, network_id, port, subnet_id)
        except NotFound:
            raise refused(
                f"External network {network_id} is not reachable from subnet {subnet_id}. Cannot set Port forwarding"
                f" for port {port.id} with Floating IP {floating_ip.id}"
            ) from None
        if desired.get("router_id") not in (None, router_id):
            raise refused(
                f"The Floating IP {floating_ip.id} had been set on router {desired['router_id']}, the internal Neutron"
                f" port {port.id} can not reach it"
            )
        desired["router_id"] = router_id

    async def _hold(self, tx: Transaction, floating_ip: Resource, port: Resource) -> None:
        """The port goes nowhere but to the cloud of the floating IP: its pool's, or its ports'."""
        cloud = await self._associations.pool_cloud(tx, floating_ip)
        where = await self._associations.cloud_of(tx, port)
        for one in _of(floating_ip) if not cloud else ():
            other = await self._resources.fetch(tx, "port", one["internal_port_id"])
            if not cloud and other is not None and other.id != port.id:
                cloud = await self._associations.cloud_of(tx, other) or ""
        await self._associations.check_zone(tx, floating_ip, port.id, where, cloud)
        led = {**port.choice.get(FORWARDED, {}), floating_ip.id: floating_ip.desired["floating_ip_address"]}
        await self._ports.lead_to(tx, port, led, cloud or where or "", key=FORWARDED)


def _of(floating_ip: Resource) -> list[Part]:
    found: list[Part] = floating_ip.desired.get(FORWARDINGS, [])
    return found


def _inside(part: Mapping[str, Any]) -> tuple[str, str, str]:
    return part["internal_port_id"], part["internal_ip_address"], part["protocol"]


def _address(port: Resource, new: Part, given: Mapping[str, Any], *, anew: bool) -> Mapping[str, str]:
    """The address of the port that is forwarded to; another port's first, where none is named."""
    every: list[Mapping[str, str]] = [
        one for one in port.desired["fixed_ips"] if ":" not in one["ip_address"]
    ]
    if not every:
        raise refused(f"Requested internal port {port.id} must allocate an IPv4 address at least.")
    if "internal_port_id" in given and "internal_ip_address" not in given:
        return every[0]
    for one in every:
        if one["ip_address"] == new["internal_ip_address"]:
            return one
    fixed = [{"subnet_id": one["subnet_id"], "ip_address": one["ip_address"]} for one in every]
    if anew or "internal_port_id" in given:
        raise refused(
            f"Requested internal IP address {new['internal_ip_address']} is not suitable for internal neutron port"
            f" {port.id}, as its fixed_ips are {fixed}"
        )
    raise refused(
        f"The internal IP does not correspond to an address on the internal port, which has fixed_ips {fixed}"
    )
