"""What the laboratory follows of systemd's unit files."""

from __future__ import annotations

import getpass
from pathlib import Path

import pytest

from tools.lab import units
from tools.lab.cli import parser
from tools.lab.place import ADDRESSES, DEFAULT, UNITS, Place, services_of

UNIT = """\
[Unit]
Description=Not [Service]
Restart=never-read

[Service]
# a comment
User={user}
Environment=ONE=1 "TWO=two words"
EnvironmentFile=-/nowhere/at/all
ExecStart=/bin/program --flag $WORDS \\
  "${{ONE}} and $TWO" $NOTHING
Restart=on-failure
RestartSec=500ms
TimeoutStopSec=2min
"""


@pytest.fixture
def roots(tmp_path: Path) -> tuple[Path, ...]:
    own, packages = tmp_path / "etc", tmp_path / "lib"
    (own / "x.service.d").mkdir(parents=True)
    packages.mkdir()
    (packages / "x.service").write_text(UNIT.format(user=getpass.getuser()))
    return own, packages


def test_a_command_is_what_systemd_makes_of_it(roots: tuple[Path, ...]) -> None:
    unit = units.load("x.service", roots)
    environ = unit.environment()
    assert environ["TWO"] == "two words"
    words = unit.command({**environ, "WORDS": "a b"})
    assert words == ["/bin/program", "--flag", "a", "b", "1 and $TWO"]
    assert (unit.restarts, unit.restart_after, unit.stop_within) == ("on-failure", 0.5, 120.0)


def test_a_drop_in_says_the_last_word_and_an_empty_value_forgets(roots: tuple[Path, ...]) -> None:
    drop_in = "[Service]\nRestart=always\nEnvironment=\nEnvironment=THREE=3\n"
    (roots[0] / "x.service.d" / "fractus.conf").write_text(drop_in)
    unit = units.load("x.service", roots)
    assert unit.restarts == "always"
    assert "ONE" not in unit.environment()
    assert unit.environment()["THREE"] == "3"


def test_a_file_of_the_environment_must_be_there_unless_it_says_otherwise(roots: tuple[Path, ...]) -> None:
    (roots[0] / "x.service.d" / "fractus.conf").write_text("[Service]\nEnvironmentFile=/nowhere/at/all\n")
    with pytest.raises(FileNotFoundError):
        units.load("x.service", roots).environment()


def test_a_user_that_this_machine_does_not_have_is_root() -> None:
    assert units.Unit("x", {"User": ["nobody-has-this-name"]}).user == "root"


def test_a_unit_that_is_not_installed_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"y\.service"):
        units.load("y.service", (tmp_path,))


def test_every_service_has_a_unit_and_two_laboratories_have_their_own_namespaces(tmp_path: Path) -> None:
    assert {one for node in ADDRESSES for one in services_of(node)} == set(UNITS)
    assert Place(DEFAULT).namespace("n1") == "lab-n1"
    assert Place(tmp_path / "a").prefix != Place(tmp_path / "b").prefix
    assert len(Place(tmp_path / "a").namespace("client")) < 16


def test_the_commands_that_a_fault_suite_uses() -> None:
    reported = parser().parse_args(["kill", "n1", "database"])
    assert (reported.command, reported.node, reported.service) == ("kill", "n1", "database")
    for words in (
        ["up"],
        ["down", "--purge"],
        ["status"],
        ["endpoint"],
        ["partition", "n2"],
        ["heal", "all"],
    ):
        assert parser().parse_args(words).command == words[0]
    assert parser().parse_args(["exec", "client", "curl", "-s"]).argv == ["curl", "-s"]
