"""Routers as the machine sees them: where one of their subnets is, with a gateway where their external network is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import UNSET, structs, to_builtins

from fractus.addressing.addresses import Addresses
from fractus.model.cloud import Step
from fractus.model.errors import Conflict
from fractus.model.network import MADE_HERE
from fractus.model.placement import follows
from fractus.model.resource import Presence, Resource
from fractus.model.routers import (
    GATEWAY,
    ROUTER,
    SHOWN_GATEWAY,
    ConntrackHelper,
    RouterObserved,
    RouterWanted,
)
from fractus.model.wire import WireField
from fractus.reconcile.kind import Apply, Difference, Done, Item, Plan
from fractus.services.network.dialect.lifecycle import CrudLifecycle
from fractus.services.network.dialect.queries.external import ExternalNetworks
from fractus.services.network.dialect.queries.outside_ports import OutsidePorts
from fractus.services.network.dialect.schema.outside import Given
from fractus.services.network.routers.kind import (
    GATEWAY_INFO,
    KIND,
    addresses_of,
    by_cloud,
    gateway_holder,
    in_cloud,
    kept,
)
from fractus.services.network.routers.queries import connected, pools
from fractus.services.network.routers.schema import conntrack_helpers as helpers
from fractus.services.network.routers.schema import within
from fractus.services.network.routers.schema.conntrack_helpers import HELPERS
from fractus.store import presences
from fractus.store.resources import Resources
from fractus.store.transaction import Reader, Transaction

#: What may only be changed while the router is out of service.
_SORTS = ("distributed", "ha")


class RouterLifecycle(CrudLifecycle[RouterWanted, RouterObserved]):
    """The kind `router`."""

    traits = follows("subnet")
    facts_from = frozenset({"router_interface"})

    def __init__(self, resources: Resources, addresses: Addresses, outside: OutsidePorts) -> None:
        """`outside`: the ports that stand for gateways."""
        super().__init__(ROUTER, KIND.summarise)
        self._outside = outside
        self._resources, self._addresses = resources, addresses
        self._external = ExternalNetworks(resources, addresses)

    async def prepare(self, tx: Transaction, resource: Resource, cloud: str) -> dict[str, Any]:
        """Where it has a gateway, an address outside of this cloud's, unless it has one already."""
        memory, gateway = await super().prepare(tx, resource, cloud), resource.desired[GATEWAY_INFO]
        held = addresses_of(gateway) if gateway else []
        if not gateway or any(one.get("cloud") == cloud for one in held):
            return memory
        network = await self._resources.fetch(tx, "network", gateway["network_id"])
        if network is None:
            return memory
        found = in_cloud(held, cloud)
        try:
            found += kept(await self._given(tx, resource, network, cloud)) if found == held else []
        except Conflict:
            return memory  # none is left here: what the cloud says of that is said of the router
        if found != held:
            resource.desired[GATEWAY_INFO] = {**gateway, "external_fixed_ips": found}
            there = await presences.of_resource(tx, KIND.name, resource.id)
            await self._resources.save(tx, resource, KIND.summarise(resource, there))
            shown = by_cloud(resource.desired[GATEWAY_INFO])
            await self._outside.stand_for(tx, GATEWAY, resource.id, network, shown)
        return memory

    async def _given(self, tx: Transaction, router: Resource, network: Resource, cloud: str) -> list[Given]:
        return await self._external.give_gateway(tx, network, gateway_holder(router.id), clouds=[cloud])

    async def gone(self, tx: Transaction, resource: Resource) -> None:
        """Its addresses outside are free."""
        await self._addresses.release(tx, gateway_holder(resource.id))

    # ------------------------------------------------------------------ what its steps must know of others

    async def facts(self, reader: Reader, resource: Resource, presence: Presence) -> Mapping[str, Any]:
        """Where it leads outside in this cloud, with that network's subnets there (the cloud's id -> ours); and, where
        there are routes, the networks that it is connected to there.
        """
        desired = resource.desired
        found: dict[str, Any] = {}
        if desired["external_gateway_info"]:
            network_id = desired["external_gateway_info"]["network_id"]
            found["outside"] = await pools(reader, self._resources, network_id, presence.cloud)
        if desired["routes"]:
            found["connected"] = await connected(reader, self._resources, resource.id, presence.cloud)
        return found

    async def concerns(self, reader: Reader, kind: str, id: str) -> list[str]:
        """The router that an interface belongs to."""
        interface = await self._resources.fetch(reader, kind, id)
        return [] if interface is None else [interface.desired["router_id"]]

    # ------------------------------------------------------------------ what should be there

    def fields(self, item: Item) -> dict[str, Any]:
        """In the cloud's ids. Routes come to each cloud where their next hop can be reached."""
        desired, gateway = item.resource.desired, self._gateway(item)
        nets = [*item.facts.get("connected", ())]
        nets += [one["cidr"] for one in item.facts.get("outside", {}).values()] if gateway else []
        routes = [one for one in desired["routes"] if any(within(one["nexthop"], net) for net in nets)]
        return {
            "admin_state_up": desired["admin_state_up"],
            "gateway": gateway,
            "routes": routes,
            **{name: desired[name] for name in _SORTS},
            HELPERS: helpers.wanted(desired.get(HELPERS, ())),
        }

    @staticmethod
    def _gateway(item: Item) -> dict[str, Any] | None:
        """As it is asked for in this cloud; None where its external network is not there."""
        asked = item.resource.desired["external_gateway_info"]
        there = item.remote.get(("network", asked["network_id"])) if asked else None
        if not there:
            return None
        ours = {one["id"]: remote for remote, one in item.facts.get("outside", {}).items()}
        own = _addresses_in(asked, item.presence.cloud)
        if asked.get(MADE_HERE) and not (own and all(one["subnet_id"] in ours for one in own)):
            return None  # never without an address of ours: the cloud would choose one of somebody's
        given = [
            {"subnet_id": ours[one["subnet_id"]], "ip_address": one["ip_address"]}
            for one in own
            if one["subnet_id"] in ours
        ]
        snat = {} if asked["enable_snat"] else {"enable_snat": False}
        return {"network_id": there, **snat, **({"external_fixed_ips": given} if given else {})}

    # ------------------------------------------------------------------ what is there instead

    def is_equal(self, item: Item, field: WireField, asked: Any, there: Any) -> bool:
        """What was not asked for is the cloud's to choose: its addresses outside, and what sort of router it is."""
        if field.name in _SORTS:
            return asked is None or bool(asked == there)
        if field.name == "gateway" and asked and there:
            same = asked["network_id"] == there.get("network_id")
            snat = asked.get("enable_snat", True) == there.get("enable_snat", True)
            ips = asked.get("external_fixed_ips")
            return same and snat and (not ips or _pairs(ips) == _pairs(there.get("external_fixed_ips", ())))
        return super().is_equal(item, field, asked, there)

    def difference(self, item: Item, field: WireField, asked: Any, there: Any) -> Difference:
        """Routes and gateways are each cloud's part of what is desired: what was found there is not for all."""
        found = super().difference(item, field, asked, there)
        per_cloud = field.name in ("gateway", "routes")
        return structs.replace(found, adopts=False) if per_cloud else found

    def differences(self, item: Item, observed: RouterObserved) -> list[Difference]:
        """With its conntrack helpers: those that should be there, and those that are there instead."""
        found = super().differences(item, observed)
        missing, more = self._helpers_apart(item, observed)
        if missing or more:
            found.append(Difference(HELPERS, to_builtins(missing), to_builtins(more), adopts=False))
        return found

    def _helpers_apart(
        self, item: Item, observed: RouterObserved
    ) -> tuple[list[ConntrackHelper], list[ConntrackHelper]]:
        """Of one of which nothing was ever said here, they are the cloud's own."""
        if HELPERS not in item.resource.desired:
            return [], []
        return helpers.apart(self.wanted(item).conntrack_helpers, observed.conntrack_helpers)

    def plan(self, item: Item, observed: RouterObserved) -> Plan:
        """Routes that are too many go first, for they need what may go next; those that are missing come last."""
        wanted = self.wanted(item)
        kept = [one for one in observed.routes or () if one in wanted.routes]
        if len(kept) < len(observed.routes or ()):
            return Apply(Step("update", {"routes": kept}))
        plan = super().plan(item, observed)
        if isinstance(plan, Done):
            step = helpers.step(*self._helpers_apart(item, observed))
            if step is not None:
                return Apply(step)
            return Done({**plan.memory, SHOWN_GATEWAY: self._shown(item, observed)})
        if not isinstance(plan, Apply):
            return plan
        body = plan.step.body
        if sort := {key: value for key, value in body.items() if key in _SORTS}:
            # Out of service first, and back into it with the next step.
            return Apply(Step("update", {"admin_state_up": False} if observed.admin_state_up else sort))
        if len(body) > 1 and "routes" in body:
            body = {key: value for key, value in body.items() if key != "routes"}
        return structs.replace(plan, step=Step("update", body))

    @staticmethod
    def _shown(item: Item, observed: RouterObserved) -> dict[str, Any] | None:
        """The gateway that it has there, in our own ids."""
        asked, there = item.resource.desired["external_gateway_info"], observed.gateway
        if not asked or there is UNSET or not there:
            return None
        pools = item.facts.get("outside", {})
        return {
            "network_id": asked["network_id"],
            "external_fixed_ips": [
                {"subnet_id": pools[one["subnet_id"]]["id"], "ip_address": one["ip_address"]}
                for one in there.get("external_fixed_ips", ())
                if one["subnet_id"] in pools
            ],
        }


def _addresses_in(gateway: Mapping[str, Any], cloud: str) -> list[dict[str, str]]:
    return [one for one in addresses_of(gateway) if one.get("cloud", cloud) == cloud]


def _pairs(fixed_ips: Any) -> set[tuple[str, str]]:
    return {(one["subnet_id"], one["ip_address"]) for one in fixed_ips}
