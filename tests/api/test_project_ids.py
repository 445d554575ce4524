"""A project's name where its id belongs: compute asks Keystone, wherever Nova does."""

from __future__ import annotations

import pytest

from fractus.testing.user import COMPUTE
from fractus.testing.world import World
from tests.api.bodies import body_of
from tests.api.house import furnish, served
from tests.api.rows import changes, rows_of

NAME = "demo"

#: Nova asks nobody when quotas are dropped, and does not verify whose use or access is asked for.
_UNVERIFIED = {
    "compute DELETE /os-quota-sets/{project_id}",
    "compute GET /os-simple-tenant-usage/{project_id}",
}


async def test_no_route_of_compute_takes_a_name_for_a_project(world: World) -> None:
    house = await furnish(world, world.user("ann"))
    before = await rows_of(world)
    asked = []
    for one in await served(world):
        if one.service.type != "compute" or "{project_id}" not in one.route.path or str(one) in _UNVERIFIED:
            continue
        path = house.path(one).replace(house.owner.project_id, NAME)
        reply = await world.admin.call(one.route.method, path, body_of(one, house))
        assert reply.status == 400, one
        assert reply.json == {
            "badRequest": {"code": 400, "message": f"Project ID {NAME} is not a valid project."}
        }
        asked.append(str(one))
    assert len(asked) == 4
    assert changes(before, await rows_of(world)) == []


async def test_access_to_a_flavor_is_given_to_projects_that_exist(world: World) -> None:
    flavor = await world.admin.makes_flavor("private", **{"os-flavor-access:is_public": False})
    action = f"{COMPUTE}/flavors/{flavor}/action"
    reply = await world.admin.post(action, {"addTenantAccess": {"tenant": NAME}})
    assert (reply.status, reply.json["badRequest"]["message"]) == (
        400,
        f"Project ID {NAME} is not a valid project.",
    )
    ann = world.user("ann")
    (await world.admin.post(action, {"addTenantAccess": {"tenant": ann.project_id}})).ok()
    assert [one["id"] for one in await ann.listed(f"{COMPUTE}/flavors", is_public="None")] == [flavor]
    # What was given when the project was there is taken back when it is no more.
    world.tokens.projects.discard(ann.project_id)
    (await world.admin.post(action, {"removeTenantAccess": {"tenant": ann.project_id}})).ok()


@pytest.mark.parametrize("version", ["2.1", "2.104"])
async def test_who_may_not_know_and_a_keystone_that_is_away_are_believed(world: World, version: str) -> None:
    ann = world.user("ann")
    for project in (ann.project_id, NAME):
        path = f"{COMPUTE}/os-quota-sets/{project}/defaults"
        assert (await ann.get(path, version=version)).status == 200
    # Of one's own project the token is proof enough.
    assert world.tokens.asked_for_projects == [NAME]
