"""The routes of networks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from fractus.base.ids import new_id
from fractus.model.errors import ApiError
from fractus.model.resource import Resource
from fractus.services.network.dialect.api import lists
from fractus.services.network.dialect.api.access import (
    authorise,
    refuse_body,
    refuse_constraint,
    seen,
)
from fractus.services.network.dialect.api.lists import Lists
from fractus.services.network.dialect.api.replies import collection_routes, created
from fractus.services.network.dialect.api.tags import Tags
from fractus.services.network.dialect.schema import values
from fractus.services.network.dialect.schema.attributes import Item, read
from fractus.services.network.dialect.schema.errors import conflict, invalid_input, not_found
from fractus.services.network.networks.api.writes import NetworkWrites
from fractus.services.network.networks.queries import most_of, network_scope
from fractus.services.network.networks.schema import ATTRIBUTES, refuse_foreign
from fractus.services.network.networks.table import NETWORK
from fractus.services.network.networks.view import target
from fractus.store import clouds, presences
from fractus.store.listing import Filter, Filters, page
from fractus.store.transaction import Reader, Store, Transaction
from fractus.web.routing import Call, Reply, Route

#: Ports that leave with their network (neutron.common._constants.AUTO_DELETE_PORT_OWNERS).
AUTO_DELETED = ("network:dhcp", "network:distributed", "network:floatingip_agent_gateway")

#: The smallest packet that every network must carry whole: RFC 791, RFC 8200.
_LEAST_MTU = {4: 68, 6: 1280}


class Subnets(Protocol):
    """What networks need of subnets."""

    async def remove_of(self, tx: Transaction, network_id: str) -> None:
        """Remove all subnets of a network."""
        ...

    async def network_changed(self, tx: Transaction, network: Resource) -> None:
        """Tell the subnets that their network is shared now, or no longer."""
        ...


class Ports(Protocol):
    """What networks need of ports."""

    async def remove_auto(self, tx: Transaction, network_id: str) -> None:
        """Remove the ports that leave with their network."""
        ...


class Groups(Protocol):
    """What networks need of security groups."""

    async def ensure_default(self, tx: Transaction, project_id: str) -> str:
        """The project's default group, made if there is none."""
        ...


def _missing(id: str) -> Any:
    return not_found("network", id)


def _provided(_given: Sequence[object]) -> Filters:
    """Which wires a network has is each cloud's own choice: none has the ones that are asked for here."""
    return [Filter("id", "eq", "")]


LISTS = Lists(
    collection="networks",
    table=NETWORK,
    attributes=ATTRIBUTES,
    scope=lambda principal: network_scope(principal.project_id),
    missing=_missing,
    special={
        "provider:network_type": _provided,
        "provider:physical_network": _provided,
        "provider:segmentation_id": lambda given: _provided([values.to_int(text) for text in given]),
    },
)


