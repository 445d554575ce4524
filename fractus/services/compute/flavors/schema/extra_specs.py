"""Extra specs that Nova knows, and what they may be: checked from microversion 2.86 on, in Nova's words.

The facts are in `extra_specs.json`, which `tools/facts/extra_specs.py` writes from an installed Nova. A name in none of
Nova's namespaces may be anything.
"""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path

import msgspec
from msgspec import Struct

from fractus.model.errors import Invalid

_FILE = Path(__file__).with_suffix(".json")
_PARAMETER = re.compile(r"\{(\w+)\}")
#: Nova's (oslo's) words for a boolean, in small letters.
_BOOLEANS = frozenset("1 t true on y yes 0 f false off n no".split())


class Known(Struct, frozen=True):
    """Extra specs of one sort of value."""

    type: str
    """`string`, `integer` or `boolean`."""
    names: tuple[str, ...]
    """A name may have parameters in braces: `trait{group}:CUSTOM_{trait}`."""
    min: int | None = None
    max: int | None = None
    one_of: tuple[str, ...] = ()
    format: str = ""
    """A regular expression, as Nova shows it."""
    matches: str = ""
    """One with the same meaning that is matched in a time that grows with the length of the text."""


class Table(Struct, frozen=True):
    """The file."""

    source: dict[str, str]
    """Versions of what the facts are from."""
    parameters: dict[str, str]
    """Regular expression for each parameter of a name."""
    specs: tuple[Known, ...]


class _Index:
    """The table, ready to look names up in. Only what follows the colon is looked at one by one, and only for the few
    names with parameters there.
    """

    def __init__(self, table: Table) -> None:
        self._table = table
        self._plain: dict[str, Known] = {}
        self._below: dict[str, dict[str, Known]] = {}
        self._others: list[tuple[re.Pattern[str], Known]] = []
        namespaces: set[str] = set()
        for known in table.specs:
            for name in known.names:
                namespace, colon, rest = name.partition(":")
                if colon:
                    namespaces.add(namespace)
                if "{" not in name:
                    self._plain[name] = known
                elif "{" in rest or not colon:
                    self._others.append((self._pattern(name), known))
                else:
                    self._below.setdefault(namespace, {})[rest] = known
        self._heads = [(self._pattern(head), specs) for head, specs in self._below.items()]
        self._namespaces = [self._pattern(namespace) for namespace in sorted(namespaces)]

    def _pattern(self, name: str) -> re.Pattern[str]:
        return re.compile(_PARAMETER.sub(lambda found: f"(?:{self._table.parameters[found[1]]})", name))

    def known(self, name: str) -> Known | None:
        """What the value of `name` must be; None where Nova does not know the name."""
        found = self._plain.get(name)
        if found is not None:
            return found
        namespace, _, rest = name.partition(":")
        for head, specs in self._heads:
            if rest in specs and head.fullmatch(namespace):
                return specs[rest]
        return next((known for pattern, known in self._others if pattern.fullmatch(name)), None)

    def has_namespace(self, name: str) -> bool:
        """Whether the name stands in one of Nova's namespaces."""
        namespace, colon, _ = name.partition(":")
        return bool(colon) and any(pattern.fullmatch(namespace) for pattern in self._namespaces)


def table() -> Table:
    """What is in the file."""
    return msgspec.json.decode(_FILE.read_bytes(), type=Table)


@lru_cache(maxsize=1)
def _index() -> _Index:
    return _Index(table())


def check(name: str, value: str) -> None:
    """Refuse a value that Nova would refuse, and a name in one of its namespaces that it does not know."""
    index = _index()
    known = index.known(name)
    if known is not None:
        _CHECKS[known.type](known, value)
    elif index.has_namespace(name):
        raise Invalid(f"Validation failed; extra spec '{name}' does not appear to be a valid extra spec.")


def _string(known: Known, value: str) -> None:
    if known.format and not re.fullmatch(known.matches, value):
        raise Invalid(f"Validation failed; '{value}' is not of the format '{known.format}'.")
    if known.one_of and value not in known.one_of:
        raise Invalid(f"Validation failed; '{value}' is not one of: {', '.join(known.one_of)}.")


def _integer(known: Known, value: str) -> None:
    try:
        number = int(value)
    except ValueError:
        raise Invalid(f"Validation failed; '{value}' is not a valid integer value.") from None
    if known.max is not None and number > known.max:
        raise Invalid(f"Validation failed; '{number}' is greater than the max value of '{known.max}'.")
    if known.min is not None and number < known.min:
        raise Invalid(f"Validation failed; '{number}' is less than the min value of '{known.min}'.")


def _boolean(_known: Known, value: str) -> None:
    if value.strip().lower() not in _BOOLEANS:
        raise Invalid(f"Validation failed; '{value}' is not a valid boolean-like value.")


_CHECKS = {"string": _string, "integer": _integer, "boolean": _boolean}
