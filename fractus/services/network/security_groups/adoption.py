"""A security group of a cloud becomes one of ours, with its rules by the ids that they have there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import structs

from fractus.model.network import SECURITY_GROUP, Rule, SecurityGroupObserved
from fractus.model.resource import Resource
from fractus.reconcile.adopt.adoption import Adopt, AdoptionContext, Conflict, Merge, Verdict, stamp, unmapped
from fractus.services.network.dialect.adoption import CrudAdoption
from fractus.services.network.dialect.schema.rules import normalized, rule_key
from fractus.services.network.security_groups.kind import DEFAULT, RULES, default_id, needs, prefixes
from fractus.store.transaction import Transaction

_ITSELF = "self"

#: The kind of the address groups of members in other clouds.
_MEMBERS = "group_members"


class SecurityGroupAdoption(CrudAdoption[SecurityGroupObserved]):
    """Taking over security groups."""

    def __init__(self) -> None:
        super().__init__(SECURITY_GROUP)

    def rank(self, observed: SecurityGroupObserved) -> int:
        """Default groups first: the rules of others name them, and theirs is not the id that they have there."""
        return 0 if _is_default(observed) else 1

    def needed(
        self, observed: SecurityGroupObserved, listed: Mapping[str, Mapping[str, Any]]
    ) -> list[tuple[str, str]]:
        """The groups that its rules let in, and their members elsewhere."""
        remote = {rule.remote_group_id for rule in observed.rules or () if rule.remote_group_id}
        members = {
            str(rule.remote_address_group_id)
            for rule in observed.rules or ()
            if _is_of_members(rule, listed.get(_MEMBERS, {}))
        }
        groups = [("security_group", one) for one in sorted(remote - {_ITSELF, observed.remote_id})]
        return groups + [(_MEMBERS, one) for one in sorted(members)]

    async def judge(
        self, tx: Transaction, observed: SecurityGroupObserved, context: AdoptionContext
    ) -> Verdict:
        """A project has one default group. Every cloud has one of its own for each project: the first is ours from then
        on, and those that are just like it are the same. One with other rules, or beside our own copy, stays a group by
        itself, by its own id and with the cloud in its name, for the rules of servers that run must not change.

        Rules that name an address group of ours are beside those of users, and none of theirs.
        """
        observed = _without_members(observed, context.listed(_MEMBERS))
        project_id = context.project(observed.project_id)
        if project_id is None:
            return unmapped()
        id, name = observed.marker or observed.remote_id, observed.name
        memory: dict[str, Any] = {}
        if observed.marker and observed.marker == default_id(project_id):
            name = DEFAULT
        elif _is_default(observed):
            # Nobody can delete it there: it is released at most.
            memory["borrowed"] = True
            id = default_id(project_id)
            known = await context.resource(tx, "security_group", id)
            copied = any(one.marker == id for one in context.listed("security_group").values())
            if copied or (known is not None and not await _alike(tx, known, observed, context)):
                id, name = observed.remote_id, f"{DEFAULT}-{context.cloud}"
        there = {**memory, "named": [name, observed.name]}
        known = await context.resource(tx, "security_group", id)
        if known is not None:
            same = known.project_id == project_id and (bool(observed.marker) or id == default_id(project_id))
            return Merge(id, there) if same else Conflict(f"there is another group {id} ({known.name}) here")
        if any(rule.remote_address_group_id for rule in observed.rules or ()):
            # Here it would be a rule for everybody.
            return Conflict(
                "it has rules whose remote is an address group, which is taken over from no cloud"
            )
        group = self.resource(id, project_id, observed, context)
        rules = await _rules(tx, id, observed, context)
        group.name = group.desired["name"] = name
        group.desired["rules"] = rules
        await RULES.write(tx, group, rules)
        return Adopt(group, needs(group), there)


def _is_of_members(rule: Rule, members: Mapping[str, Any]) -> bool:
    """Whether a rule lets in the members that a group has in other clouds. `members`: the address groups there."""
    there = members.get(rule.remote_address_group_id) if rule.remote_address_group_id else None
    return there is not None and bool(there.marker)


def _without_members(observed: SecurityGroupObserved, members: Mapping[str, Any]) -> SecurityGroupObserved:
    if observed.rules is None:
        return observed
    rules = [rule for rule in observed.rules if not _is_of_members(rule, members)]
    return structs.replace(observed, rules=rules)


def _is_default(observed: SecurityGroupObserved) -> bool:
    return observed.name.lower() == DEFAULT and not observed.marker


async def _rules(
    tx: Transaction, id: str, observed: SecurityGroupObserved, context: AdoptionContext
) -> list[dict[str, Any]]:
    made = stamp(observed.created_at) or tx.now()
    return [
        {
            **{name: value for name, value in msgspec.to_builtins(rule).items() if name != "remote_id"},
            "id": rule.remote_id,
            "remote_group_id": await _remote(tx, id, observed, rule, context),
            "description": rule.description or (None if _is_given(rule, observed) else ""),
            "normalized_cidr": normalized(rule.remote_ip_prefix),
            "created_at": made,
        }
        for rule in observed.rules or []
    ]


def _is_given(rule: Rule, observed: SecurityGroupObserved) -> bool:
    """Whether a rule is one of those that a new group has, and a default group. Neutron gives them no description."""
    narrowed = (rule.protocol, rule.port_range_min, rule.port_range_max, rule.remote_ip_prefix)
    if any(value is not None for value in narrowed):
        return False
    from_itself = rule.remote_group_id in (_ITSELF, observed.remote_id)
    return from_itself if rule.direction == "ingress" else not rule.remote_group_id


async def _remote(
    tx: Transaction, id: str, observed: SecurityGroupObserved, rule: Rule, context: AdoptionContext
) -> str | None:
    """The group that a rule lets in, by the id that it has or will have here."""
    remote = rule.remote_group_id
    if not remote:
        return None
    if remote in (_ITSELF, observed.remote_id):
        return id
    known = await context.taken(tx, "security_group", remote)
    return context.planned("security_group", remote) if known is None else known.id


async def _alike(
    tx: Transaction, known: Resource, observed: SecurityGroupObserved, context: AdoptionContext
) -> bool:
    """Whether a group there has just the rules of ours."""
    there = set()
    for rule in observed.rules or []:
        remote = await _remote(tx, known.id, observed, rule, context)
        there.add(rule_key({**msgspec.to_builtins(rule), "remote_group_id": remote}, itself=known.id))
    return there == {
        rule_key({**rule, "remote_ip_prefix": one, "remote_address_group_id": None}, itself=known.id)
        for rule in RULES.among(known)
        for one in prefixes(known, rule)
    }
