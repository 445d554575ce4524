"""Stands a laboratory up for the fault suite, and runs the suite in it, where the nodes are reached.

It is a laboratory of the suite's own, beside the one that people look at: FRACTUS_FAULTS_LAB names its directory.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.faults.lab import SETTINGS
from tools.lab import node, standing
from tools.lab.node import LabError
from tools.lab.place import here

_DIRECTORY = "/var/tmp/fractus-lab-faults"
_INSIDE = "FRACTUS_FAULTS_INSIDE"


def inside() -> bool:
    """Whether this process is the one that runs in the client's namespace."""
    return bool(os.environ.get(_INSIDE))


def run(module: str, argv: Sequence[str], *, leave_up: bool) -> int:
    """Stand it up, run a module of the suite in it, take it down; the module's exit code."""
    os.environ["FRACTUS_LAB"] = os.environ.get("FRACTUS_FAULTS_LAB", _DIRECTORY)
    place = here()
    try:
        used = (place.directory / "seeded").exists()
        standing.up(place, settings=SETTINGS, fill=lambda _place: None)
        if used:
            standing.afresh(place)
        words = node.inside(place, "client", sys.executable, "-m", module, *argv)
        environ = {**os.environ, _INSIDE: "1"}
        return subprocess.run(words, env=environ, cwd=Path(__file__).parents[2]).returncode
    except LabError as error:
        print(f"lab: {error}", file=sys.stderr)
        return 2
    finally:
        if not leave_up:
            standing.down(place)
