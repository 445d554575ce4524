"""The tree names no directory that exists on one machine only, and the lock no place to download from.

What works on the machine of whoever wrote it must work after `git clone` anywhere: no path into somebody's
home or work directory, and in the locks (requirements.lock) nothing but names, versions and the hashes of each.

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
PINNED = re.compile(r"[\w.-]+==[^\s;]+( ; [^\\]+)? \\")
HASH = re.compile(r" +--hash=sha256:[0-9a-f]{64}( \\)?")
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
    if place.name == LOCK:
        yield from faults_of_lock(lines, place)
    for number, line in enumerate(lines, 1):
        if found := ONE_MACHINE.search(line):
            yield f"{place}:{number}: {found.group()!r} is a place on one machine"


def faults_of_lock(lines: list[str], place: Path) -> Iterator[str]:
    """Lines of a lock that are not a name with its version, or hashes of it."""
    before_hash = False
    for number, line in enumerate(lines, 1):
        is_hash = HASH.fullmatch(line) is not None
        if not is_hash and not PINNED.fullmatch(line):
            yield f"{place}:{number}: only name==version belongs here, with its hashes, not where to get it"
        elif is_hash != before_hash:
            yield f"{place}:{number}: a hash must follow each name==version, and nothing else"
        before_hash = line.endswith("\\")
    if before_hash:
        yield f"{place}:{len(lines)}: a hash must follow each name==version"


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
