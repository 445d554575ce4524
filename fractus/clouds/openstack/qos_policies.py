"""QoS policies of a child's Neutron, with their rules. Policies are made and changed there by administrators."""

from __future__ import annotations

from typing import Any

from fractus.clouds.openstack.neutron import Document
from fractus.clouds.openstack.services import Ask, segment
from fractus.clouds.openstack.sharing import SharedKind
from fractus.model.cloud import HOME, Scope, Step
from fractus.model.errors import Missing, Refused
from fractus.model.network import QosPolicyObserved, QosPolicyWanted, QosRule

#: What brings the types of rules that not every Neutron has.
_BROUGHT_BY = {"packet_rate_limit": "qos-pps", "minimum_packet_rate": "qos-pps-minimum"}
_OWN = ("id", "qos_policy_id", "type", "tenant_id", "project_id")


class QosPolicies(SharedKind[QosPolicyWanted, QosPolicyObserved]):
    """The actuator of QoS policies. Rules are steps of their own."""

    printed = {"rules": list[dict[str, Any]]}

    def fields(self, document: Document) -> dict[str, Any]:
        """Each rule is printed with its values beside its type."""
        fields = super().fields(document)
        rules = [
            QosRule(
                type=one.get("type", ""),
                said={name: value for name, value in one.items() if name not in _OWN},
                remote_id=one.get("id", ""),
            )
            for one in fields.get("rules", ())
        ]
        return {**fields, "rules": rules}

    async def _make(self, scope: Scope, body: dict[str, Any]) -> Document:
        return await self._make_as_admin(scope, body)

    async def _update(self, scope: Scope, remote_id: str, changes: dict[str, Any]) -> None:
        await super()._update(HOME, remote_id, changes)

    async def delete(self, scope: Scope, remote_id: str) -> None:
        """Delete it. `Refused` (409) while something there still uses it."""
        await super().delete(HOME, remote_id)

    async def apply(self, scope: Scope, remote_id: str, step: Step) -> None:
        """Verbs: update, admit, expel, add_rule, update_rule, delete_rule."""
        match step.verb:
            case "add_rule":
                await self._write("POST", remote_id, step.body, step.body["said"])
            case "update_rule":
                await self._write("PUT", remote_id, step.body, step.body["said"])
            case "delete_rule":
                try:
                    await self._write("DELETE", remote_id, step.body)
                except Missing:
                    return  # it is gone already
            case "update" | "admit" | "expel":
                await super().apply(scope, remote_id, step)
            case verb:
                raise Refused(f"a QoS policy of {self._child.name} has no verb {verb}")

    async def _write(
        self, method: str, remote_id: str, rule: dict[str, Any], said: dict[str, Any] | None = None
    ) -> None:
        type = rule["type"]
        alias = _BROUGHT_BY.get(type)
        if alias is not None and alias not in await self._child.services.extensions():
            raise Refused(
                f"{self._child.name} cannot give {type.replace('_', ' ')} rules: its network service lacks {alias}",
                elsewhere=True,
            )
        path = f"{self.item_path(remote_id)}/{type}_rules"
        if "remote_id" in rule:
            path += f"/{segment(rule['remote_id'])}"
        body = None if said is None else {f"{type}_rule": said}
        await self._child.send(HOME, Ask(service="network", method=method, path=path, body=body))
