"""What benches find is kept whole, reported honestly, and drawn where it was measured."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

from bench import page, report, run
from bench.drawing import drawn
from bench.report import Line, Picture, Report, Row, keep, kept, machine, reported

ROW = Row(
    what="one",
    unit="ms CPU",
    values=[3.0, 1.0, 2.0],
    at_most=2.5,
    real="GET /servers/{id}",
    limit="one server",
)
PICTURE = Picture(
    slug="p",
    title="A & B",
    x="servers",
    y="ms",
    lines=[Line(name="a", points=[(10, 1), (1000, 3)])],
    log_x=True,
)


def made(name: str, *rows: Row, **more: object) -> Report:
    return Report(title=name, rows=list(rows), name=name, machine=machine(), **more)  # type: ignore[arg-type]


def test_a_report_comes_back_as_it_was(tmp_path: Path) -> None:
    one = made("one", ROW, pictures=[PICTURE], broken=["it broke"], full=True)
    keep(one, tmp_path)
    keep(made("two", ROW), tmp_path)
    assert kept(tmp_path, full=True) == {"one": one}
    assert set(kept(tmp_path, full=False)) == {"two"}


def test_a_command_is_shown_without_places_of_one_machine() -> None:
    reported_of = report._reported(["--full", "--results", "/some/where", "--keep=/else", "--rounds", "2"])
    assert reported_of == ["--full", "--rounds", "2"]


def test_the_median_counts_against_the_goal() -> None:
    assert ROW.median == 2.0
    assert ROW.met is True
    assert Row(what="x", unit="/s", values=[9.0], at_least=10.0).met is False
    assert Row(what="x", unit="/s", values=[9.0]).met is None


def test_a_missed_goal_is_reported_with_its_reason() -> None:
    slow = Row(what="slow", unit="ms", values=[7.0], at_most=5.0, why="the disk")
    report = made("one", slow, ROW, broken=["it broke"])
    assert "MISSED" in reported(report)
    assert "BROKEN: it broke" in reported(report)
    section = page.section(report, {})
    assert "≤ 5 ms (missed)" in section
    assert "- slow: the disk" in section


def test_the_real_service_stands_beside_it_and_says_when_it_was_asked() -> None:
    beside = page.table(made("one", ROW), {})
    assert "| 46.8 ms CPU¹ | 23.4 x |" in beside
    same_run = made("requests", real=[Row(what="GET /servers/{id}", unit="ms CPU", values=[20.0])])
    limits = made("limits", Row(what="one server", unit="ms CPU", values=[0.06]))
    beside = page.table(made("one", ROW), {"requests": same_run, "limits": limits})
    assert "| 20 ms CPU | 10 x | 0.06 ms CPU |" in beside


def test_of_rates_more_is_better() -> None:
    row = Row(what="creates", unit="/s", values=[590.0], real="POST /servers, 16 clients")
    assert "100 x" in page.table(made("one", row), {})


def test_a_page_is_written_between_its_marks_only() -> None:
    text = "a\n<!-- bench one -->\nold\n<!-- end one -->\nb\n<!-- bench two -->\nold\n<!-- end two -->\n"
    new = page.written(text, {"one": r"new \1"})
    assert (
        new
        == "a\n<!-- bench one -->\nnew \\1\n<!-- end one -->\nb\n<!-- bench two -->\nold\n<!-- end two -->\n"
    )
    assert page.unmarked(text, ["one", "three"]) == ["three"]


def test_every_bench_has_its_place_on_the_page() -> None:
    assert page.unmarked(page.PAGE.read_text("utf-8"), [bench.name for bench in run.BENCHES]) == []


def test_a_bench_that_nobody_knows_is_named() -> None:
    assert [bench.name for bench in run.chosen("reads,soak")] == ["reads", "soak"]
    assert run.chosen("none") == []
    with pytest.raises(SystemExit, match="nonsense"):
        run.chosen("nonsense")


def test_a_picture_shows_every_point_at_its_place() -> None:
    svg = drawn(PICTURE)
    ElementTree.fromstring(svg)
    assert "A &amp; B" in svg
    dots = [(float(x), float(y)) for x, y in re.findall(r'circle cx="([\d.]+)" cy="([\d.]+)"', svg)]
    assert len(dots) == 2
    (left, low), (right, high) = dots
    assert left < right
    assert low > high, "more is further up"
    zero = float(re.findall(r'class="axis" x1="74" x2="700" y1="([\d.]+)"', svg)[0])
    assert (zero - high) / (zero - low) == pytest.approx(3.0, rel=0.01), "the axis begins at 0"


def test_a_goal_beyond_all_points_is_on_the_paper() -> None:
    picture = Picture(slug="p", title="t", x="x", y="y", lines=[Line(name="a", points=[(1, 1)])], goal=50.0)
    level = float(re.findall(r'class="goal" [^>]*y1="([\d.]+)"', drawn(picture))[0])
    assert 46 <= level <= 322
