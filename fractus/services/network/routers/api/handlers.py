"""The API of routers, as far as it is particular: gateways, routes and interfaces."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fractus.model.resource import Resource
from fractus.services.network.dialect.api import lists
from fractus.services.network.dialect.api.collection import CollectionApi
from fractus.services.network.dialect.api.neighbours import NetworkNeighbours
from fractus.services.network.dialect.schema.attributes import Item
from fractus.services.network.dialect.schema.errors import conflict
from fractus.services.network.dialect.schema.zones import check_known
from fractus.services.network.routers import schema
from fractus.services.network.routers.api.conntrack_helpers import ConntrackHelpersApi
from fractus.services.network.routers.api.flavors import Flavors
from fractus.services.network.routers.api.gateways import Gateways
from fractus.services.network.routers.api.interfaces import Interfaces
from fractus.services.network.routers.kind import ADMINS, GATEWAY_INFO, KIND
from fractus.services.network.routers.queries import interfaces_of
from fractus.services.network.routers.schema.conntrack_helpers import HELPERS
from fractus.services.network.routers.writes import NOWHERE, RouterWrites
from fractus.store import clouds
from fractus.store.transaction import Transaction
from fractus.web.routing import Call, Reply, Route

_SORTS = (("ha", "HA attribute"), ("distributed", "the 'distributed' attribute"))


class RouterApi(CollectionApi):
    """Handlers of routers."""

    kind = KIND
    core = False
    bulk = False
    admin_rule = ADMINS
    actions = {
        "add_router_interface": "Add an interface to a router.",
        "remove_router_interface": "Remove an interface from a router.",
        "add_extraroutes": "Add routes to a router.",
        "remove_extraroutes": "Remove routes from a router.",
    }

    def __init__(self, at: NetworkNeighbours) -> None:
        super().__init__(at)
        self._routers = at.own(RouterWrites)
        self._flavors = Flavors(at.ledger.resources)
        self._gateways = Gateways(self._routers, at.external, at.floating_ips)
        self._interfaces = Interfaces(self._routers, at.interfaces, at.router_ports, at.floating_ips)

    def routes(self) -> list[Route]:
        """With those of its conntrack helpers."""
        return [*super().routes(), *ConntrackHelpersApi(self._at).routes()]

    async def before_create(self, tx: Transaction, call: Call, resource: Resource, item: Item) -> None:
        """Its zones are known, and its gateway leads outside."""
        desired = resource.desired
        desired |= await self._flavors.of_new(tx, item)
        check_known(desired["availability_zone_hints"], await clouds.enabled(tx))
        desired |= {
            "routes": [],
            "subnets": [],
            HELPERS: [],
            "ha": desired.get("ha"),
            "distributed": desired.get("distributed"),
        }
        asked = desired[GATEWAY_INFO]
        desired[GATEWAY_INFO] = None
        desired[GATEWAY_INFO] = await self._gateway(tx, call, resource, asked)

    async def before_update(
        self, tx: Transaction, call: Call, resource: Resource, item: Item
    ) -> Mapping[str, Any]:
        """Routes first, by the gateway of before; then the gateway, by the routes of after: as Neutron has it."""
        given = item.values
        more: dict[str, Any] = {}
        self._check_sort(resource, given)
        await self._flavors.check_update(tx, resource, given)
        if "routes" in given:
            schema.check_routes(given["routes"], await self._routers.nets(tx, resource))
        if GATEWAY_INFO in given:
            more[GATEWAY_INFO] = gateway = await self._gateway(tx, call, resource, given[GATEWAY_INFO])
            outside = gateway["network_id"] if gateway else NOWHERE
            routes = given.get("routes", resource.desired["routes"])
            schema.check_routes(routes, await self._routers.nets(tx, resource, outside=outside))
        return more

    async def before_delete(self, tx: Transaction, call: Call, resource: Resource) -> None:
        """Not while it has interfaces."""
        held = [one.id for one in await interfaces_of(tx, self._resources, resource.id)]
        if held:
            raise conflict(f"Router {resource.id} has ports still attached: {', '.join(held)}", "RouterInUse")

    @staticmethod
    def _check_sort(router: Resource, given: Mapping[str, Any]) -> None:
        """What sort of router it is changes only out of service."""
        up = router.desired["admin_state_up"] or given.get("admin_state_up", False)
        for name, noun in _SORTS:
            asked = given.get(name)
            if asked is not None and asked != bool(router.desired[name]) and up:
                raise schema.refused(
                    f"Cannot change {noun} of active routers. Please set router admin_state_up to False prior to "
                    "upgrade"
                )

    # --- gateways --------------------------------------------------------------------------------

    async def _gateway(
        self, tx: Transaction, call: Call, router: Resource, asked: Mapping[str, Any] | None
    ) -> dict[str, Any] | None:
        """What is kept of a gateway that is asked for."""
        network = await self._interfaces.network(tx, call, asked["network_id"]) if asked else None
        if network is not None and not network.desired["router:external"]:
            raise schema.refused(f"Network {network.id} is not an external network")
        return await self._gateways.change(tx, router, network, asked or {})

    # --- routes ----------------------------------------------------------------------------------

    async def add_extraroutes(self, call: Call) -> Reply:
        """PUT add_extraroutes: those that are there already stay."""
        more = schema.routes_of(call.body)
        return await self._reroute(call, "add_extraroutes", lambda old: schema.with_routes(old, more))

    async def remove_extraroutes(self, call: Call) -> Reply:
        """PUT remove_extraroutes: those that are not there are no error."""
        less = schema.routes_of(call.body)
        return await self._reroute(
            call, "remove_extraroutes", lambda old: [one for one in old if one not in less]
        )

    async def _reroute(self, call: Call, rule: str, change: Any) -> Reply:
        async with self.acting(call, rule) as (tx, router):
            routes = change(router.desired["routes"])
            schema.check_routes(routes, await self._routers.nets(tx, router))
            await self._routers.update(tx, router, {"routes": routes})
        return lists.one(KIND.name, self.changed(call, router), call.query)

    # --- interfaces ------------------------------------------------------------------------------

    async def add_router_interface(self, call: Call) -> Reply:
        """PUT add_router_interface: by a subnet, which gives its gateway's address, or by a port."""
        async with self.acting(call, "add_router_interface") as (tx, router):
            port_id, subnet_id = schema.interface_info(call.body)
            if port_id:
                port, subnets = await self._interfaces.add_port(tx, call, router, port_id)
                await self._join(tx, router, subnets)
            else:
                port, subnets = await self.connect(tx, call, router, subnet_id)
        return _interface_reply(router, port, subnets, subnets[-1])

    async def connect(
        self, tx: Transaction, call: Call, router: Resource, subnet_id: str
    ) -> tuple[Resource, list[str]]:
        """A router has an interface in a subnet from now on: its port, and the subnets that came with it."""
        port, subnets = await self._interfaces.add_subnet(tx, call, router, subnet_id)
        await self._join(tx, router, subnets)
        return port, subnets

    async def _join(self, tx: Transaction, router: Resource, subnets: Sequence[str]) -> None:
        await self._routers.update(tx, router, {"subnets": [*router.desired["subnets"], *subnets]})

    async def remove_router_interface(self, call: Call) -> Reply:
        """PUT remove_router_interface: its port goes with it."""
        async with self.acting(call, "remove_router_interface") as (tx, router):
            port_id, subnet_id = schema.interface_info(call.body, removal=True)
            if port_id:
                port, subnets = await self._interfaces.remove_port(tx, router, port_id, subnet_id)
                await self._leave(tx, router, subnets)
            else:
                port, subnets = await self.disconnect(tx, call, router, subnet_id)
        return _interface_reply(router, port, subnets, subnets[0])

    async def disconnect(
        self, tx: Transaction, call: Call, router: Resource, subnet_id: str
    ) -> tuple[Resource, list[str]]:
        """A router has its interface in a subnet no longer: the port that it had, and the subnets that it was in."""
        port, subnets = await self._interfaces.remove_subnet(tx, call, router, subnet_id)
        await self._leave(tx, router, subnets)
        return port, subnets

    async def _leave(self, tx: Transaction, router: Resource, subnets: Sequence[str]) -> None:
        left = [id for id in router.desired["subnets"] if id not in subnets]
        await self._routers.update(tx, router, {"subnets": left})


def _interface_reply(router: Resource, port: Resource, subnets: Sequence[str], subnet_id: str) -> Reply:
    return Reply(
        200,
        {
            "id": router.id,
            "project_id": port.project_id,
            "port_id": port.id,
            "network_id": port.desired["network_id"],
            "subnet_id": subnet_id,
            "subnet_ids": list(subnets),
        },
    )
