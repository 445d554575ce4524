"""Address groups of a child's Neutron, in which it is sent the members that security groups have in other clouds."""

from __future__ import annotations

from fractus.clouds.openstack.neutron import NeutronKind
from fractus.clouds.openstack.services import Ask
from fractus.model.cloud import Scope, Step
from fractus.model.errors import Missing
from fractus.model.network import GroupMembersObserved, GroupMembersWanted


class GroupMembers(NeutronKind[GroupMembersWanted, GroupMembersObserved]):
    """The actuator of address groups. Addresses come and go by verbs of their own."""

    async def apply(self, scope: Scope, remote_id: str, step: Step) -> None:
        """Verbs: add_addresses, remove_addresses. Neutron passes over what is there, and refuses to remove what is not:
        then it is looked at once more.
        """
        match step.verb:
            case "add_addresses" | "remove_addresses" as verb:
                path = f"{self.item_path(remote_id)}/{verb}"
                ask = Ask(service="network", method="PUT", path=path, body=step.body, repeat=True)
                try:
                    await self._child.send(scope, ask)
                except Missing:
                    await self._observe(scope, remote_id)
            case _:
                await super().apply(scope, remote_id, step)
