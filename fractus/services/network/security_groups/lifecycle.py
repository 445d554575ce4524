"""Security groups as the machine sees them: in a cloud a group has exactly our rules, not those it was born with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from fractus.model.cloud import Step
from fractus.model.network import SECURITY_GROUP, Rule, SecurityGroupObserved, SecurityGroupWanted
from fractus.model.resource import SETTLED, Presence, Resource
from fractus.reconcile.kind import (
    Apply,
    Difference,
    Fail,
    Item,
    Plan,
    Wait,
)
from fractus.services.network.dialect.lifecycle import SharedLifecycle
from fractus.services.network.dialect.schema.rules import rule_key
from fractus.services.network.dialect.writes.neighbours import RemoteMembers
from fractus.services.network.security_groups.kind import DEFAULT, KIND, RULES, default_id, family, prefixes
from fractus.store.resources import Resources
from fractus.store.transaction import Reader, Transaction

#: Neutron makes a group of this name in every project itself, and refuses a second.
_INSTEAD = "fractus-default"

#: How our vocabulary calls the group itself as the remote of one of its rules.
_ITSELF = "self"

#: So many rules are added with one request.
_AT_ONCE = 100


class SecurityGroupLifecycle(SharedLifecycle[SecurityGroupWanted, SecurityGroupObserved]):
    """The kind `security_group`."""

    facts_from = frozenset({"group_members", "port"})

    def __init__(self, resources: Resources, members: RemoteMembers) -> None:
        """`members`: how each cloud is sent members in others."""
        super().__init__(SECURITY_GROUP, KIND.summarise)
        self._resources, self._members = resources, members

    async def prepare(self, tx: Transaction, resource: Resource, cloud: str) -> dict[str, Any]:
        """A default group, which nobody can delete, is in a cloud only as long as it is needed there. Of one that rules
        name its clouds are sent the members in one another.
        """
        if await self._naming(tx, resource.id):
            await self._members.begin(tx, resource)
        passing = {"passing": True} if resource.id == default_id(resource.project_id) else {}
        return {**await super().prepare(tx, resource, cloud), **passing}

    # ------------------------------------------------------------------ members elsewhere

    async def facts(self, reader: Reader, resource: Resource, presence: Presence) -> Mapping[str, Any]:
        """How this cloud is sent the members elsewhere of the groups that rules name."""
        named = {one["remote_group_id"] for one in RULES.among(resource)} - {None}
        return await self._members.in_cloud(reader, named, presence.cloud) if named else {}

    async def concerns(self, reader: Reader, kind: str, id: str) -> list[str]:
        """The groups with rules that name one whose members are sent otherwise now."""
        groups = await self._members.groups_of(reader, kind, id)
        return sorted({naming for group in groups for naming in await self._naming(reader, group)})

    async def _naming(self, reader: Reader, id: str) -> list[str]:
        """The groups with rules whose remote is this one."""
        group = await self._resources.fetch(reader, KIND.name, id)
        own = [] if group is None else [one for one in RULES.among(group) if one["remote_group_id"] == id]
        others = await self._resources.needed_by_kind(reader, KIND.name, id, KIND.name)
        return [*others, *([id] if own else [])]

    # ------------------------------------------------------------------ what should be there

    def wanted(self, item: Item) -> SecurityGroupWanted:
        """The group to be. Rules whose remote group is not in the cloud yet are left out until it is."""
        rules, _ = self._rules(item)
        name = item.resource.name
        # One that was taken over may be called otherwise there (every project has a default group of its own): it
        # keeps that name until its user gives it another.
        ours, theirs = item.presence.memory.get("named", ("", ""))
        if ours and name == ours:
            name = theirs
        elif name.lower() == DEFAULT:
            name = _INSTEAD
        return SecurityGroupWanted(
            id=item.resource.id,
            name=name,
            rules=rules,
            stateful=item.resource.desired["stateful"],
        )

    @staticmethod
    def _rules(item: Item) -> tuple[list[Rule], list[str]]:
        """Rules in the cloud's ids, and the remote groups that are not there yet."""
        rules, absent = [], []
        for rule in RULES.among(item.resource):
            remote = rule["remote_group_id"]
            there = None
            if remote == item.resource.id:
                there = _ITSELF
            elif remote:
                there = item.remote.get(("security_group", remote))
                if there is None:
                    absent.append(remote)
                    continue
            rules += [_rule(rule, prefix, group=there) for prefix in prefixes(item.resource, rule)]
            elsewhere = item.facts.get(remote, ()) if remote else ()
            if isinstance(elsewhere, str):
                rules.append(_rule(rule, addresses=elsewhere))
            else:
                rules += [_rule(rule, one) for one in elsewhere if family(one) == rule["ethertype"]]
        return rules, absent

    def differences(self, item: Item, observed: SecurityGroupObserved) -> list[Difference]:
        """What `plan` would change. Rules are reported as those that are too many there, and those that are missing."""
        wanted = self.wanted(item)
        found = []
        if observed.name and wanted.name != observed.name:
            found.append(
                Difference("name", wanted.name, observed.name, adopts=wanted.name == item.resource.name)
            )
        if observed.stateful is not None and observed.stateful != wanted.stateful:
            found.append(
                Difference("stateful", wanted.stateful, observed.stateful, mends=False, adopts=False)
            )
        if observed.rules is not None:
            missing, surplus = _rules_apart(wanted.rules, observed.rules, itself=observed.remote_id)
            if missing or surplus:
                found.append(Difference("rules", _plain(missing), _plain(surplus), adopts=False))
        return found

    def plan(self, item: Item, observed: SecurityGroupObserved) -> Plan:
        """The name, then rules that should not be there, then those that are missing: never too much is allowed."""
        wanted = self.wanted(item)
        if observed.name and wanted.name != observed.name:
            return Apply(Step("rename", {"name": wanted.name}))
        if observed.stateful is not None and observed.stateful != wanted.stateful:
            return Fail("Whether a security group is stateful cannot be changed in a cloud where it is.")
        if observed.rules is not None:
            step = self._rule_step(wanted.rules, observed.rules, itself=observed.remote_id)
            if step is not None:
                return Apply(step)
        _, absent = self._rules(item)
        if absent:
            return Wait(2.0, f"waits for security_group {absent[0]}")
        return self.let(item, {})

    @staticmethod
    def _rule_step(wanted: list[Rule], there: list[Rule], *, itself: str) -> Step | None:
        missing, surplus = _rules_apart(wanted, there, itself=itself)
        if surplus:
            return Step("delete_rule", {"remote_id": surplus[0].remote_id})
        if missing[1:]:
            return Step("add_rules", {"rules": _plain(missing[:_AT_ONCE])})
        if missing:
            (fields,) = _plain(missing)
            return Step("add_rule", fields)
        return None

    def settled(self, presence: Presence, observed: SecurityGroupObserved) -> bool:
        """Once its rules are right: a port with half a group would be open, or closed, where it should not be."""
        return presence.state == SETTLED

    async def gone(self, tx: Transaction, resource: Resource) -> None:
        """The rows of its rules, where nobody has removed them yet."""
        await RULES.drop_of(tx, resource.id)


