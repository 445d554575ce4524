"""A volume type in the clouds: the one of its name there is used as it is."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from fractus.model.placement import carried
from fractus.model.resource import Presence, Resource, Summary
from fractus.model.volumes import VolumeTypeObserved, VolumeTypeWanted
from fractus.reconcile.kind import Difference, Done, Item, Plan, Sweeping
from fractus.services.lifecycle import LifecycleDefaults
from fractus.services.volume.volume_types.kind import DEFAULT_ID, KIND, summarise


class VolumeTypeLifecycle(LifecycleDefaults):
    """What the machine must know of volume types."""

    name = KIND.name
    observed_type = VolumeTypeObserved
    traits = carried()
    sweeping = Sweeping(whole=60.0)

    def wanted(self, item: Item) -> VolumeTypeWanted:
        """What it is called there."""
        desired, cloud = item.resource.desired, item.presence.cloud
        return VolumeTypeWanted(
            id=item.resource.id,
            name=desired["mapped"].get(cloud, desired["name"]),
            is_default=item.resource.id == DEFAULT_ID,
            encrypted=_encrypted(item.resource),
        )

    def plan(self, item: Item, observed: VolumeTypeObserved) -> Plan:
        """Nothing is ever changed there."""
        return Done()

    def differences(self, item: Item, observed: VolumeTypeObserved) -> list[Difference]:
        """None that matter: what a type is in its cloud is its operator's to say."""
        return []

    def as_desired(self, item: Item, observed: VolumeTypeObserved, fields: Collection[str]) -> Any:
        """As it is."""
        return observed

    def settled(self, presence: Presence, observed: VolumeTypeObserved) -> bool:
        """As soon as it was found."""
        return True

    def summarise(self, resource: Resource, presences: list[Presence]) -> Summary:
        """How users see it."""
        return summarise(resource, presences)


def _encrypted(resource: Resource) -> str:
    """Where volumes of a type have to be encrypted; empty: nowhere."""
    values = resource.desired.get("encryption")
    return str(values["control_location"]) if values else ""
