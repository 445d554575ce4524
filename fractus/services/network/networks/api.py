"""The API of networks, as far as it is particular: MTUs, zones, sharing, and what leaves with a network."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fractus.model.network import MADE_HERE
from fractus.model.resource import Resource
from fractus.services.network.dialect.api.collection import CollectionApi
from fractus.services.network.dialect.queries.defaults import default_external
from fractus.services.network.dialect.queries.mtu import check_carried
from fractus.services.network.dialect.queries.rows import is_some
from fractus.services.network.dialect.schema.attributes import Item
from fractus.services.network.dialect.schema.errors import conflict, network_in_use
from fractus.services.network.dialect.schema.mtu import check_mtu
from fractus.services.network.dialect.schema.zones import check_known
from fractus.services.network.networks.kind import IS_DEFAULT, KIND
from fractus.store import clouds
from fractus.store.listing import Filter
from fractus.store.transaction import Transaction
from fractus.web.routing import Call


class NetworkApi(CollectionApi):
    """Handlers of networks."""

    kind = KIND
    changed_here = ("name", "router:external")

    async def before_create(self, tx: Transaction, call: Call, resource: Resource, item: Item) -> None:
        """Its zones are known, its MTU is carried somewhere, and its project has a default group."""
        check_known(resource.desired["availability_zone_hints"], await clouds.enabled(tx))
        await check_carried(tx, resource.desired["mtu"])
        await self._at.groups.ensure_default(tx, resource.project_id)
        resource.desired["subnets"] = []
        external = resource.desired["router:external"]
        resource.desired |= {MADE_HERE: True} if external else {}
        resource.desired[IS_DEFAULT] = external and resource.desired[IS_DEFAULT]
        await self._check_default(tx, resource, resource.desired[IS_DEFAULT])
        if not resource.desired["qos_policy_id"]:
            resource.desired["qos_policy_id"] = await self._at.qos_policies.default_of(
                tx, resource.project_id
            )

    async def before_update(
        self, tx: Transaction, call: Call, resource: Resource, item: Item
    ) -> dict[str, Any]:
        """Others use it no longer where it is no longer shared; its clouds and subnets take the new MTU."""
        if item.values.get("router:external", resource.desired["router:external"]):
            await self._check_default(tx, resource, item.values.get(IS_DEFAULT, False))
        else:
            item.values.pop(IS_DEFAULT, None)  # as Neutron, which says it of external networks alone
        if item.values.get("shared") is False and resource.desired["shared"]:
            await self._check_unshare(tx, resource)
        if item.values.get("router:external") is False and await self._at.routers.leading_out(
            tx, resource.id
        ):
            raise conflict(
                f"External network {resource.id} cannot be updated to be made non-external, since it has existing"
                " gateway ports.",
                "ExternalNetworkInUse",
            )
        if "mtu" in item.values:
            await check_carried(tx, item.values["mtu"], resource)
            for version in (4, 6):
                if await self._at.subnets.of_version(tx, resource.id, version):
                    check_mtu(resource.id, item.values["mtu"], version)
        if "router:external" not in item.values:
            return {}
        return {MADE_HERE: item.values["router:external"] and not resource.choice.get("only")}

    async def after_update(self, tx: Transaction, resource: Resource, before: Mapping[str, Any]) -> None:
        """Its subnets are shared and external as it is."""
        if resource.desired["shared"] != before["shared"]:
            await self._writes.forget_policies(tx, resource.id, "*")
        if any(resource.desired[name] != before[name] for name in ("shared", "router:external")):
            await self._at.subnets.network_changed(tx, resource)

    async def before_delete(self, tx: Transaction, call: Call, resource: Resource) -> None:
        """It leaves with its subnets, unless ports are in use on it, or gateways of routers."""
        is_external = resource.desired["router:external"]
        if is_external:
            await self._at.floating_ips.leave_network(tx, resource.id)
        await self._at.ports.leave_network(tx, resource.id)
        # A gateway without an address has no port.
        if is_external and (led := await self._at.routers.leading_out(tx, resource.id)):
            raise network_in_use(resource.id, [f"gateway of router {one.id}" for one in led])
        await self._at.subnets.remove_of(tx, resource.id)

    async def _check_default(self, tx: Transaction, network: Resource, default: bool) -> None:
        """`Conflict` where another external network is the default one."""
        there = await default_external(tx, self._resources) if default else None
        if there not in (None, network.id):
            raise conflict(
                f"A default external network already exists: {there}.", "DefaultExternalNetworkExists"
            )

    async def _check_unshare(self, tx: Transaction, network: Resource) -> None:
        others = Filter("project_id", "notin", ("", network.project_id))
        subnets = Filter("network_id", "eq", network.id), others
        if await self._at.shares["network"].is_used(tx, network.id, others) or await is_some(
            tx, self._resources, "subnet", *subnets
        ):
            raise conflict(
                f"Unable to reconfigure sharing settings for network {network.name}. "
                "Multiple projects are using it.",
                "InvalidSharedSetting",
            )
