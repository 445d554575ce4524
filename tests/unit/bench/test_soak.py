"""What a long run writes down: everything that went wrong, and how memory goes."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from bench.calling import Tally
from bench.watching import Watcher, slope


def test_the_slope_of_a_line_is_its_growth_in_an_hour() -> None:
    assert slope([(0.0, 100.0), (1800.0, 105.0), (3600.0, 110.0)]) == pytest.approx(10.0)
    assert slope([(0.0, 7.0), (10.0, 7.0), (20.0, 7.0)]) == pytest.approx(0.0)
    assert slope([(0.0, 7.0), (10.0, 8.0)]) is None, "two looks are no trend"


def test_a_watcher_sees_this_process_and_a_file(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"x" * 2**20)
    watcher = Watcher(lambda: {"us": os.getpgid(0)})
    watcher.file("file", file)
    watcher.look()
    assert watcher.files["file"][0][1] == 1.0
    assert any(samples[0].memory > 1 for samples in watcher.processes.values())


def test_what_goes_wrong_is_counted_in_full_and_shown_in_part() -> None:
    tally = Tally()
    for number in range(100):
        tally.amiss("5xx", f"call {number}")
    assert tally.wrongs["5xx"] == 100
    assert 0 < len(tally.wrong) < 100
