"""Where a service takes `.json` at the end of a path for nothing, it does so on every route."""

from __future__ import annotations

import msgspec

from fractus.testing.world import World
from tests.api.bodies import body_of, type_of
from tests.api.house import furnish, served


async def test_a_suffix_changes_no_answer_of_any_route(world: World) -> None:
    house = await furnish(world, world.user("ann"))
    looked_at = 0
    for one in await served(world):
        if not one.service.json_suffix:
            continue
        body = body_of(one, house)
        data = b"" if body is None else msgspec.json.encode(body)
        # Nothing is changed: reads are of what is there, writes of what is not, and creates come from a reader.
        path = house.path(one) if one.route.method in ("GET", "POST") else house.path_to_nothing(one)
        reads = one.route.method == "GET"
        for user in (house.owner, world.admin) if reads else (world.user("eve", "p9", ("reader",)),):
            headers = {"Content-Type": type_of(one)}
            plain, suffixed = [
                await user.call(one.route.method, asked, body=data, headers=headers)
                for asked in (path, f"{path}.json")
            ]
            assert (suffixed.status, suffixed.body) == (plain.status, plain.body), str(one)
            looked_at += 1
    assert looked_at > 60
