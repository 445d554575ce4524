"""Two at once: users, sweeps and other workers write while a look waits for its cloud."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from fractus.model.resource import Need
from fractus.reconcile.converge import unneeded
from fractus.reconcile.converge.converge import converge
from fractus.reconcile.machine import Pace
from fractus.reconcile.outcome import Waiting
from fractus.store import presences, work
from fractus.store.work import LeaseLost
from tests.unit.reconcile.toy import ToyCloud, World


def once(cloud: ToyCloud, place: str, act: Callable[[], Awaitable[object]]) -> None:
    """Have `act` done the next time that a call to the cloud is at `place`."""

    async def gate(at: str) -> None:
        if at == place:
            cloud.gate = calm
            await act()

    async def calm(_at: str) -> None: ...

    cloud.gate = gate


# --- users --------------------------------------------------------------------------------------


@pytest.mark.parametrize("verb", ["create", "observe"])
@pytest.mark.parametrize("moment", ["before", "after"])
async def test_a_removal_while_the_cloud_is_asked_is_not_undone(world: World, verb: str, moment: str) -> None:
    east = await world.cloud("east")
    east.building = 3.0
    await world.want("box", "b1")

    async def removed() -> None:
        await world.remove("box", "b1")
        await world.assign()

    once(east, f"{moment} {verb}", removed)
    await world.settle()
    assert east.here() == []
    assert await world.where() == []
    assert (await world.shown())["status"] == "gone"
    assert await world.pending() == []


async def test_what_is_removed_before_its_create_left_is_never_created(world: World) -> None:
    east = await world.cloud("east")
    await world.want("box", "b1")
    await world.assign()
    times = 0

    async def gate(place: str) -> None:
        """Removed just before the worker announces its create."""
        nonlocal times
        times += place == "before transaction"
        if times == 2:
            times += 1
            await world.remove("box", "b1")
            async with world.sqlite.transaction() as tx:
                row = await presences.fetch(tx, "box", "b1", "east")
                assert row is not None
                await world.machine.unwant(tx, row)

    world.store.gate = gate
    await world.settle()
    assert east.made == []
    assert await world.where() == []


async def test_a_change_while_the_cloud_is_asked_is_not_missed(world: World) -> None:
    east = await world.cloud("east")
    await world.want("box", "b1", size=1)

    async def changed() -> None:
        await world.change("box", "b1", size=9)
        await world.assign()

    once(east, "after create", changed)
    await world.settle()
    assert east.here()[0].size == 9
    assert await world.pending() == []


async def test_a_one_shot_of_what_is_removed_is_not_sent(world: World) -> None:
    east = await world.cloud("east")
    await world.want("box", "b1")
    await world.settle()
    world.clock.time += 10
    await world.change("box", "b1", kick=1)
    await world.assign()

    async def removed() -> None:
        await world.remove("box", "b1")
        await world.assign()

    once(east, "after observe", removed)
    await world.settle()
    assert "kick" not in east.calls
    assert east.here() == []


async def test_what_is_needed_and_removed_meanwhile_is_an_error_and_no_wait_for_ever(world: World) -> None:
    """A box waits for its net, and the net for the box to leave: nobody would ever move."""
    east = await world.cloud("east")
    await world.box("old", zone="east")
    await world.settle()
    east.down = True
    await world.box("b1", zone="east")
    await world.settle(2)
    await world.remove("net", "n1")
    await world.settle(2)
    east.down = False
    await world.settle(60)
    assert (await world.shown())["why"] == "net n1 was deleted"
    assert len(east.here("net")) == 1, "the old box is still in it"
    for id in ("b1", "old"):
        await world.remove("box", id)
        await world.remove("plug", f"p-{id}")
    await world.settle(60)
    assert [one for one in east.things.values() if not one.gone] == []


async def test_what_is_needed_and_leaves_only_this_cloud_comes_back(world: World) -> None:
    """It left with another that needed it, just as this one came to need it."""
    east = await world.cloud("east")
    await world.want("net", "n1")
    await world.want("box", "b1", [Need("net", "n1")])
    await world.settle()
    await world.want("box", "b2", [Need("net", "n1")])
    await world.assign()
    async with world.sqlite.transaction() as tx:
        net = await presences.fetch(tx, "net", "n1", "east")
        assert net is not None
        await world.machine.unwant(tx, net)
    await world.remove("box", "b1")
    await world.settle()
    assert (await world.shown("box", "b2"))["status"] == "settled"
    assert east.made.count(("net", "n1")) == 2
    assert len(east.here("net")) == 1


async def test_what_becomes_unneeded_while_its_cloud_is_asked_still_leaves_in_time(tmp_path: Path) -> None:
    """The last that needs it leaves during a look at it, which knows nothing of that when it writes."""
    world = World(tmp_path, Pace(keep_unneeded=100.0))
    east = await world.cloud("east")
    await world.want("net", "n1")
    await world.want("box", "b1", [Need("net", "n1")])
    await world.settle()
    async with world.sqlite.transaction() as tx:
        net = await presences.fetch(tx, "net", "n1", "east")
        assert net is not None
        net.memory["passing"] = True
        await presences.save(tx, net)
        await work.wake(tx, "net", "n1", "east")

    async def last_left() -> None:
        async with world.sqlite.transaction() as tx:
            box = await presences.fetch(tx, "box", "b1", "east")
            net = await presences.fetch(tx, "net", "n1", "east", to_write=True)
            assert box is not None
            assert net is not None
            east.change(box.remote_id or "", gone=True)
            await presences.drop(tx, box)
            await unneeded.note(world.machine, tx, net)

    once(east, "before observe", last_left)
    await world.settle(90)
    assert len(east.here("net")) == 1
    await world.settle(200)
    assert east.here("net") == []
    await world.close()


async def test_what_is_needed_no_longer_while_its_cloud_is_asked_still_leaves(world: World) -> None:
    """That it is there only for others is written during a look at it, which must not write it away again."""
    east = await world.cloud("east")
    await world.box()
    await world.settle()
    await world.change("plug", "p-b1", size=2)

    async def unplugged() -> None:
        await world.change("box", "b1", [Need("net", "n1")])

    once(east, "before resize", unplugged)
    await world.settle(3600)
    assert (await world.shown())["status"] == "settled"
    assert east.here("plug") == []
    assert await world.where("plug", "p-b1") == []


async def test_what_stays_long_unneeded_is_not_taken_for_the_work_of_a_wrong_clock(tmp_path: Path) -> None:
    world = World(tmp_path, Pace(keep_unneeded=7200.0))
    await world.cloud("east")
    await world.want("net", "n1")
    await world.want("box", "b1", [Need("net", "n1")])
    await world.settle()
    async with world.sqlite.transaction() as tx:
        net = await presences.fetch(tx, "net", "n1", "east", to_write=True)
        box = await presences.fetch(tx, "box", "b1", "east")
        assert box is not None
        assert net is not None
        await presences.drop(tx, box)
        await unneeded.note(world.machine, tx, net)
    now = world.clock.now()
    assert not await work.far_ahead(world.store, "east", now + 900, now + 3600)
    async with world.sqlite.transaction() as tx:
        await work.wake(tx, "net", "n1", "east")
    await world.settle(0)
    due = await world.next_due()
    assert due is not None
    assert due <= world.clock.now() + 900
    await world.close()


async def test_nothing_is_built_upon_what_has_begun_to_leave(world: World) -> None:
    """The net begins to leave between the box's look at its needs and its create."""
    east = await world.cloud("east")
    await world.want("net", "n1")
    await world.want("box", "b1", [Need("net", "n1")])
    await world.settle()
    await world.remove("box", "b1")
    await world.settle()
    await world.want("box", "b2", [Need("net", "n1")])
    await world.assign()
    times = 0

    async def gate(place: str) -> None:
        nonlocal times
        times += place == "before transaction"
        if times == 2:
            times += 1
            async with world.sqlite.transaction() as tx:
                net = await presences.fetch(tx, "net", "n1", "east")
                assert net is not None
                await world.machine.unwant(tx, net)

    world.store.gate = gate
    await world.settle()
    assert east.calls.count("create") == 4, "net, box; net again, box: no create was refused"
    assert (await world.shown("box", "b2"))["status"] == "settled"


