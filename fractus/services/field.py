"""One field of a kind: a row that says all that is said of it, whichever service it belongs to. Pure.

A field is named once, in the kind's declaration. What requests may say of it, where it stands in documents and in the
table, what lists may do with it, who may give it, and what becomes of a change of it in the clouds are columns of that
row. A service's dialect reads them: it knows the sentences, the order of judgement, and the form of answers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias, TypeVar

from msgspec import UNSET, Struct

from fractus.model.errors import ApiError

Convert: TypeAlias = "Callable[[Any], Any]"
"""A value in its one form; raises what the service says of one that has none."""

Check: TypeAlias = "Callable[[Any], str | None]"
"""Why a value is wrong, in the service's words, or None."""


class Required:
    """The default of what has none."""


REQUIRED = Required()


class Match(Struct, frozen=True):
    """How a query parameter finds rows.

    `column` equals one of the values (`eq`), or holds one of them among several, written `|a|b|` (`member`), or is yes
    or no, where NULL is no (`flag`); or nothing is found by any value (`none`).
    """

    column: str
    convert: Convert | None = None
    how: str = "eq"


class Bound(Struct, frozen=True):
    """How many entries a list may have: counted before anything else is done with it.

    `error`: of a longer one, of what it belongs to (`new port`, or an id).
    """

    most: int
    error: Callable[[str], ApiError]

    def check(self, given: Sequence[Any] | Mapping[str, Any], of: str) -> None:
        """Raise the error of a longer one."""
        if len(given) > self.most:
            raise self.error(of)


class Stored(Struct, frozen=True):
    """A column of the kind's table, for what users filter and sort on. `size`: characters of a text, 0 for no bound.

    Never NULL, for paging over a column that may be uses no index: a value of None is written as `default`. `write`
    makes of the value what is written, where that is another.
    """

    name: str
    type: type[bool] | type[int] | type[float] | type[str]
    default: Any
    size: int = 0
    write: Convert | None = None

    def of(self, value: Any) -> Any:
        """What is written of a value."""
        if value is None or value is UNSET:
            return self.default
        return value if self.write is None else self.write(value)


def text(name: str, size: int = 0, write: Convert | None = None) -> Stored:
    """A column of characters."""
    return Stored(name, str, "", size, write)


def flag(name: str, *, default: bool = False) -> Stored:
    """A column of yes or no."""
    return Stored(name, bool, default)


def number(name: str, default: int = 0, write: Convert | None = None) -> Stored:
    """A column of integers."""
    return Stored(name, int, default, 0, write)


def anything(_value: Any) -> bool:
    """Every value."""
    return True


class _Named(Struct, frozen=True):
    name: str
    """On the wire, in requests and in documents."""


class Field(_Named, frozen=True, kw_only=True):
    """One row. What is not said does not hold: a field with a name alone is known, and may not be given."""

    # What requests may say of it.
    post: bool = False
    put: bool = False
    default: Any = REQUIRED
    """Of a create that does not give it. UNSET: nothing is put in its place."""
    convert: Convert | None = None
    bound: Bound | None = None
    """Of what is a list."""
    check: Check | None = None
    refers: str = ""
    """The kind of what it names by its id: who gives it must be able to see that one."""
    rule: bool | str = False
    """Giving it needs a policy rule of its own, `<action>:<name>`: its default (True: another module says which)."""
    since: str = ""
    """The microversion that brought it, or the alias of the extension; empty: it was always there."""

    # What lists may do with it.
    match: Match | None = None
    sort: str = ""
    """The column, where the list may be sorted by it."""

    # Where it is kept.
    desired: str | None = None
    """Its key in `Resource.desired`; None: its name, if a request may give it; empty: it is not kept there."""
    shown: str | None = None
    """Its name in documents; None: its name, if it is kept; empty: it is not shown."""
    show: Convert | None = None
    """Makes what is shown of what is kept, where that is another (an order, a type)."""
    column: Stored | None = None
    """Its column, written whenever the document is, of the value that is shown."""

    # What becomes of a change of it after the resource came to a cloud.
    carried: str = ""
    """`CARRIED`, `REFUSED` or `OURS` (`fractus.model.carried`); empty: it never changes."""
    foreign: Callable[[Any], bool] | None = None
    """Which of its values belong to the clouds: to give one is refused, by the field's name and with `why` (law 10)."""
    why: str = ""
    """How it is carried, or why it is not: for docs/carried-fields.md."""

    @property
    def key(self) -> str:
        """Its key in `Resource.desired`; empty where it is not kept there."""
        if self.desired is not None:
            return self.desired
        return self.name if self.post or self.put else ""

    @property
    def document(self) -> str:
        """Its name in documents, where it is shown as it is kept; empty where it is not."""
        if self.shown is not None:
            return self.shown
        return self.name if self.key else ""


Fields: TypeAlias = "Mapping[str, Field]"
"""The fields of a kind by their names, in the order in which its service judges them."""


F = TypeVar("F", bound=Field)


def named(fields: Sequence[F]) -> Mapping[str, F]:
    """Fields by their names. `ValueError` where two have the same."""
    found = {one.name: one for one in fields}
    if len(found) < len(fields):
        raise ValueError(f"a field is named twice in {[one.name for one in fields]}")
    return found


def given(fields: Fields, values: Mapping[str, Any]) -> dict[str, Any]:
    """What is kept of a request's values in `Resource.desired`."""
    return {
        key: value
        for name, value in values.items()
        if value is not UNSET and name in fields and (key := fields[name].key)
    }
