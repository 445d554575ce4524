"""Volume types of a simulated cloud: its operator's own, found by their names."""

from __future__ import annotations

from fractus.clouds.simulated.actuator import Simulated
from fractus.clouds.simulated.records import VolumeRecord, VolumeTypeRecord
from fractus.model.cloud import Scope, Step
from fractus.model.errors import Missing, Refused
from fractus.model.volumes import VolumeTypeObserved, VolumeTypeWanted, unencrypted


class VolumeTypes(Simulated[VolumeTypeRecord, VolumeTypeWanted, VolumeTypeObserved]):
    """The actuator of volume types: the cloud's own are never changed; others are made where its operator lets us."""

    record = VolumeTypeRecord
    dates_changes = False

    def observed(self, thing: VolumeTypeRecord) -> VolumeTypeObserved:
        """How the cloud shows it."""
        return VolumeTypeObserved(
            remote_id=thing.id,
            marker=thing.marker if self.injector.is_ours(thing.by) else "",
            managed_by="" if self.injector.is_ours(thing.by) else thing.by,
            name=thing.name,
            description=thing.description or None,
            is_public=thing.is_public,
            extra_specs=dict(thing.extra_specs),
        )

    def make(self, project_id: str, wanted: VolumeTypeWanted) -> VolumeTypeRecord:
        """The one that is there already; else a new one, where we may."""
        there = self._named(wanted)
        if there is None and self.injector.backend.shape.make_volume_types:
            there = VolumeTypeRecord(id=self.new_id(), project_id="", name=wanted.name)
            there.description, there.is_public = wanted.description or "", wanted.is_public
            there.extra_specs, there.encrypted = dict(wanted.extra_specs), wanted.encrypted
            self.sign(there, wanted)
            self.records.put(there)
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
        """What is there, or is made now."""

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

    def change(self, thing: VolumeTypeRecord, step: Step) -> None:
        """Verbs of types of our making. What is so already is done."""
        self._check_made_by_us(thing)
        body = step.body
        match step.verb:
            case "update":
                thing.name = body.get("name", thing.name)
                thing.description = body.get("description", thing.description)
                thing.is_public = body.get("is_public", thing.is_public)
            case "set_extra_specs":
                thing.extra_specs = {**thing.extra_specs, **body["extra_specs"]}
            case "unset_extra_spec":
                thing.extra_specs = {k: v for k, v in thing.extra_specs.items() if k != body["key"]}
            case "admit":
                thing.access = sorted({*thing.access, self.injector.project(Scope(body["project_id"]))})
            case "expel":
                gone = self.injector.project(Scope(body["project_id"]))
                thing.access = [one for one in thing.access if one != gone]
            case _:
                return super().change(thing, step)
        self.records.put(thing)

    def _check_made_by_us(self, thing: VolumeTypeRecord) -> None:
        if not thing.marker or not self.injector.is_ours(thing.by):
            raise Missing(f"volume type {thing.id} is not of our making and stays")

    def end(self, thing: VolumeTypeRecord) -> None:
        """Delete one of our making, unless a volume has it."""
        self._check_made_by_us(thing)
        if any(one.type_id == thing.id for one in self.records.every(VolumeRecord)):
            raise Refused("Target volume type is still in use.", status=400)
        self.records.drop(thing)

    def may_see(self, thing: VolumeTypeRecord, project_id: str) -> bool:
        """Everybody."""
        return True
