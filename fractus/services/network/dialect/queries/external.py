"""External networks: which of their subnets are in which cloud, and addresses of these for what leads outside.

Of one that was made through us, subnets come to whatever cloud needs them, as others do, and so an address of them has
no cloud yet. Of all others each subnet is in one cloud. Those of different clouds may overlap; tenants see one network,
so an address that is given out is held in every subnet of the network that has it, and nobody gets it a second time.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Collection, Iterable, Sequence

from msgspec import Struct

from fractus.addressing.addresses import Addresses, AddressTaken, cloud_holder
from fractus.model.network import EXTERNAL_TO
from fractus.model.resource import Presence, Resource
from fractus.services.network.dialect.queries import rows
from fractus.services.network.dialect.schema.errors import conflict, invalid, invalid_input, not_found
from fractus.services.network.dialect.schema.outside import Given, is_clouds_own
from fractus.store import presences
from fractus.store.listing import Filter
from fractus.store.resources import Resources
from fractus.store.transaction import Reader, Store, Transaction

#: How long what is free in a pool counts as known, less what was given out of it here. Seconds.
_KNOWN_FOR = 5.0


class Pool(Struct, frozen=True):
    """A subnet of an external network, and the cloud that has it; empty: any may."""

    subnet: Resource
    cloud: str

    @property
    def version(self) -> int:
        """4 or 6."""
        return int(self.subnet.desired["ip_version"])

    def has(self, ip: str) -> bool:
        """Whether the address is one of the subnet's that may be given to somebody."""
        net, address = ipaddress.ip_network(self.subnet.desired["cidr"]), ipaddress.ip_address(ip)
        ends = (net.network_address, net.broadcast_address) if net.version == 4 and net.prefixlen < 31 else ()
        return address in net and address not in ends

    def may_be_named(self, ip: str) -> bool:
        """Whether a request may name the address (neutron.ipam.utils.check_subnet_ip): in IPv4 never the network's own,
        which subnets of one or two addresses give out by themselves.
        """
        net = ipaddress.ip_network(self.subnet.desired["cidr"])
        return self.has(ip) and (net.version == 6 or ipaddress.ip_address(ip) != net.network_address)


async def external_named(reader: Reader, resources: Resources, name: str) -> Sequence[Resource]:
    """The clouds' own external networks of a name, oldest first."""
    named = Filter("name", "eq", name), [Filter("external", "eq", True), Filter(EXTERNAL_TO, "notnull")]
    return [one for one in await rows.every(reader, resources, "network", *named) if is_clouds_own(one)]


async def pools_of(reader: Reader, resources: Resources, network: Resource) -> list[Pool]:
    """The subnets of an external network, oldest first."""
    found = [await resources.fetch(reader, "subnet", id) for id in network.desired["subnets"]]
    there = [one for one in found if one is not None and one.wanted]
    there.sort(key=lambda one: (one.created_at, one.id))
    if not is_clouds_own(network):
        return [Pool(one, next(iter(one.choice.get("only", ())), "")) for one in there]
    return [Pool(one, one.choice["only"][0]) for one in there if one.choice.get("only")]


async def hold_as_found(
    tx: Transaction, addresses: Addresses, subnet_id: str, ip: str, who: str, cloud: str
) -> str:
    """An address that something has in its cloud is its own, where it was only the cloud's before; else who has it."""
    version = 6 if ":" in ip else 4
    if await addresses.holder_of(tx, subnet_id, ip, version) == cloud_holder(cloud):
        await addresses.release(tx, cloud_holder(cloud), subnet_id=subnet_id, ips=[ip])
    try:
        await addresses.reserve(tx, subnet_id, ip, who, version)
    except AddressTaken as taken:
        return "" if taken.holder == who else taken.holder
    return ""


def gateways_have(there: Iterable[Presence], ip: str) -> bool:
    """Whether a router may have this address outside in one of its clouds, as far as those have said."""
    for one in there:
        if one.remote_id is None and one.creating_since is None:
            continue
        gateway = None if one.observed is None else one.observed.get("gateway") or {}
        if gateway is None or any(
            ip == fixed["ip_address"] for fixed in gateway.get("external_fixed_ips", ())
        ):
            return True
    return False


def _within(pools: Iterable[Pool], clouds: Collection[str] | None) -> list[Pool]:
    """Those that these clouds have or may have: in the one that is named, where it is one."""
    if clouds is None:
        return list(pools)
    where = next(iter(clouds)) if len(clouds) == 1 else ""
    return [Pool(one.subnet, one.cloud or where) for one in pools if one.cloud in ("", *clouds)]


