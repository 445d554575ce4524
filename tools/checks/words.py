"""Words that were retired do not come back: not in names, comments, docstrings, logs or docs.

Every word here stood for something that has a name in the field, and that name is used instead (the glossary is in
docs/architecture.md). A name is split where its parts meet, so `_bell`, `LocalBell` and `bells` are all found. A word
may still stand where something outside this tree depends on its spelling: what a database has stored, a setting that
operators have written, a version that is upgraded from. Each such place is named below with the word.

    python tools/checks/words.py [root of the checkout]
"""

from __future__ import annotations

import io
import re
import subprocess
import sys
import tokenize
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple


class Retired(NamedTuple):
    """A word, what is said instead, and where it may stand: parts of lines, and places in the tree."""

    word: str
    instead: str
    lines: tuple[str, ...] = ()
    """Regular expressions: what they match in a line is left out of the search."""
    places: tuple[str, ...] = ()
    """Files, or folders that end with a slash, relative to the checkout."""


#: One word (with or without a plural s), or a phrase of several.
RETIRED = (
    Retired("bell", "notifier"),
    Retired("retell", "refresh_document"),
    Retired("shelf", "records"),
    Retired(
        "brake",
        "hold",
        lines=(
            r'FORMER_NAMES = \{"brakes": "holds"\}',  # a section of operators' settings, as it was called
            r'(?<=_KEY = )"brake"|"brake/\w+"|^    "brake",$',  # what is stored: what items wait on, a table
            r"0002_brakes_of_clouds_and_of_the_whole",
        ),
    ),
    Retired(
        "unasked",
        "automatic change",
        lines=(
            r"\bunasked_(percent|least|window)\b",  # settings of operators
            r'"unasked(/\w+|/\{\w+\})?"|f"unasked/|"unasked_by_time"',  # a table, names of holds
        ),
        places=(
            "tests/faults/checker.py",
            "tests/faults/test_checker.py",
        ),  # a promise: nothing nobody asked for
    ),
    Retired("wish", "what is desired, or a request"),
    Retired(
        "told",
        "shown, reported, sent, notified ...: what happens",
        lines=(
            r'told=bindparam|_l\.told|"told", Boolean|FROM lane WHERE told',  # a column
        ),
    ),
    Retired("Passage", "FaultInjector"),
    Retired("FarStamp", "FarTimestamps"),
    Retired("fractus_room", "fractus_cloud_concurrency_limit"),
    Retired("nobody attended to it", "unqueued work found"),
    Retired("stumbled", "failed"),
    Retired("let go of", "release, or drop"),
    Retired("lets go of", "releases, or drops"),
)

#: Words that may stand in sentences, and in no name of the program: such a name says that something is passed on, and
#: not what it is.
NOT_IN_NAMES = frozenset({"told", "tell", "tells", "stray", "strays"})
#: Where one stands all the same: places -> names.
NAMED_SO = {
    "fractus/store/lanes.py": {"told"},  # a column
    "fractus/store/schema.py": {"told"},
    "fractus/clouds/simulated/image.py": {"tell"},  # of a file
    "fractus/local/detach.py": {"tell"},
}

CHECKED = (
    "fractus",
    "tests",
    "tools",
    "bench",
    "docs",
    "deploy",
    "README.md",
    "pyproject.toml",
    "Makefile",
    ".importlinter",
)
LEFT_OUT = (
    "fractus/store/migrations/",  # what was done to databases is never changed
    "tools/realcloud/",  # a tool of its own, used as it is
    "tools/rolling/",  # speaks to older versions in their words
    "bench/results/",
    "tools/checks/words.py",
    "tests/unit/checks/test_words.py",
)


def pattern(word: str) -> re.Pattern[str]:
    """Finds the word by itself, in any capitals, and as a part of a name: `_word`, `SomeWord`, `words`."""
    if not word.isalpha():
        return re.compile(re.escape(word), re.IGNORECASE)
    if word != word.lower():  # a class: in this spelling only
        return re.compile(rf"{word}s?(?![a-z])")
    first = f"[{word[0]}{word[0].upper()}]{word[1:]}"
    return re.compile(
        rf"(?<![A-Za-z])(?:{first}s?(?![a-z])|{word.upper()}S?(?![A-Za-z]))|(?<=[a-z]){word.capitalize()}s?(?![a-z])"
    )


def tree(root: Path) -> list[Path]:
    """Every file of the checkout that git has or would take, and that is checked."""
    listed = subprocess.run(
        [
            "git",
            "-C",
            str(root),
            "ls-files",
            "-z",
            "--cached",
            "--others",
            "--exclude-standard",
            "--",
            *CHECKED,
        ],
        check=True,
        capture_output=True,
        text=True,
    )
    names = sorted({name for name in listed.stdout.split("\0") if name and not name.startswith(LEFT_OUT)})
    return [root / name for name in names if (root / name).is_file()]


def faults(text: str, place: str, words: tuple[Retired, ...] = RETIRED) -> Iterator[str]:
    """What is wrong with the text of one file, a sentence each."""
    for one in words:
        if any(place == there or (there.endswith("/") and place.startswith(there)) for there in one.places):
            continue
        found = pattern(one.word)
        if not found.search(text):
            continue
        allowed = re.compile("|".join(one.lines)) if one.lines else None
        for number, line in enumerate(text.splitlines(), 1):
            left = allowed.sub("", line) if allowed is not None else line
            if (match := found.search(left)) is not None:
                yield f"{place}:{number}: {match.group()!r} is retired: say {one.instead!r}"


def wrong_names(text: str, place: str) -> Iterator[str]:
    """What is wrong with the names in a module, a sentence each. Names of tests are sentences."""
    if not place.endswith(".py") or place.startswith(LEFT_OUT):
        return
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type != tokenize.NAME or token.string.startswith("test_"):
            continue
        if token.string in NAMED_SO.get(place, ()):
            continue
        parts = set(re.findall(r"[A-Z]?[a-z0-9]+|[A-Z]+", token.string))
        if NOT_IN_NAMES.intersection(part.lower() for part in parts):
            yield f"{place}:{token.start[0]}: {token.string!r}: say what it is"


def check(root: Path) -> list[str]:
    """All faults under a checkout."""
    result: list[str] = []
    for path in tree(root):
        place = str(path.relative_to(root))
        result += faults(place, place)
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        result += [*faults(text, place), *wrong_names(text, place)]
    return result


def main(arguments: list[str]) -> int:
    """Print the faults; 1 if there are any."""
    root = Path(arguments[0]) if arguments else Path(__file__).parents[2]
    found = check(root)
    for fault in found:
        print(fault)
    print(f"words: {len(tree(root))} files, {len(RETIRED)} retired words, {len(found)} faults")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
