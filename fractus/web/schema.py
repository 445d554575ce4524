"""Request bodies checked against msgspec types, with Nova's sentences about what is wrong.

A body type is a `msgspec.Struct` with `forbid_unknown_fields=True` (see `Body`); lengths, patterns and bounds are
`msgspec.Meta`. msgspec says what is wrong and where; here it is said again as jsonschema says it, for Nova's users
(and Tempest) know those sentences. How strict a field is, is the type's business: where Nova takes `"True"` for a
boolean, the field's type says so.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import msgspec
from msgspec import inspect as introspect

from fractus.model.errors import Invalid
from fractus.web.microversion import Version, VersionTable, unexpected_field
from fractus.web.routing import Schema


class Body(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """What request bodies derive from: a field that is not named is refused."""


def body_schema(model: Any, table: VersionTable | None = None, on: str = "") -> Schema:
    """A check of decoded bodies for a route: that they are a `model`, and have no field newer than their version.

    `table` and `on`: the resource's version rows, and which operation of theirs this is.
    """

    def check(body: Any, version: Version) -> None:
        if table is not None:
            table.request_check(body, version, on)
        convert(body, model)

    return check


def convert(body: Any, model: Any) -> Any:
    """`body` as a `model`; `Invalid` with Nova's sentence where it is none."""
    try:
        return msgspec.convert(body, model)
    except msgspec.ValidationError as error:
        raise Invalid(_complain(str(error), body, model)) from None


def complaint(at: str, value: Any, why: str) -> str:
    """Nova's sentence: `why` about `value`, which is called `at` where it is not the body itself."""
    return f"Invalid input for field/attribute {at}. Value: {value}. {why}" if at else why


# --- msgspec's words, taken apart -----------------------------------------------------------------

_JSON_TYPES = {
    "str": "string",
    "int": "integer",
    "float": "number",
    "bool": "boolean",
    "object": "object",
    "array": "array",
    "null": "null",
}
_WHERE = re.compile(r"(.*?)(?: - at (`key` in )?`\$(.*)`)?", re.DOTALL)
_UNKNOWN = re.compile(r"Object contains unknown field `(.*)`", re.DOTALL)
#: So many unexpected fields are looked past for something worse; without a bound a body of nothing else costs minutes.
_PATIENCE = 8
#: The end of a text in a pattern.
_END = r"\Z"
_STEP = re.compile(r"\.([^.\[\]]+)|\[(\d+|\.\.\.)\]")


def _json_type(value: Any) -> str:
    """Msgspec's name of a decoded value's type."""
    if value is None:
        return "null"
    for kind, name in ((bool, "bool"), (int, "int"), (float, "float"), (str, "str"), (dict, "object")):
        if isinstance(value, kind):
            return name
    return "array"


class _Wrong:
    """One complaint: of which values it is true, and how jsonschema words it."""

    def __init__(self, holds: Callable[[Any], bool], words: Callable[[Any], str]) -> None:
        self.holds = holds
        self.words = words


def _wrong_type(expected: str, got: str) -> _Wrong:
    names = ", ".join(repr(_JSON_TYPES.get(name, name)) for name in expected.split(" | "))
    return _Wrong(lambda value: _json_type(value) == got, lambda value: f"{value!r} is not of type {names}")


def _wrong_length(operator: str, bound: str) -> _Wrong:
    limit = int(bound)
    if operator == "<=":
        return _Wrong(lambda value: len(value) > limit, lambda value: f"{value!r} is too long")
    if limit == 1:
        return _Wrong(lambda value: not value, lambda value: f"{value!r} should be non-empty")
    return _Wrong(lambda value: len(value) < limit, lambda value: f"{value!r} is too short")


_BOUNDS: dict[str, tuple[Callable[[Any, float], bool], str]] = {
    ">=": (lambda value, bound: value < bound, "less than the minimum of"),
    "<=": (lambda value, bound: value > bound, "greater than the maximum of"),
    ">": (lambda value, bound: value <= bound, "less than or equal to the minimum of"),
    "<": (lambda value, bound: value >= bound, "greater than or equal to the maximum of"),
}


def _wrong_bound(operator: str, bound: str) -> _Wrong:
    beyond, words = _BOUNDS[operator]
    return _Wrong(lambda value: beyond(value, float(bound)), lambda value: f"{value!r} is {words} {bound}")


def _wrong_pattern(pattern: str) -> _Wrong:
    # Ours end in \Z, for a line break may follow where $ holds. Nova's sentences show its own.
    shown = pattern.replace(_END, "$")
    return _Wrong(
        lambda value: re.search(pattern, value) is None, lambda value: f"{value!r} does not match {shown!r}"
    )


def _understand(text: str) -> _Wrong | None:
    if match := re.fullmatch(r"Expected `(.*)`, got `(.*)`", text):
        return _wrong_type(match[1], match[2])
    if match := re.fullmatch(r"Expected `\w+` of length (>=|<=) (\d+)", text):
        return _wrong_length(match[1], match[2])
    if match := re.fullmatch(r"Expected `\w+` (>=|<=|>|<) (\S+)", text):
        return _wrong_bound(match[1], match[2].removesuffix(".0"))
    if match := re.fullmatch(r"Expected `str` matching regex (.*)", text, re.DOTALL):
        return _wrong_pattern(ast.literal_eval(match[1]))
    return None


