"""Things of a child's Neutron that it may share with some projects: by its RBAC policies, as its administrator."""

from __future__ import annotations

from typing import Any, TypeVar

from msgspec import Struct

from fractus.clouds.openstack.neutron import NeutronKind
from fractus.clouds.openstack.services import Ask, segment
from fractus.model.cloud import HOME, Observed, Scope, Step, Wanted
from fractus.model.errors import Missing, Refused

W = TypeVar("W", bound=Wanted)
S = TypeVar("S", bound=Observed)

_ALIAS = "rbac-policies"
_PATH = "/rbac-policies"


class _Policy(Struct):
    id: str


class SharedKind(NeutronKind[W, S]):
    """An actuator with the verbs `admit` and `expel`. Who is let in already, or is not, is done."""

    async def apply(self, scope: Scope, remote_id: str, step: Step) -> None:
        """Verbs: update, admit, expel."""
        match step.verb:
            case "admit":
                await self.admit(remote_id, step.body["project_id"])
            case "expel":
                await self.expel(remote_id, step.body["project_id"])
            case "update":
                await super().apply(scope, remote_id, step)
            case verb:
                raise Refused(f"a {self.kind} of {self._child.name} has no verb {verb}")

    async def admit(self, remote_id: str, project_id: str) -> None:
        """A project of ours may use it there. `Refused` where the child has no such policies."""
        if _ALIAS not in await self._child.services.extensions():
            raise Refused(
                f"{self._child.name} cannot share a {self.kind.replace('_', ' ')} with some projects: its network"
                f" service lacks {_ALIAS}",
                elsewhere=True,
            )
        policy = await self._policy(remote_id, project_id)
        body = {"rbac_policy": {**policy, "action": "access_as_shared"}}
        ask = Ask(service="network", method="POST", path=_PATH, body=body, repeat=True)
        try:
            await self._child.send(HOME, ask)
        except Refused as refusal:
            if refusal.status != 409 or refusal.elsewhere:
                raise

    async def expel(self, remote_id: str, project_id: str) -> None:
        """A project may use it no longer. `Refused` (409) while something of it there does."""
        query = await self._policy(remote_id, project_id)
        ask = Ask(service="network", path=_PATH, query=query)
        for policy in await self._child.item(HOME, ask, "rbac_policies", list[_Policy]):
            path = f"{_PATH}/{segment(policy.id)}"
            try:
                await self._child.send(HOME, Ask(service="network", method="DELETE", path=path))
            except Missing:
                continue

    async def _policy(self, remote_id: str, project_id: str) -> dict[str, Any]:
        there = await self._child.project(Scope(project_id))
        return {"object_type": self.kind, "object_id": remote_id, "target_tenant": there}
