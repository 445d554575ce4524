"""Each declared kind is made, changed and deleted, and the worker is killed at every step of that."""

from __future__ import annotations

from pathlib import Path

import pytest

from fractus.services.kind import Kind
from fractus.testing.crash import CrashMatrix, Spot
from fractus.testing.world import World
from tests.crash.declared import KINDS, carried, story_of

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
async def test_a_killed_worker_leaves_no_trace(kind: Kind, tmp_path: Path) -> None:
    methods: set[str] = set()

    def of_this_kind(spot: Spot) -> bool:
        if spot.kind == kind.name:
            methods.add(spot.method)
        return spot.kind == kind.name

    async with World(clouds=1, tmp_path=tmp_path / "kinds") as world:
        if kind.name not in carried(world):
            pytest.skip("it is where others are: stories of its own bring it there (test_every_change)")
    matrix = CrashMatrix(story_of(kind), lambda directory: World(clouds=2, tmp_path=directory), tmp_path)
    wrongs = await matrix.run(at=of_this_kind)
    assert {"create", "delete"} <= methods, "each is struck"
    assert any(method.startswith("apply ") for method in methods), "and a change of it"
    assert not wrongs, f"{len(wrongs)} wrongs:\n" + "\n".join(wrongs)
