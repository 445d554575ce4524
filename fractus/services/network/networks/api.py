"""The API of networks, as far as it is particular: MTUs, zones, sharing, and what leaves with a network."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fractus.model.carried import CARRIED
from fractus.model.resource import Resource
from fractus.model.routers import FLOATING_IP_PORT, GATEWAY
from fractus.services.network.dialect.api.collection import CollectionApi
from fractus.services.network.dialect.api.neighbours import NetworkNeighbours
from fractus.services.network.dialect.queries.mtu import check_carried
from fractus.services.network.dialect.queries.rows import ids, is_some
from fractus.services.network.dialect.schema.attributes import Item
from fractus.services.network.dialect.schema.errors import conflict, not_carried
from fractus.services.network.dialect.schema.mtu import check_mtu
from fractus.services.network.dialect.schema.zones import check_known
from fractus.services.network.networks.kind import KIND
from fractus.store import clouds
from fractus.store.listing import Filter
from fractus.store.transaction import Transaction
from fractus.web.routing import Call


class NetworkApi(CollectionApi):
    """Handlers of networks."""

    kind = KIND

    def __init__(self, at: NetworkNeighbours) -> None:
        super().__init__(at)
        self._subnets, self._ports, self._groups = at.subnets, at.ports, at.groups
        self._policies = at.qos_policies
        self._floating = at.floating_ips

    async def before_create(self, tx: Transaction, call: Call, resource: Resource, item: Item) -> None:
        """Its zones are known, its MTU is carried somewhere, and its project has a default group."""
        check_known(resource.desired["availability_zone_hints"], await clouds.enabled(tx))
        await check_carried(tx, resource.desired["mtu"])
        await self._groups.ensure_default(tx, resource.project_id)
        resource.desired["subnets"] = []
        policy = resource.desired["qos_policy_id"]
        if policy:
            await self._policies.check_usable(tx, call, policy)
        else:
            resource.desired["qos_policy_id"] = await self._policies.default_of(tx, resource.project_id)

    async def before_update(self, tx: Transaction, call: Call, resource: Resource, item: Item) -> None:
        """Others use it no longer where it is no longer shared; its clouds and subnets take the new MTU."""
        if resource.desired["router:external"]:
            _refuse_clouds_own(resource, item)
        if item.values.get("shared") is False and resource.desired["shared"]:
            await self._check_unshare(tx, resource)
        if item.values.get("router:external") is False and await self._led_out(tx, resource.id):
            raise conflict(
                f"External network {resource.id} cannot be updated to be made non-external, since it has existing"
                " gateway ports.",
                "ExternalNetworkInUse",
            )
        if item.values.get("qos_policy_id"):
            await self._policies.check_usable(tx, call, item.values["qos_policy_id"])
        if "mtu" in item.values:
            await check_carried(tx, item.values["mtu"], resource)
            for id in resource.desired["subnets"]:
                subnet = await self._resources.fetch(tx, "subnet", id)
                version = subnet.desired["ip_version"] if subnet is not None else 4
                check_mtu(resource.id, item.values["mtu"], version)

    async def after_update(self, tx: Transaction, resource: Resource, before: Mapping[str, Any]) -> None:
        """Its subnets are shared as it is."""
        if resource.desired["shared"] != before["shared"]:
            await self._writes.forget_policies(tx, resource.id, "*")
            await self._subnets.network_changed(tx, resource)

    async def before_delete(self, tx: Transaction, call: Call, resource: Resource) -> None:
        """It leaves with its subnets, unless ports are in use on it, or gateways of routers."""
        if resource.desired["router:external"]:
            await self._floating.leave_network(tx, resource.id)
        await self._ports.leave_network(tx, resource.id)
        if resource.desired["router:external"] and (led := await self._led_out(tx, resource.id)):
            raise conflict(
                f"Unable to complete operation on network {resource.id}. There are one or more ports still in use on"
                f" the network, id for these ports is: {', '.join(f'gateway of router {id}' for id in led)}.",
                "NetworkInUse",
            )
        await self._subnets.remove_of(tx, resource.id)

    async def _led_out(self, tx: Transaction, id: str) -> list[str]:
        """The routers with a gateway on it: their ports there are the clouds' own."""
        return await ids(tx, self._resources, "router", Filter("gateway_network_id", "eq", id))

    async def _check_unshare(self, tx: Transaction, network: Resource) -> None:
        others = (Filter("network_id", "eq", network.id), Filter("project_id", "ne", network.project_id))
        ports = *others, Filter("device_owner", "notin", (GATEWAY, FLOATING_IP_PORT))
        if await is_some(tx, self._resources, "port", *ports) or await is_some(
            tx, self._resources, "subnet", *others
        ):
            raise conflict(
                f"Unable to reconfigure sharing settings for network {network.name}. "
                "Multiple projects are using it.",
                "InvalidSharedSetting",
            )


def _refuse_clouds_own(network: Resource, item: Item) -> None:
    """An external network has its name and its description here; all else is as each cloud has it."""
    for name, value in item.values.items():
        field = KIND.fields[name]
        if field.carried == CARRIED and name != "name" and value != network.desired.get(field.key):
            raise not_carried(name, "an external network is each cloud's own")
