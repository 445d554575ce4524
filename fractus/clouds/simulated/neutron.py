"""Kinds of a simulated Neutron, as their vocabularies say: made with what is wanted, shown as they are kept."""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec

from fractus.clouds.simulated.actuator import Simulated
from fractus.clouds.simulated.fault_injector import FaultInjector
from fractus.clouds.simulated.records import RECORDS, Record, SharedRecord
from fractus.model.cloud import Observed, Step, Wanted
from fractus.model.errors import Missing, Refused
from fractus.model.wire import Vocabulary

R = TypeVar("R", bound=Record)
W = TypeVar("W", bound=Wanted)
S = TypeVar("S", bound=Observed)

#: What is said of kinds in a sentence of their own where there is no such thing.
_MISSING = {
    "floatingip": "Floating IP {} could not be found",
    "qos_policy": "QoS policy {} could not be found.",
    "security_group": "Security group {} does not exist",
}


class NeutronSimulated(Simulated[R, W, S]):
    """A kind with the verb `update`, whose body is Neutron's. What is particular to a kind, a subclass does."""

    def __init__(self, injector: FaultInjector, vocabulary: Vocabulary[W, S]) -> None:
        """Things are kept as the record of the same kind."""
        super().__init__(injector)
        self.vocabulary = vocabulary
        self.record = RECORDS[vocabulary.kind]
        kept = self.record.__struct_fields__
        self._said = tuple(one.name for one in vocabulary.said if not one.rules.separate)
        self._shown = tuple(one.name for one in vocabulary.shown if one.name in kept)
        self._shared = tuple(
            (one.name, one.rules.refers)
            for one in vocabulary.said
            if one.rules.mutable and issubclass(RECORDS.get(one.rules.refers, Record), SharedRecord)
        )

    def observed(self, thing: R) -> S:
        """How the cloud shows it."""
        return self.vocabulary.observed(
            **self.common_fields(thing), **{name: getattr(thing, name) for name in self._shown}
        )

    def make(self, project_id: str, wanted: W) -> R:
        """A new one with all that is wanted."""
        fields = {name: getattr(wanted, name) for name in self._said}
        thing = self._record()(id=self.new_id(), project_id=project_id, name=wanted.name, **fields)
        self.complete(thing)
        self.check(thing)
        self.spend(project_id, self.kind, f"Quota exceeded for resources: ['{self.kind}'].")
        return thing

    def complete(self, thing: R) -> None:
        """What the cloud gives a new one of its own accord, and that it may be made of what it names."""

    def missing(self, id: str) -> str:
        """Neutron's sentence."""
        return _MISSING[self.kind].format(id) if self.kind in _MISSING else super().missing(id)

    def check(self, thing: R) -> None:
        """`Refused` where a thing, new or changed, cannot be as it is about to become: `Missing` where it refers to
        what its project may not use.
        """
        for name, kind in self._shared:
            value = getattr(thing, name)
            for id in value if isinstance(value, list) else [value] if value else []:
                there = self.records.get(RECORDS[kind], id)
                assert there is None or isinstance(there, SharedRecord)
                if there is None or not there.is_usable_by(thing.project_id):
                    raise Missing(_MISSING[kind].format(id))

    def change(self, thing: R, step: Step) -> None:
        """Verb: update. The marker lies in the description, which is passed over."""
        if step.verb != "update":
            return super().change(thing, step)
        wanted = {key: value for key, value in step.body.items() if key not in ("description", "id", "notes")}
        for key in wanted:
            if key != "name" and key not in self.vocabulary.changeable:
                raise Refused(f"Attribute '{key}' not allowed in PUT", status=400)
        changed = self.updated(thing, {self._here(key): value for key, value in wanted.items()})
        self.check(changed)
        changed.notes = step.body.get("notes", changed.notes)
        return self.touch(changed)

    def _here(self, wire: str) -> str:
        return wire if wire == "name" else self.vocabulary.changeable[wire].name

    def updated(self, thing: R, wanted: dict[str, Any]) -> R:
        """The thing with new attributes; `Refused` where they are of the wrong type."""
        try:
            return msgspec.convert({**msgspec.to_builtins(thing), **wanted}, type(thing))
        except msgspec.ValidationError as error:
            raise Refused(f"Invalid input for operation: {error}.", status=400) from error

    def end(self, thing: R) -> None:
        """Delete it, unless something has it."""
        if self.records.tied(f"{self.kind}/{thing.id}"):
            raise Refused(f"{self.kind.replace('_', ' ').title()} {thing.id} in use.", status=409)
        self.records.drop(thing)