# --- sweeps -------------------------------------------------------------------------------------


async def test_what_a_sweep_saw_later_is_not_overwritten_with_what_a_look_saw_before(world: World) -> None:
    east = await world.cloud("east")
    await world.want("box", "b1")
    await world.settle()
    world.clock.time += 10
    await world.sweep("east", full=True)
    await world.change("box", "b1", kick=0)

    async def swept() -> None:
        world.clock.time += 1
        east.change(east.here()[0].remote_id, name="renamed there")
        await world.sweep("east")
        world.clock.time -= 1  # what the look saw is older than that

    once(east, "after observe", swept)
    await world.worker.run_due()
    await world.worker.run_due()
    presence = await world.presence("box", "b1", "east")
    assert presence is not None
    assert presence.observed is not None
    assert presence.observed["name"] == "renamed there"


# --- lost wake-ups ------------------------------------------------------------------------------


async def test_a_need_that_is_met_between_the_look_and_its_note_is_not_slept_over(world: World) -> None:
    """The box reads that its net is not there; the net comes; only then the box writes that it waits for it."""
    east = await world.cloud("east")
    await world.want("net", "n1")
    await world.want("box", "b1", [Need("net", "n1")])
    await world.assign()
    async with world.sqlite.transaction() as tx:
        (net,) = await work.claim(tx, "first", await work.due(tx, "east", tx.now(), 10), 60)
        # It waits from the beginning, in the transaction that has its net carried. Somebody wakes it.
        await work.wake(tx, "box", "b1", "east")
    async with world.sqlite.transaction() as tx:
        (box,) = await work.claim(tx, "first", await work.due(tx, "east", tx.now(), 10), 60)
    outcome = await converge(world.machine, box)
    assert isinstance(outcome, Waiting)
    await world.worker.handle(net)
    assert len(east.here("net")) == 1
    await world.worker._write(box, outcome)
    (pending,) = await work.about(world.store, "box", "b1")
    assert pending.due_at <= world.clock.now()
    await world.settle(0)
    assert (await world.shown())["status"] == "settled"


