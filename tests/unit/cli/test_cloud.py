"""`fractus cloud add`: one cloud, several, or all of a clouds.yaml."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from fractus.cli.main import cli


class Operator:
    """Runs commands against a state directory of its own."""

    def __init__(self, path: Path) -> None:
        self.state = path / "state"
        self.file = path / "clouds.yaml"
        entry = (
            "{{auth: {{auth_url: 'http://127.0.0.1:{port}/v3', username: a, password: b, project_name: c}}}}"
        )
        south, north = entry.format(port=9), entry.format(port=19)
        self.file.write_text(f"clouds:\n  south: {south}\n  north: {north}\n")

    def run(self, *arguments: str) -> Result:
        argv = ["cloud", *arguments, "--state", str(self.state)]
        return CliRunner().invoke(cli, argv, prog_name="fractus")

    def names(self) -> list[str]:
        """Clouds that were added."""
        lines = self.run("list").output.splitlines()
        return [
            name for name in ("south", "north", "east", "west") if any(f" {name} " in line for line in lines)
        ]


@pytest.fixture
def operator(tmp_path: Path) -> Operator:
    return Operator(tmp_path)


def test_several_are_added_at_once(operator: Operator) -> None:
    """Each by its own name; one that is there already does not keep the others out."""
    done = operator.run("add", "east", "--driver", "simulated")
    assert done.exit_code == 0, done.output
    done = operator.run("add", "east", "west", "--driver", "simulated")
    assert done.exit_code == 1
    assert "east was not added: There is a cloud named 'east' already." in done.output
    assert "1 of 2 clouds were not added." in done.output
    assert operator.names() == ["east", "west"]


def test_all_are_those_of_the_file(operator: Operator) -> None:
    """One entry, one cloud."""
    done = operator.run("add", "--all", "--clouds-yaml", str(operator.file), "--no-check")
    assert done.exit_code == 0, done.output
    assert operator.names() == ["south", "north"]


def test_those_that_do_not_answer_are_not_added(operator: Operator) -> None:
    """It is said of each."""
    done = operator.run("add", "south", "north", "--clouds-yaml", str(operator.file))
    assert done.exit_code == 1
    assert "2 of 2 clouds were not added." in done.output
    assert operator.names() == []


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ((), "Missing argument 'NAME...'"),
        (("one",), "Say which entry of your clouds.yaml"),
        (("one", "two", "--os-cloud", "south"), "--os-cloud is the entry of one cloud"),
        (("one", "--all"), "--all takes every entry"),
        (("south", "none"), "There is no entry 'none'"),
    ],
)
def test_nonsense_is_refused(operator: Operator, arguments: tuple[str, ...], sentence: str) -> None:
    """And nothing is added, not even what made sense."""
    done = operator.run("add", *arguments, "--clouds-yaml", str(operator.file))
    assert done.exit_code != 0
    assert sentence in done.output
    assert operator.names() == []
