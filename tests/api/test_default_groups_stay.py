"""A project's default group stays in a cloud for a while after its last port there: the next server starts sooner."""

from __future__ import annotations

from fractus.testing.user import User
from fractus.testing.world import World

#: `work.keep_unneeded`, as it is by default.
_KEPT = 300.0


def _groups(world: World, user: User) -> list[str]:
    return [group.id for group in world.cloud("a").of("security_group", user.project_id)]


def _calls(world: World) -> list[tuple[str, str]]:
    return [(call.kind, call.method) for call in world.cloud("a").faults.log if call.change]


async def _one_server(world: World, user: User) -> None:
    server = await user.boots_server(zone="a")
    await world.settle()
    assert (await user.server(server))["status"] == "ACTIVE"
    await user.deletes_server(server)
    await world.settle()


async def test_the_next_server_finds_it(world: World) -> None:
    ann = world.user("ann")
    await _one_server(world, ann)
    (there,) = _groups(world, ann)
    before = len(_calls(world))
    await _one_server(world, ann)
    assert _groups(world, ann) == [there]
    assert "security_group" not in {kind for kind, _ in _calls(world)[before:]}
    await world.assert_nothing_left(("server", "port", "security_group"))


async def test_it_leaves_when_nothing_has_needed_it_for_long(world: World) -> None:
    ann = world.user("ann")
    await _one_server(world, ann)
    await world.run_for(_KEPT - 60)
    assert len(_groups(world, ann)) == 1
    await world.run_for(120)
    assert _groups(world, ann) == []
    await world.assert_no_orphans()
    await _one_server(world, ann)
    assert len(_groups(world, ann)) == 1, "and comes again"


async def test_what_needs_it_again_keeps_it(world: World) -> None:
    ann = world.user("ann")
    await _one_server(world, ann)
    await world.run_for(_KEPT / 2)
    server = await ann.boots_server(zone="a")
    await world.run_for(2 * _KEPT)
    assert len(_groups(world, ann)) == 1
    await ann.deletes_server(server)
    await world.run_for(_KEPT / 2)
    assert len(_groups(world, ann)) == 1, "its time begins anew"
    await world.run_for(_KEPT)
    assert _groups(world, ann) == []


async def test_a_first_use_adds_the_rules_of_a_group_with_one_request(world: World) -> None:
    ann = world.user("ann")
    rules = [{"protocol": "tcp", "port": port} for port in (22, 80, 443)]
    await ann.makes_security_group("web", rules)
    await ann.boots_server(groups=["web"], zone="a")
    await world.settle()
    changes = [method for kind, method in _calls(world) if kind == "security_group"]
    assert changes == ["create", "apply add_rules"]
