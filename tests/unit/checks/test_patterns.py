"""No pattern that judges what a user gave ends in `$`, which also holds before a line break at the end of a text.

Walked over: every call of `re` in the source whose pattern can be read there, every compiled pattern of a module,
every text of every request body that msgspec checks, and every pattern that is written as a service's own schema has
it: from `^` to `$`.
"""

from __future__ import annotations

import ast
import importlib
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path
from re import _constants, _parser  # type: ignore[attr-defined]
from typing import Any

import msgspec
import pytest
from msgspec import inspect as introspect

import fractus
from fractus.model.errors import Invalid
from fractus.services.pattern import Pattern
from fractus.services.volume.dialect.schema.judging import Judge

ROOT = Path(fractus.__file__).parent
#: A module that is a server, and starts as it is imported.
STARTS = ("fractus.local.keystone_wsgi",)
#: Functions of `re` that look for a pattern, and do not ask for the whole text to be it.
LOOKING = ("compile", "search", "match", "sub", "subn", "split", "findall", "finditer")

#: What makes a pattern that judges of a schema's text: a class, and a check of one field.
MAKERS = ("Pattern", "name")
#: What shows a schema with its patterns, and judges nothing by them.
ONLY_SHOWN = ("services/image/schemas/view.py",)
#: Whose schemas are judged whole, by `Judge`.
JUDGED_WHOLE = "services/volume/"


def loose(pattern: str | bytes, flags: int = 0) -> bool:
    """Whether a `$` of it stands for the end of the text, or for the line break before that."""

    def has_end(parsed: Any) -> bool:
        for operator, value in parsed:
            if operator is _constants.AT and value is _constants.AT_END:
                return True
            parts = value if isinstance(value, tuple | list) else [value]
            stack = list(parts)
            while stack:
                part = stack.pop()
                if isinstance(part, _parser.SubPattern):
                    if has_end(part):
                        return True
                elif isinstance(part, tuple | list):
                    stack += part
        return False

    return has_end(_parser.parse(pattern, flags))


def modules() -> Iterator[Any]:
    for found in pkgutil.walk_packages(fractus.__path__, "fractus."):
        if found.name.endswith("__main__") or ".migrations" in found.name or found.name in STARTS:
            continue
        try:
            yield importlib.import_module(found.name)
        except ModuleNotFoundError as error:  # an extra that is not installed
            if str(error.name).startswith("fractus"):
                raise


