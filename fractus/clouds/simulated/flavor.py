"""Flavors of a simulated cloud: they belong to no project, and their ids are derived from ours."""

from __future__ import annotations

from fractus.clouds.simulated.nova import NovaSimulated
from fractus.clouds.simulated.records import FlavorRecord
from fractus.model.cloud import Scope, Step
from fractus.model.compute import FLAVOR, FlavorObserved, FlavorWanted


class Flavors(NovaSimulated[FlavorRecord, FlavorWanted, FlavorObserved]):
    """The actuator of flavors."""

    record = FlavorRecord
    vocabulary = FLAVOR
    unlisted = frozenset({"access"})

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