def _rule(
    rule: Mapping[str, Any],
    prefix: str | None = None,
    *,
    group: str | None = None,
    addresses: str | UnsetType = UNSET,
) -> Rule:
    """One of ours as a cloud is sent it, with a remote of that cloud's."""
    return Rule(
        direction=rule["direction"],
        ethertype=rule["ethertype"],
        protocol=rule["protocol"],
        port_range_min=rule["port_range_min"],
        port_range_max=rule["port_range_max"],
        remote_ip_prefix=prefix,
        remote_group_id=group,
        remote_address_group_id=addresses,
        description=rule.get("description") or "",
    )


def _rules_apart(wanted: list[Rule], there: list[Rule], *, itself: str) -> tuple[list[Rule], list[Rule]]:
    """Rules that are wanted and not there, and those that are there and not wanted."""
    ours = {rule_key(msgspec.to_builtins(rule)): rule for rule in wanted}
    theirs = {rule_key(msgspec.to_builtins(rule), itself=itself): rule for rule in there}
    missing = [rule for key, rule in ours.items() if key not in theirs]
    return missing, [rule for key, rule in theirs.items() if key not in ours]


def _plain(rules: list[Rule]) -> list[dict[str, Any]]:
    """Without their ids in the child, nor descriptions that they have not."""
    return [
        {name: value for name, value in msgspec.to_builtins(rule).items() if name not in left_out}
        for rule in rules
        for left_out in (("remote_id",) if rule.description else ("remote_id", "description"),)
    ]
