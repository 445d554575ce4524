"""What all kinds of a simulated Neutron have in common: updates by attribute."""

from __future__ import annotations

from typing import Any, ClassVar, TypeVar

import msgspec

from fractus.clouds.simulated.actuator import Simulated
from fractus.clouds.simulated.records import Record
from fractus.model.cloud import Seen, Step, Wanted
from fractus.model.errors import Refused

R = TypeVar("R", bound=Record)
W = TypeVar("W", bound=Wanted)
S = TypeVar("S", bound=Seen)


class NeutronSimulated(Simulated[R, W, S]):
    """A kind with the verb `update`, whose body is Neutron's."""

    changeable: ClassVar[frozenset[str]]
    """Attributes that may be updated."""

    def change(self, thing: R, step: Step) -> None:
        """Verb: update. The marker lies in the description, which is passed over."""
        if step.verb != "update":
            return super().change(thing, step)
        wanted = {key: value for key, value in step.body.items() if key not in ("description", "id", "notes")}
        for key in wanted:
            if key not in self.changeable:
                raise Refused(f"Attribute '{key}' not allowed in PUT", status=400)
        changed = self.updated(thing, wanted)
        self.check(changed)
        changed.notes = step.body.get("notes", changed.notes)
        return self.touch(changed)

    def updated(self, thing: R, wanted: dict[str, Any]) -> R:
        """The thing with new attributes; `Refused` where they are of the wrong type."""
        try:
            return msgspec.convert({**msgspec.to_builtins(thing), **wanted}, type(thing))
        except msgspec.ValidationError as error:
            raise Refused(f"Invalid input for operation: {error}.", status=400) from error

    def check(self, thing: R) -> None:
        """`Refused` where a thing cannot be as it is about to become."""
