"""tools/environment/fill, with programs in the place of Python and uv that write down what they were asked."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[3]
FILL = CHECKOUT / "tools" / "environment" / "fill"

#: `python -m pip install ... --requirement FILE` keeps a copy of FILE, and uv appears where it names uv.
PYTHON = """#!/bin/sh
echo "python $*" >>"{log}"
case "$*" in
    *"pip config"*) exit 1 ;;
esac
for last; do :; done
case "$*" in *--only-binary*)
    cp "$last" "{log}.pinned"
    [ -z "$NO_UV" ] || exit 1
    cp "{spare}" "$(dirname "$0")/uv" ;;
esac
"""
UV = """#!/bin/sh
echo "uv $*" >>"{log}"
[ "$1" = --version ] || exit "${{UV_FAILS:-0}}"
"""


#: A shim that finds nothing behind it.
NO_UV = "#!/bin/sh\nexit 127\n"


class Place:
    """An environment of stand-ins, and what they were asked."""

    def __init__(self, root: Path) -> None:
        self.log = root / "log"
        self.spare = self.put(root / "spare" / "uv", UV)
        self.environment = root / "environment"
        self.put(self.environment / "bin" / "python", PYTHON)
        self.path = root / "path"
        self.path.mkdir()

    def put(self, path: Path, text: str) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text.format(log=self.log, spare=path if "uv" in path.name else self.spare))
        path.chmod(0o755)
        return path

    def fill(self, **environ: str) -> list[str]:
        """The calls that installed something."""
        path = f"{self.path}:/usr/bin:/bin"
        argv = [str(FILL), str(self.environment), "some.lock", "the-checkout"]
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("UV_", "PIP_"))}
        subprocess.run(argv, env={**kept, "PATH": path, **environ}, check=True, capture_output=True)
        return [line for line in self.log.read_text().splitlines() if " install " in line]


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def test_the_uv_on_path_installs_and_checks_hashes(place: Place) -> None:
    place.put(place.path / "uv", UV)
    locked, editable = place.fill()
    assert locked.startswith("uv pip install ")
    assert locked.endswith("--require-hashes --requirement some.lock")
    assert editable.startswith("uv pip install ")
    assert editable.endswith("--no-deps --no-build-isolation --editable the-checkout")


def test_where_there_is_none_pip_installs_the_one_of_the_lock_by_its_hash(place: Place) -> None:
    place.put(place.path / "uv", NO_UV)
    first, locked, _ = place.fill()
    assert first.startswith("python -m pip install ")
    assert "--require-hashes" in first
    pinned = Path(f"{place.log}.pinned").read_text().splitlines()
    assert pinned[0].startswith("uv==")
    assert len(pinned) > 1
    assert all(line.startswith("    --hash=sha256:") for line in pinned[1:])
    assert set(pinned) <= set((CHECKOUT / "requirements.lock").read_text().splitlines())
    assert locked.startswith("uv pip install ")


def test_pip_does_it_where_uv_cannot_be_had(place: Place) -> None:
    place.put(place.path / "uv", NO_UV)
    _, locked, editable = place.fill(NO_UV="1")
    assert locked.startswith("python -m pip install ")
    assert locked.endswith("--require-hashes --requirement some.lock")
    assert editable.endswith("--no-deps --no-build-isolation --editable the-checkout")


def test_pip_does_it_where_uv_fails(place: Place) -> None:
    place.put(place.path / "uv", UV)
    refused, locked, editable = place.fill(UV_FAILS="2")
    assert refused.startswith("uv pip install ")
    assert locked.startswith("python -m pip install ")
    assert locked.endswith("--require-hashes --requirement some.lock")
    assert editable.startswith("python -m pip install ")
