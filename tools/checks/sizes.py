"""Nothing grows too large to be read at one sitting, and no module is named for nothing.

A file has at most 600 lines, a function at most 60, and no module is called util, helper, common, misc or
manager: such a name says only that its contents had no home.

    python tools/checks/sizes.py [root of the checkout]
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

FILE_LINES = 600
FUNCTION_LINES = 60
NAMELESS = frozenset({"util", "utils", "helper", "helpers", "common", "misc", "manager"})
CHECKED = ("fractus", "tests", "tools", "bench")
LEFT_OUT = ("tools/realcloud",)  # a tool of its own, used as it is


def python_files(root: Path) -> Iterator[Path]:
    """Every Python file that is held to the sizes."""
    for top in CHECKED:
        for path in sorted((root / top).rglob("*.py")):
            place = path.relative_to(root)
            if any(place.is_relative_to(left_out) for left_out in LEFT_OUT):
                continue
            if "__pycache__" not in place.parts:
                yield path


def long_functions(source: str) -> Iterator[tuple[int, str, int]]:
    """Line, name and length of each function that is too long; decorators do not count."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            if lines > FUNCTION_LINES:
                yield node.lineno, node.name, lines


def faults(path: Path, place: Path) -> Iterator[str]:
    """What is wrong with one file, a sentence each; `place` is the path as it is shown."""
    for name in (*place.parts[:-1], place.stem):
        if name in NAMELESS:
            yield f"{place}: {name!r} names nothing; name the module for what it does"
    source = path.read_text(encoding="utf-8")
    lines = len(source.splitlines())
    if lines > FILE_LINES:
        yield f"{place}: {lines} lines, more than {FILE_LINES}; split it by subject"
    try:
        for line, name, length in long_functions(source):
            yield f"{place}:{line}: {name}() has {length} lines, more than {FUNCTION_LINES}"
    except SyntaxError as error:
        yield f"{place}:{error.lineno}: cannot be read as Python: {error.msg}"


def check(root: Path) -> list[str]:
    """All faults under a checkout."""
    return [fault for path in python_files(root) for fault in faults(path, path.relative_to(root))]


def main(arguments: list[str]) -> int:
    """Print the faults; 1 if there are any."""
    root = Path(arguments[0]) if arguments else Path(__file__).parents[2]
    found = check(root)
    for fault in found:
        print(fault)
    print(f"sizes: {sum(1 for _ in python_files(root))} files, {len(found)} faults")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
