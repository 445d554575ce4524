"""What `pip install fractus` gets: every file of the package, and the requirements of its first command."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from email.message import Message
from email.parser import Parser
from pathlib import Path

import pytest

from fractus import __version__

CHECKOUT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    place = tmp_path_factory.mktemp("wheel")
    argv = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(place)]
    subprocess.run(argv, cwd=CHECKOUT, check=True, capture_output=True)
    (built,) = place.iterdir()
    assert built.name == f"fractus-{__version__}-py3-none-any.whl"
    return zipfile.ZipFile(built)


@pytest.fixture(scope="module")
def metadata(wheel: zipfile.ZipFile) -> Message:
    return Parser().parsestr(wheel.read(f"fractus-{__version__}.dist-info/METADATA").decode())


def test_the_wheel_holds_every_file_of_the_package_and_no_other(wheel: zipfile.ZipFile) -> None:
    package = CHECKOUT / "fractus"
    there = {
        path.relative_to(CHECKOUT).as_posix()
        for path in package.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert {Path(name).suffix for name in there} >= {".py", ".j2", ".typed"}
    held = {name for name in wheel.namelist() if not name.startswith(f"fractus-{__version__}.dist-info/")}
    assert held == there


def test_every_file_is_held_as_it_is(wheel: zipfile.ZipFile) -> None:
    for name in wheel.namelist():
        if name.startswith("fractus/"):
            assert wheel.read(name) == (CHECKOUT / name).read_bytes(), name


def test_the_plain_install_has_the_keystone_that_up_starts(metadata: Message) -> None:
    plain = {
        requirement.split(">")[0]
        for requirement in metadata.get_all("Requires-Dist", [])
        if "extra ==" not in requirement
    }
    assert {"keystone", "granian[uvloop]", "alembic", "oslo-policy"} <= {name.lower() for name in plain}


def test_it_brings_the_command(wheel: zipfile.ZipFile) -> None:
    entry_points = wheel.read(f"fractus-{__version__}.dist-info/entry_points.txt").decode()
    assert "fractus = fractus.cli.main:main" in entry_points
