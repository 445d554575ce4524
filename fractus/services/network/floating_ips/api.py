"""The API of floating IPs, as far as it is particular: which address each gets, and where it leads."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress

from msgspec import Struct

from fractus.model.errors import Conflict, Invalid, NotFound
from fractus.model.network import FLOATING
from fractus.model.resource import Resource
from fractus.services.network.dialect import kind as neutron
from fractus.services.network.dialect.api.collection import CollectionApi
from fractus.services.network.dialect.api.neighbours import NetworkNeighbours
from fractus.services.network.dialect.queries import rows
from fractus.services.network.dialect.schema.attributes import Item
from fractus.services.network.dialect.schema.errors import bad_request, conflict, not_found
from fractus.services.network.dialect.schema.outside import Given
from fractus.services.network.floating_ips.kind import KIND, details_of, holder
from fractus.services.network.floating_ips.writes import FloatingIpWrites
from fractus.store import presences
from fractus.store.listing import Filter
from fractus.store.transaction import Transaction
from fractus.web.routing import Call


class _End(Struct, frozen=True):
    """Where one leads: to which address of which port, through which router, in which cloud (None: not known yet)."""

    port: Resource
    ip: str
    router_id: str
    cloud: str | None


class FloatingIpApi(CollectionApi):
    """Handlers of floating IPs."""

    kind = KIND
    core = False
    bulk = False

    def __init__(self, at: NetworkNeighbours) -> None:
        super().__init__(at)
        self._at, self._external, self._own = at, at.external, at.own(FloatingIpWrites)

    async def before_create(self, tx: Transaction, call: Call, resource: Resource, item: Item) -> None:
        """Its address, and with it the cloud that it is in: that of its port, where it is to lead to one."""
        desired = resource.desired
        network = await self._network(tx, call, desired["floating_network_id"])
        end = await self._end(tx, call, resource, item)
        given = await self._given(tx, network, resource, None if end is None else end.cloud)
        desired |= {"subnet_id": given.subnet_id, "floating_ip_address": given.ip, "router_id": None}
        if end is not None:
            desired |= {"fixed_ip_address": end.ip, "router_id": end.router_id}
            desired["port_details"] = details_of(end.port)
            await self._hold(tx, resource, end, given.cloud)

    async def _given(
        self, tx: Transaction, network: Resource, resource: Resource, cloud: str | None
    ) -> Given:
        """Its address: in the cloud of its port; else where a router of its project leads outside, for it can lead
        nowhere else; else anywhere.
        """
        asked = {"subnet_id": resource.desired["subnet_id"], "ip": resource.desired["floating_ip_address"]}
        who = holder(resource.id)
        if cloud is not None:
            return await self._external.give(tx, network, who, clouds=[cloud], **asked)
        if not any(asked.values()):
            there = await self._at.routers.reached_from(tx, resource.project_id, network.id)
            with suppress(Conflict, Invalid):
                return await self._external.give(tx, network, who, clouds=there, **asked)
        return await self._external.give(tx, network, who, **asked)

    async def before_update(self, tx: Transaction, call: Call, resource: Resource, item: Item) -> None:
        """It leads elsewhere, or nowhere. What does not name a port leaves it where it leads."""
        values, before = item.values, resource.desired["port_id"]
        end = await self._end(tx, call, resource, item)
        if "port_id" not in values:
            values.pop("fixed_ip_address", None)
            return
        if before and before != values["port_id"]:
            await self._let_go(tx, resource, before)
        values["fixed_ip_address"] = None if end is None else end.ip
        resource.desired["router_id"] = None if end is None else end.router_id
        resource.desired["port_details"] = None if end is None else details_of(end.port)
        if end is not None:
            pool = await self._resources.fetch(tx, "subnet", resource.desired["subnet_id"])
            await self._hold(tx, resource, end, pool.choice["only"][0] if pool is not None else "")

    async def before_delete(self, tx: Transaction, call: Call, resource: Resource) -> None:
        """Its port may be anywhere again."""
        if resource.desired["port_id"]:
            await self._let_go(tx, resource, resource.desired["port_id"])

    async def _network(self, tx: Transaction, call: Call, id: str) -> Resource:
        """The external network that it is of."""
        network = await self._resources.fetch(tx, "network", id)
        if network is None or network.deleted_at is not None or not call.allows("get_network", _of(network)):
            raise not_found("network", id)
        if not network.desired["router:external"]:
            raise bad_request("floatingip", f"Network {id} is not a valid external network")
        of_it = Filter("network_id", "eq", id), Filter("ip_version", "eq", 4)
        if not await rows.is_some(tx, self._resources, "subnet", *of_it):
            raise bad_request("floatingip", f"Network {id} does not contain any IPv4 subnet")
        return network

    # --- where it leads --------------------------------------------------------------------------

    async def _end(self, tx: Transaction, call: Call, resource: Resource, item: Item) -> _End | None:
        """Where a request has it lead, as Neutron judges it (neutron.db.l3_db)."""
        if not item.set("port_id"):
            if item.set("fixed_ip_address"):
                raise bad_request("floatingip", "fixed_ip_address cannot be specified without a port_id")
            return None
        id, caller = item.values["port_id"], call.principal
        port = await self._resources.fetch(tx, "port", id)
        projects = () if port is None else (port.project_id, port.desired["network_project_id"])
        if port is None or port.deleted_at is not None:
            raise not_found("port", id)
        if caller.project_id not in projects and not caller.is_admin:
            raise not_found("port", id)
        if port.project_id != resource.project_id and not caller.is_admin:
            raise bad_request(
                "floatingip",
                f"Cannot process floating IP association with Port {id}, since that port is owned by a different"
                " project",
            )
        fixed = _address(port, item.values.get("fixed_ip_address"))
        router_id = await self._router(tx, resource.desired["floating_network_id"], port, fixed["subnet_id"])
        return _End(port, fixed["ip_address"], router_id, await self._cloud_of(tx, port))

    async def _router(self, tx: Transaction, network_id: str, port: Resource, subnet_id: str) -> str:
        """The router between: the one that is the gateway of the port's subnet, else the first."""
        subnet = await self._resources.fetch(tx, "subnet", subnet_id)
        gateway = None if subnet is None else subnet.desired["gateway_ip"]
        between = await self._at.routers.between(tx, subnet_id, network_id)
        if between:
            return min(between, key=lambda one: one[1] != gateway)[0]
        raise NotFound(
            f"External network {network_id} is not reachable from subnet {subnet_id}.  Therefore, cannot associate"
            f" Port {port.id} with a Floating IP.",
            kind=KIND.name,
            type="ExternalGatewayForFloatingIPNotFound",
        )

    async def _cloud_of(self, tx: Transaction, port: Resource) -> str | None:
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

    async def _hold(self, tx: Transaction, resource: Resource, end: _End, cloud: str) -> None:
        """It leads there from now on, and its port goes nowhere but to the cloud where its address is."""
        desired, port = resource.desired, end.port
        if end.cloud not in (None, cloud):
            network = await self._resources.fetch(tx, "network", desired["floating_network_id"])
            name = "" if network is None else network.name
            raise conflict(
                f"Floating IP {desired['floating_ip_address']} is in zone {cloud}, and port {port.id} is in zone"
                f" {end.cloud}: use one of network {name} ({desired['floating_network_id']}) that is made for this"
                " port.",
                "FloatingIPInOtherZone",
            )
        for other in await self._own.leading_to(tx, port.id):
            same = other.desired["floating_network_id"] == desired["floating_network_id"]
            if same and other.id != resource.id and other.desired["fixed_ip_address"] == end.ip:
                raise conflict(
                    f"Cannot associate floating IP {desired['floating_ip_address']} ({resource.id}) with port {port.id}"
                    f" using fixed IP {end.ip}, as that fixed IP already has a floating IP on external network"
                    f" {desired['floating_network_id']}.",
                    "FloatingIPPortAlreadyAssociated",
                )
        led = {**port.choice.get(FLOATING, {}), resource.id: desired["floating_ip_address"]}
        await self._at.ports.lead_to(tx, port, led, cloud)

    async def _let_go(self, tx: Transaction, resource: Resource, port_id: str) -> None:
        """A port that no other leads to may be anywhere."""
        port = await self._resources.fetch(tx, "port", port_id)
        if port is None or port.deleted_at is not None:
            return
        led: dict[str, str] = port.choice.get(FLOATING, {})
        await self._at.ports.lead_to(tx, port, {id: ip for id, ip in led.items() if id != resource.id})


def _of(network: Resource) -> dict[str, object]:
    return {**neutron.target(network), "router:external": network.desired["router:external"]}


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
