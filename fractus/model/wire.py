"""How the fields of a kind are spoken of to a cloud: declared once, beside the field, and read by every driver.

What should be there says it as `Annotated[..., Wire(...)]`; the field of the same name in what was seen need not say it
again. From a `Vocabulary` come the bodies of requests, what is read of documents, and what is compared.
"""

from __future__ import annotations

import types
from collections.abc import Mapping
from typing import Annotated, Any, Generic, TypeVar, Union, get_args, get_origin, get_type_hints

from msgspec import NODEFAULT, UNSET, Struct, structs

from fractus.model.cloud import Observed, Wanted

W = TypeVar("W", bound=Wanted)
S = TypeVar("S", bound=Observed)


class Wire(Struct, frozen=True, kw_only=True):
    """What is particular to one field, in the order of a create, a change and a comparison."""

    name: str = ""
    """Its name there; empty: the same as here."""
    key: str = ""
    """Its key in what is desired of a resource; empty: its name here."""
    extension: str = ""
    """Without this extension the service has no such field: another value than the default is then refused."""
    purpose: str = ""
    """What a cloud without the extension cannot give, as the refusal calls it."""
    optional: bool = False
    """A cloud without the extension goes without it."""
    unsaid: bool = False
    """The default is also the service's own, and is left out of a create."""
    admin: bool = False
    """Only an administrator may say it there: another value than the default, or any change."""
    refers: str = ""
    """The kind whose id it is."""
    separate: bool = False
    """It is made and changed by steps of its own, never as a part of the whole."""
    mutable: bool = False
    """It can be changed there."""
    per_cloud: bool = False
    """Each cloud has its own, which no user desires: it is not kept with the resource, and not compared."""
    cloud_chooses: bool = False
    """An empty value (0, None) leaves it to the cloud, whose choice is not compared."""
    unordered: bool = False
    """Its rows mean the same in any order and in any case of letters."""
    given_out: bool = False
    """It is given out here (an address): what a cloud has instead cannot become what is wanted."""
    absent: Any = UNSET
    """What a document that lacks it means; UNSET: that the cloud does not say."""


class WireField(Struct, frozen=True, kw_only=True):
    """One field of a kind, with all that is known of it."""

    name: str
    key: str
    wire: str
    rules: Wire
    default: Any = None
    """What is wanted where nothing was said."""
    type: Any = None
    """Its type in what was seen; None where it is only wanted."""
    is_wanted: bool = True
    null_is_value: bool = False
    """None in what was seen is a value of its own (there is no gateway), and UNSET is what was not said."""


class Vocabulary(Generic[W, S]):
    """One kind, as a service of a cloud speaks of it."""

    def __init__(
        self,
        kind: str,
        wanted: type[W],
        observed: type[S],
        *,
        resource: str = "",
        collection: str = "",
        path: str = "",
        extension: str = "",
        found_by: tuple[str, ...] = (),
        has_name: bool = True,
    ) -> None:
        """`resource`: the key of one in bodies, the kind unless said. `collection`, `path`: of all of them, that with
        an s unless said. `extension`: without it the service has none of them.

        `found_by`: fields by which a thing of unknown outcome is looked for, where its marker carries notes and so
        cannot be searched for as a whole. `has_name`: False where things of the kind have no names.
        """
        self.kind = kind
        self.wanted = wanted
        self.observed = observed
        self.resource = resource or kind
        self.collection = collection or f"{self.resource}s"
        self.extension = extension
        self.path = path or f"/{self.collection}"
        self.found_by = found_by
        self.has_name = has_name
        self.fields = _fields(wanted, observed)

    @property
    def said(self) -> list[WireField]:
        """Fields of what is wanted."""
        return [field for field in self.fields if field.is_wanted]

    @property
    def shown(self) -> list[WireField]:
        """Fields of what is seen."""
        return [field for field in self.fields if field.type is not None]

    @property
    def compared(self) -> list[WireField]:
        """Fields that are kept equal there with one update of the whole."""
        return [
            one for one in self.said if one.type is not None and one.rules.mutable and not one.rules.per_cloud
        ]

    @property
    def changeable(self) -> Mapping[str, WireField]:
        """Fields that an update may name, by their name there. A name of its own is every thing's."""
        return {field.wire: field for field in self.said if field.rules.mutable}


def _fields(wanted: type[Wanted], observed: type[Observed]) -> tuple[WireField, ...]:
    said, shown = _own(wanted, Wanted), _own(observed, Observed)
    made = []
    for name in dict.fromkeys((*said, *shown)):
        rules = _rules(said.get(name)) or _rules(shown.get(name)) or Wire()
        type_ = _bare(shown[name]) if name in shown else None
        made.append(
            WireField(
                name=name,
                key=rules.key or name,
                wire=rules.name or name,
                rules=rules,
                default=_default(wanted, name) if name in said else None,
                type=type_,
                is_wanted=name in said,
                null_is_value=name in shown and _default(observed, name) is UNSET,
            )
        )
    return tuple(made)


def _own(struct: type[Struct], base: type[Struct]) -> dict[str, Any]:
    hints = get_type_hints(struct, include_extras=True)
    return {name: hints[name] for name in struct.__struct_fields__ if name not in base.__struct_fields__}


def _rules(hint: Any) -> Wire | None:
    if get_origin(hint) is not Annotated:
        return None
    return next((one for one in get_args(hint)[1:] if isinstance(one, Wire)), None)


def _bare(hint: Any) -> Any:
    """Without what is said of it, and null being understood."""
    plain = get_args(hint)[0] if get_origin(hint) is Annotated else hint
    is_union = get_origin(plain) in (Union, types.UnionType)
    return plain if is_union and type(None) in get_args(plain) else plain | None


def _default(struct: type[Struct], name: str) -> Any:
    field = next(one for one in structs.fields(struct) if one.name == name)
    if field.default is not NODEFAULT:
        return field.default
    return None if field.default_factory is NODEFAULT else field.default_factory()
