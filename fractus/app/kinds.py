"""The kinds that are declared, in the order in which they are listed: what is not named here is not there."""

from __future__ import annotations

from fractus.services.compute.flavors.kind import KIND as FLAVOR
from fractus.services.compute.keypairs.kind import KIND as KEYPAIR
from fractus.services.kind import Kind
from fractus.services.mirror import MirrorKind
from fractus.services.network.address_groups.kind import KIND as ADDRESS_GROUP
from fractus.services.network.address_scopes.kind import KIND as ADDRESS_SCOPE
from fractus.services.network.agents.kind import MIRROR as NETWORK_AGENT
from fractus.services.network.networks.kind import KIND as NETWORK
from fractus.services.network.rbac_policies.kind import KIND as RBAC_POLICY
from fractus.services.network.subnet_pools.kind import KIND as SUBNET_POOL

KINDS: tuple[Kind, ...] = (FLAVOR, KEYPAIR, NETWORK, ADDRESS_SCOPE, SUBNET_POOL, RBAC_POLICY, ADDRESS_GROUP)

#: What the clouds have beside our resources, and is shown as they show it.
MIRRORS: tuple[MirrorKind, ...] = (NETWORK_AGENT,)
