"""Writes the extra specs of flavors that Nova knows, with what it takes for values, as data.

    PYTHON_WITH_NOVA tools/facts/extra_specs.py [FILE]

PYTHON_WITH_NOVA is one with Nova installed (`realcloud install` makes such an environment); FILE is
fractus/services/compute/flavors/schema/extra_specs.json, default: standard output. The facts are Nova's (names, types,
bounds, choices, formats as its errors show them), the format is ours.

Some of Nova's formats take Python's `re` a time that grows exponentially with the value. What is matched here instead
(`matches`) accepts the same texts; that is verified over all short ones, and for an unknown format the tool ends.
"""

from __future__ import annotations

import importlib.metadata
import itertools
import json
import re
import sys
from pathlib import Path
from typing import Any

from nova.api.validation.extra_specs import validators

#: Nova's format -> the same in a form that is matched in linear time, and the letters of the texts to verify it with.
LINEAR = {
    r"([a-zA-Z0-9_]+(,)?)+": (r"[a-zA-Z0-9_]+(?:,[a-zA-Z0-9_]+)*,?", "a,-"),
    r"(\^)?\d+((-\d+)?(,\^?\d+(-\d+)?)?)*": (r"\^?\d+(?:-\d+|,\^?\d+)*", "1^-,"),
    r"\^?\d+((-\d+)?(,\^?\d+(-\d+)?)?)*": (r"\^?\d+(?:-\d+|,\^?\d+)*", "1^-,"),
    r"(large|small|any|\d+([kKMGT]i?)?(b|bit|B)?)": ("", ""),
    r"[^:]+:\d+(?:\s*,\s*[^:]+:\d+)*": (r"[^:]+:\d+(?:\s*,[^:]+:\d+)*", "1:, "),
}
#: Length of the texts by which two formats are compared.
LONGEST = 8

TYPES = {str: "string", int: "integer", bool: "boolean"}


def main() -> None:
    """Write the table."""
    text = json.dumps(table(), indent=1, ensure_ascii=True) + "\n"
    if len(sys.argv) > 1:
        Path(sys.argv[1]).write_text(text)
    else:
        sys.stdout.write(text)


def table() -> dict[str, Any]:
    """What is written."""
    groups: dict[str, dict[str, Any]] = {}
    parameters: dict[str, str] = {}
    for one in validators.VALIDATORS.values():
        check = check_of(one.value)
        group = groups.setdefault(json.dumps(check), {**check, "names": []})
        group["names"].append(one.name)
        for parameter in one.parameters:
            known = parameters.setdefault(parameter["name"], parameter["pattern"])
            if known != parameter["pattern"]:
                sys.exit(f"two patterns for the parameter {parameter['name']}")
    packages = ("nova", "os-traits", "os-resource-classes")
    for group in groups.values():
        group["names"].sort()
    return {
        "source": {name: importlib.metadata.version(name) for name in packages},
        "parameters": dict(sorted(parameters.items())),
        "specs": [groups[key] for key in sorted(groups)],
    }


def check_of(value: dict[str, Any]) -> dict[str, Any]:
    """What the value of one spec must be."""
    found: dict[str, Any] = {"type": TYPES[value["type"]]}
    found |= {bound: value[bound] for bound in ("min", "max") if bound in value}
    if "pattern" in value:
        found |= {"format": value["pattern"], "matches": linear(value["pattern"])}
    elif "enum" in value:
        found["one_of"] = list(value["enum"])
    unknown = value.keys() - {"type", "min", "max", "pattern", "enum", "description"}
    if unknown:
        sys.exit(f"not understood: {sorted(unknown)} in {value}")
    return found


def linear(pattern: str) -> str:
    """A pattern with the same meaning that is matched in linear time."""
    if pattern not in LINEAR:
        sys.exit(f"{pattern}: write it in LINEAR, in a form that does not go back")
    instead, letters = LINEAR[pattern]
    if not instead:
        return pattern
    for length in range(LONGEST + 1):
        for chars in itertools.product(letters, repeat=length):
            text = "".join(chars)
            if bool(re.fullmatch(pattern, text)) != bool(re.fullmatch(instead, text)):
                sys.exit(f"{pattern} and {instead} differ about {text!r}")
    return instead


if __name__ == "__main__":
    main()
