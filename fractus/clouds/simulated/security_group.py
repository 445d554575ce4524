"""Security groups of a simulated cloud. A new one has the two rules that Neutron gives it: all may go out."""

from __future__ import annotations

from typing import Any

import msgspec

from fractus.base.ids import new_id
from fractus.clouds.simulated.records import GroupMembersRecord, SecurityGroupRecord
from fractus.clouds.simulated.sharing import SharedSimulated
from fractus.model.cloud import Step
from fractus.model.errors import Missing, Refused
from fractus.model.network import Rule, SecurityGroupObserved, SecurityGroupWanted

#: How our vocabulary calls the group itself as the remote group of one of its rules.
_ITSELF = "self"


class SecurityGroups(SharedSimulated[SecurityGroupRecord, SecurityGroupWanted, SecurityGroupObserved]):
    """The actuator of security groups. Rules are steps of their own."""

    def complete(self, thing: SecurityGroupRecord) -> None:
        """It is born with the default rules."""
        thing.rules = [
            Rule(direction="egress", ethertype=ethertype, remote_id=new_id())
            for ethertype in ("IPv4", "IPv6")
        ]

    def change(self, thing: SecurityGroupRecord, step: Step) -> None:
        """Verbs: rename, add_rule, add_rules, delete_rule, admit, expel. What is so already is done."""
        match step.verb:
            case "admit" | "expel":
                return super().change(thing, step)
            case "rename":
                thing.name = step.body["name"]
            case "add_rule":
                thing.rules = self._with(thing, thing.rules, step.body)
            case "add_rules":
                rules = thing.rules
                for fields in step.body["rules"]:
                    rules = self._with(thing, rules, fields)
                thing.rules = rules
            case "delete_rule":
                thing.rules = [rule for rule in thing.rules if rule.remote_id != step.body["remote_id"]]
            case _:
                raise Refused(f"{self.kind} has no verb {step.verb!r}", status=400)
        return self.touch(thing)

    def _with(self, thing: SecurityGroupRecord, rules: list[Rule], fields: dict[str, Any]) -> list[Rule]:
        """The rules and one more, unless it is among them; `Refused` or `Missing` where it cannot be."""
        rule = self._rule(thing, rules, fields)
        return rules if any(_same(rule, other) for other in rules) else [*rules, rule]

    def _rule(self, thing: SecurityGroupRecord, rules: list[Rule], fields: dict[str, Any]) -> Rule:
        try:
            rule = msgspec.convert({**fields, "remote_id": new_id()}, Rule)
        except msgspec.ValidationError as error:
            raise Refused(f"Invalid input for operation: {error}.", status=400) from error
        if rule.remote_group_id == thing.id:
            rule = msgspec.structs.replace(rule, remote_group_id=_ITSELF)
        other = rule.remote_group_id
        if other and other != _ITSELF:
            self.held(other, thing.project_id)
        addresses = rule.remote_address_group_id
        if addresses and self.records.get(GroupMembersRecord, addresses) is None:
            raise Missing(f"Address group {addresses} could not be found.")
        limit = self.injector.backend.quota(thing.project_id, "security_group_rule")
        if limit is not None and len(rules) + 1 > limit >= 0:
            raise Refused(
                "Quota exceeded for resources: ['security_group_rule'].", status=409, elsewhere=True
            )
        return rule

    def end(self, thing: SecurityGroupRecord) -> None:
        """Delete it, unless a port has it; rules of other groups that name it go with it."""
        super().end(thing)
        for _, id in self.records.tied(f"remote_group/{thing.id}"):
            other = self.records.get(SecurityGroupRecord, id)
            if other is not None and other.id != thing.id:
                other.rules = [rule for rule in other.rules if rule.remote_group_id != thing.id]
                self.touch(other)


def _same(one: Rule, other: Rule) -> bool:
    return _bare(one) == _bare(other)


def _bare(rule: Rule) -> Rule:
    return msgspec.structs.replace(rule, remote_id="", description="")
