"""Every file of requests against fractus before simulated clouds."""

from __future__ import annotations

import asyncio

import pytest

from fractus.testing.user import COMPUTE, NETWORK
from fractus.testing.world import World
from tests.requests.files import Place, RequestFile, every, run

_SERVED = [file for file in every() if not file.unserved]
_UNSERVED = [file for file in every() if file.unserved]


@pytest.mark.parametrize("file", _SERVED, ids=str)
async def test_fractus_answers_as_the_file_says(file: RequestFile, place: Place, reachable: World) -> None:
    outcome = await asyncio.to_thread(run, file, place)
    assert outcome.requests > 0
    assert not outcome.skipped
    assert not outcome.failed, f"{len(outcome.failed)} of {outcome.requests}:\n" + "\n".join(outcome.failed)
    assert await _left(reachable) == [], "what the file made it must delete"


async def _left(world: World) -> list[str]:
    """What there is in the world, but for the default groups that nobody can delete."""
    found = []
    for path in ("networks", "subnets", "ports", "security-groups"):
        every_one = await world.admin.listed(f"{NETWORK}/{path}")
        found += [f"{path} {one['name'] or one['id']}" for one in every_one if one["name"] != "default"]
    found += [
        f"flavor {one['name']}" for one in await world.admin.listed(f"{COMPUTE}/flavors", is_public="None")
    ]
    for user in (world.user("ann", "p1"), world.user("bob", "p2"), world.admin):
        found += [f"key {one['keypair']['name']}" for one in await user.listed(f"{COMPUTE}/os-keypairs")]
    return found


@pytest.mark.parametrize("file", _UNSERVED, ids=str)
async def test_what_is_marked_as_not_served_is_not_served(file: RequestFile, world: World) -> None:
    served = [
        path for path in file.unserved if (await world.admin.get(f"/{file.service}{path}")).status != 404
    ]
    assert served != file.unserved, (
        f"take the lines 'Not served by fractus yet' out of {file}: all is served by now"
    )
