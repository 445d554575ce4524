"""The kinds that are declared, in the order in which they are listed: what is not named here is not there."""

from __future__ import annotations

from fractus.services.compute.keypairs.kind import KIND as KEYPAIR
from fractus.services.kind import Kind
from fractus.services.network.networks.kind import KIND as NETWORK

KINDS: tuple[Kind, ...] = (KEYPAIR, NETWORK)
