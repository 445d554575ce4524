"""What comes of an action is written into its row with the presence, and none is forgotten."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import pytest
from sqlalchemy import update

from fractus.model.action import ASKED, DONE, FAILED, SENT, SUPERSEDED, Action
from fractus.model.errors import Refused
from fractus.model.resource import BLOCKED
from fractus.reconcile.converge import acting
from fractus.reconcile.kind import Apply, Done, Item, Plan
from fractus.store import actions, work
from fractus.store.schema import WORK
from fractus.store.transaction import Query
from tests.unit.reconcile.toy import ToyCloud, World
from tests.unit.reconcile.toy_cloud import BoxObserved
from tests.unit.reconcile.toy_kinds import ToyLife


class KickedLife(ToyLife):
    """A box whose kicks are actions: only the newest is done."""

    verbs: Collection[str] = frozenset({"kick"})

    def plan(self, item: Item, seen: BoxObserved) -> Plan:
        plan = super().plan(item, seen)
        kicked = plan.memory.get("kicked", item.presence.memory["kicked"]) if not _waits(plan) else 0
        tokens = [one.token for one in item.actions]
        if isinstance(plan, Apply) and plan.once:
            return Apply(plan.step, plan.memory, plan.once, tuple(t for t in tokens if t < kicked))
        return Done(plan.memory, tuple(t for t in tokens if t <= kicked)) if isinstance(plan, Done) else plan


def _waits(plan: Plan) -> bool:
    return not isinstance(plan, Apply | Done)


@pytest.fixture
async def east(world: World) -> ToyCloud:
    """A cloud with a settled box whose kicks are actions."""
    world.lives["box"] = KickedLife("box")
    world.machine.acting = frozenset({"box"})
    made = await world.cloud("east")
    await world.want("box", "b1")
    await world.settle()
    return made


async def asks(world: World, *tokens: int, work: bool = True) -> None:
    """Kicks are asked for, in the transaction of the request."""
    async with world.sqlite.transaction() as tx:
        for token in tokens:
            due = tx.now() + acting.AGAIN
            await actions.add(
                tx, Action(kind="box", id="b1", token=token, verb="kick", due_at=due, at=tx.now())
            )
        resource = await world.resources.fetch(tx, "box", "b1")
        assert resource is not None
        resource.desired["kick"] = tokens[-1]
        if work:
            await world.ledger.change(tx, resource, world.lives["box"].summarise(resource, []))
        else:
            await world.resources.save(tx, resource)


async def until_kicked(world: World, east: ToyCloud) -> None:
    for _ in range(20):
        if east.here()[0].kicks:
            return
        await world.worker.run_due()
    raise AssertionError("it is never kicked")


async def rows(world: World) -> dict[int, Action]:
    return {one.token: one for one in await actions.history(world.store, "box", "b1", 10)}


async def test_what_was_sent_is_noted_with_the_presence_and_is_over_when_it_is_seen_to_be(
    world: World, east: ToyCloud
) -> None:
    await asks(world, 1)
    await until_kicked(world, east)
    (event,) = (await rows(world))[1].events
    assert (event.step, event.cloud, event.started_at) == ("kick", "east", world.clock.time)
    await world.settle()
    action = (await rows(world))[1]
    assert (action.state, action.step, action.due_at, action.error) == (DONE, 1, None, "")
    assert [(one.step, one.result, one.finished_at) for one in action.events] == [
        ("kick", "Success", action.finished_at)
    ]
    assert east.here()[0].kicks == 1
    assert await actions.open_of(world.store, "box", "b1") == []


async def test_what_is_refused_ends_the_action_and_not_the_box(world: World, east: ToyCloud) -> None:
    east.fail("kick", Refused("it is locked"))
    await asks(world, 1)
    await world.settle()
    action = (await rows(world))[1]
    assert (action.state, action.error, action.due_at) == (FAILED, "it is locked", None)
    (event,) = action.events
    assert (event.result, event.details) == ("Error", "it is locked")
    presence = await world.presence("box", "b1", "east")
    assert presence is not None
    assert "failed" not in presence.memory
    assert (await world.shown())["status"] == "settled"


async def test_the_newest_takes_the_place_of_those_before(world: World, east: ToyCloud) -> None:
    await asks(world, 1, 2)
    await world.settle()
    found = await rows(world)
    assert [found[token].state for token in (1, 2)] == [SUPERSEDED, DONE]
    assert found[1].events == []
    assert east.here()[0].kicks == 1


async def test_one_whose_answer_was_lost_is_not_sent_twice(world: World, east: ToyCloud) -> None:
    east.lose("kick")
    await asks(world, 1)
    await world.settle()
    assert (await rows(world))[1].state == DONE
    assert east.here()[0].kicks == 1


async def test_whoever_has_lost_the_lease_writes_nothing_of_it(
    world: World, east: ToyCloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    call = east.call
    steal = Query(update(WORK).values(fence="another"))

    async def stolen(method: str, act: Any) -> Any:
        result = await call(method, act)
        if method == "kick":
            async with world.sqlite.transaction() as tx:
                await tx.execute(steal)
        return result

    monkeypatch.setattr(east, "call", stolen)
    await asks(world, 1)
    await until_kicked(world, east)
    action = (await rows(world))[1]
    assert (action.state, action.events) == (ASKED, [])


async def test_a_sweep_that_sees_it_done_ends_it(world: World, east: ToyCloud) -> None:
    async def takes_its_time(where: str) -> None:
        if where == "after kick":
            east.here()[0].ready_at = world.clock.time + 50

    east.gate = takes_its_time
    await asks(world, 1)
    await until_kicked(world, east)
    assert (await rows(world))[1].state == SENT
    world.clock.time += 51
    east.change(east.here()[0].remote_id, size=1)
    await world.sweep("east")
    assert (await rows(world))[1].state == DONE
    assert await world.pending() == []


async def test_what_is_asked_of_a_box_that_is_gone_fails(world: World, east: ToyCloud) -> None:
    east.end("box", east.here()[0].remote_id)
    await asks(world, 1)
    await world.settle()
    presence = await world.presence("box", "b1", "east")
    assert presence is not None
    assert presence.state == BLOCKED
    action = (await rows(world))[1]
    assert (action.state, action.error) == (FAILED, presence.error)


# --- due ------------------------------------------------------------------------------------------


async def test_a_due_action_that_is_nobodys_work_goes_on(world: World, east: ToyCloud) -> None:
    await asks(world, 1, work=False)
    await world.settle()
    assert await acting.look_at_due(world.machine) == 0, "not yet"
    assert east.here()[0].kicks == 0
    world.clock.time += acting.AGAIN + 1
    assert await acting.look_at_due(world.machine) == 1
    assert await acting.look_at_due(world.machine) == 0, "put off"
    await world.settle()
    assert east.here()[0].kicks == 1
    assert (await rows(world))[1].state == DONE


async def test_what_is_somebodys_work_already_is_not_woken(world: World, east: ToyCloud) -> None:
    await asks(world, 1, work=False)
    async with world.sqlite.transaction() as tx:
        await work.wake(tx, "box", "b1", "east", due=tx.now() + 500)
    world.clock.time += acting.AGAIN + 1
    assert await acting.look_at_due(world.machine) == 1
    (item,) = await work.about(world.store, "box", "b1")
    assert item.due_at > world.clock.time + 400


async def test_what_is_open_of_a_box_that_is_to_go_is_over(world: World, east: ToyCloud) -> None:
    await asks(world, 1, work=False)
    await world.remove("box", "b1")
    world.clock.time += acting.AGAIN + 1
    await acting.look_at_due(world.machine)
    assert (await rows(world))[1].state == SUPERSEDED
    await world.settle()
    assert east.here() == []


async def test_what_a_newer_process_knows_actions_of_is_left_to_it(world: World, east: ToyCloud) -> None:
    """Beside a process of a later version, whose kinds have actions that this one has none of."""
    await asks(world, 1, work=False)
    world.machine.acting = frozenset()
    world.clock.time += acting.AGAIN + 1
    await acting.look_at_due(world.machine)
    open_one = (await rows(world))[1]
    assert (open_one.state, open_one.finished_at) == (ASKED, None)
    assert open_one.due_at == world.clock.time + acting.AGAIN, "and others are not kept waiting behind it"
    assert await work.about(world.store, "box", "b1") == []
