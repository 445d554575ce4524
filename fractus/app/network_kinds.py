"""The kinds of the network service, built: they serve one another through narrow interfaces, joined here."""

from __future__ import annotations

from collections.abc import Mapping

from fractus.addressing.addresses import Addresses
from fractus.addressing.macs import Macs
from fractus.app.kinds import KINDS
from fractus.auth import base_rules
from fractus.base.clock import Clock
from fractus.quota.quota import Quota
from fractus.reconcile.adopt.adoption import Adoption
from fractus.reconcile.kind import Lifecycle
from fractus.services import network
from fractus.services.compute.servers.lifecycle import ShownPorts
from fractus.services.network.address_groups.api import AddressGroupApi
from fractus.services.network.address_groups.kind import KIND as ADDRESS_GROUP
from fractus.services.network.address_scopes.api import AddressScopeApi, ScopeWrites
from fractus.services.network.address_scopes.kind import KIND as ADDRESS_SCOPE
from fractus.services.network.agents import policy as agent_policy
from fractus.services.network.agents.api import AgentApi
from fractus.services.network.availability_zones import policy as zone_policy
from fractus.services.network.availability_zones.api import AvailabilityZoneApi
from fractus.services.network.dialect.api.sharing import Shares
from fractus.services.network.dialect.api.writing import Writer
from fractus.services.network.extensions.api import ExtensionApi
from fractus.services.network.networks.adoption import NetworkAdoption
from fractus.services.network.networks.api import NetworkApi
from fractus.services.network.networks.kind import KIND as NETWORK
from fractus.services.network.networks.lifecycle import NetworkLifecycle
from fractus.services.network.ports import policy as port_policy
from fractus.services.network.ports.adoption import PortAdoption
from fractus.services.network.ports.api import PortAllocator, PortApi, PortWrites
from fractus.services.network.ports.lifecycle import PortLifecycle
from fractus.services.network.quotas import policy as quota_policy
from fractus.services.network.quotas.api import QuotaApi
from fractus.services.network.rbac_policies.api import RbacPolicyApi
from fractus.services.network.rbac_policies.kind import KIND as RBAC_POLICY
from fractus.services.network.security_groups import policy as group_policy
from fractus.services.network.security_groups.adoption import SecurityGroupAdoption
from fractus.services.network.security_groups.api import GroupWrites, SecurityGroupApi
from fractus.services.network.security_groups.lifecycle import SecurityGroupLifecycle
from fractus.services.network.security_groups.view import target as group_target
from fractus.services.network.subnet_pools.api import PoolWrites, SubnetPoolApi
from fractus.services.network.subnet_pools.kind import KIND as SUBNET_POOL
from fractus.services.network.subnets import policy as subnet_policy
from fractus.services.network.subnets.adoption import SubnetAdoption
from fractus.services.network.subnets.api import SubnetApi, SubnetWrites
from fractus.services.network.subnets.lifecycle import SubnetLifecycle
from fractus.store.ledger import Ledger
from fractus.store.listing import Filter
from fractus.store.transaction import Store
from fractus.web.face import ServiceRoutes

_DECLARED = [kind for kind in KINDS if kind.service == "network"]

#: Collections that are served: path -> kind.
_COLLECTIONS = {
    **{kind.root: kind.name for kind in _DECLARED},
    "/subnets": "subnet",
    "/ports": "port",
    "/security-groups": "security_group",
    "/security-group-rules": "security_group_rule",
}


class NetworkKinds:
    """Networks, subnets, ports, security groups."""

    def __init__(self, store: Store, ledger: Ledger, quota: Quota, clock: Clock, stale_after: float) -> None:
        """`allocator` is what servers get their ports from. A cloud is stale after `stale_after` seconds of silence."""
        addresses, macs = Addresses(), Macs()
        groups = GroupWrites(ledger)
        networks = Writer(ledger, NETWORK.name, NETWORK.summarise)
        scopes, pools = ScopeWrites(ledger), PoolWrites(ledger)
        subnets = SubnetWrites(ledger, addresses, networks)
        ports = PortWrites(ledger, addresses, macs, groups)
        self.allocator = PortAllocator(ports, groups)
        ports.servers = shown = ShownPorts(ledger.resources, self.allocator)
        self.lifecycles: Mapping[str, Lifecycle] = {
            "network": NetworkLifecycle(),
            "subnet": SubnetLifecycle(addresses),
            "port": PortLifecycle(addresses, macs, clock, shown),
            "security_group": SecurityGroupLifecycle(),
        }
        self.adoptions: Mapping[str, Adoption] = {
            "network": NetworkAdoption(),
            "subnet": SubnetAdoption(ledger.resources, addresses),
            "security_group": SecurityGroupAdoption(),
            "port": PortAdoption(addresses, macs),
        }
        policies = Writer(ledger, RBAC_POLICY.name, RBAC_POLICY.summarise)
        shareable = {
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
            "security_group": Shares(
                groups, group_target, lambda id: Filter("security_groups", "like", f"%|{id}|%")
            ),
        }
        self._apis = (
            NetworkApi(store, networks, subnets, ports, groups),
            SubnetApi(store, subnets, pools, ports),
            AddressGroupApi(store, Writer(ledger, ADDRESS_GROUP.name, ADDRESS_GROUP.summarise, local=True)),
            AddressScopeApi(store, scopes),
            SubnetPoolApi(store, pools, scopes, subnets),
            PortApi(store, ports, groups),
            SecurityGroupApi(store, groups),
            ExtensionApi([alias for kind in _DECLARED for alias in kind.extensions]),
            AvailabilityZoneApi(store),
            RbacPolicyApi(store, policies, shareable),
            QuotaApi(store, quota),
            AgentApi(store, clock, stale_after),
        )

    def service(self) -> ServiceRoutes:
        """The service, with all that its resources contribute."""
        routes = [route for api in self._apis for route in api.routes()]
        policies = (
            subnet_policy,
            port_policy,
            group_policy,
            zone_policy,
            quota_policy,
            agent_policy,
        )
        declared = [rule for kind in _DECLARED for rule in kind.rules]
        rules = [*base_rules.NEUTRON, *declared, *(rule for one in policies for rule in one.RULES)]
        return ServiceRoutes(
            service=network.service(_COLLECTIONS),
            routes=routes,
            rules=rules,
            unserved=network.unserved(routes),
        )
