"""Each declared kind is made, changed and deleted, and the worker is killed at every step of that."""

from __future__ import annotations

from pathlib import Path

import pytest

from fractus.services.kind import Kind
from fractus.testing.crash import CrashMatrix, Spot
from fractus.testing.world import World
from tests.crash.declared import FOLLOWING, KINDS, carried, story_of

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


async def test_all_that_is_carried_is_walked(tmp_path: Path) -> None:
    async with World(clouds=1, tmp_path=tmp_path) as world:
        assert {kind.name for kind in KINDS} - carried(world) == FOLLOWING


@pytest.mark.parametrize(
    "kind", [kind for kind in KINDS if kind.name not in FOLLOWING], ids=lambda kind: kind.name
)
async def test_a_killed_worker_leaves_no_trace(kind: Kind, tmp_path: Path) -> None:
    methods: set[str] = set()

    def of_this_kind(spot: Spot) -> bool:
        if spot.kind == kind.name:
            methods.add(spot.method)
        return spot.kind == kind.name

    matrix = CrashMatrix(story_of(kind), lambda directory: World(clouds=2, tmp_path=directory), tmp_path)
    wrongs = await matrix.run(at=of_this_kind)
    assert {"create", "delete"} <= methods, "each is struck"
    assert any(method.startswith("apply ") for method in methods), "and a change of it"
    assert not wrongs, f"{len(wrongs)} wrongs:\n" + "\n".join(wrongs)
