"""What the pages point at is there: links, paths of the checkout, and commands of `fractus`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from fractus.cli.main import cli

ROOT = Path(__file__).parents[3]
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]
TOPS = {path.name for path in ROOT.iterdir() if path.is_dir()}

pages = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))


def commands() -> dict[str, click.Command]:
    """Every command of `fractus`, as it is typed."""
    found: dict[str, click.Command] = {}

    def walk(group: click.Group, before: str) -> None:
        context = click.Context(group)
        for name in group.list_commands(context):
            command = group.get_command(context, name)
            assert command is not None
            found[f"{before}{name}"] = command
            if isinstance(command, click.Group):
                walk(command, f"{before}{name} ")

    walk(cli, "")
    return found


def typed(text: str) -> Iterator[list[str]]:
    """The words behind `fractus` in examples and in running text."""
    for line in re.findall(r"(?:^ {4}|`)fractus ([a-z][^`\n#]*)", text, re.MULTILINE):
        yield line.split()


@pages
def test_links_lead_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\(([^)#]+)\)", page.read_text("utf-8"))
    local = [target for target in targets if "://" not in target]
    assert [target for target in local if not (page.parent / target).exists()] == []


@pages
def test_paths_of_the_checkout_exist(page: Path) -> None:
    named = re.findall(r"`([\w.-]+/[\w./-]+)`", page.read_text("utf-8"))
    ours = [name for name in named if name.split("/")[0] in TOPS]
    assert [name for name in ours if not (ROOT / name).exists()] == []


@pages
def test_commands_and_their_options_exist(page: Path) -> None:
    known = commands()
    for words in typed(page.read_text("utf-8")):
        plain = [word for word in words if re.fullmatch("[a-z][a-z-]*", word)]
        name = next((n for n in (" ".join(plain[:3]), " ".join(plain[:2]), plain[0]) if n in known), "")
        assert name, f"fractus {' '.join(words)}"
        options = {option for one in known[name].params for option in (*one.opts, *one.secondary_opts)}
        given = {word for word in words if word.startswith("--")}
        assert given <= options, f"fractus {' '.join(words)}"


def test_the_readme_has_the_commands_of_the_makefile() -> None:
    readme, makefile = (ROOT / "README.md").read_text("utf-8"), (ROOT / "Makefile").read_text("utf-8")
    targets = set(re.findall(r"^    make (\w+)", readme, re.MULTILINE))
    assert {"up", "test"} <= targets
    assert all(re.search(rf"^{target}:", makefile, re.MULTILINE) for target in targets)
