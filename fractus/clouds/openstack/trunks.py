"""Trunks of a child's Neutron. Sub-ports come and go by actions of their own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fractus.clouds.openstack.neutron import NeutronKind
from fractus.clouds.openstack.services import Ask
from fractus.model.cloud import Scope, Step
from fractus.model.errors import Refused
from fractus.model.trunks import SubPort, TrunkObserved, TrunkWanted


class Trunks(NeutronKind[TrunkWanted, TrunkObserved]):
    """The actuator of trunks."""

    printed: Mapping[str, Any] = {"sub_ports": list[SubPort]}

    async def apply(self, scope: Scope, remote_id: str, step: Step) -> None:
        """Verbs: update, add_subports, remove_subports."""
        if step.verb not in ("add_subports", "remove_subports"):
            return await super().apply(scope, remote_id, step)
        path = f"{self.item_path(remote_id)}/{step.verb}"
        await self._child.send(
            scope, Ask(service="network", method="PUT", path=path, body=step.body, repeat=False)
        )

    async def delete(self, scope: Scope, remote_id: str) -> None:
        """Delete it. `Refused` (409) while a server has its port, or it is out of service: then it is put into service,
        so that the next time it may go.
        """
        try:
            await super().delete(scope, remote_id)
        except Refused as refusal:
            if refusal.status == 409 and (await self.observe(scope, remote_id)).admin_state_up is False:
                await self._update(scope, remote_id, {"admin_state_up": True})
            raise
