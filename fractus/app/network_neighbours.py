"""How the kinds of networking are joined: whatever one asks of another's writer is named here, once."""

from __future__ import annotations

from fractus.addressing.addresses import Addresses
from fractus.addressing.macs import Macs
from fractus.base.clock import Clock
from fractus.quota.quota import Quota
from fractus.services.compute.hosts.queries import HostNames
from fractus.services.compute.servers.lifecycle import ShownPorts
from fractus.services.mirror_rows import Place, SharedNames
from fractus.services.network.address_groups.kind import KIND as ADDRESS_GROUP
from fractus.services.network.address_scopes.api import ScopeWrites
from fractus.services.network.address_scopes.kind import KIND as ADDRESS_SCOPE
from fractus.services.network.agents.kind import HOSTS
from fractus.services.network.default_security_group_rules.writes import DefaultRuleWrites
from fractus.services.network.dialect.api.neighbours import NetworkNeighbours
from fractus.services.network.dialect.queries.external import ExternalNetworks
from fractus.services.network.dialect.queries.outside_ports import OutsidePorts
from fractus.services.network.dialect.writes.sharing import Shares
from fractus.services.network.floating_ips.writes import FloatingIpWrites, ServerFloatingIps
from fractus.services.network.group_members.writes import GroupMemberWrites
from fractus.services.network.metering_labels.writes import LabelWrites
from fractus.services.network.networks.kind import KIND as NETWORK
from fractus.services.network.ports.api import Plugging, PortAllocator
from fractus.services.network.ports.kind import KIND as PORT
from fractus.services.network.ports.writes import PortWrites, ServerPorts
from fractus.services.network.qos_policies.api import QosPolicyShares, QosPolicyWrites
from fractus.services.network.rbac_policies.writes import PolicyWrites
from fractus.services.network.router_interfaces.writes import InterfaceWrites
from fractus.services.network.routers.writes import RouterWrites
from fractus.services.network.security_groups.kind import KIND as SECURITY_GROUP
from fractus.services.network.security_groups.kind import RULE as SECURITY_GROUP_RULE
from fractus.services.network.security_groups.writes import GroupWrites
from fractus.services.network.subnet_pools.api import PoolWrites
from fractus.services.network.subnet_pools.kind import KIND as SUBNET_POOL
from fractus.services.network.subnets.writes import SubnetWrites
from fractus.services.network.trunks.writes import TrunkWrites
from fractus.services.relay import Relay
from fractus.store.ledger import Ledger
from fractus.store.listing import Filter
from fractus.store.transaction import Store


class Hosts:
    """The clouds' hosts: those of their compute services, and those of their network agents."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._compute, self._network = HostNames(store, clock), SharedNames(store, clock, HOSTS)

    async def place(self, name: str) -> Place | None:
        """The host that a name means, and its cloud; None where it is the name of none, or of several."""
        return (
            await self._compute.host(name)
            or await self._compute.node(name)
            or await self._network.place(name)
        )


class JoinedNetwork:
    """Networking, joined. Requests get ports for servers from `allocator`; workers free them by `server_ports`."""

    def __init__(
        self,
        store: Store,
        ledger: Ledger,
        quota: Quota,
        clock: Clock,
        live: Relay,
        stale_after: float,
        dns_domain: str,
    ) -> None:
        """`live` asks a cloud now; one is stale after `stale_after` seconds of silence. `dns_domain`: of all ports."""
        self.addresses, self.macs = Addresses(), Macs()
        self.api = at = NetworkNeighbours(store, ledger, quota, clock, live, stale_after)
        members = at.add(GroupMemberWrites(ledger))
        groups = at.groups = at.add(GroupWrites(ledger, at.add(DefaultRuleWrites(ledger)), members))
        scopes = at.scopes = at.add(ScopeWrites(ledger))
        pools = at.pools = at.add(PoolWrites(ledger))
        policies = at.add(QosPolicyWrites(ledger))
        networks = at.writer(NETWORK)
        subnets = at.subnets = at.add(SubnetWrites(ledger, self.addresses, networks))
        at.external_access = at.add(PolicyWrites(ledger, networks, subnets))
        ports = at.ports = at.add(PortWrites(ledger, self.addresses, self.macs, groups, dns_domain))
        at.router_ports, at.interfaces = ports, at.add(InterfaceWrites(ledger))
        outside = OutsidePorts(ledger.resources, PORT.summarise)
        routers = at.routers = at.add(
            RouterWrites(ledger, at.interfaces, outside, at.add(LabelWrites(ledger)))
        )
        floating_ips = at.floating_ips = at.add(FloatingIpWrites(ledger, outside, ports, routers))
        at.hosts = Hosts(store, clock)
        at.external = ExternalNetworks(ledger.resources, self.addresses, store)
        ports.users += [routers, floating_ips, at.add(TrunkWrites(ledger, ports)), members]
        self.server_ports = ServerPorts(ports)
        self.allocator, self.plugging = PortAllocator(ports, groups), Plugging(ports, groups)
        self.server_floating = ServerFloatingIps(floating_ips, self.server_ports)
        ports.servers = self.shown_ports = ShownPorts(ledger.resources, self.server_ports)
        at.shares |= {
            "network": Shares(
                networks, NETWORK.target, lambda id: Filter("network_id", "eq", id), subnets.network_changed
            ),
            "subnetpool": Shares(
                pools, SUBNET_POOL.target, lambda id: Filter("subnetpool_id", "eq", id), user="subnet"
            ),
            "address_scope": Shares(
                scopes,
                ADDRESS_SCOPE.target,
                lambda id: Filter("address_scope_id", "eq", id),
                user="subnetpool",
            ),
            "qos_policy": QosPolicyShares(policies),
            "address_group": Shares(
                at.writer(ADDRESS_GROUP),
                ADDRESS_GROUP.target,
                lambda id: Filter("remote_address_group_id", "eq", id),
                user=SECURITY_GROUP_RULE.table,
            ),
            "security_group": Shares(
                groups, SECURITY_GROUP.target, lambda id: Filter("security_groups", "like", f"%|{id}|%")
            ),
        }
