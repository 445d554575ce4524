"""A key and a flavor are deleted when a server was just asked for with them: it is built as it was accepted."""

from __future__ import annotations

import pytest

from fractus.testing.user import COMPUTE
from fractus.testing.world import World

#: Rounds of the worker before they are deleted: not one, in the midst of it, when most is there.
ROUNDS = [0, 1, 2, 3, 4, 6, 8]


async def _asked(world: World) -> tuple[str, str]:
    ann = world.user("ann")
    flavor = await world.admin.makes_flavor("own")
    await ann.makes_keypair("laptop")
    server = await ann.boots_server("vm", zone="a", flavor=flavor, key="laptop")
    return flavor, server


async def _delete_both(world: World, flavor: str) -> None:
    (await world.admin.delete(f"{COMPUTE}/flavors/{flavor}")).ok()
    (await world.user("ann").delete(f"{COMPUTE}/os-keypairs/laptop")).ok()


@pytest.mark.parametrize("rounds", ROUNDS)
async def test_it_is_built_as_it_was_accepted_and_leaves_nothing(world: World, rounds: int) -> None:
    ann = world.user("ann")
    flavor, server = await _asked(world)
    for _ in range(rounds):
        await world.work_once()
    await _delete_both(world, flavor)
    await world.settle()
    shown = await ann.server(server)
    assert shown["status"] == "ACTIVE", shown.get("fault")
    [there] = world.cloud("a").marked("server", server)
    assert there.key_name
    assert (await ann.get(f"{COMPUTE}/os-keypairs/laptop")).status == 404
    await ann.deletes_server(server)
    await world.settle()
    for kind in ("server", "flavor", "keypair"):
        assert not [
            thing for thing in world.cloud("a").of(kind) if thing.marker == flavor or kind != "flavor"
        ]
    await world.assert_no_orphans()


async def test_a_second_server_still_gets_what_leaves_with_the_first(world: World) -> None:
    """The first one runs with them; the second was accepted, and its cloud was away when they were deleted."""
    ann = world.user("ann")
    flavor, first = await _asked(world)
    await world.settle()
    world.cloud("a").faults.unreachable()
    second = await ann.boots_server("second", zone="a", flavor=flavor, key="laptop")
    await _delete_both(world, flavor)
    await world.run_for(20)
    world.cloud("a").faults.heals()
    await world.settle()
    assert (await ann.server(second))["status"] == "ACTIVE"
    for server in (first, second):
        await ann.deletes_server(server)
    await world.settle()
    assert world.cloud("a").of("keypair") == []
    await world.assert_no_orphans()


async def test_one_that_is_deleted_before_it_was_built_leaves_nothing(world: World) -> None:
    ann = world.user("ann")
    flavor, server = await _asked(world)
    await world.work_once()
    await _delete_both(world, flavor)
    await ann.deletes_server(server)
    await world.settle()
    assert world.cloud("a").of("keypair") == []
    await world.assert_no_orphans()


async def test_the_name_of_a_key_is_free_at_once(world: World) -> None:
    ann = world.user("ann")
    flavor, server = await _asked(world)
    await _delete_both(world, flavor)
    await ann.makes_keypair("laptop")
    other = await ann.boots_server("other", zone="a", key="laptop")
    await world.settle()
    assert {(await ann.server(id))["status"] for id in (server, other)} == {"ACTIVE"}
    assert len(world.cloud("a").of("keypair")) == 2
    await ann.deletes_server(server)
    await world.settle()
    assert len(world.cloud("a").of("keypair")) == 1
