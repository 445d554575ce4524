"""What a service prints of a kind, decoded as the kind's vocabulary says."""

from __future__ import annotations

from collections.abc import Mapping
from operator import attrgetter
from typing import Any, Generic, TypeVar

import msgspec
from msgspec import UNSET, Struct

from fractus.model.wire import Vocabulary, WireField

D = TypeVar("D", bound=Struct)


class Documents(Generic[D]):
    """Documents of one kind. Fields have the names of the vocabulary in them, whatever they are called there."""

    def __init__(
        self, vocabulary: Vocabulary[Any, Any], base: type[D], types: Mapping[str, Any] | None = None
    ) -> None:
        """`base`: what documents of all kinds have. `types`: of fields printed otherwise than they are kept."""
        shown = vocabulary.shown
        types = types or {}
        self.type: type[D] = msgspec.defstruct(
            f"{vocabulary.kind.title()}Document",
            [(one.name, types.get(one.name, one.type), _absent(one)) for one in shown],
            bases=(base,),
            rename={one.name: one.wire for one in shown},
            kw_only=True,
        )  # type: ignore[assignment]
        self.decode = msgspec.json.Decoder(self.type).decode
        self._names = tuple(one.name for one in shown if not one.null_is_value)
        # Of one name alone it would give the value itself; the document's type is asked for only so that there are two.
        self._values = attrgetter(*self._names, "__class__")
        self._with_null = tuple(one.name for one in shown if one.null_is_value)

    def fields(self, document: D) -> dict[str, Any]:
        """The fields of what was seen that the document says. Null is as unsaid, but where it is a value."""
        pairs = zip(self._names, self._values(document), strict=False)
        said = {name: value for name, value in pairs if value is not None}
        for name in self._with_null:
            said[name] = getattr(document, name)
        return said


def _absent(field: WireField) -> Any:
    if field.null_is_value:
        return UNSET
    return None if field.rules.absent is UNSET else field.rules.absent
