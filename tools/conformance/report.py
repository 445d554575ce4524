"""Writes docs/conformance.tsv and docs/conformance.md from the results of Tempest.

    report.py RESULTS BAR MUST DOCS

RESULTS holds a `*.tsv` for each slice (id, result, reason), of which the newest word on a test counts. BAR lists what a
single real cloud does with the same tests (id, `pass` and others); only what passes there is looked at. MUST names the
tests of the interoperability guideline.
"""

from __future__ import annotations

import datetime
import re
import sys
from collections import Counter
from pathlib import Path
from typing import NamedTuple

STATES = ("pass", "fail", "not served", "not run")

#: What Tempest or fractus says of a test whose route or extension fractus does not serve yet.
_UNSERVED = re.compile(r"fractus (does not serve|cannot honour) |cannot be carried to the clouds ")
_CLASS = re.compile(r"^(setUpClass|tearDownClass) \(([\w.]+)\)\Z")


class Outcome(NamedTuple):
    """What came out of a test."""

    state: str
    reason: str = ""


def read(directory: Path) -> tuple[dict[str, Outcome], dict[str, Outcome]]:
    """Outcomes of tests, and of classes whose set-up did not get as far as their tests."""
    tests: dict[str, Outcome] = {}
    classes: dict[str, Outcome] = {}
    for file in sorted(directory.glob("*.tsv"), key=lambda path: path.stat().st_mtime):
        for line in file.read_text().splitlines():
            test, result, reason = line.split("\t", 2)
            outcome = judge(result, reason)
            match = _CLASS.match(test)
            if match is None:
                tests[test] = outcome
                classes.pop(test.rpartition(".")[0], None)
            elif match[1] == "setUpClass":
                classes[match[2]] = outcome
                tests = {name: kept for name, kept in tests.items() if name.rpartition(".")[0] != match[2]}
    return tests, classes


def judge(result: str, reason: str) -> Outcome:
    """A test that is skipped here and passes on a real cloud needs something that is not served yet."""
    reason = reason.removeprefix("Details: ")
    if result == "pass":
        return Outcome("pass")
    served = result != "skip" and not _UNSERVED.search(reason)
    return Outcome("fail" if served else "not served", reason)


def area(test: str) -> str:
    """The module of a test, as the table groups them."""
    words = test.split(".")[2:]
    while words[-1] and not words[-1].startswith("test_"):
        words.pop()
    module = words[: next(index for index, word in enumerate(words) if word.startswith("test_")) + 1]
    return ".".join(module)


def page(rows: dict[str, Outcome], must: set[str], today: str) -> str:
    """The Markdown page."""
    total = Counter(outcome.state for outcome in rows.values())
    required = Counter(rows[test].state for test in rows if test in must)
    lines = [
        "# Conformance",
        "",
        "Tempest 47.0.0 was run against fractus in front of two real clouds (Nova 34, Neutron 29, Glance 33,",
        "Keystone 30).",
        "Only tests that pass against one such cloud alone are counted (the bar).",
        "[conformance.tsv](conformance.tsv) has every test with its result and the reason.",
        "[tools/conformance](../tools/conformance/README.md) describes the run and what its configuration leaves out.",
        "",
        f"`tools/conformance/run.sh report` wrote this page on {today}, after `tools/conformance/run.sh up all`.",
        "",
        "- **pass**: the test passes, as on a single cloud.",
        "- **fail**: fractus serves the routes, and the test fails.",
        "- **not served**: the test needs a route, an extension or a service that fractus does not serve yet.",
        "- **not run**: the test has no result yet.",
        "",
        "| | tests | " + " | ".join(STATES) + " |",
        "|---|---:|" + "---:|" * len(STATES),
        _row("the bar", sum(total.values()), total),
        _row("of these, must pass by interop 2020.06", sum(required.values()), required),
        "",
        "## By module",
        "",
        "| module | tests | " + " | ".join(STATES) + " |",
        "|---|---:|" + "---:|" * len(STATES),
    ]
    by_area: dict[str, Counter[str]] = {}
    for test, outcome in rows.items():
        by_area.setdefault(area(test), Counter())[outcome.state] += 1
    lines += [_row(name, sum(states.values()), states) for name, states in sorted(by_area.items())]
    failed = [(test, outcome) for test, outcome in rows.items() if outcome.state == "fail"]
    lines += ["", "## What fails", ""]
    lines += [f"- `{test}`: {outcome.reason[:200]}" for test, outcome in failed] or ["Nothing."]
    return "\n".join(lines) + "\n"


def _row(name: str, count: int, states: Counter[str]) -> str:
    return f"| {name} | {count} | " + " | ".join(str(states[state]) for state in STATES) + " |"


def main() -> None:
    """Read, write, print the sums."""
    results, bar, must_list, docs = (Path(word) for word in sys.argv[1:5])
    must = set(must_list.read_text().split())
    tests, classes = read(results)
    expected = [line.split("\t")[0] for line in bar.read_text().splitlines() if line.endswith("\tpass")]
    rows = {
        test: tests.get(test) or classes.get(test.rpartition(".")[0]) or Outcome("not run")
        for test in sorted(expected)
    }
    (docs / "conformance.tsv").write_text(
        "".join(
            f"{test}\t{outcome.state}\t{'must' if test in must else ''}\t{outcome.reason}".rstrip() + "\n"
            for test, outcome in rows.items()
        )
    )
    text = page(rows, must, datetime.date.today().isoformat())
    (docs / "conformance.md").write_text(text)
    print("\n".join(line for line in text.splitlines() if line.startswith(("| the bar", "| of these"))))


if __name__ == "__main__":
    main()
