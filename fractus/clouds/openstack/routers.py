"""Routers of a child's Neutron. What only administrators may say of a gateway is said with the credential's rights."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from fractus.clouds.openstack.neutron import Document, NeutronKind
from fractus.clouds.openstack.services import Ask, segment
from fractus.model.cloud import HOME, Scope, Step
from fractus.model.errors import Missing, Refused
from fractus.model.routers import RouterObserved, RouterWanted

_GATEWAY = "external_gateway_info"
_HELPER, _HELPERS = "conntrack_helper", "conntrack_helpers"
_HELPERS_ALIAS = "l3-conntrack-helper"


class _Helper(Struct):
    """A conntrack helper's id: all else of it was asked for."""

    id: str


class Routers(NeutronKind[RouterWanted, RouterObserved]):
    """The actuator of routers. Whether one is distributed or highly available is shown to administrators only."""

    observed_as_admin = True

    async def _make(self, scope: Scope, body: dict[str, Any]) -> Document:
        make = self._make_as_admin if _for_admins(body) else super()._make
        return await make(scope, body)

    async def _update(self, scope: Scope, remote_id: str, changes: dict[str, Any]) -> None:
        await super()._update(HOME if _for_admins(changes) else scope, remote_id, changes)

    async def apply(self, scope: Scope, remote_id: str, step: Step) -> None:
        """Verbs: update, add_conntrack_helper, delete_conntrack_helper."""
        match step.verb:
            case "add_conntrack_helper":
                if _HELPERS_ALIAS not in await self._child.services.extensions():
                    raise Refused(
                        f"{self._child.name} cannot give conntrack helpers: its network service lacks"
                        f" {_HELPERS_ALIAS}",
                        elsewhere=True,
                    )
                path = f"{self.item_path(remote_id)}/{_HELPERS}"
                await self._child.send(
                    scope, Ask(service="network", method="POST", path=path, body={_HELPER: step.body})
                )
            case "delete_conntrack_helper":
                await self._delete_helper(scope, remote_id, step.body)
            case _:
                await super().apply(scope, remote_id, step)

    async def _delete_helper(self, scope: Scope, remote_id: str, helper: Mapping[str, Any]) -> None:
        """Its router shows no ids of them."""
        path = f"{self.item_path(remote_id)}/{_HELPERS}"
        query = {name: str(value) for name, value in helper.items()}
        ask = Ask(service="network", path=path, query=query)
        for one in await self._child.item(scope, ask, _HELPERS, list[_Helper]):
            try:
                await self._child.send(
                    scope, Ask(service="network", method="DELETE", path=f"{path}/{segment(one.id)}")
                )
            except Missing:
                continue  # it is gone already


def _for_admins(body: Mapping[str, Any]) -> bool:
    """Whether it says more of the gateway than its network."""
    return bool(set(body.get(_GATEWAY) or ()) - {"network_id"})