async def test_one_that_leaves_between_the_look_and_its_note_is_not_slept_over(world: World) -> None:
    await world.cloud("east")
    await world.box()
    await world.settle()
    await world.remove("box", "b1")
    await world.remove("plug", "p-b1")
    await world.assign()
    async with world.sqlite.transaction() as tx:
        claims = {
            claim.kind: claim
            for claim in await work.claim(tx, "first", await work.due(tx, "east", tx.now(), 10), 60)
        }
    outcome = await converge(world.machine, claims["plug"])
    assert isinstance(outcome, Waiting)
    assert outcome.on == "box/b1"
    await world.worker.handle(claims["box"])
    world.clock.time += 3
    await world.worker.run_due()
    assert await world.where() == []
    await world.worker._write(claims["plug"], outcome)
    await world.settle(0)
    assert await world.where("plug", "p-b1") == []


async def test_who_waits_for_what_is_removed_is_notified_at_once(world: World) -> None:
    east = await world.cloud("east")
    await world.want("net", "n1")
    await world.want("box", "b1", [Need("net", "n1")])
    make = east.make

    def slowly(kind: str, *rest: object) -> object:
        made = make(kind, *rest)  # type: ignore[arg-type]
        made.ready_at += 1000.0
        return made

    east.make = slowly  # type: ignore[assignment]
    await world.settle(1)
    await world.remove("net", "n1")
    await world.settle(1)
    assert (await world.shown())["why"] == "net n1 was deleted"


async def test_those_who_wait_are_not_woken_by_what_does_not_matter_to_them(world: World) -> None:
    """A thousand servers wait for one image: they are not all looked at each time that its upload was."""
    east = await world.cloud("east")
    await world.want("net", "n1")
    for number in range(20):
        await world.want("box", f"b{number}", [Need("net", "n1")])
    make = east.make

    def slowly(kind: str, *rest: object) -> object:
        made = make(kind, *rest)  # type: ignore[arg-type]
        made.ready_at += 10.0
        return made

    east.make = slowly  # type: ignore[assignment]
    looks = 0
    handle = world.worker.handle

    async def counted(claim: work.Claim) -> None:
        nonlocal looks
        looks += claim.kind == "box" and claim.cloud != ""
        await handle(claim)

    world.worker.handle = counted  # type: ignore[method-assign]
    await world.settle(9)
    assert looks == 0
    await world.settle(60)
    assert len(east.here()) == 20


async def test_everything_works_with_all_wake_ups_dropped(world: World) -> None:
    """Nobody is notified in these tests; here nobody is woken in the store either: all is found by looking."""
    dropped = world.machine

    async def deaf(*_what: object) -> None: ...

    dropped.wake_waiting = deaf  # type: ignore[method-assign]
    east = await world.cloud("east")
    await world.box()
    await world.settle(300)
    assert (await world.shown())["status"] == "settled"
    for kind, id in (("net", "n1"), ("plug", "p-b1"), ("box", "b1")):
        await world.remove(kind, id)
    await world.settle(300)
    assert [one for one in east.things.values() if not one.gone] == []


