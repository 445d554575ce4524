"""A volume type in the clouds: the one of its name there is used as it is; one that we made there is kept equal."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from msgspec import structs

from fractus.model.cloud import Step
from fractus.model.placement import carried
from fractus.model.resource import Presence, Resource, Summary
from fractus.model.volumes import VolumeTypeObserved, VolumeTypeWanted
from fractus.reconcile.kind import (
    ADMITTED,
    USERS,
    Apply,
    Difference,
    Done,
    Item,
    Plan,
    Sweeping,
    admission,
    users,
)
from fractus.services.lifecycle import LifecycleDefaults
from fractus.services.volume.volume_types.kind import KIND, summarise, wanted_of


class VolumeTypeLifecycle(LifecycleDefaults):
    """What the machine must know of volume types."""

    name = KIND.name
    observed_type = VolumeTypeObserved
    traits = carried()
    sweeping = Sweeping(whole=60.0)

    def wanted(self, item: Item) -> VolumeTypeWanted:
        """What it is called there."""
        return wanted_of(item.resource, item.presence.cloud)

    def plan(self, item: Item, observed: VolumeTypeObserved) -> Plan:
        """What we made follows ours; a type of the cloud's own is never changed."""
        apart = {one.field: one for one in self.differences(item, observed)}
        texts = {name: one.wanted for name, one in apart.items() if name != "extra_specs"}
        if texts:
            return Apply(Step("update", texts))
        if "extra_specs" in apart:
            there, asked = observed.extra_specs, item.resource.desired["extra_specs"]
            change = {key: value for key, value in asked.items() if there.get(key) != value}
            if change:
                return Apply(Step("set_extra_specs", {"extra_specs": change}))
            return Apply(Step("unset_extra_spec", {"key": min(set(there) - set(asked))}))
        if not observed.marker or observed.is_public:
            return Done()
        noted, desired = item.presence.memory.get(USERS, {}), item.resource.desired
        allowed = users(item, noted if desired["is_public"] else desired["access"])
        return admission(item.presence, allowed) or Done()

    def differences(self, item: Item, observed: VolumeTypeObserved) -> list[Difference]:
        """Of what we made. What a type of a cloud's own is, its operator says."""
        if not observed.marker:
            return []
        wanted = self.wanted(item)
        pairs = (
            ("name", wanted.name, observed.name),
            ("description", wanted.description or "", observed.description or ""),
            ("is_public", wanted.is_public, observed.is_public),
            ("extra_specs", wanted.extra_specs, observed.extra_specs),
        )
        return [Difference(name, asked, there) for name, asked, there in pairs if asked != there]

    def admits(self, presence: Presence, observed: VolumeTypeObserved | None, project_id: str) -> bool:
        """Those that were let in, and all to what is everybody's there, or is none that we made."""
        open_to_all = observed is None or observed.is_public or not observed.marker
        return open_to_all or project_id in presence.memory.get(ADMITTED, ())

    def as_desired(self, item: Item, observed: VolumeTypeObserved, fields: Collection[str]) -> Any:
        """Names are the same on both sides."""
        wanted = self.wanted(item)
        return structs.replace(observed, **{name: getattr(wanted, name) for name in fields})

    def settled(self, presence: Presence, observed: VolumeTypeObserved) -> bool:
        """As soon as it was found."""
        return True

    def summarise(self, resource: Resource, presences: list[Presence]) -> Summary:
        """How users see it."""
        return summarise(resource, presences)
