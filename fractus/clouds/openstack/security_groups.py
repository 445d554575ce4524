"""Security groups of a child's Neutron, with their rules."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import UNSET, Struct

from fractus.clouds.openstack.neutron import Document
from fractus.clouds.openstack.services import Ask, segment
from fractus.clouds.openstack.sharing import SharedKind
from fractus.model.cloud import Scope, Step
from fractus.model.errors import Missing, Refused
from fractus.model.installation import NAME, read
from fractus.model.network import Rule, SecurityGroupObserved, SecurityGroupWanted

#: Every project of a child has a group of this name already, and Neutron refuses a second.
_RESERVED_NAME = "default"
_NAME_INSTEAD = "fractus-default"

#: How our vocabulary calls the group itself as the remote group of one of its rules.
_ITSELF = "self"


class _Rule(Struct, kw_only=True):
    id: str
    direction: str
    ethertype: str | None = "IPv4"
    protocol: str | int | None = None
    port_range_min: int | None = None
    port_range_max: int | None = None
    remote_ip_prefix: str | None = None
    remote_group_id: str | None = None
    remote_address_group_id: str | None = None
    description: str | None = ""


class SecurityGroups(SharedKind[SecurityGroupWanted, SecurityGroupObserved]):
    """The actuator of security groups. Rules are steps of their own: Neutron makes a group with two that it chooses."""

    printed: Mapping[str, Any] = {"rules": list[_Rule]}

    def listed(self, document: Document) -> bool:
        """Not the marks of those who manage the cloud: they are nobody's groups."""
        return not (document.name == NAME and read(document.description or "", document.id))

    def name(self, wanted: SecurityGroupWanted) -> str:
        """Its name there."""
        return _free(wanted.name)

    async def apply(self, scope: Scope, remote_id: str, step: Step) -> None:
        """Verbs: rename, add_rule, add_rules, delete_rule, admit, expel. What is so already is done."""
        match step.verb:
            case "admit" | "expel":
                await super().apply(scope, remote_id, step)
            case "rename":
                await self._update(scope, remote_id, {"name": _free(step.body["name"])})
            case "add_rule":
                await self._add_rule(scope, remote_id, step.body)
            case "add_rules":
                await self._add_rules(scope, remote_id, step.body["rules"])
            case "delete_rule":
                await self._delete_rule(scope, step.body["remote_id"])
            case verb:
                raise Refused(f"a security group of {self._child.name} has no verb {verb}")

    async def _add_rules(self, scope: Scope, remote_id: str, rules: list[dict[str, Any]]) -> None:
        """All with one request. Neutron makes all of them or none: where it refuses, they are asked for one by one, so
        that one which is there already, or which it does not take, keeps no other out.
        """
        body = {"security_group_rules": [_sent(fields, remote_id) for fields in rules]}
        ask = Ask(service="network", method="POST", path="/security-group-rules", body=body, repeat=True)
        try:
            await self._child.send(scope, ask)
        except Refused as refusal:
            if refusal.elsewhere:
                raise
            for fields in rules:
                await self._add_rule(scope, remote_id, fields)

    async def _add_rule(self, scope: Scope, remote_id: str, fields: dict[str, Any]) -> None:
        rule = _sent(fields, remote_id)
        # Neutron refuses a second rule like the first, so doing it twice is the same as once.
        ask = Ask(
            service="network",
            method="POST",
            path="/security-group-rules",
            body={"security_group_rule": rule},
            repeat=True,
        )
        try:
            await self._child.send(scope, ask)
        except Refused as refusal:
            if refusal.status != 409 or refusal.elsewhere:
                raise

    async def _delete_rule(self, scope: Scope, rule_id: str) -> None:
        path = f"/security-group-rules/{segment(rule_id)}"
        try:
            await self._child.send(scope, Ask(service="network", method="DELETE", path=path))
        except Missing:
            return

    def fields(self, document: Document) -> dict[str, Any]:
        """What it says; the group itself has a name of its own in its rules."""
        fields = super().fields(document)
        fields["rules"] = [_observed_rule(rule, document.id) for rule in fields["rules"]]
        return fields


def _sent(fields: dict[str, Any], group_id: str) -> dict[str, Any]:
    """A rule of ours in Neutron's form."""
    rule = {key: value for key, value in fields.items() if value not in (None, "") and key != "remote_id"}
    rule["security_group_id"] = group_id
    if rule.get("remote_group_id") == _ITSELF:
        rule["remote_group_id"] = group_id
    return rule


def _free(name: str) -> str:
    return _NAME_INSTEAD if name.lower() == _RESERVED_NAME else name


def _observed_rule(rule: _Rule, group_id: str) -> Rule:
    return Rule(
        direction=rule.direction,
        ethertype=rule.ethertype or "IPv4",
        protocol=None if rule.protocol is None else str(rule.protocol),
        port_range_min=rule.port_range_min,
        port_range_max=rule.port_range_max,
        remote_ip_prefix=rule.remote_ip_prefix,
        remote_group_id=_ITSELF if rule.remote_group_id == group_id else rule.remote_group_id,
        # Without it the rule would be one for everybody.
        remote_address_group_id=rule.remote_address_group_id or UNSET,
        description=rule.description or "",
        remote_id=rule.id,
    )