def written(node: ast.expr, module: Any) -> str | bytes | None:
    """A pattern as it stands in the source, or in a name of its module; None where it is made while running."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str | bytes):
        return node.value
    if isinstance(node, ast.Name):
        found = getattr(module, node.id, None)
        return found if isinstance(found, str | bytes) else None
    if isinstance(node, ast.JoinedStr):
        # What is put in is taken for one letter.
        return "".join(str(part.value) if isinstance(part, ast.Constant) else "x" for part in node.values)
    return None


def called(module: Any) -> Iterator[tuple[str, str | bytes]]:
    """Every pattern that the module gives to `re`, or to a schema."""
    if module.__file__ is None:
        return
    for node in ast.walk(ast.parse(Path(module.__file__).read_text())):
        if not isinstance(node, ast.Call):
            continue
        function = node.func
        name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
        of_re = isinstance(function, ast.Attribute) and getattr(function.value, "id", "") == "re"
        given: list[ast.expr] = []
        if of_re and name in LOOKING and node.args:
            given = [node.args[0]]
        elif name == "Meta":
            given = [word.value for word in node.keywords if word.arg == "pattern"]
        elif name == "add_sink":
            given = node.args[1:2]
        for one in given:
            pattern = written(one, module)
            if pattern is not None:
                yield f"{Path(module.__file__).relative_to(ROOT)}:{node.lineno}", pattern


def texts(kind: Any, seen: set[Any]) -> Iterator[str]:
    """The patterns of a msgspec type and of all in it."""
    if isinstance(kind, introspect.StrType) and kind.pattern is not None:
        yield kind.pattern
    if isinstance(kind, introspect.StructType):
        if kind.cls in seen:
            return
        seen.add(kind.cls)
        for field in kind.fields:
            yield from texts(field.type, seen)
    for name in ("type", "item_type", "key_type", "value_type"):
        inner = getattr(kind, name, None)
        if isinstance(inner, introspect.Type):
            yield from texts(inner, seen)
    for inner in getattr(kind, "types", ()):
        yield from texts(inner, seen)


@pytest.mark.parametrize(
    ("pattern", "is_loose"),
    [
        ("^a$", True),
        (r"(a|b$)", True),
        (r"(?:x(?=y$))+", True),
        (r"^a\Z", False),
        (r"\$", False),
        ("[$]", False),
    ],
)
def test_what_is_loose(pattern: str, is_loose: bool) -> None:
    assert loose(pattern) is is_loose


def test_no_pattern_of_the_source_ends_before_a_line_break() -> None:
    found = [(where, pattern) for module in modules() for where, pattern in called(module)]
    assert len(found) > 80, "the walk has lost its way"
    assert [f"{where}: {pattern!r}" for where, pattern in found if loose(pattern)] == []


def test_no_compiled_pattern_ends_before_a_line_break() -> None:
    compiled: dict[tuple[str, str, Any], re.Pattern[Any]] = {}
    for module in modules():
        for name, value in vars(module).items():
            one = value if isinstance(value, tuple | list) else (value,)
            compiled |= {
                (module.__name__, name, item.pattern): item for item in one if isinstance(item, re.Pattern)
            }
    assert len(compiled) > 30, "the walk has lost its way"
    assert [key for key, one in compiled.items() if loose(one.pattern, one.flags & ~re.UNICODE)] == []


def test_no_text_of_a_request_ends_before_a_line_break() -> None:
    found: list[tuple[str, str]] = []
    for module in modules():
        for name, value in vars(module).items():
            is_struct = isinstance(value, type) and issubclass(value, msgspec.Struct)
            if not is_struct or value.__module__ != module.__name__:
                continue
            try:
                kind = introspect.type_info(value)
            except (NameError, TypeError):  # of names that are there for type checkers only: no body
                continue
            found += [(f"{module.__name__}.{name}", pattern) for pattern in texts(kind, set())]
    assert len(found) > 5, "the walk has lost its way"
    assert [one for one in found if loose(one[1])] == []


# --- patterns as services write them --------------------------------------------------------------


def example(parsed: Any) -> str:
    """A text that the pattern is right for: of each part the least that it takes."""
    text = ""
    for operator, value in parsed:
        if operator is _constants.LITERAL:
            text += chr(value)
        elif operator is _constants.IN:
            kind, first = value[0]
            text += chr(first if kind is _constants.LITERAL else first[0])
        elif operator in (_constants.MAX_REPEAT, _constants.MIN_REPEAT):
            least, _most, part = value
            text += example(part) * max(least, 1)
        elif operator is _constants.SUBPATTERN:
            text += example(value[-1])
    return text


def as_written() -> Iterator[tuple[str, str, str]]:
    """Every text of the source from `^` to `$`: its file, the text, and the function that it is given to at once."""
    for path in sorted(ROOT.rglob("*.py")):
        where = str(path.relative_to(ROOT))
        if "migrations" in where:
            continue
        source = path.read_text()
        if '"^' not in source:
            continue
        tree = ast.parse(source)
        given = {
            id(one): getattr(node.func, "attr", getattr(node.func, "id", ""))
            for node in ast.walk(tree)
            if isinstance(node, ast.Call)
            for one in node.args
        }
        for node in ast.walk(tree):
            if not (isinstance(node, ast.Constant) and isinstance(node.value, str)):
                continue
            if node.value.startswith("^") and node.value.endswith("$") and len(node.value) > 2:
                yield where, node.value, given.get(id(node), "")


def test_a_pattern_is_shown_as_it_is_written_and_ends_where_the_text_does() -> None:
    for _where, pattern, _maker in as_written():
        text = example(_parser.parse(pattern))
        assert re.search(pattern, text + "\n"), f"{pattern}: no example of what Python takes"
        assert Pattern(pattern).wrong(text) is None
        assert Pattern(pattern).wrong(text + "\n") == f"{text + chr(10)!r} does not match {pattern!r}"


def test_every_pattern_of_a_schema_judges_by_the_whole_text() -> None:
    found = list(as_written())
    assert len(found) > 12, "the walk has lost its way"
    others = []
    for where, pattern, maker in found:
        if where.startswith(JUDGED_WHOLE):
            text = example(_parser.parse(pattern))
            for schema, body in (
                ({"type": "string", "pattern": pattern}, str),
                (
                    {"type": "object", "patternProperties": {pattern: {}}, "additionalProperties": False},
                    lambda one: {one: 1},
                ),
            ):
                Judge(schema).check(body(text))
                with pytest.raises(Invalid, match=re.escape(repr(pattern))):
                    Judge(schema).check(body(text + "\n"))
        elif maker not in MAKERS and where not in ONLY_SHOWN:
            others.append(f"{where}: {pattern!r} is given to {maker or 'nothing'}")
    assert others == []
