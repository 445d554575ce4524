"""The check of the order of migrations."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools.checks import migrations

CHECKOUT = Path(__file__).parents[3]


def _write(directory: Path, name: str, revision: str, after: str | None) -> None:
    said = f'"{after}"' if after else "None"
    (directory / name).write_text(f'revision = "{revision}"\ndown_revision: str | None = {said}\n')


def test_ours_follow_one_another() -> None:
    assert list(migrations.faults(CHECKOUT / migrations.HERE)) == []


@pytest.mark.parametrize(
    ("name", "revision", "after", "fault"),
    [
        ("0002_b.py", "0002", "0001", ""),
        ("0001_b.py", "0001", None, "0001_a.py has the number 0001 already"),
        ("0002_b.py", "0003", "0001", "its revision is 0003, its name begins with 0002"),
        ("0003_b.py", "0003", "0002", "it follows 0002, the one before it is 0001"),
    ],
)
def test_a_number_is_there_once_and_follows_the_one_before(
    tmp_path: Path, name: str, revision: str, after: str | None, fault: str
) -> None:
    _write(tmp_path, "0001_a.py", "0001", None)
    _write(tmp_path, name, revision, after)
    assert [fault in one for one in migrations.faults(tmp_path)] == ([True] if fault else [])
    assert migrations.main([str(tmp_path)]) == (1 if fault else 0)
