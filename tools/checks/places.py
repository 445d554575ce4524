"""The tree names no directory that exists on one machine only, and the lock no place to download from.

What works on the machine of whoever wrote it must work after `git clone` anywhere: no path into somebody's
home or work directory, and in requirements.lock nothing but names and versions.

    python tools/checks/places.py [root of the checkout]
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

# An absolute path, that is: not the middle of a longer path or of a URL.
ONE_MACHINE = re.compile(r"(?<![\w.~})\]-])/(?:work|farm|root|Users|home/\w[\w-]*)/")
DOWNLOAD = re.compile(r"://| @ |^-", re.MULTILINE)
LOCK = "requirements.lock"


def tree(root: Path) -> list[Path]:
    """Every file of the checkout that git has or would take."""
    listed = subprocess.run(
        ["git", "-C", str(root), "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        check=True,
        capture_output=True,
        text=True,
    )
    names = sorted({name for name in listed.stdout.split("\0") if name})
    return [root / name for name in names if (root / name).is_file()]


def faults(path: Path, place: Path) -> Iterator[str]:
    """What is wrong with one file, a sentence each; a file that is not text has no faults."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError:
        return
    for number, line in enumerate(lines, 1):
        if found := ONE_MACHINE.search(line):
            yield f"{place}:{number}: {found.group()!r} is a place on one machine"
        if place.name == LOCK and DOWNLOAD.search(line):
            yield f"{place}:{number}: only name==version belongs here, not where to get it"


def check(root: Path) -> list[str]:
    """All faults under a checkout."""
    return [fault for path in tree(root) for fault in faults(path, path.relative_to(root))]


def main(arguments: list[str]) -> int:
    """Print the faults; 1 if there are any."""
    root = Path(arguments[0]) if arguments else Path(__file__).parents[2]
    found = check(root)
    for fault in found:
        print(fault)
    print(f"places: {len(tree(root))} files, {len(found)} faults")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
