"""Where floating IPs lead: which port a caller may name for one, and what changes of both by that."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec import Struct

from fractus.auth.principal import Principal
from fractus.model.errors import Conflict, NotFound
from fractus.model.network import FLOATING
from fractus.model.resource import Resource
from fractus.services.network.dialect.queries import rows
from fractus.services.network.dialect.schema.errors import bad_request, conflict, not_found
from fractus.services.network.dialect.writes.neighbours import Ports, Routers
from fractus.services.network.floating_ips.kind import KIND, details_of
from fractus.services.network.floating_ips.schema import FORWARDINGS
from fractus.store import presences
from fractus.store.listing import Filter
from fractus.store.resources import Resources
from fractus.store.transaction import Reader, Transaction


class End(Struct, frozen=True):
    """Where one leads: to which address of which port, through which router, in which cloud (None: not known yet)."""

    port: Resource
    ip: str
    router_id: str
    cloud: str | None


class Associations:
    """Judges and writes them."""

    def __init__(self, resources: Resources, ports: Ports, routers: Routers) -> None:
        self._resources, self._ports, self._routers = resources, ports, routers

    async def change(
        self,
        tx: Transaction,
        caller: Principal,
        floating_ip: Resource,
        port_id: str | None,
        fixed_ip: str | None,
    ) -> dict[str, object]:
        """It leads elsewhere, or nowhere (`port_id` None): what its writer is to write."""
        end, before = (
            await self.end(tx, caller, floating_ip, port_id, fixed_ip),
            floating_ip.desired["port_id"],
        )
        if floating_ip.desired.get(FORWARDINGS):
            if port_id:
                raise in_use(floating_ip)
            return {"port_id": None, "fixed_ip_address": None}
        if before and before != port_id:
            await self.let_go(tx, floating_ip, before)
        floating_ip.desired["router_id"] = None if end is None else end.router_id
        floating_ip.desired["port_details"] = None if end is None else details_of(end.port)
        if end is not None:
            await self.hold(tx, floating_ip, end, await self.pool_cloud(tx, floating_ip))
        return {"port_id": port_id, "fixed_ip_address": None if end is None else end.ip}

    async def end(
        self,
        tx: Transaction,
        caller: Principal,
        floating_ip: Resource,
        port_id: str | None,
        fixed_ip: str | None,
    ) -> End | None:
        """Where a request has it lead, as Neutron judges it (neutron.db.l3_db); None: nowhere."""
        if not port_id:
            if fixed_ip:
                raise bad_request("floatingip", "fixed_ip_address cannot be specified without a port_id")
            return None
        port = await self._resources.fetch(tx, "port", port_id)
        projects = () if port is None else (port.project_id, port.desired["network_project_id"])
        if port is None or port.deleted_at is not None:
            raise not_found("port", port_id)
        if caller.project_id not in projects and not caller.is_admin:
            raise not_found("port", port_id)
        if port.project_id != floating_ip.project_id and not caller.is_admin:
            raise bad_request(
                "floatingip",
                f"Cannot process floating IP association with Port {port_id}, since that port is owned by a different"
                " project",
            )
        fixed = _address(port, fixed_ip)
        network_id = floating_ip.desired["floating_network_id"]
        router_id = await self.router(tx, network_id, port, fixed["subnet_id"])
        return End(port, fixed["ip_address"], router_id, await self.cloud_of(tx, port))

    async def pool_cloud(self, tx: Transaction, floating_ip: Resource) -> str:
        """The cloud that the subnet of its address is in; empty where that may be in any."""
        pool = await self._resources.fetch(tx, "subnet", floating_ip.desired["subnet_id"])
        there = () if pool is None else pool.choice.get("only", ())
        return next(iter(there), "")

    async def router(self, tx: Transaction, network_id: str, port: Resource, subnet_id: str) -> str:
        """The router between: the one that is the gateway of the port's subnet, else the first."""
        subnet = await self._resources.fetch(tx, "subnet", subnet_id)
        gateway = None if subnet is None else subnet.desired["gateway_ip"]
        between = await self._routers.between(tx, subnet_id, network_id)
        if between:
            return min(between, key=lambda one: one[1] != gateway)[0]
        raise NotFound(
            f"External network {network_id} is not reachable from subnet {subnet_id}.  Therefore, cannot associate"
            f" Port {port.id} with a Floating IP.",
            kind=KIND.name,
            type="ExternalGatewayForFloatingIPNotFound",
        )

    async def cloud_of(self, tx: Transaction, port: Resource) -> str | None:
        """Where a port is, or where the server is to be that has it; None: anywhere."""
        for there in await presences.of_resource(tx, "port", port.id):
            if there.wanted:
                return there.cloud
        held: list[str] = port.choice.get("only", [])
        if held:
            return held[0]
        device = port.desired["device_id"]
        server = await self._resources.fetch(tx, "server", device) if device else None
        return None if server is None else server.home or server.desired.get("zone") or None

    async def hold(self, tx: Transaction, floating_ip: Resource, end: End, cloud: str) -> None:
        """It leads there from now on, and its port goes nowhere but to the cloud where its address is (empty: any)."""
        desired, port = floating_ip.desired, end.port
        await self.check_zone(tx, floating_ip, port.id, end.cloud, cloud)
        for other in await self.leading_to(tx, port.id):
            same = other.desired["floating_network_id"] == desired["floating_network_id"]
            if same and other.id != floating_ip.id and other.desired["fixed_ip_address"] == end.ip:
                raise self.taken(floating_ip, port.id, end.ip)
        led = {**port.choice.get(FLOATING, {}), floating_ip.id: desired["floating_ip_address"]}
        await self._ports.lead_to(tx, port, led, cloud)

    async def check_zone(
        self, tx: Transaction, floating_ip: Resource, port_id: str, where: str | None, cloud: str
    ) -> None:
        """`Conflict` where a port is elsewhere than its cloud; `cloud` empty: any."""
        desired = floating_ip.desired
        if cloud and where not in (None, cloud):
            network = await self._resources.fetch(tx, "network", desired["floating_network_id"])
            name = "" if network is None else network.name
            raise conflict(
                f"Floating IP {desired['floating_ip_address']} is in zone {cloud}, and port {port_id} is in zone"
                f" {where}: use one of network {name} ({desired['floating_network_id']}) that is made for this"
                " port.",
                "FloatingIPInOtherZone",
            )

    @staticmethod
    def taken(floating_ip: Resource, port_id: str, ip: str) -> Conflict:
        """The address that it is to lead to has one already."""
        desired = floating_ip.desired
        return conflict(
            f"Cannot associate floating IP {desired['floating_ip_address']} ({floating_ip.id}) with port {port_id}"
            f" using fixed IP {ip}, as that fixed IP already has a floating IP on external network"
            f" {desired['floating_network_id']}.",
            "FloatingIPPortAlreadyAssociated",
        )

    async def let_go(self, tx: Transaction, floating_ip: Resource, port_id: str) -> None:
        """A port that no other leads to may be anywhere."""
        port = await self._resources.fetch(tx, "port", port_id)
        if port is None or port.deleted_at is not None:
            return
        led: dict[str, str] = port.choice.get(FLOATING, {})
        await self._ports.lead_to(tx, port, {id: ip for id, ip in led.items() if id != floating_ip.id})

    async def leading_to(self, reader: Reader, port_id: str) -> Sequence[Resource]:
        """Those that lead to a port."""
        return await rows.every(reader, self._resources, KIND.name, Filter("port_id", "eq", port_id))


