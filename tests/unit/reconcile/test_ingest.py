"""What a sweep settles by itself, and what it leaves to a look."""

from __future__ import annotations

from typing import Any

import pytest

from fractus.store import presences, work
from tests.unit.reconcile.toy import Thing, ToyCloud, World


async def being_built(world: World) -> ToyCloud:
    """A cloud with one box that is being built there, and has been swept once."""
    east = await world.cloud("east")
    east.building = 30.0
    await world.box()
    await world.settle(3)
    assert len(east.here()) == 1
    await world.sweep("east")
    return east


async def test_what_a_sweep_shows_done_is_settled_without_a_look(world: World) -> None:
    east = await being_built(world)
    world.clock.time += 40
    east.change(east.here()[0].remote_id, name=east.here()[0].name)
    handled = await work.about(world.store, "box", "b1")
    assert [one.reason for one in handled] == ["it is being built"]
    await world.sweep("east")
    presence = await world.presence("box", "b1", "east")
    assert presence is not None
    assert presence.state == "settled"
    assert await work.about(world.store, "box", "b1") == []
    assert (await world.shown())["status"] == "settled"


async def test_what_somebody_holds_is_left_to_be_looked_at_once_more(world: World) -> None:
    east = await being_built(world)
    world.clock.time += 40
    async with world.sqlite.transaction() as tx:
        (mine,) = await work.claim(tx, "me", await work.due(tx, "east", tx.now(), 10), 60)
    east.change(east.here()[0].remote_id, name=east.here()[0].name)
    await world.sweep("east")
    presence = await world.presence("box", "b1", "east")
    assert presence is not None
    assert presence.state == "pending"
    async with world.sqlite.transaction() as tx:
        assert await work.finish(tx, mine) is False, "it was woken, and is due at once"
    await world.settle()
    assert (await world.shown())["status"] == "settled"


async def plug_on_its_way(world: World, monkeypatch: pytest.MonkeyPatch) -> tuple[ToyCloud, Thing]:
    """A cloud in which what a box needs is there, but its plug is not ready yet; it has been swept once."""
    east = await world.cloud("east")
    make = east.make

    def slowly(kind: str, wanted: Any, owner: str) -> Thing:
        made = make(kind, wanted, owner)
        if kind == "plug":
            made.ready_at = world.clock.now() + 1000
        return made

    monkeypatch.setattr(east, "make", slowly)
    monkeypatch.setattr(world.lives["plug"], "settled", lambda presence, seen: True)
    await world.box()
    await world.settle(1)
    await world.sweep("east", full=True)
    (plug,) = east.here("plug")
    world.clock.time += 10
    async with world.sqlite.transaction() as tx:
        assert await work.put_off(tx, "plug", "p-b1", "east", world.clock.now() + 600)
    east.calls.clear()
    return east, plug


async def plugged(world: World) -> tuple[str, list[tuple[float, str]]]:
    """How its presence is, and when and for what its work waits."""
    presence = await world.presence("plug", "p-b1", "east")
    assert presence is not None
    about = await work.about(world.store, "plug", "p-b1")
    return presence.state, [(one.due_at, one.waits_on) for one in about]


async def test_what_is_carried_and_on_its_way_is_not_looked_at_because_a_sweep_has_seen_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    east, plug = await plug_on_its_way(world, monkeypatch)
    before = await plugged(world)
    assert before[0] == "pending"
    east.change(plug.remote_id, owner="somebody")
    await world.sweep("east")
    assert await plugged(world) == before, "as it would be looked at anyway"
    presence = await world.presence("plug", "p-b1", "east")
    assert presence is not None
    assert presence.observed is not None
    assert presence.observed["owner"] == "somebody"


async def test_what_is_carried_and_shown_done_is_settled_without_a_look(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    east, plug = await plug_on_its_way(world, monkeypatch)
    east.change(plug.remote_id, ready_at=world.clock.now())
    await world.sweep("east")
    assert await plugged(world) == ("settled", [])
    assert set(east.calls) == {"list"}


async def test_what_is_carried_and_lacks_something_is_looked_at(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    east, plug = await plug_on_its_way(world, monkeypatch)
    async with world.sqlite.transaction() as tx:
        there = await presences.fetch(tx, "net", "n1", "east")
        assert there is not None
        there.remote_id = None
        await presences.save(tx, there)
    east.change(plug.remote_id, ready_at=world.clock.now())
    await world.sweep("east")
    assert await plugged(world) == ("pending", [(world.clock.now(), "")])


async def test_what_is_carried_and_somebody_holds_is_left_to_be_looked_at_once_more(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    east, plug = await plug_on_its_way(world, monkeypatch)
    async with world.sqlite.transaction() as tx:
        await work.wake(tx, "plug", "p-b1", "east")
        due = await work.due(tx, "east", tx.now(), 10)
        (mine,) = await work.claim(tx, "me", due, 60)
    east.change(plug.remote_id, ready_at=world.clock.now())
    await world.sweep("east")
    assert (await plugged(world))[0] == "pending"
    async with world.sqlite.transaction() as tx:
        assert await work.finish(tx, mine) is False, "it was woken, and is due at once"


async def test_what_is_carried_with_others_waits_for_them_from_the_first(world: World) -> None:
    east = await world.cloud("east")
    await world.box()
    await world.assign()
    waits = {kind: await work.about(world.store, kind, id) for kind, id in (("box", "b1"), ("plug", "p-b1"))}
    assert [one.waits_on for one in waits["plug"] if one.cloud] == ["net/n1"]
    assert [one.waits_on for one in waits["box"] if one.cloud] == ["plug/p-b1"], (
        "which itself waits for the net"
    )
    assert east.calls == []
    await world.settle(1)
    assert (await world.shown())["status"] == "settled"