def _places(value: Any, steps: list[str], at: str) -> Iterator[tuple[str, Any]]:
    """What msgspec's path may mean: `[...]` is any value of an object."""
    if not steps:
        yield at, value
        return
    step, rest = steps[0], steps[1:]
    if step == "...":
        for name, item in value.items() if isinstance(value, dict) else ():
            yield from _places(item, rest, str(name))
    elif isinstance(value, list) and step.isdigit():
        yield from _places(value[int(step)], rest, step)
    elif isinstance(value, dict) and step in value:
        yield from _places(value[step], rest, step)


def _split(text: str) -> tuple[str, bool, list[str]]:
    """What msgspec says, whether it says it of an object's key, and the way there."""
    whole = _WHERE.fullmatch(text)
    if whole is None:
        return text, False, []
    return whole[1], whole[2] is not None, [name or index for name, index in _STEP.findall(whole[3] or "")]


def _complain(text: str, body: Any, model: Any) -> str:
    """The sentence of the first complaint in jsonschema's order: what is wrong or missing before what is too much."""
    unexpected: list[tuple[list[str], str]] = []
    rest = body
    for _ in range(_PATIENCE):
        said, _of_key, steps = _split(text)
        found = _UNKNOWN.fullmatch(said)
        if found is None:
            return _sentence(text, body, model)
        name = found[1]
        rest = _without(rest, steps, name)
        unexpected.append((steps, name))
        try:
            msgspec.convert(rest, model)
        except msgspec.ValidationError as error:
            text = str(error)
        else:
            break
    steps, name = unexpected[0]
    at, parent = _first(_places(body, steps, ""), _has(name))
    return unexpected_field(
        at, parent, *(other for way, other in unexpected if way == steps and other in parent)
    )


def _without(value: Any, steps: list[str], name: str) -> Any:
    """`value` less the member `name` of the first object that msgspec's path may lead to and that has it.

    Copied along the way, and nowhere else: a body may be large.
    """
    if not steps:
        return {key: part for key, part in value.items() if key != name}
    step, rest = steps[0], steps[1:]
    if isinstance(value, list):
        place = int(step)
        return [*value[:place], _without(value[place], rest, name), *value[place + 1 :]]
    if step == "...":
        found = (key for key, part in value.items() if any(name in one for _, one in _places(part, rest, "")))
        step = next(found)
    return {**value, step: _without(value[step], rest, name)}


def _has(name: str) -> Callable[[Any], bool]:
    return lambda value: name in value


def _sentence(text: str, body: Any, model: Any) -> str:
    said, of_key, steps = _split(text)
    places = list(_places(body, steps, "")) or [("", body)]
    if match := re.fullmatch(r"Object missing required field `(.*)`", said):
        missing = match[1]
        at, parent = _first(places, lambda value: missing not in value)
        return complaint(at, parent, f"{missing!r} is a required property")
    if match := re.fullmatch(r"Invalid enum value (.*)", said, re.DOTALL):
        allowed = _allowed(introspect.type_info(model), steps)
        at, value = _first(places, lambda value: value not in allowed)
        return complaint(at, value, f"{value!r} is not one of {allowed}")
    wrong = _understand(said)
    if wrong is None:
        at, value = places[0]
        return complaint(at, value, said)
    if of_key:
        at, parent = places[0]
        _, name = _first([(at, key) for key in parent], wrong.holds)
        return complaint(at, parent, wrong.words(name))
    at, value = _first(places, wrong.holds)
    return complaint(at, value, wrong.words(value))


def _first(places: Iterable[tuple[str, Any]], holds: Callable[[Any], bool]) -> tuple[str, Any]:
    """The place that the complaint is about: the first of which it is true."""
    candidates = list(places)
    for at, value in candidates:
        try:
            if holds(value):
                return at, value
        except TypeError:  # of another type: the complaint is about another value
            continue
    return candidates[0]


def _allowed(kind: introspect.Type, steps: list[str]) -> list[Any]:
    """The values of the enumeration that the path leads to."""
    if isinstance(kind, introspect.Metadata):
        return _allowed(kind.type, steps)
    if isinstance(kind, introspect.UnionType):
        return next((found for part in kind.types if (found := _allowed(part, steps))), [])
    if not steps:
        if isinstance(kind, introspect.LiteralType):
            return sorted(kind.values, key=str)
        return [member.value for member in kind.cls] if isinstance(kind, introspect.EnumType) else []
    step, rest = steps[0], steps[1:]
    if isinstance(kind, introspect.StructType):
        return next((_allowed(f.type, rest) for f in kind.fields if f.encode_name == step), [])
    if isinstance(kind, introspect.DictType) and step == "...":
        return _allowed(kind.value_type, rest)
    return _allowed(kind.item_type, rest) if isinstance(kind, introspect.CollectionType) else []
