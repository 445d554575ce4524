"""The summary of a run: for people as a table, for machines as JSON; and the story of each broken promise."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from tests.faults import journal
from tests.faults.checker import PROMISES, Wrong

#: Stories printed in full; further ones are in the journal.
_STORIES = 8


class Report(NamedTuple):
    """What came of a run. Times in seconds."""

    seed: int
    minutes: float
    journal: str
    operations: dict[str, int]
    skipped: dict[str, int]
    refused: dict[str, int]
    statuses: dict[str, int]
    requests: int
    failed: int
    accidents: dict[str, int]
    by_hand: dict[str, int]
    struck: dict[str, int]
    standing: float
    settled: float
    errors: dict[str, int]
    wrongs: list[Wrong]


def plain(report: Report) -> dict[str, Any]:
    """As JSON."""
    return {**report._asdict(), "wrongs": [wrong._asdict() for wrong in report.wrongs]}


def _table(title: str, rows: dict[str, int]) -> Iterator[str]:
    yield ""
    yield title
    for name, number in sorted(rows.items(), key=lambda row: (-row[1], row[0])):
        yield f"  {number:>7}  {name}"


def lines(report: Report, directory: Path) -> Iterator[str]:
    """What is printed at the end."""
    yield from _table(f"operations ({sum(report.operations.values())})", report.operations)
    if report.skipped:
        yield f"  ({sum(report.skipped.values())} were skipped: what they were about was not there)"
    yield from _table("accidents", report.accidents)
    if report.by_hand:
        yield from _table("what an operator had to lend a hand with", report.by_hand)
    yield from _table("requests to children that met bad weather", report.struck)
    yield from _table("refused (4xx), by sentence", dict(Counter(report.refused).most_common(12)))
    yield from _table("in ERROR, or otherwise in a child, and the reason is true", report.errors)
    rate = report.failed / report.requests if report.requests else 0.0
    yield ""
    yield f"requests to the endpoint: {report.requests}, of which {report.failed} failed ({rate:.2%})"
    yield f"came to rest after {report.settled:.0f} s"
    yield ""
    broken = Counter(wrong.promise for wrong in report.wrongs)
    for promise in [*PROMISES, *sorted(broken.keys() - set(PROMISES))]:
        yield f"  {broken[promise]:>7}  {promise}"
    yield ""
    if not report.wrongs:
        yield "every promise was kept"
        return
    yield f"{len(report.wrongs)} PROMISES BROKEN. Seed {report.seed}; journal and logs in {directory}"
    for wrong in report.wrongs[:_STORIES]:
        yield ""
        yield str(wrong)
        yield from story(Path(report.journal), wrong.id)
    for wrong in report.wrongs[_STORIES:]:
        yield str(wrong)


def story(path: Path, id: str) -> Iterator[str]:
    """All that the journal says of one resource, and the accidents meanwhile."""
    every = list(journal.read(path))
    if not id or not every:
        return
    made = {line.get("to") for line in every if line.get("id") == id}
    about = (
        line
        for line in every
        if line.get("key") and (line["n"] in made or id in line.get("path", "") or id == line.get("name"))
    )
    keys = {line["key"] for line in about}
    numbers = {line["n"] for line in every if line.get("key") in keys}
    reported = {line["n"] for line in every if line["n"] in numbers or line.get("to") in numbers}
    stamps = [line["at"] for line in every if line["n"] in reported]
    if not stamps:
        return
    first, last = stamps[0] - 5, stamps[-1] + 60
    for line in every:
        if line["n"] in reported or (line["what"] == journal.ACCIDENT and first <= line["at"] <= last):
            rest = {key: value for key, value in line.items() if key not in ("n", "at", "what")}
            yield f"    {line['at'] - every[0]['at']:8.1f} s  {line['what']}  {rest}"
