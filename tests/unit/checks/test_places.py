from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tools.checks import places


def at(*parts: str) -> str:
    """An absolute path, put together here so that this file does not contain one."""
    return "/" + "/".join(parts) + "/"


PINNED = f"one==1.0 \\\n    --hash=sha256:{'0' * 64} \\\n    --hash=sha256:{'1' * 64}\n"


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    return tmp_path


ONE_MACHINE = [
    at("work", "main"),
    at("farm", "x"),
    at("root", ".cache"),
    at("home", "ann", "fractus"),
    at("Users", "ann"),
]


@pytest.mark.parametrize("path", ONE_MACHINE)
@pytest.mark.parametrize("around", ["{}a.py", "cd {}", 'HOME="{}"', "see `{}`", "# ({})", "-I{}", "x:{}"])
def test_a_path_of_one_machine_is_found(checkout: Path, path: str, around: str) -> None:
    (checkout / "notes.md").write_text("first line\n" + around.format(path) + "\n")
    found = places.check(checkout)
    # `-I/path` is glued to a letter, as the middle of a URL would be: the one form that is let through.
    assert len(found) == (0 if around == "-I{}" else 1)
    assert all(fault.startswith("notes.md:2: ") for fault in found)


@pytest.mark.parametrize(
    "text",
    [
        "http://cloud.example" + at("work", "v2.1"),
        "tests" + at("work", "rows"),
        "~" + at("work", "notes"),
        "$HOME" + at("work", "notes"),
        "${HOME}" + at("work", "notes"),
        at("var", "lib", "fractus"),
        at("etc", "fractus"),
        at("networks", "work"),
        at("workers", "1"),
        at("home"),
    ],
)
def test_other_paths_pass(checkout: Path, text: str) -> None:
    (checkout / "notes.md").write_text(text + "\n")
    assert places.check(checkout) == []


def test_files_that_git_ignores_and_files_that_are_not_text_are_left_alone(checkout: Path) -> None:
    (checkout / ".gitignore").write_text("own.txt\n")
    (checkout / "own.txt").write_text(ONE_MACHINE[0])
    (checkout / "logo.png").write_bytes(b"\xff\xfe" + ONE_MACHINE[0].encode())
    assert places.check(checkout) == []


@pytest.mark.parametrize(
    "line",
    [
        "--index-url https://packages.example/simple",
        "-e .",
        "fractus @ file:///somewhere",
        "falcon @ git+https://example.org/falcon",
        "falcon==4.4.0",
        "# via falcon",
    ],
)
def test_the_lock_holds_names_and_versions_only(checkout: Path, line: str) -> None:
    (checkout / "requirements.lock").write_text(f"{PINNED}{line}\n")
    (fault,) = places.check(checkout)
    assert fault.startswith("requirements.lock:4: only name==version")


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (f"{PINNED}aiohttp==3.14.5 \\\naiohttp==3.14.6 \\\n    --hash=sha256:{'0' * 64}\n", 5),
        (f"{PINNED}    --hash=sha256:{'0' * 64}\n", 4),
        (f"{PINNED}aiohttp==3.14.5 \\\n", 4),
        (f"aiohttp==3.14.5 \\\n    --hash=md5:{'0' * 32}\n", 2),
    ],
)
def test_each_version_of_each_lock_has_its_hashes(checkout: Path, text: str, line: int) -> None:
    place = checkout / "tools" / "requirements.lock"
    place.parent.mkdir()
    place.write_text(text)
    assert places.check(checkout)[0].startswith(f"tools/requirements.lock:{line}: ")


def test_a_lock_as_it_should_be_passes(checkout: Path) -> None:
    (checkout / "requirements.lock").write_text(
        f"{PINNED}{PINNED.replace('==1.0', '==1.0 ; python_version > 3')}"
    )
    assert places.check(checkout) == []


def test_the_exit_code_tells(checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (checkout / "a.md").write_text("nothing here\n")
    assert places.main([str(checkout)]) == 0
    (checkout / "b.md").write_text(ONE_MACHINE[0])
    assert places.main([str(checkout)]) == 1
    assert capsys.readouterr().out.endswith("places: 2 files, 1 faults\n")