class ExternalNetworks:
    """Gives out addresses of external networks."""

    def __init__(self, resources: Resources, addresses: Addresses, store: Store | None = None) -> None:
        """`addresses`: who holds which. `store`: with it, the pool with most free comes first; else the oldest."""
        self._store, self._resources, self._addresses = store, resources, addresses
        self._free: dict[str, tuple[float, int]] = {}
        """Subnet -> when what is free was counted, and how much that is now."""

    async def give(
        self,
        tx: Transaction,
        network: Resource,
        holder: str,
        *,
        clouds: Collection[str] | None = None,
        subnet_id: str | None = None,
        ip: str | None = None,
        version: int = 4,
    ) -> Given:
        """An address of the network for `holder`: this one, or the next of this subnet, or of that with most free.
        Where any cloud may have it, it is in that of `clouds`, where they are one, else in none yet.

        `version`: 4 or 6, where no address is named. `clouds`: only there. `ApiError` as Neutron has it of the port
        that it makes for this. It is given back with `release`.
        """
        every = await pools_of(tx, self._resources, network)
        within = _within(every, clouds)
        chosen = await self._named(tx, network, within, subnet_id, ip)
        if ip is None and subnet_id is None:
            chosen = [one for one in chosen if one.version == version]
        if ip is not None:
            return await self._given(tx, every, chosen, holder, ip)
        for pool in await self._by_room(tx, chosen):
            given = await self._next(tx, every, pool, holder)
            if given is None and await self._reclaim(tx, pool, holder):
                given = await self._next(tx, every, pool, holder)
            if given is not None:
                self._note_given(pool)
                return given
        raise conflict(
            f"No more IP addresses available on network {network.id}.", "IpAddressGenerationFailure"
        )

    async def _next(self, tx: Transaction, every: Sequence[Pool], pool: Pool, holder: str) -> Given | None:
        """The lowest address of a pool that nobody has in any cloud; None: there is none."""
        while (found := await self._addresses.reserve_next(tx, pool.subnet.id, holder)) is not None:
            clash = await self._hold_beside(tx, every, pool, found, holder)
            if not clash:
                return Given(pool.subnet.id, found, pool.cloud)
            # Somebody has it in another cloud's part of the network: it is his here too.
            await self._addresses.release(tx, holder, subnet_id=pool.subnet.id, ips=[found])
            await self._addresses.reserve(tx, pool.subnet.id, found, clash, pool.version)
        return None

    async def give_gateway(
        self, tx: Transaction, network: Resource, holder: str, *, clouds: Collection[str] | None = None
    ) -> list[Given]:
        """As Neutron gives them to a gateway: an address of version 4, and one of version 6 in the same cloud, as far
        as the network has such subnets. Empty where it has no subnets in these clouds.
        """
        every = await pools_of(tx, self._resources, network)
        within = _within(every, clouds)
        if not within:
            return []
        first = 4 if any(one.version == 4 for one in within) else 6
        given = [await self.give(tx, network, holder, clouds=clouds, version=first)]
        cloud = given[0].cloud
        if first == 4 and any(one.version == 6 and one.cloud == cloud for one in within):
            given.append(await self.give(tx, network, holder, clouds=[cloud] if cloud else None, version=6))
        return given

    async def release(self, tx: Transaction, holder: str, *, ip: str) -> None:
        """Take an address back from `holder`, also in the parts of other clouds that have it."""
        for subnet, held in await self._addresses.held_by(tx, holder):
            if held == ip:
                await self._addresses.release(tx, holder, subnet_id=subnet, ips=[ip])

    async def give_up(
        self,
        tx: Transaction,
        router: Resource,
        holder: str,
        *,
        left: Iterable[str] = (),
        anew: Iterable[str] = (),
    ) -> None:
        """A router gives up all but the addresses `left`. What a cloud may still have would be refused to others there:
        it is kept from them until no cloud has it and somebody asks, unless the router itself asks for it (`anew`).
        """
        keep, free = set(left), set(anew)
        there = await presences.of_resource(tx, "router", router.id)
        for subnet_id, ip in await self._addresses.held_by(tx, holder):
            if ip not in keep and (ip in free or not gateways_have(there, ip)):
                await self._addresses.release(tx, holder, subnet_id=subnet_id, ips=[ip])

    async def _reclaim(self, tx: Transaction, pool: Pool, holder: str, ip: str = "") -> bool:
        """Free for `holder` what other routers have given up and no cloud has any more (`ip`: this address alone);
        whether anything was.
        """
        freed = False
        for held, who in await self._addresses.held_by_kind(tx, pool.subnet.id, "router"):
            if who == holder or ip not in ("", held):
                continue
            router = await self._resources.fetch(tx, "router", who.partition("/")[2])
            gateway = (router.desired["external_gateway_info"] if router is not None else None) or {}
            if router is None or any(
                held == one.get("ip_address") for one in gateway.get("external_fixed_ips", ())
            ):
                continue
            if not gateways_have(await presences.of_resource(tx, "router", router.id), held):
                await self.release(tx, who, ip=held)
                freed = True
        return freed

    async def _named(
        self, tx: Transaction, network: Resource, pools: Sequence[Pool], subnet_id: str | None, ip: str | None
    ) -> list[Pool]:
        """The pools that the request leaves to choose from."""
        chosen = [one for one in pools if subnet_id in (None, one.subnet.id)]
        if subnet_id is not None and not chosen:
            there = await self._resources.fetch(tx, "subnet", subnet_id)
            if there is None or there.deleted_at is not None:
                raise not_found("subnet", subnet_id)
            raise invalid_input(
                f"Failed to create port on network {network.id}, because fixed_ips included invalid subnet {subnet_id}"
            )
        if ip is None:
            return chosen
        having = [one for one in chosen if one.may_be_named(ip)]
        if having:
            return having
        if subnet_id is not None:
            raise invalid(
                f"IP address {ip} is not a valid IP for the specified subnet.", "InvalidIpForSubnet"
            )
        raise invalid(
            f"IP address {ip} is not a valid IP for any of the subnets on the specified network.",
            "InvalidIpForNetwork",
        )

    async def _given(
        self, tx: Transaction, every: Sequence[Pool], chosen: Sequence[Pool], holder: str, ip: str
    ) -> Given:
        """This address, in the first pool where nobody has it."""
        for pool in chosen:
            await self._reclaim(tx, pool, holder, ip)
            try:
                await self._addresses.reserve(tx, pool.subnet.id, ip, holder, pool.version)
            except AddressTaken:
                continue
            if not await self._hold_beside(tx, every, pool, ip, holder):
                self._note_given(pool)
                return Given(pool.subnet.id, ip, pool.cloud)
            await self._addresses.release(tx, holder, subnet_id=pool.subnet.id, ips=[ip])
        where = chosen[0].subnet.id
        raise conflict(f"IP address {ip} already allocated in subnet {where}", "IpAddressAlreadyAllocated")

    async def _hold_beside(
        self, tx: Transaction, every: Sequence[Pool], pool: Pool, ip: str, holder: str
    ) -> str:
        """Hold the address in the other subnets that have it, in all or in none; who has it there already, or nobody
        (empty).
        """
        held: list[str] = []
        for other in every:
            if other.subnet.id == pool.subnet.id or other.version != pool.version or not other.has(ip):
                continue
            try:
                await self._addresses.reserve(tx, other.subnet.id, ip, holder, other.version)
            except AddressTaken as taken:
                for id in held:
                    await self._addresses.release(tx, holder, subnet_id=id, ips=[ip])
                return taken.holder
            held.append(other.subnet.id)
        return ""

    async def _by_room(self, tx: Transaction, pools: Sequence[Pool]) -> list[Pool]:
        """Those with most free first. What is free is counted beside the transaction, and not for each address."""
        if len(pools) < 2 or self._store is None:
            return list(pools)
        room = {one.subnet.id: await self._room(self._store, one, tx.now()) for one in pools}
        return sorted(pools, key=lambda one: -room[one.subnet.id])

    async def _room(self, store: Store, pool: Pool, now: float) -> int:
        at, count = self._free.get(pool.subnet.id, (float("-inf"), 0))
        if not 0 <= now - at < _KNOWN_FOR:
            ranges = await self._addresses.free(store, pool.subnet.id)
            count = sum(one.size for one in ranges)
            self._free[pool.subnet.id] = now, count
        return count

    def _note_given(self, pool: Pool) -> None:
        at, count = self._free.get(pool.subnet.id, (float("-inf"), 0))
        self._free[pool.subnet.id] = at, count - 1
