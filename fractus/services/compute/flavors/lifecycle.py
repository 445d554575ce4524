"""A flavor in the clouds: carried to where a server of it is built, and kept equal there while we made it."""

from __future__ import annotations

from typing import Any

from fractus.model.cloud import Step
from fractus.model.compute import FlavorObserved
from fractus.model.resource import Presence, Resource
from fractus.reconcile.kind import (
    ADMITTED,
    NOTED,
    USERS,
    Apply,
    Difference,
    Done,
    Item,
    Plan,
    admission,
    to_note,
    users,
)
from fractus.services.compute.dialect.lifecycle import ComputeLifecycle
from fractus.services.compute.flavors.kind import KIND, flavorid


class FlavorLifecycle(ComputeLifecycle):
    """What the machine must know of flavors."""

    kind = KIND

    def notes(self, resource: Resource) -> dict[str, Any]:
        """What users call it, and what no flavor of a child says as it is here."""
        kept = {name: resource.desired[name] for name in ("name", "description", "is_public", "access")}
        return {"flavorid": flavorid(resource), **kept}

    def differences(self, item: Item, observed: FlavorObserved) -> list[Difference]:
        """Extra specs, and whether it is everybody's, which no flavor changes: in a flavor that we made."""
        desired, found = item.resource.desired, []
        if not observed.marker:
            return []
        if observed.extra_specs != desired["extra_specs"]:
            found.append(Difference("extra_specs", desired["extra_specs"], observed.extra_specs))
        if observed.is_public != desired["is_public"]:
            public = desired["is_public"], observed.is_public
            found.append(Difference("is_public", *public, mends=False, adopts=False))
        return found

    def plan(self, item: Item, observed: FlavorObserved) -> Plan:
        """Extra specs follow ours in a flavor that we made; in one that we found and use (the same by nature, without
        our marker) nothing is touched (law 6).
        """
        if not observed.marker:
            return Done()
        wanted = item.resource.desired["extra_specs"]
        change = {key: value for key, value in wanted.items() if observed.extra_specs.get(key) != value}
        if change:
            return Apply(Step("set_extra_specs", {"extra_specs": change}))
        surplus = sorted(set(observed.extra_specs) - set(wanted))
        if surplus:
            return Apply(Step("unset_extra_spec", {"key": surplus[0]}))
        return _let(item, observed) or self._note(item, observed) or Done()

    def _note(self, item: Item, observed: FlavorObserved) -> Plan | None:
        """What a rebuild must know."""
        resource, notes = item.resource, self.wanted(item).notes
        if not to_note(item, notes, observed):
            return None
        return Apply(Step("note", {"id": resource.id, "notes": notes}), {NOTED: resource.generation})

    def admits(self, presence: Presence, observed: FlavorObserved | None, project_id: str) -> bool:
        """Those that were let in, and all to what is everybody's there, or is none that we made."""
        open_to_all = observed is None or observed.is_public or not observed.marker
        return open_to_all or project_id in presence.memory.get(ADMITTED, ())


def _let(item: Item, observed: FlavorObserved) -> Plan | None:
    """Of a private one: who may use it."""
    if observed.is_public:
        return None
    desired, memory = item.resource.desired, item.presence.memory
    wanted = users(item, memory.get(USERS, {}) if desired["is_public"] else desired["access"])
    return admission(item.presence, wanted)
