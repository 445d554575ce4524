"""The table of all benches: for a terminal, and put into the marked places of docs/performance.md and README.md."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from bench.baseline import ALSO, SOURCE, real
from bench.drawing import drawn
from bench.report import Report, Row, goal_of, measured_on, number, spread

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs/performance.md"
PICTURES = ROOT / "docs/pictures"
FRONT = ROOT / "README.md"

_HEAD = "| figure | ours | real service | ratio | limit | goal |\n|---|---:|---:|---:|---:|---:|"

#: A real figure that was not measured in the same run.
_NOT_SAME_RUN = "¹"
_FOOTNOTE = f"{_NOT_SAME_RUN} not in this run: `{SOURCE}`."


def table(report: Report, kept: Mapping[str, Report]) -> str:
    """The figures of one report as Markdown, with what the real service and bare parts take."""
    return "\n".join([_HEAD, *(_line(row, kept) for row in report.rows)])


def _line(row: Row, kept: Mapping[str, Report]) -> str:
    goal = goal_of(row)
    missed = " (missed)" if row.met is False else ""
    cells = [
        f"{row.what}{f' ({row.note})' if row.note else ''}",
        f"**{number(row.median)}** {row.unit}{spread(row)}",
        *_real(row, kept),
        _limit(row, kept),
        f"{goal} {row.unit}{missed}" if goal else "",
    ]
    return f"| {' | '.join(cells)} |"


def _real(row: Row, kept: Mapping[str, Report]) -> tuple[str, str]:
    """What the real service takes, and how many times better ours is."""
    name = row.real or ALSO.get(row.what, "")
    found, measured = real(dict(kept), name, row.unit) if name else (None, False)
    if found is None:
        return "", ""
    more_is_better = row.unit.startswith("/s") or row.at_least is not None
    better = (row.median, found.median) if more_is_better else (found.median, row.median)
    ratio = f"{number(better[0] / better[1])} x" if better[1] else ""
    return f"{number(found.median)} {found.unit}{'' if measured else _NOT_SAME_RUN}", ratio


#: The bare parts of a request, as `bench.bare_reads` calls them.
_BARE = {
    "GET /servers/detail, first page": (
        "the bytes of a page of 100 servers by Granian alone",
        "the rows of a page of 100 servers by apsw alone",
    ),
    "GET /servers/{id}": ("the bytes of one server by Granian alone", "the row of one server by apsw alone"),
    "GET /ports, first page": ("the bytes of a page of 100 ports by Granian alone",),
}


def _limit(row: Row, kept: Mapping[str, Report]) -> str:
    """What bare parts need for the same: the row that it names, or the sum of those about its bytes and its query."""
    known = {(one.what, one.unit): one.median for report in kept.values() for one in report.rows}
    names = [row.limit] if row.limit else _BARE.get(row.what, ())
    parts = [known[name, row.unit] for name in names if (name, row.unit) in known]
    return f"{number(sum(parts))} {row.unit}" if parts else ""


def section(report: Report, kept: Mapping[str, Report]) -> str:
    """All that one report says, as Markdown."""
    parts = [f"`{report.command}`: {measured_on(report)}; {number(report.seconds)} s."]
    if report.about:
        parts.append(report.about)
    parts.append(table(report, kept))
    if _NOT_SAME_RUN in parts[-1]:
        parts.append(_FOOTNOTE)
    parts += [f"![{picture.title}](pictures/{picture.slug}.svg)" for picture in report.pictures]
    short = [f"- {row.what}: {row.why}" for row in report.rows if row.met is False and row.why]
    if short:
        parts.append("\n".join(["What falls short, and why:", "", *short]))
    if report.remarks:
        parts.append("\n".join(f"- {remark}" for remark in report.remarks))
    if report.broken:
        parts.append("\n".join(f"- **Broken:** {sentence}" for sentence in report.broken))
    return "\n\n".join(parts)


def written(text: str, contents: Mapping[str, str]) -> str:
    """A page with new contents between its marks `<!-- bench NAME -->` and `<!-- end NAME -->`."""
    for name, content in contents.items():
        marked = re.compile(
            rf"(<!-- bench {re.escape(name)} -->\n).*?(<!-- end {re.escape(name)} -->)", re.DOTALL
        )
        text = marked.sub(lambda found, content=content: f"{found[1]}{content}\n{found[2]}", text)  # type: ignore[misc]
    return text


def unmarked(text: str, names: Iterable[str]) -> list[str]:
    """Those that have no place in it."""
    return [name for name in names if f"<!-- bench {name} -->" not in text]


def write(kept: Mapping[str, Report], front: Mapping[str, str]) -> list[str]:
    """Put all into the docs, and draw the pictures; the names of what has no place there."""
    PICTURES.mkdir(exist_ok=True)
    for report in kept.values():
        for picture in report.pictures:
            (PICTURES / f"{picture.slug}.svg").write_text(drawn(picture), "utf-8")
    sections = {name: section(report, kept) for name, report in kept.items()}
    text = PAGE.read_text("utf-8")
    PAGE.write_text(written(text, sections), "utf-8")
    FRONT.write_text(written(FRONT.read_text("utf-8"), front), "utf-8")
    return unmarked(text, sections)
