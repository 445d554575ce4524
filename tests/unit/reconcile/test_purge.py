"""Tombstones go when they are old and nothing points to them, and not before."""

from __future__ import annotations

from fractus.model.action import DONE, Action
from fractus.model.resource import Need, Presence
from fractus.reconcile.machine import Pace
from fractus.reconcile.queue import purge
from fractus.store import actions, findings, holds, presences, work
from fractus.store.findings import Finding
from tests.unit.reconcile.test_loop import running, until
from tests.unit.reconcile.toy import World

DAY = 86400.0


async def purged(world: World, kind: str = "box", *, days: float = 30) -> list[str]:
    """All pages of a kind."""
    found, after = [], ""
    while True:
        step = await purge.purge(world.store, world.resources, kind, after, world.clock.now() - days * DAY)
        found += step.ids
        after = step.after
        if not after:
            return found


async def deleted(world: World, *ids: str) -> None:
    """Boxes that were there, and were deleted, as the clouds have confirmed."""
    for id in ids:
        await world.box(id)
    await world.settle()
    for id in ids:
        await world.remove("box", id)
    await world.settle(300)
    for id in ids:
        box = await world.resource("box", id)
        assert box is not None
        assert box.deleted_at is not None


async def test_what_is_long_deleted_goes_and_what_is_not_stays(world: World) -> None:
    await world.cloud("east")
    await deleted(world, "old")
    world.clock.time += 31 * DAY
    await deleted(world, "new")
    await world.box("alive")
    await world.settle()
    assert await purged(world) == ["old"]
    assert await world.resource("box", "old") is None
    assert await world.resource("box", "new") is not None
    assert (await world.shown("box", "alive"))["status"] == "settled"
    assert await purged(world) == []


async def test_what_something_still_points_to_stays(world: World) -> None:
    await world.cloud("east")
    ids = ("held", "worked", "reported", "orphan", "needed", "free")
    await deleted(world, *ids)
    async with world.sqlite.transaction() as tx:
        await presences.add(tx, Presence(kind="box", id="held", cloud="east"))
        await work.wake(tx, "box", "worked", "east", due=tx.now() + 1e9)
        await findings.put(
            tx, Finding(cloud="east", kind="box", remote_id="r1", what="orphan", resource_id="reported")
        )
        await findings.put(tx, Finding(cloud="east", kind="box", remote_id="orphan", what="foreign"))
        await world.resources.set_needs(tx, "plug", "some", [Need("box", "needed")])
    world.clock.time += 31 * DAY
    assert await purged(world) == ["free"]


async def test_a_page_at_a_time_leaves_none_out(world: World) -> None:
    await world.cloud("east")
    number = purge.PAGE + 7
    async with world.sqlite.transaction() as tx:
        for index in range(number):
            resource = await world.resources.fetch(tx, "net", f"n{index}")
            assert resource is None
    for index in range(number):
        made = await world.want("net", f"n{index:04}")
        async with world.sqlite.transaction() as tx:
            made.wanted, made.deleted_at = False, tx.now()
            await world.resources.save(tx, made)
    world.clock.time += 31 * DAY
    assert len(await purged(world, "net")) == number


async def test_its_hold_goes_with_it(world: World) -> None:
    await world.cloud("east")
    await deleted(world, "b1")
    async with world.sqlite.transaction() as tx:
        await holds.place(tx, holds.of_resource("box", "b1"), "evidence")
    world.clock.time += 31 * DAY
    assert await purged(world) == ["b1"]
    assert await holds.every(world.store) == []


async def test_the_worker_does_it_by_itself_where_it_is_asked_to(world: World) -> None:
    await world.cloud("east")
    await deleted(world, "b1")
    world.clock.time += 31 * DAY
    world.machine.pace = Pace(poll=0.02, keep_deleted=30 * DAY)

    async def gone() -> bool:
        return await world.resource("box", "b1") is None

    async with running(world.worker):
        await until(gone)


async def test_what_was_asked_of_it_goes_with_it(world: World) -> None:
    await world.cloud("east")
    await deleted(world, "old")
    await world.box("alive")
    async with world.sqlite.transaction() as tx:
        for id in ("old", "alive"):
            await actions.add(tx, Action(kind="box", id=id, token=1, verb="kick", state=DONE))
    world.clock.time += 31 * DAY
    assert await purged(world) == ["old"]
    assert await actions.history(world.store, "box", "old", 10) == []
    assert len(await actions.history(world.store, "box", "alive", 10)) == 1
