"""QoS policies as the machine sees them: in a cloud a policy has exactly our rules."""

from __future__ import annotations

from typing import Any

from msgspec import to_builtins

from fractus.model.cloud import Step
from fractus.model.network import QOS_POLICY, QosPolicyObserved, QosPolicyWanted, QosRule
from fractus.model.resource import SETTLED, Presence
from fractus.reconcile.kind import Apply, Difference, Item, Plan
from fractus.services.network.dialect.lifecycle import SharedLifecycle
from fractus.services.network.qos_policies.kind import KIND
from fractus.services.network.qos_policies.schema import said


class QosPolicyLifecycle(SharedLifecycle[QosPolicyWanted, QosPolicyObserved]):
    """The kind `qos_policy`."""

    def __init__(self) -> None:
        super().__init__(QOS_POLICY, KIND.summarise)

    def fields(self, item: Item) -> dict[str, Any]:
        """With its rules."""
        rules = [QosRule(type=one["type"], said=said(one)) for one in item.resource.desired["rules"]]
        return {**super().fields(item), "rules": rules}

    def differences(self, item: Item, observed: QosPolicyObserved) -> list[Difference]:
        """What `plan` would change. Rules are reported as those that should be there, and those that are."""
        found = super().differences(item, observed)
        wanted, there = self._apart_rules(item, observed)
        if wanted or there:
            found.append(Difference("rules", _plain(wanted), _plain(there), adopts=False))
        return found

    def plan(self, item: Item, observed: QosPolicyObserved) -> Plan:
        """Its own fields, then its rules, then who may use it."""
        plan = super().plan(item, observed)
        own = isinstance(plan, Apply) and plan.step.verb == "update"
        step = None if own else rule_step(*self._apart_rules(item, observed))
        return plan if step is None else Apply(step)

    def _apart_rules(self, item: Item, observed: QosPolicyObserved) -> tuple[list[QosRule], list[QosRule]]:
        """The rules that are not there as they should be, and those that should not be there as they are."""
        if observed.rules is None:
            return [], []
        ours = {one.place: one for one in self.wanted(item).rules}
        theirs = {one.place: one for one in observed.rules}
        wanted = [one for place, one in ours.items() if place not in theirs or _apart(one, theirs[place])]
        there = [one for place, one in theirs.items() if place not in ours or _apart(ours[place], one)]
        return wanted, there

    def settled(self, presence: Presence, observed: QosPolicyObserved) -> bool:
        """Once its rules are right: what uses it is limited as it should be from its beginning."""
        return presence.state == SETTLED


def _plain(rules: list[QosRule]) -> list[dict[str, Any]]:
    return [{"type": one.type, **one.said} for one in rules]


def _apart(wanted: QosRule, there: QosRule) -> bool:
    """A cloud that says nothing of a value has it as it should be."""
    return any(wanted.said.get(name) != value for name, value in there.said.items())


def rule_step(wanted: list[QosRule], there: list[QosRule]) -> Step | None:
    """The next of the steps that make the rules equal: what is not wanted goes first.

    A cloud refuses a guarantee above the limit. So limits are raised and guarantees lowered before all else is changed.
    """
    ours = {one.place: one for one in wanted}
    theirs = {one.place: one for one in there}
    for place, one in theirs.items():
        if place not in ours:
            return Step("delete_rule", {"type": one.type, "remote_id": one.remote_id})
    changes = [(one, theirs[place]) for place, one in ours.items() if place in theirs]
    for new, old in sorted(changes, key=lambda pair: not _widens(*pair)):
        return Step("update_rule", {"type": new.type, "remote_id": old.remote_id, "said": _said(new)})
    for one in wanted:
        return Step("add_rule", {"type": one.type, "said": _said(one)})
    return None


def _widens(new: QosRule, old: QosRule) -> bool:
    """Whether what may be in the policy besides becomes more by a change."""
    if "max_kbps" in new.said:
        return bool(new.said["max_kbps"] > old.said.get("max_kbps", 0))
    return "min_kbps" in new.said and bool(new.said["min_kbps"] < old.said.get("min_kbps", 0))


def _said(rule: QosRule) -> dict[str, Any]:
    found: dict[str, Any] = to_builtins(rule.said)
    return found
