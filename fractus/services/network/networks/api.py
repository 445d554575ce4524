"""The API of networks, as far as it is particular: MTUs, zones, sharing, and what leaves with a network."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fractus.model.network import EXTERNAL_TO, MADE_HERE
from fractus.model.resource import Resource
from fractus.services.network.dialect.api.collection import CollectionApi
from fractus.services.network.dialect.api.lists import leading_out
from fractus.services.network.dialect.queries.defaults import default_of
from fractus.services.network.dialect.queries.mtu import check_carried
from fractus.services.network.dialect.schema.attributes import Item
from fractus.services.network.dialect.schema.errors import (
    conflict,
    invalid_input,
    network_in_use,
    not_carried,
)
from fractus.services.network.dialect.schema.mtu import check_mtu
from fractus.services.network.dialect.schema.outside import may_be_made_here
from fractus.services.network.dialect.schema.zones import check_known
from fractus.services.network.networks import schema as providers
from fractus.services.network.networks.kind import IS_DEFAULT, KIND, SEES_SEGMENTS
from fractus.store import clouds
from fractus.store.transaction import Transaction
from fractus.web.routing import Call


class NetworkApi(CollectionApi):
    """Handlers of networks."""

    kind = KIND
    changed_here = ("name", "router:external")
    special = {"router:external": leading_out}
    admin_rule = SEES_SEGMENTS

    async def before_create(self, tx: Transaction, call: Call, resource: Resource, item: Item) -> None:
        """Its zones are known, its MTU is carried somewhere, and its project has a default group."""
        check_known(resource.desired["availability_zone_hints"], await clouds.enabled(tx))
        await self._provide(tx, resource, item)
        await check_carried(tx, resource.desired["mtu"])
        await self._at.groups.ensure_default(tx, resource.project_id)
        resource.desired["subnets"] = []
        external = resource.desired["router:external"]
        resource.desired |= {MADE_HERE: True} if external else {}
        resource.desired[IS_DEFAULT] = external and resource.desired[IS_DEFAULT]
        if resource.desired[IS_DEFAULT]:
            await self.check_default(tx, resource)
        if not resource.desired["qos_policy_id"]:
            policies = self._resources.tables["qos_policy"]
            resource.desired["qos_policy_id"] = await default_of(tx, policies, project_id=resource.project_id)

    async def _provide(self, tx: Transaction, resource: Resource, item: Item) -> None:
        """Its provider attributes: where they mean something in one cloud only, it is of that cloud alone."""
        every = providers.asked(item.values)
        for name in (*providers.ATTRIBUTES, providers.SEGMENTS):
            resource.desired.pop(KIND.fields[name].key, None)
        if not every:
            return
        resource.desired |= providers.kept(every)
        hints, known = resource.desired["availability_zone_hints"], list(await clouds.enabled(tx))
        there = hints if len(hints) == 1 else known if len(known) == 1 else []
        name = providers.of_one_cloud(every)
        if name and not there:
            raise not_carried(
                name, "it means something in one zone only, which availability_zone_hints have to name"
            )
        if there:
            resource.choice = {"only": list(there)}

    async def after_create(self, tx: Transaction, resource: Resource) -> None:
        """An external one is so to everybody, until somebody says otherwise."""
        if resource.desired["router:external"]:
            await self._at.external_access.opened(tx, resource)
        if resource.choice.get("only"):
            await self._at.ledger.wake_all(tx, [(resource.kind, resource.id, "")])

    async def before_update(
        self, tx: Transaction, call: Call, resource: Resource, item: Item
    ) -> dict[str, Any]:
        """Others use it no longer where it is no longer shared; its clouds and subnets take the new MTU."""
        _keep_segments(resource, item)
        if not item.values.get("router:external", resource.desired["router:external"]):
            item.values.pop(IS_DEFAULT, None)  # as Neutron, which says it of external networks alone
        elif item.values.get(IS_DEFAULT):
            await self.check_default(tx, resource)
        refusal = f"Unable to reconfigure sharing settings for network {resource.name}. Multiple projects are using it."
        await self.unshare(tx, resource, item, conflict(refusal, "InvalidSharedSetting"))
        inside = item.values.get("router:external") is False
        if inside and await self._at.routers.leading_out(tx, resource.id):
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
        if inside:
            return {MADE_HERE: False, EXTERNAL_TO: None}
        return {MADE_HERE: may_be_made_here(resource)}

    async def after_update(self, tx: Transaction, resource: Resource, before: Mapping[str, Any]) -> None:
        """Its subnets are shared and external as it is, and so are those who may use it."""
        if resource.desired["router:external"]:
            await self._at.external_access.opened(tx, resource)
        elif before["router:external"]:
            await self._at.external_access.closed(tx, resource)
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


def _keep_segments(resource: Resource, item: Item) -> None:
    """Refuse other provider attributes. Neutron changes the id of a VLAN, and nothing else."""
    for name in (*providers.ATTRIBUTES, providers.SEGMENTS):
        if item.set(name):
            if name == providers.ID and resource.desired.get("network_type") == "vlan":
                raise not_carried(name, "a network stays on the segment on which it was made")
            raise invalid_input("Only VLAN type networks can be updated")
