"""Routers of a child's Neutron. What only administrators may say of a gateway is said with the credential's rights."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fractus.clouds.openstack.neutron import Document, NeutronKind
from fractus.model.cloud import HOME, Scope
from fractus.model.routers import RouterObserved, RouterWanted

_GATEWAY = "external_gateway_info"


class Routers(NeutronKind[RouterWanted, RouterObserved]):
    """The actuator of routers. Whether one is distributed or highly available is shown to administrators only."""

    observed_as_admin = True

    async def _make(self, scope: Scope, body: dict[str, Any]) -> Document:
        make = self._make_as_admin if _for_admins(body) else super()._make
        return await make(scope, body)

    async def _update(self, scope: Scope, remote_id: str, changes: dict[str, Any]) -> None:
        await super()._update(HOME if _for_admins(changes) else scope, remote_id, changes)


def _for_admins(body: Mapping[str, Any]) -> bool:
    """Whether it says more of the gateway than its network."""
    return bool(set(body.get(_GATEWAY) or ()) - {"network_id"})
