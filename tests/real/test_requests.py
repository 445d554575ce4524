"""The files of requests, to each real cloud itself and to fractus before them: both answer as the files say."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.real.stand import needs_stand
from tests.requests.files import Place, RequestFile, every, run
from tests.requests.people import made

pytestmark = [pytest.mark.real, needs_stand]


def _all_is_as_said(file: RequestFile, place: Place) -> None:
    outcome = run(file, place)
    assert outcome.requests > 0
    assert not outcome.skipped
    assert not outcome.failed, f"{len(outcome.failed)} of {outcome.requests}:\n" + "\n".join(outcome.failed)


@pytest.fixture(scope="module", params=["east", "west"])
def child(request: pytest.FixtureRequest) -> Iterator[Place]:
    """A cloud itself."""
    with made(f"{request.param}-admin", Path(os.environ["FRACTUS_REAL_CLOUDS_YAML"])) as place:
        yield place


@pytest.fixture(scope="module")
def fractus() -> Iterator[Place]:
    """The one endpoint before them."""
    with made("root", Path(os.environ["FRACTUS_REAL_STAND"], "clouds.yaml")) as place:
        yield place


@pytest.mark.parametrize("file", every(), ids=str)
def test_a_real_cloud_answers_as_the_file_says(file: RequestFile, child: Place) -> None:
    _all_is_as_said(file, child)


@pytest.mark.parametrize("file", [file for file in every() if not file.unserved], ids=str)
def test_fractus_before_real_clouds_answers_as_the_file_says(file: RequestFile, fractus: Place) -> None:
    _all_is_as_said(file, fractus)
