"""Ports of a child's Neutron.

On a network that is shared with it a project may have ports, but not choose their MACs and addresses: Neutron's policy
leaves that to the network's owner and to administrators. Ours are all chosen, so there the credential's own rights are
used. Whether the user may have the port was decided by the parent; whether the network is shared there, by the child.
"""

from __future__ import annotations

from typing import Any

from fractus.clouds.openstack import marks
from fractus.clouds.openstack.neutron import Document, NeutronKind
from fractus.clouds.openstack.services import Ask, segment
from fractus.model.cloud import HOME, Scope
from fractus.model.errors import Missing, Refused
from fractus.model.network import PortObserved, PortWanted


class Ports(NeutronKind[PortWanted, PortObserved]):
    """The actuator of ports. How one is bound is shown to administrators only."""

    observed_as_admin = True

    async def find(self, scope: Scope, wanted: PortWanted) -> PortObserved | None:
        """The port with our marker, or the one with our MAC in our network: no second can be made beside it."""
        marked = await super().find(scope, wanted)
        if marked is not None:
            return marked
        query = {"mac_address": wanted.mac_address, "network_id": wanted.network_id}
        for document in await self._having(scope, query):
            if not marks.from_tag(document.description):
                return self.observed(document)
        return None

    async def _make(self, scope: Scope, body: dict[str, Any]) -> Document:
        try:
            return await super()._make(scope, body)
        except Refused as refusal:
            if not _by_policy(refusal) or not await self._sees_network(scope, body["network_id"]):
                raise
        return await self._make_as_admin(scope, body)

    async def _update(self, scope: Scope, remote_id: str, changes: dict[str, Any]) -> None:
        try:
            await super()._update(scope, remote_id, changes)
        except Refused as refusal:
            # Others' ports are "not found" to a project: what it is forbidden to change is its own.
            if not _by_policy(refusal):
                raise
            await super()._update(HOME, remote_id, changes)

    async def _sees_network(self, scope: Scope, network_id: str) -> bool:
        """Whether the network is the project's own, or shared with it; an administrator would be let in anywhere."""
        ask = Ask(service="network", path=f"/networks/{segment(network_id)}", query={"fields": "id"})
        try:
            await self._child.send(scope, ask)
        except Missing:
            return False
        return True


def _by_policy(refusal: Refused) -> bool:
    """Whether it was refused for who asks; a full quota stays full whoever asks."""
    return refusal.status == 403 and not refusal.elsewhere
