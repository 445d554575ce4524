"""Migrations follow one another, each after one other: two with one number leave no way to the newest schema.

python tools/checks/migrations.py [directory of migrations]
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

HERE = Path("fractus/store/migrations/versions")
_SAID = re.compile(r'^(?P<name>revision|down_revision)\b[^=]*= (?:"(?P<value>\d{4})"|None)$', re.MULTILINE)


def faults(directory: Path) -> Iterator[str]:
    """What is wrong, a sentence each: a number twice, a file of another number than its own, a gap."""
    before: dict[str, Path] = {}
    last = ""
    for path in sorted(directory.glob("[0-9]*.py")):
        said = {one["name"]: one["value"] or "" for one in _SAID.finditer(path.read_text(encoding="utf-8"))}
        number = said.get("revision", "")
        if number != path.name[:4]:
            yield f"{path}: its revision is {number or 'missing'}, its name begins with {path.name[:4]}"
        elif number in before:
            yield f"{path}: {before[number].name} has the number {number} already"
        elif said.get("down_revision", "") != last:
            yield f"{path}: it follows {said.get('down_revision') or 'nothing'}, the one before it is {last or 'none'}"
        before[number] = path
        last = number


def main(arguments: list[str]) -> int:
    """Print the faults; 1 where there are any."""
    directory = Path(arguments[0]) if arguments else HERE
    found = list(faults(directory))
    for fault in found:
        print(fault)
    print(f"migrations: {len(list(directory.glob('[0-9]*.py')))} files, {len(found)} faults")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
