"""Things of a simulated Neutron that may be shared with some projects."""

from __future__ import annotations

from typing import TypeVar

from fractus.clouds.simulated.neutron import NeutronSimulated
from fractus.clouds.simulated.records import RECORDS, SharedRecord
from fractus.model.cloud import Observed, Scope, Step, Wanted
from fractus.model.errors import Missing, Refused

R = TypeVar("R", bound=SharedRecord)
W = TypeVar("W", bound=Wanted)
S = TypeVar("S", bound=Observed)

#: What uses a thing that is shared.
_USERS = ("port", "network")


class SharedSimulated(NeutronSimulated[R, W, S]):
    """A kind with the verbs `admit` and `expel`, which only an administrator may use."""

    def change(self, thing: R, step: Step) -> None:
        """Verbs: update, admit, expel. Who is let in already, or is not, is done."""
        match step.verb:
            case "admit":
                project_id = self.injector.project(Scope(step.body["project_id"]))
                thing.shared_with = sorted({*thing.shared_with, project_id})
            case "expel":
                project_id = self.injector.project(Scope(step.body["project_id"]))
                if project_id in thing.shared_with and self._is_used(thing, project_id):
                    raise Refused(
                        f"RBAC policy on object {thing.id} cannot be removed because other objects depend on it.",
                        status=409,
                    )
                thing.shared_with = [one for one in thing.shared_with if one != project_id]
            case "update":
                return super().change(thing, step)
            case verb:
                raise Refused(f"{self.kind} has no verb {verb!r}", status=400)
        return self.touch(thing)

    def _is_used(self, thing: R, project_id: str) -> bool:
        held = f"{self.kind}/{thing.id}"
        users = (one for kind in _USERS for one in self.records.holding(RECORDS[kind], held))
        return any(one.project_id == project_id for one in users)

    def may_see(self, thing: R, project_id: str) -> bool:
        """The project's own, and those that are shared with it, or with all."""
        return thing.is_usable_by(project_id)

    def held_to_change(self, id: str, project_id: str) -> R:
        """Others' things that are shared are "not found" to whoever would change them, as in Neutron."""
        thing = self.held(id, project_id)
        if project_id not in (thing.project_id, self.injector.home):
            raise Missing(self.missing(id))
        return thing
