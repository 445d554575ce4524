"""Judges answers by the schemas that Nova's own controllers carry of them.

realcloud python tools/schemas/judge.py FILE

FILE is what `answers.py` wrote. Prints the number of answers that are valid, and each way of being invalid once, with
the versions at which it was seen. Exit code 1: there are such.
"""

from __future__ import annotations

import json
import re
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from nova.api.openstack import api_version_request
from nova.api.openstack.compute import routes
from nova.api.validation import validators

_FIELD = re.compile(r"\{[^}]*\}")

Key = tuple[str, str, str]


def _plain(path: str) -> str:
    return _FIELD.sub("{}", path)


def _methods() -> dict[Key, Callable[..., Any]]:
    """(method, path, action) -> the method of the controller that answers it."""
    found: dict[Key, Callable[..., Any]] = {}
    for path, verbs in routes.ROUTE_LIST:
        if isinstance(verbs, str):
            continue  # a redirect
        for verb, target in verbs.items():
            maker, name = target
            main, others = maker.args
            if name != "action":
                found[verb, _plain(path), ""] = getattr(main, name)
                continue
            for controller in (main, *others):
                for action, method in (getattr(controller, "wsgi_actions", None) or {}).items():
                    found[verb, _plain(path), action] = getattr(controller, method)
    return found


def _schema(method: Callable[..., Any], version: str) -> dict[str, Any] | None:
    schemas = getattr(method, "response_body_schemas", None)
    asked = api_version_request.APIVersionRequest(version)
    for schema, low, high in schemas._schemas if schemas is not None else ():
        if asked.matches(low, high):
            return schema
    return None


def _faults(answers: Iterator[dict[str, Any]], counts: Counter[str]) -> dict[str, list[str]]:
    methods = _methods()
    faults: dict[str, list[str]] = defaultdict(list)
    for one in answers:
        key = one["method"], _plain(one["path"]), one["action"] or ""
        name = f"{one['method']} {one['path']}" + (f"#{one['action']}" if one["action"] else "")
        if key not in methods:
            faults[f"{name}: Nova has no such route"].append(one["version"])
            continue
        schema = _schema(methods[key], one["version"])
        if schema is None:
            counts["without a schema"] += 1
            continue
        try:
            validators._SchemaValidator(schema, False, True).validate(one["body"])
        except Exception as error:
            counts["invalid"] += 1
            says = re.sub(r"Value: .*?\. ", "", str(error), flags=re.S)
            faults[f"{name}: {says[:300]}"].append(one["version"])
        else:
            counts["valid"] += 1
    return faults


def main() -> None:
    """Judge them."""
    counts: Counter[str] = Counter()
    with Path(sys.argv[1]).open() as lines:
        faults = _faults((json.loads(line) for line in lines), counts)
    for fault, versions in sorted(faults.items()):
        every = sorted(set(versions), key=lambda text: int(text.partition(".")[2]))
        print(f"{fault}\n    {len(versions)} times, {every[0]} to {every[-1]}")
    print(", ".join(f"{number} {name}" for name, number in sorted(counts.items())))
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