class NetworkApi:
    """Handlers of networks."""

    def __init__(
        self, store: Store, writes: NetworkWrites, subnets: Subnets, ports: Ports, groups: Groups
    ) -> None:
        self._store = store
        self._writes = writes
        self._resources = writes.ledger.resources
        self._subnets = subnets
        self._ports = ports
        self._groups = groups
        self._tags = Tags("network", "networks", store, self._permitted, writes.touch)

    def routes(self) -> list[Route]:
        """All of them."""
        return [
            *collection_routes(self, "network", "networks", ATTRIBUTES, update=self.update),
            *self._tags.routes(),
        ]

    async def _permitted(self, reader: Reader, call: Call, id: str, rule: str) -> Resource:
        found = await self._resources.fetch(reader, "network", id)
        network = seen(call, found, target, _missing(id))
        call.enforce(rule, target(network))
        return network

    async def index(self, call: Call) -> Reply:
        """GET networks."""
        return await lists.reply(self._store, call, LISTS)

    async def show(self, call: Call) -> Reply:
        """GET a network."""
        network = await self._permitted(self._store, call, call.params["id"], "get_network")
        return lists.one("network", network.summary, call.query)

    async def create(self, call: Call) -> Reply:
        """POST networks, one or several: all of them or none."""
        request = read("network", ATTRIBUTES, call.body, call.principal, create=True)
        for item in request.items:
            about = {**item.values, "network:project_id": item.values["project_id"]}
            authorise(call, "create_network", ATTRIBUTES, item, about, create=True)
            refuse_foreign(item)
        async with self._store.transaction() as tx:
            made = [await self._create(tx, call, item) for item in request.items]
        return created("network", made, bulk=request.bulk)

    async def _create(self, tx: Transaction, call: Call, item: Item) -> Resource:
        given = item.values
        await self._check_zones(tx, given["availability_zone_hints"])
        await self._check_carried(tx, given["mtu"])
        await self._groups.ensure_default(tx, given["project_id"])
        names = (
            "name", "description", "admin_state_up", "shared", "mtu", "port_security_enabled",
            "availability_zone_hints", "tags",
        )  # fmt: skip
        resource = Resource(
            kind="network",
            id=new_id(),
            project_id=given["project_id"],
            user_id=call.principal.user_id,
            name=given["name"],
            desired={**{name: given[name] for name in names}, "router:external": False, "subnets": []},
            request_id=call.request_id,
        )
        return await self._writes.create(tx, resource)

    async def _check_carried(self, reader: Reader, mtu: int, network: Resource | None = None) -> None:
        """Refuse an MTU that no cloud carries; of a network that is in clouds already, one that any of those does not.

        What a cloud carries its own networks have shown; where one has not yet, nothing is refused for its sake.
        """
        if not mtu:
            return
        known = {name: most_of(one) for name, one in (await clouds.learnt(reader, "network")).items()}
        there = [] if network is None else await presences.of_resource(reader, "network", network.id)
        held = [known.get(one.cloud, 0) for one in there if one.wanted]
        bounds = [most for most in held if most] if held else list(known.values())
        if not bounds or not all(bounds):
            return
        most = min(bounds) if held else max(bounds)
        if mtu > most:
            raise invalid_input(f"Requested MTU is too big, maximum is {most}")

    async def _check_zones(self, reader: Reader, hints: list[str]) -> None:
        if len(",".join(hints)) > 255:
            raise invalid_input("Too many availability_zone_hints specified")
        known = await clouds.enabled(reader)
        for hint in hints:
            if hint not in known:
                raise not_found("availability_zone", hint)

    async def update(self, call: Call) -> Reply:
        """PUT a network."""
        refuse_constraint(call)
        item = read(
            "network", ATTRIBUTES, call.body, call.principal, create=False, id=call.params["id"]
        ).items[0]
        async with self._store.transaction() as tx:
            id = call.params["id"]
            network = seen(call, await self._resources.fetch(tx, "network", id), target, _missing(id))
            authorise(call, "update_network", ATTRIBUTES, item, target(network), create=False)
            refuse_foreign(item)
            await self._check_change(tx, network, item)
            was_shared = network.desired["shared"]
            await self._writes.update(tx, network, item.values)
            if network.desired["shared"] != was_shared:
                await self._subnets.network_changed(tx, network)
        return lists.one("network", network.summary, call.query)

    async def _check_change(self, tx: Transaction, network: Resource, item: Item) -> None:
        given = item.values
        if given.get("shared") is False and network.desired["shared"]:
            await self._check_unshare(tx, network)
        if "mtu" in given:
            await self._check_carried(tx, given["mtu"], network)
            await self._check_mtu(tx, network, given["mtu"])

    async def _check_unshare(self, tx: Transaction, network: Resource) -> None:
        others = [
            Filter("network_id", "eq", network.id),
            Filter("deleted_at", "null"),
            Filter("project_id", "ne", network.project_id),
        ]
        for kind in ("port", "subnet"):
            if await page(tx, self._resources.tables[kind], others, columns=("id",), limit=1):
                raise conflict(
                    f"Unable to reconfigure sharing settings for network {network.name}. "
                    "Multiple projects are using it.",
                    "InvalidSharedSetting",
                )

    async def _check_mtu(self, tx: Transaction, network: Resource, mtu: int) -> None:
        if mtu == 0 or mtu >= _LEAST_MTU[6] or not network.desired["subnets"]:
            return
        for id in network.desired["subnets"]:
            subnet = await self._resources.fetch(tx, "subnet", id)
            least = _LEAST_MTU[subnet.desired["ip_version"] if subnet is not None else 4]
            if mtu < least:
                raise conflict(
                    f"MTU of {network.id} is not valid, subnet requires a minimum of {least}",
                    "NetworkMTUSubnetConflict",
                )

    async def delete(self, call: Call) -> Reply:
        """DELETE a network with its subnets, unless ports are in use on it."""
        refuse_constraint(call)
        async with self._store.transaction() as tx:
            network = await self._permitted(tx, call, call.params["id"], "delete_network")
            refuse_body(call)
            await self._check_unused(tx, network)
            await self._ports.remove_auto(tx, network.id)
            await self._subnets.remove_of(tx, network.id)
            await self._writes.remove(tx, network)
        return Reply(204)

    async def _check_unused(self, tx: Transaction, network: Resource) -> None:
        used = [
            Filter("network_id", "eq", network.id),
            Filter("deleted_at", "null"),
            Filter("device_owner", "notin", AUTO_DELETED),
        ]
        rows = await page(tx, self._resources.tables["port"], used, columns=("id",), limit=1000)
        if rows:
            raise _in_use(network.id, [row[0] for row in rows])


def _in_use(id: str, ports: list[str]) -> ApiError:
    return conflict(
        f"Unable to complete operation on network {id}. There are one or more ports still in use on the network, "
        f"id for these ports is: {','.join(ports)}.",
        "NetworkInUse",
    )
