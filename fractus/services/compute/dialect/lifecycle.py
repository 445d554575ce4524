"""A kind of Nova's in the clouds: carried to where a server needs it. A kind overrides what is particular to it."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, ClassVar

from fractus.model.placement import carried
from fractus.model.resource import SETTLED, Presence, Resource, Summary
from fractus.reconcile.kind import Difference, Done, Item, Plan, Sweeping, with_desired
from fractus.services.compute.dialect.kind import ComputeKind
from fractus.services.lifecycle import LifecycleDefaults


class ComputeLifecycle(LifecycleDefaults):
    """What the machine must know of one kind, from its declaration. Its fields have the same names in `desired`, in
    what is asked of drivers and in what they say.
    """

    kind: ClassVar[ComputeKind]
    sweeping = Sweeping(whole=60.0)
    traits = carried(needed_after_delete=True)

    def __init__(self) -> None:
        """The kind says what drivers are asked for, and what they say."""
        vocabulary = self.kind.vocabulary
        assert vocabulary is not None
        self.name = self.kind.name
        self.observed_type = vocabulary.observed
        self._wanted_type = vocabulary.wanted
        self._names = [one.name for one in vocabulary.said]

    def notes(self, resource: Resource) -> dict[str, Any]:
        """What a rebuild must know and the child has no field for."""
        return {name: resource.desired[name] for name in self.kind.noted}

    def plan(self, item: Item, observed: Any) -> Plan:
        """It never changes."""
        return Done()

    def differences(self, item: Item, observed: Any) -> list[Difference]:
        """None that could be reported."""
        return []

    def wanted(self, item: Item) -> Any:
        """As its user wants it."""
        desired = item.resource.desired
        fields = {name: desired[name] for name in self._names}
        return self._wanted_type(
            id=item.resource.id, name=desired["name"], notes=self.notes(item.resource), **fields
        )

    def as_desired(self, item: Item, observed: Any, fields: Collection[str]) -> Any:
        """Names are the same on both sides."""
        return with_desired(self.wanted(item), observed, fields)

    def settled(self, presence: Presence, observed: Any) -> bool:
        """It can be used when nothing is left to do of it."""
        return presence.state == SETTLED

    def summarise(self, resource: Resource, presences: list[Presence]) -> Summary:
        """As users see it."""
        return self.kind.summarise(resource, presences)
