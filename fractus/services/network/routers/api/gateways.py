"""Gateways as requests ask for them: which addresses outside they get, and what refuses that, in Neutron's words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fractus.model.network import MADE_HERE
from fractus.model.resource import Resource
from fractus.services.network.dialect.api.neighbours import FloatingIps
from fractus.services.network.dialect.queries.external import ExternalNetworks, Pool, pools_of
from fractus.services.network.dialect.schema.outside import Given, is_clouds_own
from fractus.services.network.routers import schema
from fractus.services.network.routers.kind import GATEWAY_INFO, addresses_of, gateway_holder, in_cloud, kept
from fractus.services.network.routers.writes import NOWHERE, RouterWrites
from fractus.store import presences
from fractus.store.resources import Resources
from fractus.store.transaction import Transaction


class Gateways:
    """Gives routers their addresses outside, and takes them back."""

    def __init__(self, routers: RouterWrites, external: ExternalNetworks, floating: FloatingIps) -> None:
        self._routers, self._external, self._floating = routers, external, floating
        self._resources: Resources = routers.ledger.resources

    async def change(
        self, tx: Transaction, router: Resource, network: Resource | None, asked: Mapping[str, Any]
    ) -> dict[str, Any] | None:
        """What is kept of a gateway on `network` that is asked for; None: of none.

        Addresses that are not named stay, or are chosen: one in each cloud where the router is, and one at least.
        """
        before = router.desired[GATEWAY_INFO]
        leaves = before and (network is None or before["network_id"] != network.id)
        ips = asked.get("external_fixed_ips") or []
        pools = [] if network is None else await pools_of(tx, self._resources, network)
        if network is not None:
            _check_not_the_way_out(ips, pools)
        if leaves:
            await self._floating.check_gateway(tx, router.id, before["network_id"])
        if network is None:
            await self._external.give_up(tx, router, gateway_holder(router.id))
            return None
        if before is None or leaves:
            there = await self._routers.nets(tx, router, outside=NOWHERE)
            schema.check_apart(
                there, [schema.Net(one.subnet.id, one.subnet.desired["cidr"]) for one in pools]
            )
        had = [] if before is None or leaves else addresses_of(before)
        if leaves:
            await self._external.give_up(tx, router, gateway_holder(router.id))
        fixed = await self._named(tx, router, network, ips, had) if ips else had
        fixed = await self._chosen(tx, router, network, fixed)
        found: dict[str, Any] = {"network_id": network.id, "enable_snat": asked.get("enable_snat", True)}
        found |= {} if is_clouds_own(network) else {MADE_HERE: True}
        return {**found, "external_fixed_ips": fixed} if fixed else found

    async def _named(
        self,
        tx: Transaction,
        router: Resource,
        network: Resource,
        asked: Sequence[Mapping[str, str]],
        had: Sequence[Mapping[str, str]],
    ) -> list[dict[str, str]]:
        """Those that are asked for, each by its address, its subnet, or both; the others that it had are given up."""
        left = [dict(one) for one in had]
        found: list[dict[str, str]] = []
        open: list[tuple[str | None, str | None]] = []
        for one in asked:
            ip, subnet_id = one.get("ip_address") or None, one.get("subnet_id") or None
            same = next(
                (
                    there
                    for there in left
                    if ip in (None, there["ip_address"]) and subnet_id in (None, there["subnet_id"])
                ),
                None,
            )
            if same is None:
                open.append((subnet_id, ip))
            else:
                left.remove(same)
                found.append(same)
        holder = gateway_holder(router.id)
        stay, anew = [one["ip_address"] for one in found], [ip for _, ip in open if ip is not None]
        await self._external.give_up(tx, router, holder, left=stay, anew=anew)
        given = [
            await self._external.give(tx, network, holder, subnet_id=subnet_id, ip=ip)
            for subnet_id, ip in open
        ]
        return [*found, *kept(given)]

    async def _chosen(
        self, tx: Transaction, router: Resource, network: Resource, had: Sequence[Mapping[str, str]]
    ) -> list[dict[str, str]]:
        """Those that it has, and of each other cloud where the router is and the network too; where there is none, of
        that with most free.
        """
        there = [one.cloud for one in await presences.of_resource(tx, "router", router.id) if one.wanted]
        found = in_cloud(had, there[0]) if there else [dict(one) for one in had]
        given: list[Given] = []
        for cloud in there:
            if all(one.get("cloud", cloud) != cloud for one in found):
                given += await self._external.give_gateway(
                    tx, network, gateway_holder(router.id), clouds=[cloud]
                )
        if not found and not given:
            given = await self._external.give_gateway(tx, network, gateway_holder(router.id))
        return [*found, *kept(given)]


def _check_not_the_way_out(asked: Sequence[Mapping[str, str]], pools: Sequence[Pool]) -> None:
    ways_out = {one.subnet.desired["gateway_ip"] for one in pools} - {None}
    for one in asked:
        if one.get("ip_address") in ways_out:
            raise schema.refused(f"External IP {one['ip_address']} is the same as the gateway IP")
