"""A keypair in the clouds: carried to where a server with it is built."""

from __future__ import annotations

from fractus.model.compute import KeypairObserved
from fractus.reconcile.kind import Done, Fail, Item, Plan
from fractus.services.compute.dialect.lifecycle import ComputeLifecycle
from fractus.services.compute.keypairs.kind import KIND


class KeypairLifecycle(ComputeLifecycle):
    """What the machine must know of keypairs."""

    kind = KIND

    def plan(self, item: Item, observed: KeypairObserved) -> Plan:
        """A key never changes. One that is not ours, whoever put it there, must not get into a server."""
        if observed.fingerprint and observed.fingerprint != item.resource.desired["fingerprint"]:
            return Fail(f"the keypair {observed.remote_id} there holds another key")
        return Done()