def _address(port: Resource, asked: str | None) -> Mapping[str, str]:
    """The address of a port that a floating IP is to lead to."""
    every: list[Mapping[str, str]] = port.desired["fixed_ips"]
    if port.desired["device_owner"] == "network:dhcp":
        raise bad_request("floatingip", "Port %(id)s is unable to be assigned a floating IP")
    if asked is not None:
        if ":" in asked:
            raise bad_request(
                "floatingip",
                f"Cannot process floating IP association with {asked}, since that is not an IPv4 address",
            )
        found = [one for one in every if one["ip_address"] == asked]
        if not found:
            raise bad_request("floatingip", f"Port {port.id} does not have fixed ip {asked}")
        return found[0]
    found = [one for one in every if ":" not in one["ip_address"]]
    if not found:
        raise bad_request(
            "floatingip", f"Cannot add floating IP to port {port.id} that has no fixed IPv4 addresses"
        )
    if len(found) > 1:
        raise bad_request(
            "floatingip",
            f"Port {port.id} has multiple fixed IPv4 addresses.  Must provide a specific IPv4 address when assigning"
            " a floating IP",
        )
    return found[0]


def in_use(floating_ip: Resource) -> Conflict:
    """It forwards ports."""
    return conflict(
        f"Floating IP {floating_ip.id} in use by Port Forwarding resources.", "FipInUseByPortForwarding"
    )