# --- leases (law 7) -----------------------------------------------------------------------------


async def test_law_7_a_worker_that_lost_its_lease_writes_nothing(world: World) -> None:
    """It slept through its lease between the cloud's answer and its note; another did the work meanwhile."""
    east = await world.cloud("east")
    await world.want("box", "b1", size=1)
    await world.settle()
    await world.change("box", "b1", size=2)
    await world.assign()
    (zombie,) = await world.worker._claim("east", 10)
    asleep, wake_up = asyncio.Event(), asyncio.Event()

    async def sleep(place: str) -> None:
        if place == "after resize":
            east.gate = calm
            asleep.set()
            await wake_up.wait()

    async def calm(_place: str) -> None: ...

    east.gate = sleep
    sleeper = asyncio.create_task(world.worker.handle(zombie))
    await asleep.wait()
    world.clock.time += world.machine.pace.lease + 1
    world.worker = world.new_worker("second")
    await world.change("box", "b1", size=3)
    await world.settle()
    before = await world.presence("box", "b1", "east")
    calls = list(east.calls)
    wake_up.set()
    await sleeper
    assert east.calls == calls, "its next write was refused, and it went no further"
    assert await world.presence("box", "b1", "east") == before
    assert east.here()[0].size == 3
    assert await world.pending() == []


async def test_law_7_the_zombies_create_is_announced_so_the_other_finds_it(world: World) -> None:
    east = await world.cloud("east")
    await world.want("box", "b1")
    await world.assign()
    (zombie,) = await world.worker._claim("east", 10)
    asleep, wake_up = asyncio.Event(), asyncio.Event()

    async def sleep(place: str) -> None:
        if place == "after create":
            east.gate = calm
            asleep.set()
            await wake_up.wait()

    async def calm(_place: str) -> None: ...

    east.gate = sleep
    sleeper = asyncio.create_task(world.worker.handle(zombie))
    await asleep.wait()
    world.clock.time += world.machine.pace.lease + 1
    world.worker = world.new_worker("second")
    await world.settle()
    wake_up.set()
    await sleeper
    assert east.made == [("box", "b1")]
    assert (await world.shown())["status"] == "settled"


async def test_law_7_no_cloud_is_called_inside_a_transaction(world: World) -> None:
    east = await world.cloud("east")
    held: list[bool] = []

    async def look(_place: str) -> None:
        held.append(world.sqlite._holder is asyncio.current_task())

    east.gate = look
    await world.box()
    await world.settle()
    await world.sweep("east", full=True)
    await world.change("box", "b1", size=4, kick=1)
    await world.settle()
    await world.remove("box", "b1")
    await world.settle()
    assert len(held) > 10
    assert not any(held)


async def test_a_lost_lease_is_an_error_wherever_something_is_written(world: World) -> None:
    await world.cloud("east")
    await world.want("box", "b1")
    await world.assign()
    (old,) = await world.worker._claim("east", 10)
    world.clock.time += world.machine.pace.lease + 1
    other = world.new_worker("second")
    (new,) = await other._claim("east", 10)
    with pytest.raises(LeaseLost):
        await converge(world.machine, old)
    await other.handle(new)
    assert (await world.shown())["status"] == "settled"


async def test_one_process_does_not_start_an_item_twice_after_a_long_stop(world: World) -> None:
    """The machine slept (a suspended laptop): its leases ran out, and the items are still under way here."""
    east = await world.cloud("east")
    await world.want("box", "b1")
    await world.assign()
    (claim,) = await world.worker._claim("east", 10)
    go_on = asyncio.Event()

    async def wait(_place: str) -> None:
        await go_on.wait()

    east.gate = wait
    task = asyncio.create_task(world.worker.handle(claim))
    while "create" not in east.calls:
        await asyncio.sleep(0)
    world.clock.time += world.machine.pace.lease + 1
    assert await world.worker._claim("east", 10) == []
    go_on.set()
    await task
    world.clock.time += world.machine.pace.lease + 1
    await world.settle()
    assert east.made == [("box", "b1")]
    assert (await world.shown())["status"] == "settled"
