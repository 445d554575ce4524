"""Volume types of a simulated cloud: its operator's own, found by their names."""

from __future__ import annotations

from fractus.clouds.simulated.actuator import Simulated
from fractus.clouds.simulated.records import VolumeTypeRecord
from fractus.model.cloud import Scope
from fractus.model.errors import Missing, Refused
from fractus.model.volumes import VolumeTypeObserved, VolumeTypeWanted, unencrypted


class VolumeTypes(Simulated[VolumeTypeRecord, VolumeTypeWanted, VolumeTypeObserved]):
    """The actuator of volume types: none is ever made or changed."""

    record = VolumeTypeRecord
    dates_changes = False

    def observed(self, thing: VolumeTypeRecord) -> VolumeTypeObserved:
        """How the cloud shows it."""
        return VolumeTypeObserved(
            remote_id=thing.id,
            name=thing.name,
            is_public=thing.is_public,
            extra_specs=dict(thing.extra_specs),
        )

    def make(self, project_id: str, wanted: VolumeTypeWanted) -> VolumeTypeRecord:
        """The one that is there already."""
        there = self._named(wanted)
        if there is None:
            raise Refused(f"{self.injector.cloud} has no volume type {wanted.name}", elsewhere=True)
        where = there.encrypted
        if wanted.encrypted and where != wanted.encrypted:
            raise Refused(unencrypted(wanted, where, self.injector.cloud), elsewhere=True)
        return there

    def _named(self, wanted: VolumeTypeWanted) -> VolumeTypeRecord | None:
        every = {one.name: one for one in self.records.every(VolumeTypeRecord)}
        names = self.injector.backend.shape.volume_types
        default = names[0] if wanted.is_default and names else ""
        return every.get(wanted.name) or every.get(default)

    async def create(self, scope: Scope, wanted: VolumeTypeWanted) -> VolumeTypeObserved:
        """What is there: nothing is written."""

        def work() -> VolumeTypeObserved:
            return self.observed(self.make("", wanted))

        return await self.injector.call(self.kind, "create", wanted.id, work, change=True)

    async def find(self, scope: Scope, wanted: VolumeTypeWanted) -> VolumeTypeObserved | None:
        """The one of that name."""

        def work() -> VolumeTypeObserved | None:
            there = self._named(wanted)
            fits = there is not None and wanted.encrypted in ("", there.encrypted)
            return self.observed(there) if there is not None and fits else None

        return await self.injector.call(self.kind, "find", wanted.id, work, change=False)

    def end(self, thing: VolumeTypeRecord) -> None:
        """It is the cloud's own and stays."""
        raise Missing(f"volume type {thing.id} is not of our making and stays")

    def may_see(self, thing: VolumeTypeRecord, project_id: str) -> bool:
        """Everybody."""
        return True
