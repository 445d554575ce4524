"""Metering labels as the machine sees them: where the routers are that they count, with exactly our rules."""

from __future__ import annotations

from typing import Any

from msgspec import to_builtins

from fractus.model.cloud import Step
from fractus.model.metering import METERING_LABEL, MeteringLabelObserved, MeteringLabelWanted, MeteringRule
from fractus.model.placement import follows
from fractus.reconcile.kind import Apply, Difference, Done, Item, Plan
from fractus.services.network.dialect.lifecycle import CrudLifecycle
from fractus.services.network.metering_labels.kind import KIND, PREFIXES

_KEPT = ("direction", "excluded", *PREFIXES)


class MeteringLabelLifecycle(CrudLifecycle[MeteringLabelWanted, MeteringLabelObserved]):
    """The kind `metering_label`."""

    traits = follows("router")

    def __init__(self) -> None:
        super().__init__(METERING_LABEL, KIND.summarise)

    def fields(self, item: Item) -> dict[str, Any]:
        """With its rules."""
        rules = [
            MeteringRule(**{name: one[name] for name in _KEPT}) for one in item.resource.desired["rules"]
        ]
        return {**super().fields(item), "rules": rules}

    def differences(self, item: Item, observed: MeteringLabelObserved) -> list[Difference]:
        """Rules are reported as those that should be there, and those that are there. Nothing else changes."""
        missing, extra = self._apart_rules(item, observed)
        if not (missing or extra):
            return []
        return [Difference("rules", to_builtins(missing), to_builtins(extra), adopts=False)]

    def plan(self, item: Item, observed: MeteringLabelObserved) -> Plan:
        """Rules that are too many go first: Neutron refuses one that overlaps another."""
        missing, extra = self._apart_rules(item, observed)
        for rule in extra:
            return Apply(Step("delete_rule", {"remote_id": rule.remote_id}))
        for rule in missing:
            said = {name: one for name, one in to_builtins(rule).items() if name != "remote_id"}
            return Apply(Step("add_rule", said))
        return Done()

    def _apart_rules(
        self, item: Item, observed: MeteringLabelObserved
    ) -> tuple[list[MeteringRule], list[MeteringRule]]:
        """The rules that are not there, and those that should not be there."""
        if observed.rules is None:
            return [], []
        ours = {one.said: one for one in self.wanted(item).rules}
        theirs = {one.said for one in observed.rules}
        kept: set[Any] = set()
        extra = []
        for one in observed.rules:
            if one.said not in ours or one.said in kept:
                extra.append(one)
            kept.add(one.said)
        return [one for said, one in ours.items() if said not in theirs], extra
