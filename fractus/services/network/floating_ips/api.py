"""The API of floating IPs, as far as it is particular: which address each gets, and where it leads."""

from __future__ import annotations

from contextlib import suppress

from fractus.model.errors import Conflict, Invalid, NotFound
from fractus.model.network import MADE_HERE
from fractus.model.resource import Resource
from fractus.services.network.dialect import kind as neutron
from fractus.services.network.dialect.api.access import fetch_visible
from fractus.services.network.dialect.api.collection import CollectionApi
from fractus.services.network.dialect.api.neighbours import NetworkNeighbours
from fractus.services.network.dialect.api.parts import Part, PartsApi
from fractus.services.network.dialect.queries import rows
from fractus.services.network.dialect.schema.attributes import Item
from fractus.services.network.dialect.schema.errors import bad_request
from fractus.services.network.dialect.schema.outside import Given, is_clouds_own
from fractus.services.network.floating_ips import schema
from fractus.services.network.floating_ips.kind import KIND, details_of, holder
from fractus.services.network.floating_ips.schema import FORWARDINGS
from fractus.services.network.floating_ips.writes import FloatingIpWrites
from fractus.services.network.floating_ips.writes.associations import in_use
from fractus.store.listing import Filter
from fractus.store.transaction import Transaction
from fractus.web.routing import Call, Route


class ForwardingsApi(PartsApi):
    """Handlers of port forwardings."""

    kind = KIND
    place = FORWARDINGS

    def __init__(self, at: NetworkNeighbours) -> None:
        super().__init__(at, "port_forwarding", schema.FIELDS)
        self._forwardings = at.own(FloatingIpWrites).forwardings

    def every(self, whole: Resource) -> list[Part]:
        """Those of it; floating IPs of code of before have none."""
        return [schema.shown(one) for one in whole.desired.get(FORWARDINGS, ())]

    def missing(self, whole_id: str, id: str) -> NotFound:
        """Neutron's sentence."""
        return schema.missing(id)

    async def before_write(self, tx: Transaction, whole: Resource, part: Part, given: Part) -> Part:
        """It leads to a port that can be reached, and to none that others lead to."""
        whole.desired.setdefault(FORWARDINGS, [])
        return await self._forwardings.complete(tx, whole, part, given)

    async def before_delete(self, tx: Transaction, whole: Resource, part: Part) -> None:
        """Its port may be anywhere."""
        await self._forwardings.let_go(tx, whole, part)


class FloatingIpApi(CollectionApi):
    """Handlers of floating IPs."""

    kind = KIND
    core = False
    bulk = False

    def __init__(self, at: NetworkNeighbours) -> None:
        super().__init__(at)
        self._external = at.external
        self._associations = at.own(FloatingIpWrites).associations

    def routes(self) -> list[Route]:
        """With those of its port forwardings."""
        return [*super().routes(), *ForwardingsApi(self._at).routes()]

    async def before_create(self, tx: Transaction, call: Call, resource: Resource, item: Item) -> None:
        """Its address, and with it the cloud that it is in: that of its port, where it is to lead to one."""
        desired = resource.desired
        network = await self._network(tx, call, desired["floating_network_id"])
        asked = item.values.get("port_id"), item.values.get("fixed_ip_address")
        end = await self._associations.end(tx, call.principal, resource, *asked)
        given = await self._given(tx, network, resource, None if end is None else end.cloud)
        desired |= {MADE_HERE: not is_clouds_own(network), FORWARDINGS: []}
        desired |= {"subnet_id": given.subnet_id, "floating_ip_address": given.ip, "router_id": None}
        if end is not None:
            desired |= {"fixed_ip_address": end.ip, "router_id": end.router_id}
            desired["port_details"] = details_of(end.port)
            await self._associations.hold(tx, resource, end, given.cloud)

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
        values = item.values
        asked = values.get("port_id"), values.get("fixed_ip_address")
        if "port_id" in values:
            values |= await self._associations.change(tx, call.principal, resource, *asked)
            return
        await self._associations.end(tx, call.principal, resource, *asked)
        values.pop("fixed_ip_address", None)

    async def before_delete(self, tx: Transaction, call: Call, resource: Resource) -> None:
        """Its port may be anywhere again."""
        if resource.desired.get(FORWARDINGS):
            raise in_use(resource)
        if resource.desired["port_id"]:
            await self._associations.let_go(tx, resource, resource.desired["port_id"])

    async def _network(self, tx: Transaction, call: Call, id: str) -> Resource:
        """The external network that it is of."""
        network = await fetch_visible(tx, self._resources, call, "network", id, neutron.network_target)
        if not network.desired["router:external"]:
            raise bad_request("floatingip", f"Network {id} is not a valid external network")
        of_it = Filter("network_id", "eq", id), Filter("ip_version", "eq", 4)
        if not await rows.is_some(tx, self._resources, "subnet", *of_it):
            raise bad_request("floatingip", f"Network {id} does not contain any IPv4 subnet")
        return network
