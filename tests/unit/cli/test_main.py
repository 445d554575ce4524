from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from fractus import __version__
from fractus.cli.frame import Frame
from fractus.cli.main import cli
from fractus.model.errors import NotFound
from fractus.settings.loading import SettingsError


def fractus(*arguments: str) -> Result:
    return CliRunner().invoke(cli, list(arguments), prog_name="fractus")


def test_help_names_every_command_in_its_section_and_imports_none_that_lives_elsewhere() -> None:
    code = (
        "import sys; from fractus.cli.main import cli\n"
        "try: cli(['--help'], prog_name='fractus')\n"
        "finally: assert not {'fractus.cli.cloud', 'falcon', 'sqlalchemy'} & set(sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    words = [line.split()[0] for line in done.stdout.splitlines() if line.startswith("  ") and line.split()]
    for command in ("up", "status", "down", "cloud", "resource", "serve", "work", "config", "version"):
        assert command in words
    assert "Run on this machine:" in done.stdout
    assert "      fractus cloud add paris --os-cloud my-paris\n" in done.stdout


@pytest.mark.parametrize("command", sorted(cli.list_commands(click.Context(cli))))
def test_every_command_has_help_with_a_sentence_for_each_option(command: str) -> None:
    done = fractus(command, "--help")
    assert done.exit_code == 0, done.output
    found = cli.get_command(click.Context(cli), command)
    assert found is not None
    assert (found.help or "").strip().endswith((".", ":"))


def test_the_sample_is_toml() -> None:
    done = fractus("config", "sample")
    assert set(tomllib.loads(done.output)) >= {"api", "keystone", "store", "work", "auth", "images", "log"}


def test_the_settings_in_force_are_shown_without_passwords(tmp_path: Path) -> None:
    (tmp_path / "fractus.toml").write_text("[keystone]\npassword = 'hush'\n[api]\nport = 9000\n")
    done = fractus("config", "show", "--state", str(tmp_path))
    shown = tomllib.loads(done.output)
    assert shown["api"]["port"] == 9000
    assert shown["keystone"]["password"] == "***"
    assert "hush" not in done.output


def test_a_wrong_setting_is_one_sentence_and_exit_code_1(tmp_path: Path) -> None:
    (tmp_path / "fractus.toml").write_text("[api]\nprot = 1\n")
    for command in (["status"], ["up"], ["config", "show"], ["down"]):
        done = fractus(*command, "--state", str(tmp_path))
        assert done.exit_code == 1
        wrong = "has a key that does not exist: prot in [api]; did you mean port?"
        assert done.output == f"Error: {tmp_path}/fractus.toml {wrong}\n"


def test_wrong_usage_is_exit_code_2() -> None:
    for arguments in (["nonsense"], ["up", "--port", "0"], ["up", "--nonsense"]):
        assert fractus(*arguments).exit_code == 2


def test_the_version() -> None:
    assert fractus("version").output == f"{__version__}\n"
    assert fractus("--version").output == f"fractus {__version__}\n"


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (NotFound("There is no cloud named 'x'."), "Error: There is no cloud named 'x'.\n"),
        (SettingsError("It is wrong."), "Error: It is wrong.\n"),
        (KeyError("x"), "Error: Something unexpected went wrong (KeyError: 'x')."),
    ],
)
def test_errors_are_sentences_unless_one_asks_where_they_come_from(error: Exception, said: str) -> None:
    @click.group(cls=Frame)
    @click.option("--debug", is_flag=True)
    def group(debug: bool) -> None:
        pass

    @group.command()
    def broken() -> None:
        raise error

    done = CliRunner().invoke(group, ["broken"])
    assert done.exit_code == 1
    assert done.output.startswith(said)
    assert "Traceback" not in done.output
    assert CliRunner().invoke(group, ["--debug", "broken"]).exception is error


def test_python_m_fractus_is_the_same_command() -> None:
    environ = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])}
    done = subprocess.run(
        [sys.executable, "-m", "fractus", "version"], capture_output=True, text=True, env=environ, check=True
    )
    assert done.stdout == f"{__version__}\n"
