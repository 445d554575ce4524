"""Fractuses in two floors (tools/real/nested.sh): nobody stands above itself."""

from __future__ import annotations

import os
from pathlib import Path
from subprocess import CalledProcessError

import pytest

from tests.real.stand import needs_stand
from tools.real.nested import Floor

pytestmark = [
    pytest.mark.real,
    needs_stand,
    pytest.mark.skipif("FRACTUS_REAL_NESTED" not in os.environ, reason="run by tools/real/nested.sh"),
]


def refused(floor: str, entry: str) -> str:
    """What a floor says when it is to take the fractus of an entry for a child."""
    work = Path(os.environ["FRACTUS_REAL_STAND"])
    file = "upper.yaml" if entry == "upper-admin" else "children.yaml"
    words = ["cloud", "add", "above", "--os-cloud", entry, "--clouds-yaml", str(work / file)]
    with pytest.raises(CalledProcessError) as caught:
        Floor(work, floor).run(*words)
    return str(caught.value.stderr)


@pytest.mark.parametrize("zone", ["east", "west"])
def test_a_fractus_takes_none_that_stands_above_it(zone: str) -> None:
    assert "this fractus is below it" in refused(f"lower-{zone}", "upper-admin")


def test_a_fractus_does_not_take_itself() -> None:
    assert "it is this fractus itself" in refused("state", "upper-admin")


def test_a_child_is_taken_once() -> None:
    assert "it is the cloud east already" in refused("state", "east-admin")
