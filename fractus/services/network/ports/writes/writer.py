"""How ports are written: their addresses, their MAC and what they need, in one transaction with the port itself."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

from fractus.addressing.addresses import Addresses, AddressTaken
from fractus.addressing.macs import Macs, MacTaken
from fractus.addressing.ranges import is_self_addressed
from fractus.base.ids import new_id
from fractus.model.network import FLOATING, FORWARDED, HOSTED
from fractus.model.resource import Need, Resource
from fractus.services.network.dialect.schema.dns import NO_DOMAIN, absolute
from fractus.services.network.dialect.schema.errors import conflict, invalid_input, network_in_use
from fractus.services.network.dialect.writes.neighbours import Groups, PortUser
from fractus.services.network.dialect.writes.writer import Writer
from fractus.services.network.ports import schema
from fractus.services.network.ports.kind import KIND
from fractus.services.network.ports.queries import (
    ports_but,
    ports_of_device,
    ports_of_network,
    ports_on_subnet,
    subnets_of_network,
)
from fractus.services.network.ports.schema import NEEDS_FROM, Pick, SubnetFacts, holder, needs_of
from fractus.services.network.ports.view import DNS_DOMAIN, IP_ALLOCATION, NAMED_HOST
from fractus.services.network.ports.writes.finding import Finding
from fractus.store import presences
from fractus.store.ledger import Ledger
from fractus.store.transaction import Reader, Transaction

#: Ports that leave with their network (neutron.common._constants.AUTO_DELETE_PORT_OWNERS).
_AUTO_DELETED = ("network:dhcp", "network:distributed", "network:floatingip_agent_gateway")

#: Attributes of a port of which nothing is said.
_UNSAID: Mapping[str, Any] = {
    "name": "", "description": "", "tags": (), "admin_state_up": True, "mac_address": None, "fixed_ips": None,
    "device_id": "", "device_owner": "", "port_security_enabled": None, "security_groups": None,
    "allowed_address_pairs": None, "extra_dhcp_opts": None, "qos_policy_id": None, "binding:vnic_type": "normal",
    "numa_affinity_policy": None, "device_profile": None, "propagate_uplink_status": True, "dns_name": None,
    "binding": {},
}  # fmt: skip


class Servers(Protocol):
    """What shows ports as part of itself."""

    async def ports_changed(self, tx: Transaction, server_id: str) -> None:
        """Tell a server again with its ports as they are; nothing if there is none of this id."""
        ...


_WITHOUT_ADDRESSES = {IP_ALLOCATION: "none"}


class PortWrites(Writer):
    """Writes ports."""

    def __init__(
        self, ledger: Ledger, addresses: Addresses, macs: Macs, groups: Groups, dns_domain: str = NO_DOMAIN
    ) -> None:
        """`dns_domain`: that of all ports."""
        super().__init__(ledger, KIND.name, KIND.summarise)
        self._addresses = addresses
        self._macs = macs
        self._groups = groups
        self.dns_domain = dns_domain
        self.servers: Servers | None = None
        """Joined later: servers need ports, too."""
        self.users: list[PortUser] = []
        """Kinds that refer to ports. Joined later, as well."""

    async def add(
        self,
        tx: Transaction,
        network: Resource,
        values: Mapping[str, Any],
        *,
        user_id: str,
        request_id: str,
        owned: bool = False,
        place: int = 0,
        limited: bool = True,
    ) -> Resource:
        """A new port. `values`: Neutron's attributes, of which `project_id` is required, and `mac_address`, `fixed_ips`
        and `security_groups` may be None.

        `owned`: it was made for a server and leaves with it; `place`: which of the server's ports it is. `limited` as
        of `create`. Neutron's errors about addresses and MACs.
        """
        said = {**_UNSAID, **values}
        port_id, owner = new_id(), said["device_owner"]
        mac = await self._reserve_mac(tx, network.id, said["mac_address"], port_id)
        subnets = await self.facts_of(tx, network)
        subnets = schema.serving(subnets, owner, network.id, said["fixed_ips"] or ())
        picks = schema.picks(said["fixed_ips"], subnets, mac=mac, device_owner=owner)
        secure, groups = await self._secured(tx, network, said)
        desired = {
            "name": said["name"],
            "description": said["description"],
            "tags": [*said["tags"]],
            "admin_state_up": said["admin_state_up"],
            "network_id": network.id,
            "network_project_id": network.project_id,
            "mac_address": mac,
            "fixed_ips": await self._reserve(tx, network.id, port_id, picks),
            "auto_subnets": schema.self_addressed(subnets, owner),
            "device_id": said["device_id"],
            "device_owner": owner,
            "device_since": tx.now(),
            "owned_by_server": owned,
            "place": place,
            **(_WITHOUT_ADDRESSES if values.get("fixed_ips") == [] else {}),
            "port_security_enabled": secure,
            "security_groups": groups,
            "allowed_address_pairs": schema.pairs(said["allowed_address_pairs"] or [], mac),
            "extra_dhcp_opts": schema.options([], said["extra_dhcp_opts"]),
            "qos_policy_id": said["qos_policy_id"],
            "vnic_type": said["binding:vnic_type"],
            "numa_affinity_policy": said["numa_affinity_policy"],
            "device_profile": said["device_profile"],
            "propagate_uplink_status": said["propagate_uplink_status"],
            **self.named(said["dns_name"] or ""),
            **said["binding"],
        }
        port = Resource(
            kind="port", id=port_id, project_id=values["project_id"], user_id=user_id,
            name=desired["name"], desired=desired, request_id=request_id, choice=_held(values.get(HOSTED)),
        )  # fmt: skip
        return await self.create(tx, port, needs_of(desired), limited=limited)

    async def _secured(
        self, tx: Transaction, network: Resource, said: Mapping[str, Any]
    ) -> tuple[bool, list[str]]:
        """Whether a new port is filtered, and by which groups: its project's default one where none is named."""
        if schema.trusted(said["device_owner"]):
            return False, []
        secure, groups = said["port_security_enabled"], said["security_groups"]
        secure = network.desired["port_security_enabled"] if secure is None else secure
        if groups is None:
            groups = [await self._groups.ensure_default(tx, said["project_id"])] if secure else []
        return secure, list(groups)

    async def create(
        self, tx: Transaction, resource: Resource, needs: Sequence[Need] = (), *, limited: bool = True
    ) -> Resource:
        """One that is bound to a host comes there at once."""
        made = await super().create(tx, resource, needs, limited=limited)
        if HOSTED in made.choice:
            await self.ledger.wake_all(tx, [(self.kind, made.id, "")])
        return made

    async def bind(self, tx: Transaction, port: Resource, cloud: str) -> None:
        """Which cloud has the host that an administrator bound a port to from now on; empty: none."""
        before = port.choice.get(HOSTED, "")
        if cloud == before:
            return
        led = port.choice.get(FLOATING) or port.choice.get(FORWARDED)
        choice = {name: value for name, value in port.choice.items() if name not in (HOSTED, "only")}
        held = _held(cloud) or ({"only": port.choice["only"]} if led else {})
        port.choice = {**choice, **held}
        await self.ledger.wake_all(tx, [(self.kind, port.id, "")])

    async def update(
        self,
        tx: Transaction,
        resource: Resource,
        values: dict[str, object],
        needs: Sequence[Need] | None = None,
    ) -> None:
        """Change a port; `values` are complete and judged. Its needs follow, and who has it or refers to it."""
        before = dict(resource.desired)
        if values.get("device_id", before["device_id"]) != before["device_id"]:
            values = {**values, "device_since": tx.now()}
        if HOSTED in values:
            await self.bind(tx, resource, str(values[HOSTED]))
            values = {name: value for name, value in values.items() if name != HOSTED}
        after = {**before, **values}
        if needs is None and NEEDS_FROM & values.keys() and needs_of(after) != needs_of(before):
            needs = needs_of(after)
        await super().update(tx, resource, values, needs)
        if self.servers is not None:
            for server_id in {before["device_id"], after["device_id"]} - {""}:
                await self.servers.ports_changed(tx, server_id)
        for user in self.users:
            await user.port_updated(tx, resource, before)

    async def lead_to(
        self,
        tx: Transaction,
        port: Resource,
        floating: Mapping[str, str],
        cloud: str = "",
        *,
        key: str = FLOATING,
    ) -> None:
        """Which floating IPs lead to a port from now on (id -> address): as long as one does, it is in its cloud.

        `cloud` empty: in any that the others leave. `key`: FLOATING, or FORWARDED of those that forward to it.
        """
        others = {name: value for name, value in port.choice.items() if name not in (key, "only")}
        held = [cloud] if cloud else port.choice.get("only")
        port.choice = {**others, key: dict(floating)} if floating else others
        if held and any(port.choice.get(name) for name in (FLOATING, FORWARDED, HOSTED)):
            port.choice["only"] = held
        await self.touch(tx, port)
        if self.servers is not None and port.desired["device_id"]:
            await self.servers.ports_changed(tx, port.desired["device_id"])

    async def remove(self, tx: Transaction, resource: Resource) -> None:
        """Delete a port. What it held is free at once where no cloud has it, else when all have released it."""
        await super().remove(tx, resource)
        if not await presences.of_resource(tx, "port", resource.id):
            await self.let_go(tx, resource.id)
        for user in self.users:
            await user.port_removed(tx, resource)

    async def check_update(self, tx: Transaction, port: Resource, values: Mapping[str, Any]) -> None:
        """Refuse what a kind that refers to the port does not let its users change."""
        for user in self.users:
            await user.check_update(tx, port, values)

    async def check_delete(self, tx: Transaction, port: Resource) -> None:
        """Refuse that users delete a port that another kind needs."""
        for user in self.users:
            await user.check_delete(tx, port)

    async def of_device(self, reader: Reader, device_id: str, *owners: str) -> list[Resource]:
        """The ports that have something as their device, oldest first; `owners`: only those of these device owners."""
        return await ports_of_device(reader, self.ledger.resources, device_id, owners)

    @staticmethod
    def freed(port: Resource) -> dict[str, object]:
        """What of a port changes when the server that it was plugged into lets it go: Nova takes its host from it."""
        name = {"dns_name": ""} if port.desired.get("dns_name") else {}
        host = {"host": "", NAMED_HOST: "", HOSTED: ""} if port.desired.get("host") else {}
        return {"device_id": "", "device_owner": "", **name, **host}

    def named(self, dns_name: str) -> dict[str, object]:
        """A name in the DNS, as it is kept: as in Neutron ports have none where they are in no domain."""
        domain = absolute(self.dns_domain)
        return {"dns_name": dns_name, DNS_DOMAIN: domain} if domain and domain != NO_DOMAIN else {}

    async def let_go(self, tx: Transaction, port_id: str) -> None:
        """Its addresses and its MAC are free."""
        await self._addresses.release(tx, holder(port_id))
        await self._macs.release(tx, holder(port_id))

    # --- addresses -------------------------------------------------------------------------------

    async def facts(self, reader: Reader, network_id: str) -> list[SubnetFacts]:
        """The subnets of a network by its id; none where it is not there."""
        network = await self.ledger.resources.fetch(reader, "network", network_id)
        return [] if network is None else await self.facts_of(reader, network)

    async def facts_of(self, reader: Reader, network: Resource) -> list[SubnetFacts]:
        """The subnets of a network, in the order in which they were made."""
        found = {
            id: SubnetFacts(id, int(version), cidr, is_self_addressed(ra, address), bool(dhcp), types)
            for id, version, cidr, ra, address, dhcp, types in await subnets_of_network(
                reader, self.ledger.resources, network.id
            )
        }
        return [found[id] for id in network.desired["subnets"] if id in found]

    def finding(self) -> Finding:
        """What finds ports by all that is held for them here."""
        return Finding(self.ledger.resources, self._addresses, self._macs)

    async def holder_of(self, reader: Reader, subnet: SubnetFacts, ip: str) -> str | None:
        """Who holds an address of a subnet."""
        return await self._addresses.holder_of(reader, subnet.id, ip, subnet.version)

    async def check_subnets(
        self, reader: Reader, network_id: str, project_id: str, asked: Iterable[Mapping[str, str]]
    ) -> None:
        """Tell a subnet of another network, which the project may know of, from one that is not there at all."""
        for one in asked:
            found = await self.ledger.resources.fetch(reader, "subnet", one.get("subnet_id", ""))
            if found is None or found.deleted_at is not None or found.desired["network_id"] == network_id:
                continue
            if project_id in (found.project_id, found.desired["network_project_id"]):
                raise invalid_input(
                    f"Failed to create port on network {network_id}, because fixed_ips included invalid subnet "
                    f"{found.id}"
                )

    async def _reserve(
        self, tx: Transaction, network_id: str, port_id: str, picks: Sequence[Pick]
    ) -> list[dict[str, str]]:
        return [await self._reserve_one(tx, network_id, port_id, pick) for pick in picks]

    async def _reserve_one(
        self, tx: Transaction, network_id: str, port_id: str, pick: Pick
    ) -> dict[str, str]:
        for subnet in pick.subnets:
            if pick.ip:
                await self._reserve_named(tx, subnet, pick.ip, port_id)
                return {"subnet_id": subnet.id, "ip_address": pick.ip}
            ip = await self._addresses.reserve_next(tx, subnet.id, holder(port_id))
            if ip is not None:
                return {"subnet_id": subnet.id, "ip_address": ip}
        raise schema.exhausted(network_id)

    async def _reserve_named(self, tx: Transaction, subnet: SubnetFacts, ip: str, port_id: str) -> None:
        for last_try in (False, True):
            try:
                return await self._addresses.reserve(tx, subnet.id, ip, holder(port_id), subnet.version)
            except AddressTaken as error:
                if last_try or not await self._reclaim(tx, error.holder, subnet.id, ip):
                    raise schema.taken(ip, subnet.id) from None

    async def _reclaim(self, tx: Transaction, held_by: str, subnet_id: str, ip: str) -> bool:
        """Free an address that its port has given up, once no cloud has it on that port any more."""
        kind, _, port_id = held_by.partition("/")
        port = await self.ledger.resources.fetch(tx, "port", port_id) if kind == "port" else None
        if port is None or not port.wanted or _has(port.desired["fixed_ips"], ip):
            return False
        for there in await presences.of_resource(tx, "port", port_id):
            observed = (there.observed or {}).get("fixed_ips")
            if there.remote_id is None and there.creating_since is None:
                continue
            if observed is None or _has(observed, ip):
                return False
        return await self._addresses.release(tx, held_by, subnet_id=subnet_id, ips=[ip]) > 0

    async def readdress(
        self, tx: Transaction, port: Resource, asked: Sequence[Mapping[str, str]], mac: str, owner: str
    ) -> dict[str, object]:
        """Other addresses for a port: what is desired of it changes by that."""
        network_id = port.desired["network_id"]
        subnets = await self.facts(tx, network_id)
        auto = schema.self_addressed(subnets, owner)
        old = port.desired["fixed_ips"]
        if mac != port.desired["mac_address"]:
            await self._give_up(tx, port, [one for one in old if one["subnet_id"] in auto])
            old = [one for one in old if one["subnet_id"] not in auto]
        change = schema.change(old, asked, auto)
        await self._give_up(tx, port, change.drop)
        skip = {one["subnet_id"] for one in change.keep}
        fit = schema.serving(subnets, owner, network_id, change.add) if change.add else subnets
        picks = schema.picks(change.add, fit, mac=mac, device_owner=owner, skip=skip)
        more = await self._reserve(tx, network_id, port.id, picks)
        return {"fixed_ips": [*change.keep, *more], "auto_subnets": auto}

    async def _give_up(self, tx: Transaction, port: Resource, dropped: Sequence[Mapping[str, str]]) -> None:
        """Free addresses at once where no cloud has the port; else they are kept from others until somebody asks."""
        if await presences.of_resource(tx, "port", port.id):
            return
        for one in dropped:
            await self._addresses.release(
                tx, holder(port.id), subnet_id=one["subnet_id"], ips=[one["ip_address"]]
            )

    # --- MAC -------------------------------------------------------------------------------------

    async def _reserve_mac(self, tx: Transaction, network_id: str, mac: str | None, port_id: str) -> str:
        if mac is None:
            return await self._macs.reserve_new(tx, network_id, holder(port_id))
        try:
            await self._macs.reserve(tx, network_id, mac, holder(port_id))
        except MacTaken:
            raise conflict(
                f"Unable to complete operation for network {network_id}. The mac address {mac} is in use.",
                "MacAddressInUse",
            ) from None
        return mac

    async def change_mac(self, tx: Transaction, port: Resource, mac: str | None) -> str:
        """Another MAC, or with None a new one of ours."""
        if mac is not None and mac == port.desired["mac_address"]:
            return mac
        network_id = port.desired["network_id"]
        taken = await self._reserve_mac(tx, network_id, mac, f"{port.id}/new")
        await self._macs.release(tx, holder(port.id))
        await self._macs.release(tx, holder(f"{port.id}/new"))
        await self._macs.reserve(tx, network_id, taken, holder(port.id))
        return taken

    # --- what networks and subnets ask of ports --------------------------------------------------

    async def leave_network(self, tx: Transaction, network_id: str) -> None:
        """Remove the ports that leave with their network; `Conflict` where others are on it."""
        others = await ports_but(tx, network_id, _AUTO_DELETED)
        if others:
            raise network_in_use(network_id, others)
        for port in await ports_of_network(tx, self.ledger.resources, network_id, owners=_AUTO_DELETED):
            await self.remove(tx, port)

    async def using(self, reader: Reader, network_id: str, subnet_id: str) -> list[Resource]:
        """Ports with an address of a subnet, but for those that leave with their network."""
        ports = await ports_on_subnet(reader, self.ledger.resources, network_id, subnet_id)
        return [port for port in ports if port.desired["device_owner"] not in _AUTO_DELETED]

    async def leave_subnet(self, tx: Transaction, network_id: str, subnet_id: str) -> None:
        """Take the addresses of a subnet from the ports that have some."""
        for port in await ports_on_subnet(tx, self.ledger.resources, network_id, subnet_id):
            left = [one for one in port.desired["fixed_ips"] if one["subnet_id"] != subnet_id]
            await self.update(tx, port, {"fixed_ips": left})

    async def join_subnet(self, tx: Transaction, subnet: Resource) -> None:
        """Give the ports of a network their own addresses in a subnet where ports address themselves."""
        network_id = subnet.desired["network_id"]
        facts = [one for one in await self.facts(tx, network_id) if one.id == subnet.id]
        for port in await ports_of_network(tx, self.ledger.resources, network_id):
            if not all(schema.serves(one, port.desired["device_owner"]) for one in facts):
                continue
            picks = schema.picks(
                [], facts, mac=port.desired["mac_address"], device_owner=port.desired["device_owner"]
            )
            more = await self._reserve(tx, network_id, port.id, picks)
            auto = [*port.desired["auto_subnets"], subnet.id]
            await self.update(
                tx, port, {"fixed_ips": [*port.desired["fixed_ips"], *more], "auto_subnets": auto}
            )


def _held(cloud: str | None) -> dict[str, Any]:
    """What the choice of a port has that is bound to a host of this cloud."""
    return {HOSTED: cloud, "only": [cloud]} if cloud else {}


def _has(fixed_ips: Iterable[Mapping[str, str]], ip: str) -> bool:
    return any(one["ip_address"] == ip for one in fixed_ips)
