"""Every file of requests against fractus before simulated clouds."""

from __future__ import annotations

import asyncio

import pytest

from fractus.testing.world import World
from tests.requests.files import Place, RequestFile, every, run

_SERVED = [file for file in every() if not file.unserved]
_UNSERVED = [file for file in every() if file.unserved]


@pytest.mark.parametrize("file", _SERVED, ids=str)
async def test_fractus_answers_as_the_file_says(file: RequestFile, place: Place) -> None:
    outcome = await asyncio.to_thread(run, file, place)
    assert outcome.requests > 0
    assert not outcome.skipped
    assert not outcome.failed, f"{len(outcome.failed)} of {outcome.requests}:\n" + "\n".join(outcome.failed)


@pytest.mark.parametrize("file", _UNSERVED, ids=str)
async def test_what_is_marked_as_not_served_is_not_served(file: RequestFile, world: World) -> None:
    reply = await world.admin.get(f"/{file.service}{file.unserved}")
    assert reply.status == 404, (
        f"{file} is served by now: take the line 'Not served by fractus yet' out of it"
    )
