"""`tools/checks/words.py` finds a retired word wherever it is planted, and leaves alone what must keep its spelling."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tools.checks import words


def found(text: str, place: str = "fractus/somewhere.py") -> list[str]:
    return [fault.split(": ", 1)[1] for fault in words.faults(text, place)]


@pytest.mark.parametrize(
    "planted",
    [
        "self._bell = made",
        "class LocalBell:",
        "# It waits for the bell.",
        '"""Bells of this node."""',
        "BELL = 1",
        "async def retell(self):",
        'log.warning("brake on")',
        "from fractus.store import brakes",
        "class Brakes(Struct):",
        "[brakes]",
        "See `brakes.at_most`.",
        "note_unasked(tx)",
        'Counter("fractus_room")',
        "| `fractus_room` | cloud |",
        'log.error("Nobody attended to it")',
    ],
)
def test_a_planted_word_is_found(planted: str) -> None:
    assert len(found(f"x = 1\n{planted}\n")) == 1


@pytest.mark.parametrize(
    "line",
    [
        "See `holds.unasked_percent`.",
        'FORMER_NAMES = {"brakes": "holds"}',
        '_KEY = "brake"',
        '    "unasked",',
        "A labelled belly, and a bellow.",
        "The string rebelled.",
    ],
)
def test_what_is_stored_or_another_word_is_left_alone(line: str) -> None:
    assert found(line) == []


def test_every_retired_word_is_found_by_itself() -> None:
    for one in words.RETIRED:
        assert len(found(one.word)) == 1, one.word


def test_a_file_is_told_by_its_name_too(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    (tmp_path / "fractus").mkdir()
    (tmp_path / "fractus" / "bell.py").write_text("x = 1\n")
    (tmp_path / "fractus" / "quiet.py").write_text("brake = 1\n")
    assert [fault.split(": ")[0] for fault in words.check(tmp_path)] == [
        "fractus/bell.py:1",
        "fractus/quiet.py:1",
    ]
    assert words.main([str(tmp_path)]) == 1


@pytest.mark.parametrize(
    "name", ["_told", "Told", "told_apart", "TOLD", "ports_tell", "mayTell", "_foresee_stray"]
)
def test_a_name_says_what_it_is(name: str) -> None:
    assert len(list(words.wrong_names(f"x = 1\n{name} = 2  # told\n", "fractus/somewhere.py"))) == 1
    assert len(list(words.wrong_names(f"{name} = 2\n", "tests/somewhere.py"))) == 1


def test_a_test_is_named_by_a_sentence() -> None:
    assert (
        list(words.wrong_names("async def test_the_user_is_told() -> None: ...\n", "tests/somewhere.py"))
        == []
    )


@pytest.mark.parametrize("line", ["toldo = 1", "# It is told.", "castell = 'told'"])
def test_sentences_and_other_names_are_left_alone(line: str) -> None:
    assert list(words.wrong_names(f"{line}\n", "fractus/somewhere.py")) == []


def test_a_name_that_is_stored_keeps_its_spelling() -> None:
    assert list(words.wrong_names("told = 1\n", "fractus/store/lanes.py")) == []
