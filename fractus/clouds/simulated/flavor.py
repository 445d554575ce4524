"""Flavors of a simulated cloud: they belong to no project, and their ids are derived from ours."""

from __future__ import annotations

from fractus.clouds.simulated.actuator import Simulated
from fractus.clouds.simulated.records import FlavorRecord
from fractus.model.cloud import Scope, Step
from fractus.model.compute import FlavorObserved, FlavorWanted


class Flavors(Simulated[FlavorRecord, FlavorWanted, FlavorObserved]):
    """The actuator of flavors."""

    record = FlavorRecord
    tells_changes = False

    def seen(self, thing: FlavorRecord) -> FlavorObserved:
        """How the cloud shows it."""
        return FlavorObserved(
            **{**self.common_fields(thing), "project_id": ""},
            is_public=thing.is_public,
            vcpus=thing.vcpus,
            ram=thing.ram,
            disk=thing.disk,
            ephemeral=thing.ephemeral,
            swap=thing.swap,
            extra_specs=dict(thing.extra_specs),
        )

    async def create(self, scope: Scope, wanted: FlavorWanted) -> FlavorObserved:
        """Make it, without its extra specs, which are steps of their own; one that is there already serves as well."""

        def work() -> FlavorObserved:
            there = self.own(wanted)
            if there is not None:
                return self.seen(there)
            thing = self.make(self.injector.home, wanted)
            self.sign(thing, wanted)
            self.touch(thing)
            return self.seen(thing)

        return await self.injector.call(self.kind, "create", wanted.id, work, change=True, repeatable=False)

    async def find(self, scope: Scope, wanted: FlavorWanted) -> FlavorObserved | None:
        """The flavor whose id is derived from ours."""

        def work() -> FlavorObserved | None:
            there = self.own(wanted)
            return None if there is None else self.seen(there)

        return await self.injector.call(self.kind, "find", wanted.id, work, change=False)

    def make(self, project_id: str, wanted: FlavorWanted) -> FlavorRecord:
        """A new flavor."""
        return FlavorRecord(
            id=self.injector.own_id(wanted.id),
            project_id=project_id,
            name=wanted.name,
            vcpus=wanted.vcpus,
            ram=wanted.ram,
            disk=wanted.disk,
            ephemeral=wanted.ephemeral,
            swap=wanted.swap,
            is_public=wanted.is_public,
            created_at=self.now(),
        )

    def change(self, thing: FlavorRecord, step: Step) -> None:
        """Verbs: set_extra_specs, unset_extra_spec, admit, expel, note. What is so already is done."""
        project_id = self.injector.project(Scope(step.body.get("project_id", "")))
        match step.verb:
            case "set_extra_specs":
                thing.extra_specs = {**thing.extra_specs, **step.body["extra_specs"]}
            case "unset_extra_spec":
                thing.extra_specs = {k: v for k, v in thing.extra_specs.items() if k != step.body["key"]}
            case "admit":
                thing.access = sorted({*thing.access, project_id})
            case "expel":
                thing.access = [one for one in thing.access if one != project_id]
            case "note":
                thing.notes = dict(step.body["notes"])
            case _:
                return super().change(thing, step)
        self.touch(thing)

    def may_see(self, thing: FlavorRecord, project_id: str) -> bool:
        """Flavors are everybody's."""
        return True

    def missing(self, id: str) -> str:
        """Nova's sentence."""
        return f"Flavor {id} could not be found."
