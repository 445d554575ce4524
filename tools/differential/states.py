"""Cases whose answer depends on what is there, and those of paths and queries: written down in `cases/`.

A case is a line with its name and, indented, its requests: who asks, method, path, perhaps a header in brackets, the
body as JSON, and `as NAME` where later requests name what was made. `(answers alone)` after a name: of successes only
that they are some is compared, not their documents.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

from tools.differential.compare import Case, Step

#: Files about writes, and those about the rest of a request.
WRITES = ("networks", "ports", "groups", "address_groups", "qos", "trunks", "several")
OTHERS = ("routes", "queries")

_ALONE = " (answers alone)"
_STEP = re.compile(
    r"(?P<who>owner|other|admin) (?P<method>[A-Z]+) (?P<path>\S+)"
    r"(?: \[(?P<header>[\w-]+): (?P<value>[^]]*)\])?"
    r"(?: (?P<body>[\[{\"\d].*?))?(?: as (?P<bind>\w+))?"
)


def states(*files: str) -> Iterator[Case]:
    """The cases of some files, of all where none is named."""
    for name in files or (*WRITES, *OTHERS):
        text = Path(__file__).with_name("cases").joinpath(f"{name}.txt").read_text()
        for block in text.strip().split("\n\n"):
            title, *lines = block.splitlines()
            steps = tuple(_step(line.strip()) for line in lines)
            yield Case(title.removesuffix(_ALONE), steps, document=not title.endswith(_ALONE))


def _step(line: str) -> Step:
    found = _STEP.fullmatch(line)
    if found is None:
        raise ValueError(f"no request: {line}")
    headers = {found["header"]: found["value"]} if found["header"] else None
    body = None if found["body"] is None else json.loads(found["body"])
    return Step(found["method"], found["path"], body, found["who"], found["bind"] or "", headers)
